"""The open indexes of this process, and the leases on them.

A lease ends with the query or the write that took it, never by time. Until the last lease on an index has ended, the
index is not closed, whatever goes live meanwhile. (The lease of a worker on a change does run out: `ingestion/leases`.)
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from recommender.errors import IndexHeld, NotFound, RecommenderError, Unavailable
from recommender.index.protocol import AWAY, VectorEngine, VectorIndex

HELD_PATIENCE_S = 5.0
"""How long to wait for an embedded index that another process holds: a query or a price update is done by then."""

_RETRY_S = 0.05

_log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _OpenIndex:
    """An open index, the number of leases on it, and what happens when there are none."""

    index: VectorIndex
    leases: int = 0
    used_at: float = 0.0
    closing: bool = False
    dropping: bool = False


class IndexPool:
    """Open indexes by the names of their generations, with the leases on each counted. Thread-safe.

    `engine` opens them; `where` is its place, for messages. Nobody waits while another index opens.
    """

    def __init__(self, engine: Callable[[], VectorEngine], where: str) -> None:
        self._engine = engine
        self._where = where
        self._lock = threading.Lock()  # held for a few instructions, never while an index opens or closes
        self._open: dict[str, _OpenIndex] = {}
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._closed = False

    @contextmanager
    def lease(
        self, name: str, patience: float = HELD_PATIENCE_S, create: Callable[[], VectorIndex] | None = None
    ) -> Iterator[VectorIndex]:
        """Lend an index, opened or made by `create` if needed; a few microseconds if it is already open.

        Raises `IndexHeld` when another process still holds it after `patience` seconds. Raises `Unavailable` when the
        engine lacks it, and after `close`, when nobody would close it any more.
        """
        with self._lock:
            lent, opening = self._lend(name), self._opening[name]
        if lent is None:
            with opening:
                with self._lock:
                    lent = self._lend(name)  # another thread may have opened it meanwhile
                if lent is None:
                    index = None
                    if not self._closed:
                        index = create() if create else self._open_patiently(name, patience)
                    with self._lock:
                        if index is not None and not self._closed:
                            lent = self._open[name] = _OpenIndex(index, leases=1)
                    if lent is None:
                        if index is not None:
                            index.close()
                        raise Unavailable("this installation was closed in this process; open it again")
        try:
            yield lent.index
        finally:
            with self._lock:
                lent.leases -= 1
                lent.used_at = time.monotonic()
            try:
                self._end_unused()
            except RecommenderError as error:
                # Not the fault of the query that held the last lease: it was answered.
                _log.warning("an index was not closed cleanly: %s", error)

    def release(self, name: str, drop: bool = False) -> None:
        """Close an index as soon as there is no lease on it; with `drop`, also remove its points."""
        with self._lock:
            if (known := self._open.get(name)) is not None:
                known.closing, known.dropping = True, known.dropping or drop
        if known is not None:
            self._end_unused()
        elif drop:
            self._engine().drop(name)

    def release_unused(self, unused_for: float = 0.0) -> None:
        """Close the indexes unused for `unused_for` seconds; with 0 also those in use, when their last lease ends.

        An index that is leased again before that stays open.
        """
        before = time.monotonic() - unused_for
        with self._lock:
            for known in self._open.values():
                known.closing |= not unused_for or (not known.leases and known.used_at <= before)
        self._end_unused()

    def close(self) -> None:
        """Close all indexes, whatever leases there are: the process ends. None is opened any more."""
        with self._lock:
            self._closed = True
            closing = list(self._open.values())
            self._open.clear()
        for known in closing:
            known.index.close()

    def _lend(self, name: str) -> _OpenIndex | None:
        if (known := self._open.get(name)) is not None:
            known.leases += 1
            known.closing = False  # it is wanted again
        return known

    def _open_patiently(self, name: str, patience: float) -> VectorIndex:
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._engine().open(name)
            except NotFound as error:
                told = f"generation {name} is not at {self._where}; `recommender index rebuild` makes one there"
                raise Unavailable.with_public(told, AWAY) from error
            except IndexHeld:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_S)

    def _end_unused(self) -> None:
        """Close, and drop, the indexes that are marked for it and have no lease."""
        with self._lock:
            ending = {
                name: known
                for name, known in self._open.items()
                if (known.closing or known.dropping) and not known.leases
            }
            for name in ending:
                del self._open[name]
        for name, known in ending.items():
            known.index.close()
            if known.dropping:
                self._engine().drop(name)
