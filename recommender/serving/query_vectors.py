"""Texts of queries to vectors, the frequent ones from memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Role
from recommender.serving.live_model import LiveModel

CACHED = 4096
"""Vectors kept: 6 MB at 384 dimensions."""

MAX_CACHED_TEXT = 300
"""Characters of a text that is kept: a longer one is pasted, and does not come again."""

Observe = Callable[[str, float], None]
"""Told how long a stage of a query took: its name (`encode`, `index`) and the seconds."""


def unobserved(_stage: str, _seconds: float) -> None:
    """Measure nothing."""


@dataclass(frozen=True, slots=True)
class CacheInfo:
    """How often a query's vector was in memory, how often not, and how many are there now."""

    hits: int
    misses: int
    size: int


class QueryVectors:
    """Vectors of texts by the model of a pair; the least recently used leave. Thread-safe."""

    def __init__(self, observe: Observe = unobserved, size: int = CACHED) -> None:
        self._observe = observe
        self._size = size
        self._kept: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = self._misses = 0

    def query(self, pair: LiveModel, text: str) -> NDArray[np.float32]:
        """Return the vector of a search text: float32 [d]."""
        # By generation, which one model has made: after a switch nothing of the model before can come up.
        key = pair.generation, text
        with self._lock:
            vector = self._kept.get(key)
            if vector is not None:
                self._hits += 1
                self._kept.move_to_end(key)
                return vector
            self._misses += 1
        vector = self._encoded(pair, text, Role.QUERY)
        if len(text) <= MAX_CACHED_TEXT:
            self._keep(key, vector)
        return vector

    def document(self, pair: LiveModel, text: str) -> NDArray[np.float32]:
        """Return the vector of a product's text: float32 [d]."""
        return self._encoded(pair, text, Role.DOCUMENT)

    def info(self) -> CacheInfo:
        """Return what the memory has been good for so far."""
        with self._lock:
            return CacheInfo(self._hits, self._misses, len(self._kept))

    def _encoded(self, pair: LiveModel, text: str, role: Role) -> NDArray[np.float32]:
        started = time.perf_counter()
        vector: NDArray[np.float32] = pair.encoder().encode([text], role)[0]
        self._observe("encode", time.perf_counter() - started)
        return vector

    def _keep(self, key: tuple[str, str], vector: NDArray[np.float32]) -> None:
        with self._lock:
            self._kept[key] = vector
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
