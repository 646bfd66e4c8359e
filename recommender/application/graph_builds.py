"""When the graphs of an embedded index are worth building, and the thread that builds them beside queries."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from recommender.index.embedded.engine import APART_FROM, EmbeddedIndex
from recommender.index.leases import IndexPool
from recommender.ingestion.change_plan import WriteCounts
from recommender.ingestion.targets import Target
from recommender.ingestion.worker import OPTIMIZE_EVERY, Ahead

WORTH_A_BUILD = 0.2
"""Share of the points that must have changed since the last build. Until then the changed points are scanned, because a
build takes as long for few of them as for all. Price changes alone never start a build, since a feed of prices would
wait for it each time."""

DOUBLED = 0.5
"""Share of the points that changed when an index has doubled. During a bulk load beside queries, graphs are built each
time it has doubled: in total that takes twice as long as one build at the end. When they were built after each slice,
it took half of the load."""

WORTH_A_BUILD_BESIDE = 2_000
"""The fewest changes that are worth a build beside queries, however few points there are: scanning as many takes 0.2
ms."""

RETRY_S = 60.0
"""How long to wait after a build that failed, for example on a full disk: each try copies the index first."""

_log = logging.getLogger(__name__)


class GraphBuilds:
    """Builds graphs after writes. The drain waits for that; after `build_beside`, queries and writes continue.

    A Qdrant server builds its graphs by itself, so for a server nothing is done here.
    """

    def __init__(self, indexes: IndexPool) -> None:
        self._indexes = indexes
        self._lock = threading.Lock()
        self._postponed: set[str] = set()
        self._under_way: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._stopped = threading.Event()
        self._thread: ThreadPoolExecutor | None = None

    def build_beside(self) -> None:
        """Build graphs in a thread from now on, one generation after the other."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "graphs")

    @contextmanager
    def postpone(self, name: str) -> Iterator[None]:
        """Build no graphs for a generation for now: a rebuild fills it, and builds its graphs at the end."""
        self._postponed.add(name)
        try:
            yield
        finally:
            self._postponed.discard(name)

    def build_if_worth(self, target: Target, counts: WriteCounts, ahead: Ahead, stopped: Callable[[], bool]) -> None:
        """Build the graphs of a target if that is worth it after what was written, and before what is `ahead` of it."""
        index = target.index
        if not isinstance(index, EmbeddedIndex):
            return
        changed = index.count_changes(counts.changes)
        if not counts.encoded + counts.deleted or target.name in self._postponed:
            return
        if ahead is Ahead.MORE and self._thread is None:
            return  # no query uses it before the drain ends
        points = index.count()
        due = changed >= (min(points * WORTH_A_BUILD, OPTIMIZE_EVERY) if ahead is Ahead.NOTHING else points * DOUBLED)
        if self._thread is not None:
            if due and changed >= WORTH_A_BUILD_BESIDE:
                with self._lock:
                    too_early = time.monotonic() < self._not_before.get(target.name, 0.0)
                    if not (too_early or target.name in self._under_way or self._stopped.is_set()):
                        self._under_way.add(target.name)
                        self._thread.submit(self._build, target.name)
        elif due or points < APART_FROM:
            index.optimize(stopped)

    def close(self) -> None:
        """Give up what is being built, and return when it has stopped. No other build begins."""
        with self._lock:
            self._stopped.set()
        if self._thread is not None:
            self._thread.shutdown(wait=True, cancel_futures=True)

    def _build(self, name: str) -> None:
        started = time.monotonic()
        try:
            with self._indexes.lease(name) as index:
                if isinstance(index, EmbeddedIndex) and index.optimize_apart(self._stopped.is_set):
                    _log.info("the graphs of generation %s were built in %.0f s", name, time.monotonic() - started)
        except Exception as error:  # noqa: BLE001 - a thread has no caller; the index works without, and it is tried again
            _log.warning("the graphs of generation %s were not built: %s", name, error)
            self._not_before[name] = time.monotonic() + RETRY_S
        finally:
            with self._lock:
                self._under_way.discard(name)
