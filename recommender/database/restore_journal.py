"""The last step of a restore: what lies ready beside the home's folders becomes them, also when it was cut off there.

The rows of the catalogue change in one transaction, which is what decides: a journal is written just before it is
committed, and whoever opens the home next finishes what it says when the transaction went through, or drops it.
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
from recommender.database.transfer import has_run
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


def staging(home: Path) -> Path:
    """Return the folder in which a restore gets ready."""
    return home / STAGING


def fresh_staging(home: Path) -> Path:
    """Return that folder, empty: what a restore that was killed has left in it is removed."""
    folder = staging(home)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def is_cut_off(home: Path) -> bool:
    """Return whether a restore came as far as its journal, and no further."""
    return (staging(home) / _JOURNAL).is_file()


@contextmanager
def one_restore(home: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the home against other restores. Raises `Unavailable` when there is one."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(home / _LOCK, timeout=patience):
            yield
    except Timeout as error:
        raise Unavailable(f"a restore is at work in {home}; wait until it is done") from error


def write_journal(home: Path, journal: Journal) -> None:
    """Write the journal; when this returns it is on the disk."""
    draft = staging(home) / f".{_JOURNAL}"
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(journal), file)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(staging(home) / _JOURNAL)
    sync(staging(home))
    sync(home)


def finish(home: Path, database: Database) -> None:
    """Finish a restore that was cut off at its last step, or undo it; nothing to do is the rule, and costs a look.

    Raises `Unavailable` while the restore itself is still at it.
    """
    if is_cut_off(home):
        with one_restore(home, _PATIENCE_S):
            roll_on(home, database)


def roll_on(home: Path, database: Database) -> None:
    """Do what the journal says, if its transaction went through, and clean up. Only for who holds the lock."""
    path = staging(home) / _JOURNAL
    if not path.is_file():
        return
    journal = _read(path)
    if has_run(database, journal.mark):
        for folder in journal.folders:
            _replace(home, folder, home / journal.kept)
        sync(home)
    path.unlink()
    sync(path.parent)
    shutil.rmtree(path.parent, ignore_errors=True)


def _read(path: Path) -> Journal:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Journal(found["mark"], found["kept"], tuple(found["folders"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} can't be read ({error}); restore again after removing {path.parent}") from error


def _replace(home: Path, name: str, kept: Path) -> None:
    """Put a folder in its place, the old one aside. Doing so again after any step goes on from there."""
    ready, place = staging(home) / name, home / name
    if not ready.exists():
        return  # in its place already
    if place.exists():
        kept.mkdir(exist_ok=True)
        place.rename(kept / name)
        sync(kept)
    ready.rename(place)
