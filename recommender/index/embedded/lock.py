"""The lock on a generation: one process at a time, locked before the engine touches any file of it.

The engine has a lock of its own, but takes it only after it has opened the segments, and opening them writes. So a
second process that was turned away had already broken the files of the first.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType

from recommender.errors import IndexHeld

_FILE = ".held"
"""In the folder of a generation, so that the lock stays with the folder when it is renamed or removed."""


class GenerationLock:
    """The only lock on the folder of a generation, until it is released or the process ends in any way.

    Raises `IndexHeld` while there is another, in this or another process, and `OSError` if there is no folder.
    """

    def __init__(self, folder: Path, name: str) -> None:
        from filelock import lock_descriptor  # takes 6 ms, which only those who open an index pay

        self._file = (folder / _FILE).open("ab")
        if sys.platform == "win32":
            return  # a folder with a locked file can't be renamed there, so only the engine's own lock protects it
        if not lock_descriptor(self._file.fileno(), blocking=False):
            self._file.close()
            raise index_held(name)

    def release(self) -> None:
        """Release the lock; a second call does nothing."""
        self._file.close()

    def __enter__(self) -> GenerationLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def index_held(name: str) -> IndexHeld:
    """Return the error of a generation that is already open."""
    return IndexHeld(
        f"generation {name!r} is open already, in this or another process; ask the running service, "
        "or stop it and try again"
    )
