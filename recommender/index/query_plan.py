"""What the engines share in answering a query and in taking points in."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from recommender.errors import BadInput, UsageError
from recommender.index.payload import CREATED, POPULARITY
from recommender.index.protocol import Examples, Fusion, IndexQuery, Order, Point
from recommender.query import Boost
from recommender.types import SparseVector

DENSE = "dense"
LEXICAL = "lexical"
"""Names of the two vectors of a point."""

RRF_K = 60
"""Of reciprocal rank fusion: a point scores the sum of 1 / (k + rank), rank counted from 0. On a catalogue with human
grades k = 60 gave nDCG@10 0.752, the engine's own k = 2 gave 0.717."""

HNSW_M = 16
HNSW_EF_CONSTRUCT = 100
"""Edges of a point in the graph, and candidates looked at when it is built: the engine's defaults, written down."""

INDEXING_THRESHOLD_KB = 10_000
"""Vectors that are scanned before a graph is worth building: 6,700 of 384 dimensions, scanned in about half a
millisecond."""

FULL_SCAN_THRESHOLD_KB = 10_000
"""A filter that leaves less than this is answered by scanning what it leaves, which is exact."""

FILTERED_EF = 200
"""Candidates of a walk under a filter on a field without graph edges; else the engine's 100. On 50,000 clustered
points an attribute that every sixth has let 100 find 0.93 of the ten nearest, 200 find 0.99 in 1.2 times the time.
ACORN, which goes over the neighbours that a filter takes out, found as many in three times the time."""

DAY_S = 86_400.0

ORDER_FIELDS = {Order.NEWEST: CREATED, Order.POPULAR: POPULARITY}
"""The field that each order goes by, from its largest value down."""

DIVERSE_FLOOR = 50
DIVERSE_FACTOR = 5
"""Candidates that a diverse answer is chosen from: so many times its length, and at least the floor."""

NEVER = -1e15
"""When a product of unknown age was first seen, in seconds since 1970: so long ago that no half-life shows it."""


class Route(StrEnum):
    """Which of its vectors a query is answered by."""

    DENSE = "dense"
    LEXICAL = "lexical"
    FUSED = "fused"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Boosting:
    """Multiplies the score by 1 plus the weights of the boosts that fit, as of a time in seconds since 1970."""

    boosts: tuple[Boost, ...]
    now: float


@dataclass(frozen=True, slots=True)
class Diversifying:
    """Chooses from candidates by maximal marginal relevance: nearness to `vector`, and distance from those chosen."""

    vector: NDArray[np.float32]
    diversity: float
    candidates: int


Ranking = NDArray[np.float32] | Examples | SparseVector | Fusion | Boosting | Diversifying
"""What a stage ranks by: a dense vector, examples, words, or what it makes of the stages before it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a query: the `limit` best by `ranking`, of what `sources` bring or, without them, of all points.

    The filters of a query hold in the stages that have no sources.
    """

    ranking: Ranking
    limit: int
    sources: tuple[Stage, ...] = ()
    min_score: float | None = None


def route_of(query: IndexQuery) -> Route:
    """Decide how a query is answered. One without a single word (all stop words) leaves the fusion nothing to fuse.

    Raises `UsageError` when it has neither vector, asks for less than one point, or for what does not fit together.
    """
    _check(query)
    has_words = query.lexical is not None and bool(query.lexical.indices)
    if query.ids is not None and not query.ids:
        return Route.NOTHING
    if query.dense is None and query.examples is None:
        return Route.LEXICAL if has_words else Route.NOTHING
    return Route.FUSED if has_words else Route.DENSE


def plan_of(query: IndexQuery) -> Stage | None:
    """Return the last stage of a query, with those before it as its sources; None when nothing can answer it.

    Raises `UsageError` as `route_of` does.
    """
    route = route_of(query)
    if route is Route.NOTHING:
        return None
    stage = _relevance(query, route)
    if query.boosts:
        stage = Stage(Boosting(query.boosts, time.time()), _chosen_from(query), (stage,))
    if query.diversity:
        ranking = Diversifying(_direction(query), query.diversity, _chosen_from(query))
        stage = Stage(ranking, query.limit, (stage,))
    return stage


def candidates_of(query: IndexQuery) -> int:
    """Return how many candidates each list brings to the fusion: never fewer than the answer may need."""
    return max(query.prefetch, _chosen_from(query))


def _chosen_from(query: IndexQuery) -> int:
    """Return how many points relevance and boosts leave: the answer, or what a diverse one is chosen from."""
    return max(DIVERSE_FLOOR, DIVERSE_FACTOR * query.limit) if query.diversity else query.limit


def _relevance(query: IndexQuery, route: Route) -> Stage:
    brought = candidates_of(query)
    lists = [Stage(ranking, brought) for ranking in _rankings(query)]
    # A boost may lift whatever the lists bring.
    limit = brought * len(lists) if query.boosts else _chosen_from(query)
    if route is Route.FUSED:
        return Stage(query.fusion, limit, tuple(lists), query.filters.min_score)
    return Stage(lists[0].ranking, limit, (), query.filters.min_score)


def _rankings(query: IndexQuery) -> list[Ranking]:
    found: list[Ranking] = []
    if query.examples is not None:
        found.append(query.examples)
    elif query.dense is not None:
        found.append(query.dense)
    if query.lexical is not None and query.lexical.indices:
        found.append(query.lexical)
    return found


def _direction(query: IndexQuery) -> NDArray[np.float32]:
    if query.examples is not None:
        return np.asarray(query.examples.liked.mean(axis=0), dtype=np.float32)
    return np.asarray(query.dense, dtype=np.float32)


def _check(query: IndexQuery) -> None:
    if query.limit < 1:
        raise UsageError(f"a query for {query.limit} points; ask for 1 or more")
    if query.dense is not None and query.examples is not None:
        raise UsageError("a query with a vector and examples; give one of them")
    if query.dense is None and query.examples is None and query.lexical is None:
        raise UsageError("a query without a vector; give `dense`, `examples` or `lexical`")
    if query.examples is not None and not len(query.examples.liked):
        raise UsageError("examples without a liked one; give at least one")
    if not 0 <= query.diversity <= 1:
        raise UsageError(f"a diversity of {query.diversity}; give 0 to 1")
    if query.diversity and query.dense is None and query.examples is None:
        raise UsageError("diversity needs vectors; a query by words alone has none")
    for boost in query.boosts:
        _check_boost(boost)


def _check_boost(boost: Boost) -> None:
    if not math.isfinite(boost.weight):
        raise UsageError(f"a boost with the weight {boost.weight}; give a number")
    if not (math.isfinite(boost.half_life_days) and boost.half_life_days > 0):
        raise UsageError(f"a boost with a half-life of {boost.half_life_days} days; give more than 0")


def check_points(points: Sequence[Point], dimension: int) -> None:
    """Raise `BadInput` for a vector of another length or with a component that is not finite.

    The engines do not refuse these cleanly: one keeps the point without its vector, and a NaN ends up in the graph.
    """
    for point in points:
        if point.dense.shape != (dimension,):
            raise BadInput(
                f"point {point.id}: a vector of shape {point.dense.shape}, expected ({dimension},); "
                "encode with the model of this generation"
            )
        if not np.isfinite(point.dense).all():
            raise BadInput(f"point {point.id}: a vector with NaN or infinity; check the model that made it")
