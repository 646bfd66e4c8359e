"""Turns the texts of queries into vectors, and caches those of frequent texts."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Role
from recommender.serving.live_model import LiveModel

CACHED = 4096
"""The most vectors that are cached: 6 MB at 384 dimensions."""

MAX_CACHED_TEXT = 300
"""Longest text that is cached, in characters: a longer one was pasted, and will not come again."""

Observe = Callable[[str, float], None]
"""Is told how long a stage of a query took: its name (`encode`, `index`) and the seconds."""


def observe_nothing(_stage: str, _seconds: float) -> None:
    """Measure nothing."""


@contextmanager
def measure(observe: Observe, stage: str) -> Iterator[None]:
    """Report how long a stage takes, unless it fails."""
    started = time.perf_counter()
    yield
    observe(stage, time.perf_counter() - started)


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """How often a query's vector was cached, how often not, and how many are cached now."""

    hits: int
    misses: int
    size: int


class QueryEncoder:
    """Encodes texts by the model that answers a query; the least recently used vectors are dropped. Thread-safe."""

    def __init__(self, observe: Observe = observe_nothing, size: int = CACHED) -> None:
        self._observe = observe
        self._size = size
        self._vectors: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def query(self, live: LiveModel, text: str) -> NDArray[np.float32]:
        """Return the vector of a search text: float32 [d]."""
        # The key names the generation, which one model has made. So after a switch, no vector of the earlier model is
        # found.
        key = live.generation, text
        with self._lock:
            vector = self._vectors.get(key)
            if vector is not None:
                self._hits += 1
                self._vectors.move_to_end(key)
                return vector
            self._misses += 1
        vector = self._encode(live, text, Role.QUERY)
        if len(text) <= MAX_CACHED_TEXT:
            with self._lock:
                self._vectors[key] = vector
                while len(self._vectors) > self._size:
                    self._vectors.popitem(last=False)
        return vector

    def document(self, live: LiveModel, text: str) -> NDArray[np.float32]:
        """Return the vector of a product's text: float32 [d]."""
        return self._encode(live, text, Role.DOCUMENT)

    def info(self) -> CacheInfo:
        """Return how much the cache has saved so far."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, len(self._vectors))

    def _encode(self, live: LiveModel, text: str, role: Role) -> NDArray[np.float32]:
        with measure(self._observe, "encode"):
            vector: NDArray[np.float32] = live.encoder().encode([text], role)[0]
        return vector
