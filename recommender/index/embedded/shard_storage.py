"""Where in the folder of a generation its shard lies: one small file says so, and replacing that file is the switch.

A shard is made in the folder itself. Graphs are built on a copy, in a folder of its own beside it; once that copy is
whole and on the disk, the file names it, in one rename. Whatever moment a process dies at, what it names is whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

from recommender.errors import IndexHeld
from recommender.fsync import sync
from recommender.index.embedded.generation_lock import Hold
from recommender.sparse_copy import copy_with_holes

_POINTER = ".shard"
_COPY = "shard-"


def place(folder: Path) -> Path:
    """Return where the shard of a generation lies."""
    try:
        name = (folder / _POINTER).read_text(encoding="utf-8")
    except FileNotFoundError:
        return folder
    if not name.startswith(_COPY) or Path(name).name != name:
        raise ValueError(f"{folder / _POINTER} names {name!r}")
    return folder / name


def copy_shard(folder: Path) -> Path:
    """Copy the shard of a generation and return where the copy lies; the caller sees to it that nobody writes."""
    return copy_shard_to(folder, folder / f"{_COPY}{uuid4().hex[:12]}")


def copy_shard_to(folder: Path, copy: Path) -> Path:
    """Copy the shard of a generation to a folder that is not there yet, and return that; it is whole or not there."""
    try:
        shutil.copytree(place(folder), copy, ignore=_not_of_the_shard, copy_function=copy_with_holes)
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    return copy


def switch(folder: Path, copy: Path) -> None:
    """Have `copy`, which is on the disk as a whole, be the shard. After this returns a power loss does not undo it."""
    sync(folder)
    draft = folder / f"{_POINTER}.new"
    draft.write_text(copy.name, encoding="utf-8")
    sync(draft)
    draft.rename(folder / _POINTER)
    sync(folder)


def sweep(folder: Path) -> None:
    """Remove the shards that are not in use: copies that were given up, and those that were replaced.

    Only for who holds the generation. A copy that a dying process still has open goes another time.
    """
    current = place(folder)
    for path in folder.iterdir():
        if path.name.startswith(".") or path == current:
            continue  # names with a dot are ours: the hold, the pointer, the count of changes
        if current != folder or path.name.startswith(_COPY):
            _remove(path)


def sync_shard(shard: Path) -> None:
    """Return when every file of a shard, and every name in it, is on the disk."""
    for parent, _, files in os.walk(shard):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))


def _not_of_the_shard(parent: str, names: list[str]) -> set[str]:
    # Asked for each folder on the way; the engine's own names have neither at any depth that matters.
    if not (Path(parent) / "edge_config.json").exists():
        return set()
    return {name for name in names if name.startswith((".", _COPY))}


def _remove(path: Path) -> None:
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        with Hold(path, path.name):
            shutil.rmtree(path, ignore_errors=True)
    except (IndexHeld, FileNotFoundError):
        return
