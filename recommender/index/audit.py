"""What a walk over the graph misses: approximate against exact search over one generation, with and without filters."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

import numpy as np

from recommender.errors import BadInput
from recommender.index.payload import card_of
from recommender.index.protocol import IndexQuery, ScoredPoint, StoredPoint, VectorIndex
from recommender.query import Filters
from recommender.types import JsonObject, Progress, silent

TIE = 1e-6
"""Scores closer than this are equal: neither order of two products with the same text is a mistake."""

PRICE_SPAN = Decimal("0.25")
"""The price filter admits this share below and above the product's own price, as "similar, at about this price"."""


@dataclass(frozen=True, slots=True)
class Recall:
    """How many of the exact answers the approximate search found, with one kind of filter.

    `recall` is the mean share of the exact `k` nearest that were found, `lowest` the share of the worst query. Times
    are medians in milliseconds. If no product has the field of the filter, there are no queries, and recall is 0.
    """

    filtered_by: str
    queries: int
    recall: float
    lowest: float
    approximate_ms: float
    exact_ms: float


def _price_around(payload: JsonObject) -> Filters | None:
    price = card_of(payload).price
    return None if price is None else Filters(price_min=price * (1 - PRICE_SPAN), price_max=price * (1 + PRICE_SPAN))


FILTERS: Mapping[str, Callable[[JsonObject], Filters | None]] = {
    "nothing": lambda _payload: Filters(),
    # One step above the leaf: a subtree, where the tree has more than one level.
    "category": lambda payload: (
        Filters(categories=(tuple(payload["path"][:-1] or payload["path"]),)) if payload["path"] else None
    ),
    "brand": lambda payload: Filters(brands=(payload["brand"],)) if payload["brand"] else None,
    "price": _price_around,
    "in stock": lambda _payload: Filters(in_stock=True),
    "attribute": lambda payload: (
        Filters(attributes=tuple((name, (value,)) for name, value in islice(payload["attributes"].items(), 1)))
        if payload.get("attributes")
        else None
    ),
    "price, in stock": lambda payload: (filters := _price_around(payload)) and replace(filters, in_stock=True),
}
"""For each kind of filter: the filter of a product's query, from its payload; None if the product lacks the field."""


def audit(index: VectorIndex, queries: int = 200, k: int = 10, progress: Progress = silent) -> list[Recall]:
    """Ask for the `k` nearest of sampled products, by the graph and by scanning everything, and compare.

    The sample is the first points by id. An id is a hash of the SKU, so this is as good as a random sample, and the
    same each time. Raises `BadInput` for an index without points.
    """
    sample = list(islice(index.scroll(min(queries, 1000), with_vectors=True), queries))
    if not sample:
        raise BadInput("the live generation holds no points, so there is nothing to compare; ingest a feed first")
    results: list[Recall] = []
    for filtered_by, filters_of in FILTERS.items():
        progress("searching", len(results), len(FILTERS), filtered_by)
        shares: list[float] = []
        times: list[tuple[float, float]] = []
        for point in sample:
            filters = filters_of(point.payload)
            if filters is None or point.dense is None:
                continue
            query = IndexQuery(limit=k + 1, dense=point.dense, filters=filters)  # the product itself is found too
            approximate, seconds = _neighbours(index, query, point)
            exact, exact_seconds = _neighbours(index, replace(query, exact=True), point)
            if exact:
                bound = exact[-1].score - TIE
                shares.append(min(sum(near.score >= bound for near in approximate), len(exact)) / len(exact))
                times.append((seconds, exact_seconds))
        approximate_ms, exact_ms = np.median(np.array(times or [(0.0, 0.0)]), axis=0) * 1000
        mean, lowest = (float(np.mean(shares)), min(shares)) if shares else (0.0, 0.0)
        results.append(Recall(filtered_by, len(shares), mean, lowest, float(approximate_ms), float(exact_ms)))
    progress("searching", len(FILTERS), len(FILTERS))
    return results


def _neighbours(index: VectorIndex, query: IndexQuery, about: StoredPoint) -> tuple[list[ScoredPoint], float]:
    """Return the nearest points, without the one that the query is about, and the seconds that it took."""
    started = time.perf_counter()
    answer = index.query(query)
    seconds = time.perf_counter() - started
    return [point for point in answer if point.id != about.id][: query.limit - 1], seconds
