"""Graphs that are built beside the queries of a long-lived process, by a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from recommender.index.embedded.engine import EmbeddedIndex
from recommender.index.pool import Pin

RETRY_S = 60.0
"""After a build that failed, as on a full disk: each try copies the index first."""

_log = logging.getLogger(__name__)


class GraphBuilds:
    """Builds the graphs of one generation after the other; `pin` keeps it open meanwhile. Queries and writes go on."""

    def __init__(self, pin: Callable[[str], Pin]) -> None:
        self._pin = pin
        self._lock = threading.Lock()
        self._under_way: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, "graphs")

    def begin(self, name: str) -> None:
        """Have the graphs of a generation built soon, unless they are being built, or just could not be."""
        with self._lock:
            too_early = time.monotonic() < self._not_before.get(name, 0.0)
            if too_early or name in self._under_way or self._stopped.is_set():
                return
            self._under_way.add(name)
            self._thread.submit(self._build, name)

    def _build(self, name: str) -> None:
        started = time.monotonic()
        try:
            with self._pin(name) as index:
                if isinstance(index, EmbeddedIndex) and index.optimize_apart(self._stopped.is_set):
                    _log.info("the graphs of generation %s were built in %.0f s", name, time.monotonic() - started)
        except Exception as error:  # noqa: BLE001 - a thread has no caller; the index goes on without, and it is tried again
            _log.warning("the graphs of generation %s were not built: %s", name, error)
            self._not_before[name] = time.monotonic() + RETRY_S
        finally:
            with self._lock:
                self._under_way.discard(name)

    def stop(self) -> None:
        """Give up what is being built and return once it is; nothing is begun any more."""
        with self._lock:
            self._stopped.set()
        self._thread.shutdown(wait=True, cancel_futures=True)
