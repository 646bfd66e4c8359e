"""One process at a time: a generation is held before the engine touches any file of it.

The engine has a lock of its own, but takes it after it has opened the segments, and opening them writes: by the time it
was turned away, a second process had broken the files of the one that was at work.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

from recommender.errors import IndexHeld

_FILE = ".held"
"""In the folder of a generation, so that the hold stays with it when it is renamed, and goes with it."""


class Hold:
    """The only hold on the folder of a generation, until it is released or the process ends, however that comes about.

    Raises `IndexHeld` while there is another, in this or another process, and `OSError` where there is no folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._file = (folder / _FILE).open("ab")
        try:
            _lock(self._file.fileno())
        except BlockingIOError as error:
            self._file.close()
            raise IndexHeld(
                f"generation {name!r} is open already, in this or another process; ask the running service, "
                "or stop it and try again"
            ) from error

    def release(self) -> None:
        """Let others have it; twice is no error."""
        self._file.close()

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        return  # a folder with a locked file can't be renamed there; the engine's own lock is all there is
    import fcntl  # `filelock` does the same, but its import takes a sixth of the time that a whole query does

    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
