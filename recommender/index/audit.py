"""What walking the graph misses: approximate against exact search over one generation, without and with filters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

import numpy as np

from recommender.errors import BadInput
from recommender.index.payload import card_of
from recommender.index.protocol import IndexQuery, ScoredPoint, StoredPoint, VectorIndex
from recommender.query import Filters
from recommender.types import Card, Progress, silent

TIE = 1e-6
"""Scores closer than this are equal: which of two products with the same text comes first is nobody's mistake."""

PRICE_SPAN = Decimal("0.25")
"""The price filter admits this share below and above the product's own price, as "similar, at about this price"."""


@dataclass(frozen=True, slots=True)
class Recall:
    """How much of the exact answers the approximate ones hold, with one kind of filter.

    `recall` is the mean share of the exact `k` nearest that came, `lowest` that of the worst query; times are medians
    in milliseconds. Without queries, where no product has what the filter asks for, recall is 0.
    """

    filtered_by: str
    queries: int
    recall: float
    lowest: float
    approximate_ms: float
    exact_ms: float


def _by_category(card: Card) -> Filters | None:
    # One step above the leaf: a subtree, where the tree has more than one level.
    path = card.category[: max(1, len(card.category) - 1)]
    return Filters(categories=(path,)) if path else None


def _by_brand(card: Card) -> Filters | None:
    return Filters(brands=(card.brand,)) if card.brand else None


def _by_price(card: Card) -> Filters | None:
    if card.price is None:
        return None
    return Filters(price_min=card.price * (1 - PRICE_SPAN), price_max=card.price * (1 + PRICE_SPAN))


FILTERS: Mapping[str, Callable[[Card], Filters | None]] = {
    "nothing": lambda _card: Filters(),
    "category": _by_category,
    "brand": _by_brand,
    "price": _by_price,
    "in stock": lambda _card: Filters(in_stock=True),
}
"""The filter that a product is asked with, by what the answer is narrowed down to; None where it has no such field."""


def audit(index: VectorIndex, queries: int = 200, k: int = 10, progress: Progress = silent) -> list[Recall]:
    """Ask for the `k` nearest of sampled products, by the graph and by scanning everything, and compare.

    The sample are the first points by id, which is a hash of the SKU: as good as drawn by lot, and the same each time.
    Raises `BadInput` for an index without points.
    """
    sample = list(islice(index.scroll(min(queries, 1000), with_vectors=True), queries))
    if not sample:
        raise BadInput("the live generation holds no points, so there is nothing to compare; ingest a feed first")
    results: list[Recall] = []
    for filtered_by, filters_of in FILTERS.items():
        progress("asking", len(results), len(FILTERS), filtered_by)
        results.append(_measured(index, filtered_by, filters_of, sample, k))
    progress("asking", len(FILTERS), len(FILTERS))
    return results


def _measured(
    index: VectorIndex,
    filtered_by: str,
    filters_of: Callable[[Card], Filters | None],
    sample: Sequence[StoredPoint],
    k: int,
) -> Recall:
    shares: list[float] = []
    times: list[tuple[float, float]] = []
    for point in sample:
        filters = filters_of(card_of(point.payload))
        if filters is None or point.dense is None:
            continue
        query = IndexQuery(limit=k + 1, dense=point.dense, filters=filters)  # the product itself comes too
        approximate, quick = _timed(index, query, point, k)
        exact, thorough = _timed(index, replace(query, exact=True), point, k)
        if exact:
            shares.append(_share(approximate, exact))
            times.append((quick, thorough))
    if not shares:
        return Recall(filtered_by, 0, 0.0, 0.0, 0.0, 0.0)
    approximate_ms, exact_ms = np.median(np.array(times), axis=0) * 1000
    return Recall(filtered_by, len(shares), float(np.mean(shares)), min(shares), float(approximate_ms), float(exact_ms))


def _timed(index: VectorIndex, query: IndexQuery, asked: StoredPoint, k: int) -> tuple[list[ScoredPoint], float]:
    started = time.perf_counter()
    answer = index.query(query)
    seconds = time.perf_counter() - started
    return [point for point in answer if point.id != asked.id][:k], seconds


def _share(approximate: Sequence[ScoredPoint], exact: Sequence[ScoredPoint]) -> float:
    bound = exact[-1].score - TIE
    return min(sum(point.score >= bound for point in approximate), len(exact)) / len(exact)
