"""The last step of a restore: the folders in the staging folder become the home's, even if a process crashes.

The rows of the catalogue change in one transaction. A journal is written just before it is committed. The next process
that opens the home completes the journal if the transaction was committed, and drops it if not.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import BadInput, Unavailable
from recommender.files import sync

if TYPE_CHECKING:  # a query only looks whether there is a journal
    from recommender.database.engine import Database

STAGING = ".restore"
"""Folder in the home where a backup is unpacked and checked; laid out as a home."""

_JOURNAL = "journal.json"
_LOCK = ".restore.lock"
_PATIENCE_S = 60.0
"""How long a command waits for the last step of a restore, which takes less."""


@dataclass(frozen=True, slots=True)
class Journal:
    """The folders to replace when the catalogue has the import run `mark`; the old ones are moved to `kept`."""

    mark: str
    kept: str
    folders: tuple[str, ...]


def empty_staging(home: Path) -> Path:
    """Return the staging folder, without what a killed restore may have left in it."""
    folder = home / STAGING
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def is_cut_off(home: Path) -> bool:
    """Tell whether a restore was cut off after it had written its journal."""
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
    """Finish a restore that was cut off at its last step, or undo it; without one, this only looks for its journal.

    Raises `Unavailable` while that restore is still running.
    """
    if is_cut_off(home):
        with lock_home(home, _PATIENCE_S):
            complete_restore(home, database)


def complete_restore(home: Path, database: Database) -> None:
    """Do what the journal says, if its transaction was committed, and clean up. The caller holds the lock.

    After a crash at any step, doing it again continues from there.
    """
    staging, path = home / STAGING, home / STAGING / _JOURNAL
    if not path.is_file():
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        journal = Journal(found["mark"], found["kept"], tuple(found["folders"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} can't be read ({error}); restore again after removing {staging}") from error
    from recommender.database.transfer import has_import_run  # imported here, since hardly any process needs it

    if has_import_run(database, journal.mark):
        kept = home / journal.kept
        for name in journal.folders:
            if not (staging / name).exists():
                continue  # moved before the crash
            if (home / name).exists():
                kept.mkdir(exist_ok=True)
                (home / name).rename(kept / name)
                sync(kept)
            (staging / name).rename(home / name)
        sync(home)
    path.unlink()
    sync(staging)
    shutil.rmtree(staging, ignore_errors=True)
