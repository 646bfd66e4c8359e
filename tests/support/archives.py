"""Backups that were changed by somebody else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from recommender.backup.archive import CATALOGUE, MANIFEST, ArchiveWriter, BackupContents, unpack


def with_catalogue(saved: Path, path: Path, *statements: str) -> Path:
    """Make a whole backup whose catalogue was changed, as another version or somebody else might have written it."""
    folder = path.parent / "unpacked"
    folder.mkdir()
    contents = unpack(saved, folder)
    with closing(sqlite3.connect(folder / CATALOGUE)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return packed(folder, path, contents)


def packed(folder: Path, path: Path, contents: BackupContents) -> Path:
    """Pack what `unpack` made of a backup, and what became of it since."""
    with ArchiveWriter(path, gzipped=False) as packing:
        for member in sorted(folder.rglob("*")):
            if member.is_file() and member != folder / MANIFEST:
                packing.add_file(str(member.relative_to(folder)), member)
        packing.finish(contents)
    return path
