"""The indexes that this process has open: each once, and none is closed while somebody has a lease on it."""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from recommender.errors import IndexHeld, NotFound, RecommenderError, Unavailable
from recommender.index.protocol import VectorEngine, VectorIndex

HELD_PATIENCE_S = 5.0
"""How long to wait for an embedded index that another process holds: a query or a price update is done by then."""

_RETRY_S = 0.05

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _OpenIndex:
    """An open index, how many leases on it are out, and what happens once none is."""

    name: str
    index: VectorIndex
    leases: int = 0
    used_at: float = field(default_factory=time.monotonic)
    closing: bool = False
    dropping: bool = False


class IndexLease:
    """Keeps an index open until it is released. A context manager that gives the index."""

    __slots__ = ("_leased", "_pool", "index")

    def __init__(self, pool: IndexPool, leased: _OpenIndex) -> None:
        self._pool = pool
        self._leased: _OpenIndex | None = leased
        self.index = leased.index

    def release(self) -> None:
        """Give it back; twice is no error."""
        leased, self._leased = self._leased, None
        if leased is not None:
            self._pool.take_back(leased)

    def __enter__(self) -> VectorIndex:
        return self.index

    def __exit__(self, *_: object) -> None:
        self.release()


class IndexPool:
    """Open indexes by the names of their generations, with the leases on each counted. Thread-safe.

    `engine` opens them; `where` is how messages call its place. Nobody waits while another index opens.
    """

    def __init__(self, engine: Callable[[], VectorEngine], where: str) -> None:
        self._engine = engine
        self._where = where
        self._lock = threading.Lock()  # held for a few instructions, never while an index opens or closes
        self._open: dict[str, _OpenIndex] = {}
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._closed = False

    def lease(self, name: str, patience: float = HELD_PATIENCE_S) -> IndexLease:
        """Lend an index, opened if need be; it takes a few microseconds if it is open already.

        Raises `IndexHeld` when another process still holds it after `patience` seconds, and `Unavailable` when the
        engine lacks it, or after `close`: nobody would close it any more.
        """
        with self._lock:
            if (known := self._open.get(name)) is not None:
                return self._lend(known)
            opening = self._opening[name]
        with opening:
            with self._lock:
                if (known := self._open.get(name)) is not None:
                    return self._lend(known)
                self._require_open()
            return self._add(name, self._open_patiently(name, patience))

    def create(self, name: str, dimension: int) -> IndexLease:
        """Make an empty index and lend it; it stays open as one that was opened does."""
        return self._add(name, self._engine().create(name, dimension))

    def release(self, name: str, drop: bool = False) -> None:
        """Close an index as soon as no lease on it is out; with `drop` its points are removed, too."""
        with self._lock:
            known = self._open.get(name)
            if known is not None:
                known.closing, known.dropping = True, known.dropping or drop
                if known.leases:
                    return
                del self._open[name]
        if known is not None:
            self._end(known)
        elif drop:
            self._engine().drop(name)

    def release_unused(self, unused_for: float = 0.0) -> None:
        """Close the indexes unused for `unused_for` seconds; with 0 also those in use, when their last lease ends.

        One that is leased again before that stays open.
        """
        before = time.monotonic() - unused_for
        with self._lock:
            for known in self._open.values():
                known.closing |= not unused_for
            unused = [known for known in self._open.values() if not known.leases and known.used_at <= before]
            for known in unused:
                del self._open[known.name]
        for known in unused:
            self._end(known)

    def close(self) -> None:
        """Close all, whatever leases are out: the process ends. None is opened any more."""
        with self._lock:
            self._closed = True
            closing = list(self._open.values())
            self._open.clear()
        for known in closing:
            known.index.close()

    def take_back(self, leased: _OpenIndex) -> None:
        """Count one lease less; the last one closes what was to be closed meanwhile."""
        with self._lock:
            leased.leases -= 1
            leased.used_at = time.monotonic()
            ending = not leased.leases and (leased.closing or leased.dropping)
            if ending and self._open.get(leased.name) is leased:
                del self._open[leased.name]
        if ending:
            try:
                self._end(leased)
            except RecommenderError as error:
                # Not the fault of the query that happened to be the last one: it was answered, and stays so.
                _log.warning("an index was not closed in good order: %s", error)

    def _open_patiently(self, name: str, patience: float) -> VectorIndex:
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._engine().open(name)
            except NotFound as error:
                raise Unavailable(
                    f"generation {name} is not at {self._where}; `recommender index rebuild` makes one there"
                ) from error
            except IndexHeld:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_S)

    def _add(self, name: str, index: VectorIndex) -> IndexLease:
        try:
            with self._lock:
                self._require_open()
                self._open[name] = known = _OpenIndex(name, index)
                return self._lend(known)
        except Unavailable:
            index.close()
            raise

    def _lend(self, known: _OpenIndex) -> IndexLease:
        known.leases += 1
        known.closing = False  # it is wanted again
        return IndexLease(self, known)

    def _require_open(self) -> None:
        if self._closed:
            raise Unavailable("this installation was closed in this process; open it anew")

    def _end(self, known: _OpenIndex) -> None:
        known.index.close()
        if known.dropping:
            self._engine().drop(known.name)
