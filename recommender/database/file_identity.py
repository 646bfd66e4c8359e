"""Whether the files of a SQLite database are still those that this process opened.

SQLite continues to write into a file that was removed, replaced or emptied: what it acknowledges then is lost.
Processes that do not share the map of the log do not see each other's locks either. So device and inode of the three
files are compared around each transaction, in some microseconds.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Engine, event

from recommender.errors import Unavailable

Identity = tuple[int, int]
"""Device and inode."""


def file_of(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for one in memory, and for a URI, whose file only SQLite knows."""
    name = url.database or ""
    if not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name).absolute()


class DatabaseFiles:
    """The database, its write-ahead log and the map of that, as they were when they were opened.

    `check` raises when they are not the same any more. The last connection of all processes removes the log and its
    map, so they are recorded again with the first connection of this process.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self._path, self._logs = str(path), (f"{path}-wal", f"{path}-shm")
        self._database: Identity | None = None
        self._log_identities: tuple[Identity | None, ...] = (None, None)
        self._connections = 0

        def remember(*_: object) -> None:
            self._connections += 1
            if self._database is None:
                self._database = _identity(self._path)
            if not any(self._log_identities):
                self._log_identities = tuple(map(_identity, self._logs))

        def forget(*_: object) -> None:
            self._connections -= 1
            if not self._connections:
                self._log_identities = (None, None)

        event.listen(engine, "do_connect", lambda *_: self.check())
        event.listen(engine, "connect", remember)
        event.listen(engine, "close", forget)

    def check(self) -> None:
        """Raise `Unavailable` when a file was removed, replaced or emptied. One that is put back is used again."""
        for path, known in ((self._path, self._database), *zip(self._logs, self._log_identities, strict=True)):
            if known is not None and _identity(path) != known:
                raise Unavailable.with_public(
                    f"{path} was removed or replaced while this process had it open, and nothing more is written; "
                    "put the file back, or end all processes of this home and run `recommender restore`",
                    "the database was removed or replaced, and nothing more is written; the log has the rest",
                )


def _identity(path: str) -> Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - called around each transaction, where a Path costs as much as the call
    except OSError:
        return None
    if not status.st_size and not path.endswith("-wal"):  # only the log may be empty
        return None
    return status.st_dev, status.st_ino
