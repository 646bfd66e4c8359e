"""The indexes that one process has open: each once, and none closed while somebody uses it."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType

from recommender.errors import RecommenderError, Unavailable
from recommender.index.protocol import VectorIndex

_log = logging.getLogger(__name__)

Open = Callable[[str, float], VectorIndex]
"""Opens the index of a name, which another process may have for so many seconds more."""


@dataclass(slots=True)
class _Opened:
    """An index, how many use it, and what is done once none does."""

    index: VectorIndex
    users: int = 0
    used_at: float = field(default_factory=time.monotonic)
    at_last: Callable[[], None] | None = None
    dropped: bool = False


class Pin:
    """Keeps an index open until it is released. A context manager that gives the index."""

    __slots__ = ("_opened", "_pool", "index")

    def __init__(self, pool: OpenIndexes, opened: _Opened) -> None:
        self._pool = pool
        self._opened: _Opened | None = opened
        self.index = opened.index

    def release(self) -> None:
        """Use it no longer; twice is no error."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._pool.left(opened)

    def __enter__(self) -> VectorIndex:
        return self.index

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class OpenIndexes:
    """Open indexes by name, with their users counted. Thread-safe; nobody waits while another index opens."""

    def __init__(self, open_index: Open) -> None:
        self._open = open_index
        self._lock = threading.Lock()  # held for a few instructions, never while something opens or closes
        self._opened: dict[str, _Opened] = {}
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._closed = False

    def get(self, name: str, patience: float) -> VectorIndex:
        """Return an index, opened if need be; it is open until somebody lets go of it."""
        with self.pin(name, patience) as index:
            return index

    def pin(self, name: str, patience: float) -> Pin:
        """Return an index with what keeps it open, for a few microseconds if it is open already.

        Raises `Unavailable` after `close`: nobody would let go of it any more.
        """
        with self._lock:
            if (opened := self._opened.get(name)) is not None:
                return self._pinned(opened)
            if self._closed:
                raise _closed()
            opening = self._opening[name]
        with opening:
            with self._lock:
                if (opened := self._opened.get(name)) is not None:
                    return self._pinned(opened)
            return self.add(name, self._open(name, patience))

    def add(self, name: str, index: VectorIndex) -> Pin:
        """Take an index that was just made or opened; it is closed, and `Unavailable` raised, if all of this is."""
        with self._lock:
            if not self._closed:
                opened = self._opened[name] = _Opened(index)
                return self._pinned(opened)
        index.close()
        raise _closed()

    def _pinned(self, opened: _Opened) -> Pin:
        opened.users += 1
        if not opened.dropped:
            opened.at_last = None  # it is wanted again
        return Pin(self, opened)

    def left(self, opened: _Opened) -> None:
        """Count one user less; the last one closes what was let go of meanwhile."""
        with self._lock:
            opened.users -= 1
            opened.used_at = time.monotonic()
            last = None if opened.users else opened.at_last
            if last is not None:
                self._forget(opened)
        if last is not None:
            _quietly(last)

    def let_go(self, unused_for: float = 0.0) -> None:
        """Close the indexes that nobody has used for so many seconds; those in use now, when their last user leaves.

        One that is asked for again before that stays open.
        """
        before = time.monotonic() - unused_for
        with self._lock:
            for opened in self._opened.values():
                if opened.users and not unused_for and not opened.dropped:
                    opened.at_last = opened.index.close
            closing = [opened for opened in self._opened.values() if not opened.users and opened.used_at <= before]
            for opened in closing:
                self._forget(opened)
        for opened in closing:
            opened.index.close()

    def let_go_of(self, name: str) -> None:
        """Close one index, as soon as nobody uses it."""
        self._end(name, _close)

    def drop(self, name: str, remove: Callable[[], None]) -> None:
        """Close an index and `remove` what it was made of, as soon as nobody uses it."""

        def close_and_remove(index: VectorIndex) -> None:
            index.close()
            remove()

        if not self._end(name, close_and_remove, dropped=True):
            remove()

    def _end(self, name: str, end: Callable[[VectorIndex], None], dropped: bool = False) -> bool:
        """Return whether it was open."""
        with self._lock:
            opened = self._opened.get(name)
            if opened is None:
                return False
            if opened.users:
                if not opened.dropped:
                    opened.at_last, opened.dropped = lambda: end(opened.index), dropped
                return True
            self._forget(opened)
        end(opened.index)
        return True

    def _forget(self, opened: _Opened) -> None:
        for name in [name for name, one in self._opened.items() if one is opened]:
            del self._opened[name]

    def close(self) -> None:
        """Close all, whoever uses them: the process ends. None is opened any more."""
        with self._lock:
            self._closed = True
            closing = list(self._opened.values())
            self._opened.clear()
        for opened in closing:
            opened.index.close()


def _closed() -> Unavailable:
    return Unavailable("this installation was closed in this process; open it anew")


def _close(index: VectorIndex) -> None:
    index.close()


def _quietly(last: Callable[[], None]) -> None:
    # Whoever happens to be the last user has nothing to do with it: a query that was answered stays answered.
    try:
        last()
    except RecommenderError as error:
        _log.warning("an index was not closed in good order: %s", error)
