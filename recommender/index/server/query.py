"""Translates queries, filters and boosts for a Qdrant server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qdrant_client import models

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
from recommender.index.protocol import ExampleVectors, Order
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

_RESCORED = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
"""In a quantised collection, twice as many candidates are scored again with their full vectors. Others ignore it."""

Arguments = dict[str, Any]


def query_requests(plan: Plan) -> list[models.QueryRequest]:
    """Return the requests of one batch for all searches of a query; payloads hold what a card needs."""
    conditions = conditions_of(plan.query.filters, plan.query.ids)
    width = FILTERED_EF if conditions.off_graph else None
    # For stages that look at points, not for stages that rank what others found.
    params = models.SearchParams(exact=plan.query.exact, hnsw_ef=width, quantization=_RESCORED)
    leaf = {"filter": _filter(conditions), "params": params}
    # Every point has a vector, so those by meaning, the first stage, are all the candidates.
    return [
        models.QueryRequest(**_stage(stage, leaf), with_payload=False if at else list(CARD_FIELDS))
        for at, stage in enumerate(plan.stages)
    ] + [models.QueryRequest(limit=1, **_ranking(term), with_payload=False) for term in plan.terms]


def server_order(order: Order | None) -> models.OrderBy | None:
    """Translate an order for the server."""
    direction = models.Direction.ASC if order is Order.CHEAPEST else models.Direction.DESC
    return models.OrderBy(key=ORDER_FIELDS[order], direction=direction) if order else None


def server_filter(filters: Filters, ids: Sequence[int] | None = None) -> models.Filter | None:
    """Translate filters for the server; None if they restrict nothing."""
    return _filter(conditions_of(filters, ids))


def identifier_filter(keys: Sequence[str], partial: bool, filters: Filters) -> models.Filter | None:
    """Return the filter for the points with a number, whole or by its beginning."""
    return _filter(conditions_of(filters, other=identifier_condition(keys, partial)))


def _filter(conditions: Conditions) -> models.Filter | None:
    if not conditions:
        return None
    return models.Filter(
        must=[_condition(condition) for condition in conditions.must],
        must_not=[_condition(condition) for condition in conditions.must_not],
    )


def server_sparse(vector: SparseVector) -> models.SparseVector:
    """Translate a sparse vector for the server."""
    return models.SparseVector(indices=list(vector.indices), values=list(vector.values))


def _stage(stage: Stage, leaf: Arguments) -> Arguments:
    own = {"limit": stage.limit, **_ranking(stage.ranking)}
    if not stage.sources:
        return own | leaf
    return own | {"prefetch": [models.Prefetch(**_stage(source, leaf)) for source in stage.sources]}


def _ranking(ranking: Ranking) -> Arguments:
    match ranking:
        case SparseVector():
            return {"query": server_sparse(ranking), "using": LEXICAL}
        case ExampleVectors():
            kinds = models.RecommendStrategy
            examples = models.RecommendInput(
                positive=ranking.liked.tolist(),
                negative=ranking.disliked.tolist(),
                strategy=kinds.BEST_SCORE if ranking.best_score else kinds.SUM_SCORES,
            )
            return {"query": models.RecommendQuery(recommend=examples), "using": DENSE}
        case Boosting():
            weights: list[Any] = []
            for boost in ranking.boosts:
                condition = boost_condition(boost)
                if condition is None:  # newness
                    age = models.DecayParamsExpression(
                        x=CREATED, target=ranking.now, midpoint=0.5, scale=boost.half_life_days * DAY_S
                    )
                    fits: Any = models.ExpDecayExpression(exp_decay=age)
                else:
                    fits = _condition(condition)
                weights.append(models.MultExpression(mult=[float(boost.weight), fits]))
            return {"query": models.FormulaQuery(formula=models.SumExpression(sum=weights), defaults={CREATED: NEVER})}
        case _:
            return {"query": ranking.tolist(), "using": DENSE}


def _condition(condition: Condition) -> models.FieldCondition | models.HasIdCondition:
    match condition:
        case AnyOf(field, values):
            return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))
        case Between(field, low, high):
            return models.FieldCondition(key=field, range=models.Range(gte=low, lte=high))
        case StartsWith(field, start):
            # By an index whose tokens are the beginnings of values (`FieldKind.PREFIX`).
            return models.FieldCondition(key=field, match=models.MatchText(text=start))
        case IdIn(ids):
            return models.HasIdCondition(has_id=list(ids))
