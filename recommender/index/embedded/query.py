"""Queries, filters and boosts in the words of the embedded engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from recommender.index.filters import AnyOf, Between, Condition, Conditions, IdIn, boosted_by, conditions_of
from recommender.index.payload import CARD_FIELDS, CREATED
from recommender.index.protocol import Examples, Fusion, IndexQuery, Order
from recommender.index.query_plan import (
    DAY_S,
    DENSE,
    FILTERED_EF,
    LEXICAL,
    NEVER,
    ORDER_FIELDS,
    RRF_K,
    Boosting,
    Diversifying,
    Ranking,
    Stage,
)
from recommender.query import Boost, Filters
from recommender.types import SparseVector

_SCORE = edge.Expression.Variable("$score")
"""What the stage before a formula gave a point."""


def query_request(query: IndexQuery, last: Stage) -> edge.QueryRequest:
    """Return the request for the last stage of a query and those before it; payloads hold what a card needs."""
    payload = list(CARD_FIELDS) if query.payloads else False
    return edge.QueryRequest(**_stage(last, _leaf(query)), with_payload=payload)


def scroll_request(filters: Filters, limit: int, order: Order | None, ids: Sequence[UUID] | None) -> edge.ScrollRequest:
    """Return the request for points that match, in an order or in that of their ids."""
    by = edge.OrderBy(ORDER_FIELDS[order], edge.Direction.Desc) if order else None
    return edge.ScrollRequest(limit=limit, filter=edge_filter(filters, ids), with_payload=True, order_by=by)


def edge_filter(filters: Filters, ids: Sequence[UUID] | None = None) -> edge.Filter | None:
    """Return filters as the engine takes them; None when they do not restrict at all."""
    return _filter(conditions_of(filters, ids))


def _filter(conditions: Conditions) -> edge.Filter | None:
    if not conditions:
        return None
    return edge.Filter(
        must=[_condition(condition) for condition in conditions.must],
        must_not=[_condition(condition) for condition in conditions.must_not],
    )


def edge_sparse(vector: SparseVector) -> edge.SparseVector:
    """Return a sparse vector as the engine takes it."""
    return edge.SparseVector(list(vector.indices), list(vector.values))


def _leaf(query: IndexQuery) -> dict[str, Any]:
    """Return what holds in every stage that looks at points, not at what another stage brings."""
    conditions = conditions_of(query.filters, query.ids)
    width = FILTERED_EF if conditions.off_graph else None
    return {"filter": _filter(conditions), "params": edge.SearchParams(exact=query.exact, hnsw_ef=width)}


def _stage(stage: Stage, leaf: dict[str, Any]) -> dict[str, Any]:
    sources = [edge.Prefetch(**_stage(source, leaf)) for source in stage.sources]
    own = {"prefetches": sources} if sources else leaf
    return {"limit": stage.limit, "query": _ranking(stage.ranking), "score_threshold": stage.min_score, **own}


def _ranking(ranking: Ranking) -> Any:
    match ranking:
        case SparseVector():
            return edge.Query.Nearest(edge_sparse(ranking), using=LEXICAL)
        case Examples():
            return _recommend(ranking)
        case Fusion():
            return edge.Fusion.Rrf(k=RRF_K) if ranking is Fusion.RRF else edge.Fusion.Dbsf()
        case Boosting():
            return _formula(ranking)
        case Diversifying():
            return edge.Mmr(_vector(ranking.vector), 1 - ranking.diversity, ranking.candidates, using=DENSE)
        case _:
            return edge.Query.Nearest(_vector(ranking), using=DENSE)


def _recommend(examples: Examples) -> edge.Query:
    query = edge.RecommendQuery([_vector(row) for row in examples.liked], [_vector(row) for row in examples.disliked])
    if examples.best_score:
        return edge.Query.RecommendBestScore(query, using=DENSE)
    return edge.Query.RecommendSumScores(query, using=DENSE)


def _vector(vector: object) -> Any:
    # Arrays are taken as they are, which the stubs do not say.
    return np.asarray(vector, dtype=np.float32)


def _formula(boosting: Boosting) -> edge.Formula:
    # score + |score| * weights, not score * (1 + weights): a negative score is lifted by a positive weight, too. Below
    # -1 they would turn the order of what they push down around.
    weights = [_weighted(boost, boosting.now) for boost in boosting.boosts]
    bounded = edge.Expression.Max([edge.Expression.Sum(weights), edge.Expression.Constant(-1.0)])
    moved = edge.Expression.Mult([edge.Expression.Abs(_SCORE), bounded])
    return edge.Formula(edge.Expression.Sum([_SCORE, moved]), {CREATED: NEVER})


def _weighted(boost: Boost, now: float) -> edge.Expression:
    condition = boosted_by(boost)
    fits = _newness(boost, now) if condition is None else edge.Expression.Condition(_condition(condition))
    return edge.Expression.Mult([edge.Expression.Constant(boost.weight), fits])


def _newness(boost: Boost, now: float) -> edge.Expression:
    return edge.Expression.Decay(
        edge.DecayKind.Exp,
        edge.Expression.Variable(CREATED),
        target=edge.Expression.Constant(now),
        midpoint=0.5,
        scale=boost.half_life_days * DAY_S,
    )


def _condition(condition: Condition) -> edge.ConditionType:
    match condition:
        case AnyOf(field, values):
            return edge.FieldCondition(field, match=edge.MatchAny(list(values)))
        case Between(field, low, high):
            return edge.FieldCondition(field, range=edge.RangeFloat(gte=low, lte=high))
        case IdIn(ids):
            return edge.HasIdCondition(set(ids))
