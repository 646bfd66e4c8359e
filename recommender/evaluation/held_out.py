"""Held-out products as queries: what can be asked about each, and how good a list of results is for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import TypeVar
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from recommender.errors import BadInput
from recommender.evaluation.metrics import category_precision, dcg, graded_gain, graded_ndcg
from recommender.evaluation.neighbours import NOTHING, Indexes
from recommender.evaluation.reports import Measured
from recommender.feeds.categories import kinds_of
from recommender.types import Product

UNKNOWN = -1
"""The leaf of a product without a category: no leaf at all."""


T = TypeVar("T")


def spread(items: Sequence[T], cap: int) -> list[T]:
    """Return at most `cap` of the items, evenly spaced: a catalogue is often in the order of its departments."""
    if len(items) <= cap:
        return list(items)
    return [items[int(at)] for at in np.linspace(0, len(items) - 1, cap)]


class CategoryGains:
    """Gains between the distinct category paths of a corpus. The work is done by path, not by pair of products."""

    def __init__(self, corpus: Sequence[Product]) -> None:
        self._numbers = {path: number for number, path in enumerate(dict.fromkeys(p.category for p in corpus))}
        self.path = np.array([self._numbers[product.category] for product in corpus], dtype=np.int64)
        empty = self._numbers.get((), UNKNOWN)
        self.leaf: Indexes = np.where(self.path == empty, UNKNOWN, self.path)
        self._counts = np.bincount(self.path, minlength=len(self._numbers))
        self._levels, self._lengths = _levels(list(self._numbers))
        self._row = cache(self._gains_of_path)
        self._order = cache(lambda path: np.argsort(-self._row(path), kind="stable"))

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


def _levels(paths: Sequence[tuple[str, ...]]) -> tuple[Indexes, Indexes]:
    """Return the names of paths as numbers [paths, depth], padded with -1, and the length of each path."""
    names = {name: number for number, name in enumerate(dict.fromkeys(name for path in paths for name in path))}
    lengths = np.array([len(path) for path in paths], dtype=np.int64)
    levels = np.full((len(paths), max(map(len, paths), default=0)), UNKNOWN, dtype=np.int64)
    for row, path in enumerate(paths):
        levels[row, : len(path)] = [names[name] for name in path]
    return levels, lengths


K = 10
"""Places of a result that are measured: what a shop shows beside a product."""

MIN_DESCRIPTION = 40
"""Characters that a description must have to be a query: shorter ones say too little to find one product by."""

TextFunction = Callable[[Product], str]


def is_telling(description: str) -> bool:
    """Return whether a description is long enough to find a product by.

    A wide character (Chinese, Japanese, Korean) counts as two, since it says what two letters and more say.
    """
    start = description[:MIN_DESCRIPTION]
    return len(start) + sum(east_asian_width(each) in "WF" for each in start) >= MIN_DESCRIPTION


def own_descriptions(products: Sequence[Product], descriptions: Sequence[str]) -> list[bool]:
    """Return which products have a telling description that they share with few others, beside their own variants.

    More than `K` products would not fit into one result: such a text is of a kind, and finds none of them.
    """
    owners: dict[str, set[object]] = defaultdict(set)
    for row, (product, text) in enumerate(zip(products, descriptions, strict=True)):
        owners[text].add(product.group_id or row)
    return [is_telling(text) and len(owners[text]) <= K for text in descriptions]


class HeldOut:
    """A corpus, and its rows that are queries.

    `seen` are the queries whose leaf has another product to find, `unseen` those of categories held out whole, `known`
    those of both with a description that is theirs (`own_descriptions`), by which they can be looked for.
    """

    def __init__(
        self, corpus: Sequence[Product], queries: Sequence[int], unseen: Sequence[int], description: TextFunction
    ) -> None:
        """Take rows of `corpus`. Raises `BadInput` when no query can be asked anything."""
        self.corpus = corpus
        self.gains = CategoryGains(corpus)
        self._kinds = [kinds_of(product.categories) for product in corpus]
        members: dict[str, list[int]] = defaultdict(list)
        for row, product in enumerate(corpus):
            if product.group_id:
                members[product.group_id].append(row)
        self.groups: Mapping[int, Sequence[int]] = {
            row: members[product.group_id] if product.group_id else [row] for row, product in enumerate(corpus)
        }
        """For the row of each product, the rows of it and of its variants."""
        self.descriptions = [description(product) for product in corpus]
        self.described = list(map(is_telling, self.descriptions))
        self.seen = self._askable(queries)
        self.unseen = self._askable(unseen)
        # A category that is held out whole teaches nothing of its products either, so they are just as fit to be looked
        # for.
        own = own_descriptions(corpus, self.descriptions)
        self.known = [query for query in (*queries, *unseen) if own[query]]
        askable = {*self.seen, *self.known}
        self.asked = [query for query in queries if query in askable]
        if not (self.asked or self.unseen):
            raise BadInput(
                f"none of {len(queries):,} held-out products has a category with another product in it, or a "
                f"description of its own of {MIN_DESCRIPTION} characters; ingest products that have one or the other"
            )

    def category_measures(
        self, prefix: str, queries: Sequence[int], found: Mapping[int, Indexes]
    ) -> Iterator[tuple[str, Measured]]:
        """Yield category P@10 and graded nDCG@10 of what each query found: rows of the corpus, `NOTHING` for none."""
        if not queries:
            return
        rows = np.array(queries, dtype=np.int64)
        top = np.stack([found[query] for query in queries])
        excluded = [(query, self.groups[query]) for query in queries]
        possible = np.array([self.gains.possible(query, left) for query, left in excluded], dtype=np.int64)
        leaf = self.gains.leaf
        # A product that shares another category with the query is as right as one that shares its first.
        also = np.stack([self._share_others(query, found) for query, found in zip(queries, top, strict=True)])
        precision = category_precision(top, leaf, leaf[rows], possible, K)
        if also.any():
            hits = ((leaf[top] == leaf[rows][:, None]) | also) & (top != NOTHING)
            precision = np.minimum(1.0, hits[:, :K].sum(axis=1) / np.minimum(K, possible))
        yield f"{prefix}category_p10", Measured(rows, precision)
        gained = np.stack([self.gains.gains(query, row) for query, row in zip(queries, top, strict=True)])
        gained = np.where(also, graded_gain(np.array(1), np.array(1)), gained)
        ideal = np.array([self.gains.ideal(query, left, K) for query, left in excluded])
        yield f"{prefix}graded_ndcg10", Measured(rows, np.minimum(1.0, graded_ndcg(gained, ideal)))

    def _share_others(self, query: int, found: Indexes) -> NDArray[np.bool_]:
        """Tell of each found row whether it shares a category with the query that is not the first one of both."""
        mine = set(self._kinds[query])
        theirs = (self._kinds[row] if row != NOTHING and len(mine) + len(self._kinds[row]) > 2 else () for row in found)
        return np.array([not mine.isdisjoint(kinds) for kinds in theirs], dtype=bool)

    def _askable(self, queries: Sequence[int]) -> list[int]:
        gains = self.gains
        return [query for query in queries if gains.leaf[query] >= 0 and gains.possible(query, self.groups[query]) > 0]
