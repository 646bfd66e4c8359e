"""What the category tree says about a corpus, as arrays: leaves, gains between paths, and what can be found at best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from recommender.evaluation.metrics import dcg, graded_gain
from recommender.evaluation.neighbours import NOTHING, Indexes
from recommender.types import Product

UNKNOWN = -1
"""The leaf of a product without a category: no leaf at all."""


class CategoryGains:
    """Gains between the distinct category paths of a corpus. The work is by path, not by pair of products."""

    def __init__(self, corpus: Sequence[Product]) -> None:
        self._numbers = {path: number for number, path in enumerate(dict.fromkeys(p.category for p in corpus))}
        self.path = np.array([self._numbers[product.category] for product in corpus], dtype=np.int64)
        empty = self._numbers.get((), UNKNOWN)
        self.leaf: Indexes = np.where(self.path == empty, UNKNOWN, self.path)
        self._counts = np.bincount(self.path, minlength=len(self._numbers))
        self._levels, self._lengths = _levels(list(self._numbers))
        self._row = cache(self._gains_of_path)
        self._order = cache(self._best_first)

    def possible(self, query: int, excluded: Sequence[int]) -> int:
        """Return how many products of the query's leaf are left when `excluded`, itself among them, can't be found."""
        path = self.path[query]
        return int(self._counts[path] - np.count_nonzero(self.path[np.asarray(excluded)] == path))

    def gains(self, query: int, found: Indexes) -> NDArray[np.float64]:
        """Return the gain of each found row of the corpus for a query; 0 for `NOTHING`."""
        return np.where(found == NOTHING, 0.0, self._row(int(self.path[query]))[self.path[found]])

    def ideal(self, query: int, excluded: Sequence[int], k: int) -> float:
        """Return the DCG@k of the best ranking of the corpus for a query, without the `excluded` rows."""
        removed = Counter(self.path[np.asarray(excluded)].tolist())
        gains = self._row(int(self.path[query]))
        order = self._order(int(self.path[query]))
        best: list[float] = []
        for path in order:
            left = int(self._counts[path]) - removed.get(int(path), 0)
            best.extend([float(gains[path])] * min(left, k - len(best)))
            if len(best) == k:
                break
        return float(dcg(np.array([best + [0.0] * (k - len(best))]))[0])

    def _gains_of_path(self, path: int) -> NDArray[np.float64]:
        alike = np.cumprod(self._levels == self._levels[path], axis=1)
        depth = np.minimum(alike.sum(axis=1), np.minimum(self._lengths, self._lengths[path]))
        return graded_gain(depth, np.maximum(self._lengths, self._lengths[path]))

    def _best_first(self, path: int) -> Indexes:
        return np.argsort(-self._row(path), kind="stable")


def _levels(paths: Sequence[tuple[str, ...]]) -> tuple[Indexes, Indexes]:
    """Return the names of paths as numbers [paths, depth], padded with -1, and the length of each path."""
    names = {name: number for number, name in enumerate(dict.fromkeys(name for path in paths for name in path))}
    lengths = np.array([len(path) for path in paths], dtype=np.int64)
    levels = np.full((len(paths), max(map(len, paths), default=0)), UNKNOWN, dtype=np.int64)
    for row, path in enumerate(paths):
        levels[row, : len(path)] = [names[name] for name in path]
    return levels, lengths
