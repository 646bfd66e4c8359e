"""Translates queries, filters, boosts and points for the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
from recommender.index.payload import CREATED
from recommender.index.protocol import ExampleVectors, Order, Point, ScoredPoint, StoredPoint
from recommender.index.query_plan import (
    DAY_S,
    DENSE,
    FILTERED_EF,
    LEXICAL,
    NEVER,
    ORDER_FIELDS,
    USUAL_EF,
    Boosting,
    Plan,
    Ranking,
    Scores,
)
from recommender.query import Filters
from recommender.types import SparseVector

OVERSAMPLED = 66
"""The fewest candidates by 4 bits that are scored again by full vectors; for many products, 1.5 times as many as are
asked for. Of 2,013 products a hundred times each, with a little noise, 66 found 0.998 of the ten nearest and 30 found
0.975, in the same time."""

COMPACT_EF = 150
"""The fewest candidates of a walk through 4 bits. With the usual 100, one query in 200 there found nothing near."""

_THROUGH_FILTERED_OUT = edge.AcornSearchParams(enable=True)
"""A walk that also looks at the neighbours of neighbours that a filter takes out, used if the filter leaves less than
0.4 of the points. If it leaves more, the engine walks as usual; if it leaves few, it scans them."""

_EXACT = edge.SearchParams(exact=True)


class BatchedSearch:
    """The two batches in which a plan is asked: first both lists, then, by id, the scores that each list lacks.

    If the plan were asked as stages with sources, the engine would search the sources again for each stage, and a scan
    or a walk under a filter is most of the work of a query. `compact` says that the shard keeps vectors of 4 bits: near
    points are found by these, and scored by the full ones. `best_of_terms` has the best scores of words that were asked
    for before, and takes those that are asked for now. `estimate` says about how many points a filter leaves.
    """

    def __init__(
        self,
        plan: Plan,
        best_of_terms: dict[SparseVector, float],
        estimate: Callable[[edge.Filter | None], int],
        compact: bool = False,
    ) -> None:
        lists = [stage for stage in (plan.meaning, plan.words) if stage is not None]
        self._plan = plan
        leaves = [stage.sources[at] if stage.sources else stage for at, stage in enumerate(lists)]
        self._rankings = [_ranking(leaf.ranking) for leaf in leaves]  # both batches rank by them
        self._found: list[Scores] = []
        self._lacking: list[set[int]] = []
        conditions = conditions_of(plan.query.filters, plan.query.ids)
        where = _filter(conditions)
        width = COMPACT_EF if compact else None
        if (conditions if compact else conditions.off_graph) and not plan.query.exact:  # a filter takes edges away
            width = max(width or 0, min(FILTERED_EF, USUAL_EF * estimate(None) // max(1, estimate(where))))
        self.requests: list[edge.QueryRequest] = []
        for leaf, ranking in zip(leaves, self._rankings, strict=True):
            if compact and not plan.query.exact:
                how = edge.SearchParams(
                    hnsw_ef=width,
                    quantization=edge.QuantizationSearchParams(
                        rescore=True, oversampling=max(1.5, OVERSAMPLED / leaf.limit)
                    ),
                    acorn=_THROUGH_FILTERED_OUT if conditions else None,
                )
            else:
                how = edge.SearchParams(exact=plan.query.exact, hnsw_ef=width)
            self.requests.append(
                edge.QueryRequest(leaf.limit, query=ranking, with_payload=False, filter=where, params=how)
            )
        self._best_of_terms = best_of_terms
        self._new_terms = [term for term in plan.terms if term not in best_of_terms]
        self.requests += [edge.QueryRequest(1, query=_ranking(term), with_payload=False) for term in self._new_terms]

    def requests_by_id(self, answers: Sequence[Sequence[edge.ScoredPoint]]) -> list[edge.QueryRequest]:
        """Take the answers to the first batch, and return the requests of the second."""
        lists, best = answers[: len(self._rankings)], answers[len(self._rankings) :]
        for term, points in zip(self._new_terms, best, strict=True):
            self._best_of_terms[term] = points[0].score if points else 0.0
        self._found = [_read_scores(points) for points in lists]
        union = set[int]().union(*self._found)
        self._lacking = [union - scores.keys() for scores in self._found]
        requests = [
            edge.QueryRequest(len(ids), query=ranking, with_payload=False, params=_EXACT, filter=_among(ids))
            for ranking, ids in zip(self._rankings, self._lacking, strict=True)
            if ids
        ]
        if self._plan.boosts is not None and union:
            candidates = edge.Prefetch(len(union), query=self._rankings[0], params=_EXACT, filter=_among(union))
            boosts = _ranking(self._plan.boosts.ranking)
            requests.append(edge.QueryRequest(len(union), query=boosts, prefetches=[candidates], with_payload=False))
        return requests

    def combine(self, by_id: Sequence[Sequence[edge.ScoredPoint]]) -> list[ScoredPoint]:
        """Take the answers to the second batch, and return the points that answer the plan."""
        rest = map(_read_scores, by_id)
        joined = [
            scores | next(rest) if ids else scores for scores, ids in zip(self._found, self._lacking, strict=True)
        ]
        boosted = [next(rest, {})] if self._plan.boosts is not None else []
        return self._plan.combine([*joined, *boosted], [self._best_of_terms[term] for term in self._plan.terms])


def _read_scores(points: Sequence[edge.ScoredPoint]) -> Scores:
    return {int(point.id): point.score for point in points}


def scroll_request(filters: Filters, limit: int, order: Order | None, ids: Sequence[int] | None) -> edge.ScrollRequest:
    """Return the request for points that match, in an order or in the order of their ids."""
    direction = edge.Direction.Asc if order is Order.CHEAPEST else edge.Direction.Desc
    by = edge.OrderBy(ORDER_FIELDS[order], direction) if order else None
    return edge.ScrollRequest(limit=limit, filter=edge_filter(filters, ids), with_payload=True, order_by=by)


def identifier_request(keys: Sequence[str], partial: bool, filters: Filters, limit: int) -> edge.ScrollRequest:
    """Return the request for the points with a number, whole or by its beginning."""
    conditions = conditions_of(filters, other=identifier_condition(keys, partial))
    return edge.ScrollRequest(limit=limit, filter=_filter(conditions), with_payload=True)


def edge_filter(filters: Filters, ids: Sequence[int] | None = None) -> edge.Filter | None:
    """Translate filters for the engine; None if they restrict nothing."""
    return _filter(conditions_of(filters, ids))


def edge_point(point: Point) -> edge.Point:
    """Translate a point for the engine."""
    vectors: dict[str, edge.NamedVector] = {DENSE: point.dense}  # type: ignore[dict-item] # it takes arrays as they are
    if point.lexical.indices:
        vectors[LEXICAL] = _sparse(point.lexical)
    return edge.Point(point.id, vectors, point.payload)


def to_stored_point(record: edge.Record) -> StoredPoint:
    """Translate a point that the engine returned."""
    vectors = record.vector  # the engine makes it again each time it is read
    dense = vectors.get(DENSE) if isinstance(vectors, dict) else None
    array = None if dense is None else np.asarray(dense, dtype=np.float32)
    return StoredPoint(int(record.id), record.payload or {}, array)


def _among(ids: set[int]) -> edge.Filter:
    return edge.Filter(must=[edge.HasIdCondition(set(ids))])


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
            weights = []
            for boost in ranking.boosts:
                condition = boost_condition(boost)
                if condition is None:  # newness
                    fits = edge.Expression.Decay(
                        edge.DecayKind.Exp,
                        edge.Expression.Variable(CREATED),
                        target=edge.Expression.Constant(ranking.now),
                        midpoint=0.5,
                        scale=boost.half_life_days * DAY_S,
                    )
                else:
                    fits = edge.Expression.Condition(_condition(condition))
                weights.append(edge.Expression.Mult([edge.Expression.Constant(boost.weight), fits]))
            return edge.Formula(edge.Expression.Sum(weights), {CREATED: NEVER})
        case _:
            return edge.Query.Nearest(_dense(ranking), using=DENSE)


def _dense(vector: object) -> Any:
    # Arrays are accepted as they are, though the stubs do not say so.
    return np.asarray(vector, dtype=np.float32)


def _sparse(vector: SparseVector) -> edge.SparseVector:
    return edge.SparseVector(list(vector.indices), list(vector.values))
