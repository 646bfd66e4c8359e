"""The last step of a restore: folders that lie ready in the staging folder become the home's, in spite of a crash.

The rows of the catalogue change in one transaction, which decides. A journal is written just before it is committed.
The process that opens the home next finishes what the journal says when the transaction went through, or drops it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from recommender.database.engine import Database
from recommender.errors import BadInput, Unavailable
from recommender.fsync import sync

STAGING = ".restore"
"""Folder in the home where a backup is unpacked and checked; laid out as a home."""

_JOURNAL = "journal.json"
_LOCK = ".restore.lock"
_PATIENCE_S = 60.0
"""How long a command waits for a restore that is at its last step, which takes less."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What is left to do once the catalogue has the record `mark`: folders to replace, the old ones kept in `kept`."""

    mark: str
    kept: str
    folders: tuple[str, ...]


def empty_staging(home: Path) -> Path:
    """Return the staging folder, empty: what a restore that was killed has left in it is removed."""
    folder = home / STAGING
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def is_cut_off(home: Path) -> bool:
    """Return whether a restore came as far as its journal, and no further."""
    return (home / STAGING / _JOURNAL).is_file()


@contextmanager
def lock_home(home: Path, patience: float = 0.0) -> Iterator[None]:
    """Keep other restores out of the home. Raises `Unavailable` when there is one."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(home / _LOCK, timeout=patience):
            yield
    except Timeout as error:
        raise Unavailable(f"a restore is at work in {home}; wait until it is done") from error


def write_journal(home: Path, journal: Journal) -> None:
    """Write the journal; when this returns it is on the disk."""
    staging = home / STAGING
    draft = staging / f".{_JOURNAL}"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(journal), file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(staging / _JOURNAL)
    sync(staging)
    sync(home)


def complete_cut_off_restore(home: Path, database: Database) -> None:
    """Finish a restore that was cut off at its last step, or undo it. Most often there is none, and this costs a look.

    Raises `Unavailable` while that restore is still at work.
    """
    if is_cut_off(home):
        with lock_home(home, _PATIENCE_S):
            complete_restore(home, database)


def complete_restore(home: Path, database: Database) -> None:
    """Do what the journal says, if its transaction went through, and clean up. The caller holds the lock.

    Doing so again after a crash at any step goes on from there.
    """
    staging, path = home / STAGING, home / STAGING / _JOURNAL
    if not path.is_file():
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        journal = Journal(found["mark"], found["kept"], tuple(found["folders"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} can't be read ({error}); restore again after removing {staging}") from error
    from recommender.database.transfer import has_import_run  # only here: nearly no process comes so far

    if has_import_run(database, journal.mark):
        kept = home / journal.kept
        for name in journal.folders:
            if not (staging / name).exists():
                continue  # in its place already
            if (home / name).exists():
                kept.mkdir(exist_ok=True)
                (home / name).rename(kept / name)
                sync(kept)
            (staging / name).rename(home / name)
        sync(home)
    path.unlink()
    sync(staging)
    shutil.rmtree(staging, ignore_errors=True)
