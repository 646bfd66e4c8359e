"""Queries, filters, boosts and points in the words of the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from recommender.index.filters import (
    AnyOf,
    Between,
    Condition,
    Conditions,
    IdIn,
    StartsWith,
    boost_condition,
    conditions_of,
    identifier_condition,
)
from recommender.index.payload import CARD_FIELDS, CREATED
from recommender.index.protocol import ExampleVectors, Found, Order, Point, StoredPoint
from recommender.index.query_plan import (
    DAY_S,
    DENSE,
    FILTERED_EF,
    LEXICAL,
    NEVER,
    ORDER_FIELDS,
    Boosting,
    Plan,
    Ranking,
    Stage,
)
from recommender.query import Filters
from recommender.types import SparseVector

OVERSAMPLED = 30
"""Candidates by 4 bits that are scored again by full vectors, for a few products; for many, 1.5 times as many. Twice
the products found all of the ten nearest, without any 0.95."""

_THROUGH_FILTERED_OUT = edge.AcornSearchParams(enable=True)
"""A walk that also looks at the neighbours of neighbours that a filter takes out, where it leaves less than 0.4 of the
points. Where it leaves more, the engine walks as usual; where it leaves few, it scans them."""


def query_requests(plan: Plan, compact: bool = False) -> edge.QueryBatchRequest:
    """Return the request for all searches of a query; payloads hold what a card needs.

    `compact` says that the shard keeps vectors of 4 bits: nearer ones are found by these, and scored by the full ones.
    """
    query = plan.query
    conditions = conditions_of(query.filters, query.ids)

    def leaf(limit: int) -> dict[str, Any]:
        """Return what holds in every stage that looks at points, not at what another stage brings."""
        if not compact or query.exact:
            width = FILTERED_EF if conditions.off_graph else None
            return {"filter": _filter(conditions), "params": edge.SearchParams(exact=query.exact, hnsw_ef=width)}
        rescored = edge.QuantizationSearchParams(rescore=True, oversampling=max(1.5, OVERSAMPLED / limit))
        params = edge.SearchParams(
            hnsw_ef=FILTERED_EF if conditions else None,
            quantization=rescored,
            acorn=_THROUGH_FILTERED_OUT if conditions else None,
        )
        return {"filter": _filter(conditions), "params": params}

    payload = list(CARD_FIELDS) if query.payloads else False
    # Every candidate has a vector: those by meaning are all there are.
    shown = plan.meaning or plan.words
    return edge.QueryBatchRequest(
        [
            edge.QueryRequest(**_stage(stage, leaf), with_payload=payload if stage is shown else False)
            for stage in plan.stages
        ]
    )


def scroll_request(filters: Filters, limit: int, order: Order | None, ids: Sequence[UUID] | None) -> edge.ScrollRequest:
    """Return the request for points that match, in an order or in that of their ids."""
    direction = edge.Direction.Asc if order is Order.CHEAPEST else edge.Direction.Desc
    by = edge.OrderBy(ORDER_FIELDS[order], direction) if order else None
    return edge.ScrollRequest(limit=limit, filter=edge_filter(filters, ids), with_payload=True, order_by=by)


def identifier_request(keys: Sequence[str], partial: bool, filters: Filters, limit: int) -> edge.ScrollRequest:
    """Return the request for the points of a number, whole or begun."""
    conditions = conditions_of(filters, other=identifier_condition(keys, partial))
    return edge.ScrollRequest(limit=limit, filter=_filter(conditions), with_payload=True)


def edge_filter(filters: Filters, ids: Sequence[UUID] | None = None) -> edge.Filter | None:
    """Return filters as the engine takes them; None when they do not restrict at all."""
    return _filter(conditions_of(filters, ids))


def edge_point(point: Point) -> edge.Point:
    """Return a point as the engine takes it."""
    vectors: dict[str, edge.NamedVector] = {DENSE: point.dense}  # type: ignore[dict-item] # it takes arrays as they are
    if point.lexical.indices:
        vectors[LEXICAL] = _sparse(point.lexical)
    return edge.Point(point.id, vectors, point.payload)


def to_stored_point(record: edge.Record) -> StoredPoint:
    """Return a point that the engine gave back."""
    vectors = record.vector  # made anew each time it is read
    dense = vectors.get(DENSE) if isinstance(vectors, dict) else None
    array = None if dense is None else np.asarray(dense, dtype=np.float32)
    return StoredPoint(uuid_of(record.id), record.payload or {}, array)


def to_found(point: edge.ScoredPoint) -> Found:
    """Return a point that a search brought."""
    return Found(uuid_of(point.id), point.score, point.payload or {})


def uuid_of(identity: edge.PointId) -> UUID:
    """Return the id of a point, which the engine gives in either form."""
    return identity if isinstance(identity, UUID) else UUID(str(identity))


def _filter(conditions: Conditions) -> edge.Filter | None:
    if not conditions:
        return None
    return edge.Filter(
        must=[_condition(condition) for condition in conditions.must],
        must_not=[_condition(condition) for condition in conditions.must_not],
    )


def _condition(condition: Condition) -> edge.ConditionType:
    match condition:
        case AnyOf(field, values):
            return edge.FieldCondition(field, match=edge.MatchAny(list(values)))
        case Between(field, low, high):
            return edge.FieldCondition(field, range=edge.RangeFloat(gte=low, lte=high))
        case StartsWith(field, start):
            return edge.FieldCondition(field, match=edge.MatchPrefix(start))
        case IdIn(ids):
            return edge.HasIdCondition(set(ids))


def _stage(stage: Stage, leaf: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    sources = [edge.Prefetch(**_stage(source, leaf)) for source in stage.sources]
    own = {"prefetches": sources} if sources else {} if stage.everywhere else leaf(stage.limit)
    return {"limit": stage.limit, "query": _ranking(stage.ranking), **own}


def _ranking(ranking: Ranking) -> Any:
    match ranking:
        case SparseVector():
            return edge.Query.Nearest(_sparse(ranking), using=LEXICAL)
        case ExampleVectors():
            query = edge.RecommendQuery(
                [_dense(row) for row in ranking.liked], [_dense(row) for row in ranking.disliked]
            )
            recommend = edge.Query.RecommendBestScore if ranking.best_score else edge.Query.RecommendSumScores
            return recommend(query, using=DENSE)
        case Boosting():
            return _formula(ranking)
        case _:
            return edge.Query.Nearest(_dense(ranking), using=DENSE)


def _dense(vector: object) -> Any:
    # Arrays are taken as they are, which the stubs do not say.
    return np.asarray(vector, dtype=np.float32)


def _sparse(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(list(vector.indices), list(vector.values))


def _formula(boosting: Boosting) -> edge.Formula:
    weights = []
    for boost in boosting.boosts:
        condition = boost_condition(boost)
        if condition is None:  # newness
            fits = edge.Expression.Decay(
                edge.DecayKind.Exp,
                edge.Expression.Variable(CREATED),
                target=edge.Expression.Constant(boosting.now),
                midpoint=0.5,
                scale=boost.half_life_days * DAY_S,
            )
        else:
            fits = edge.Expression.Condition(_condition(condition))
        weights.append(edge.Expression.Mult([edge.Expression.Constant(boost.weight), fits]))
    return edge.Formula(edge.Expression.Sum(weights), {CREATED: NEVER})
