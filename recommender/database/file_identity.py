"""Whether the files of a SQLite database are still those that this process opened.

SQLite goes on writing into a file that was removed or replaced: what it acknowledges then is lost. So device and inode
are compared around each transaction, for a microsecond or two.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL, Engine, event

from recommender.errors import Unavailable

Identity = tuple[int, int]
"""Device and inode."""


def file_of(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for one in memory, and for a URI, whose file SQLite alone knows."""
    name = url.database or ""
    if not name or name == ":memory:" or name.startswith("file:"):
        return None
    return Path(name).absolute()


class DatabaseFiles:
    """The database and its write-ahead log, as they were when they were opened. `check` raises once they are not.

    The last connection of all processes removes the log, so it is known anew with the first connection of this one.
    """

    def __init__(self, engine: Engine, path: Path) -> None:
        self._path, self._log = str(path), f"{path}-wal"
        self._database: Identity | None = None
        self._log_identity: Identity | None = None
        self._connections = 0
        event.listen(engine, "do_connect", lambda *_: self.check())
        event.listen(engine, "connect", lambda *_: self._remember())
        event.listen(engine, "close", lambda *_: self._forget())

    def check(self) -> None:
        """Raise `Unavailable` when a file was removed or replaced. One that is put back is used again."""
        for path, known in ((self._path, self._database), (self._log, self._log_identity)):
            if known is not None and _identity(path) != known:
                raise Unavailable.with_public(
                    f"{path} was removed or replaced while this process had it open, and nothing more is written; "
                    "put the file back, or end all processes of this home and run `recommender restore`",
                    "the database was removed or replaced, and nothing more is written; the log has the rest",
                )

    def _remember(self) -> None:
        self._connections += 1
        if self._database is None:
            self._database = _identity(self._path)
        if self._log_identity is None:
            self._log_identity = _identity(self._log)

    def _forget(self) -> None:
        self._connections -= 1
        if not self._connections:
            self._log_identity = None


def _identity(path: str) -> Identity | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - called around each transaction, where a Path costs as much as the call
    except OSError:
        return None
    return status.st_dev, status.st_ino
