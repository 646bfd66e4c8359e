"""A query as searches that every engine translates for itself, and how their answers become one list."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from recommender.errors import BadInput, UsageError
from recommender.index.payload import CREATED, POPULARITY, PRICE
from recommender.index.protocol import ExampleVectors, IndexQuery, Order, Point, ScoredPoint
from recommender.query import Boost
from recommender.types import JsonObject, SparseVector

DENSE = "dense"
LEXICAL = "lexical"
"""Names of the two vectors of a point."""

HNSW_M = 16
HNSW_EF_CONSTRUCT = 100
"""Edges of a point in the graph, and candidates looked at when it is built. These are the engine's defaults, written
down."""

INDEXING_THRESHOLD_KB = 10_000
"""Vectors that are scanned before a graph is worth building: 6,700 of 384 dimensions, scanned in about half a
millisecond."""

FULL_SCAN_THRESHOLD_KB = 10_000
"""If a filter leaves less than this, the points that it leaves are scanned, which is exact."""

USUAL_EF = 100
"""Candidates of a walk: the engine's default."""

FILTERED_EF = 200
"""The most candidates of a walk under a filter on a field without graph edges. For an attribute that
one in six of 50,000 clustered points has, 100 found 0.93 of the ten nearest; 200 found 0.99 in 1.2 times the time.
ACORN, which walks through neighbours that a filter takes out, found as many in three times the time."""

DAY_S = 86_400.0

ORDER_FIELDS = {Order.NEWEST: CREATED, Order.POPULAR: POPULARITY, Order.CHEAPEST: PRICE, Order.DEAREST: PRICE}
"""The field of each order: the largest value first, except for the cheapest."""

MAX_TERMS = 32
"""The most terms whose best weight is asked for. Of a pasted text with hundreds of terms, only every n-th is asked
for."""

FREE_TERMS = 2
"""In a search of no more words than this, meaning keeps its whole share."""

PER_TERM = 0.3
"""What each further word takes of that share: a long text names what it wants, a short one leaves it open."""

MOST_OF_TERMS = 0.9
"""The most that all further words together take of that share."""

CROWD = 49
"""Products behind the best one by words that it is compared with."""

OF_LEAD = 0.5
"""What words take of the share of meaning if none of these products has any of the words."""

NEVER = -1e15
"""When a product of unknown age counts as first seen, in seconds since 1970: so long ago that no half-life lifts it."""


@dataclass(frozen=True, slots=True)
class Boosting:
    """Scores a point by the sum of the weights of the boosts that fit, at a time in seconds since 1970."""

    boosts: tuple[Boost, ...]
    now: float


Scores = dict[int, float]
"""The ids of the points that one search found and their scores, best first."""

Ranking = NDArray[np.float32] | ExampleVectors | SparseVector | Boosting
"""What a stage ranks by: a dense vector, examples, words, or boosts."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One search: the `limit` best by `ranking`, among the answers of `sources` or, without them, among all points.

    The filters of a query apply to the stages without sources.
    """

    ranking: Ranking
    limit: int
    sources: tuple[Stage, ...] = ()


MOST_STOOD_FOR = 2
"""Words that a compound, or two words joined, stand for. In a longer text whose own words are all unknown, they are
only a part of what was asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The searches that answer a query. None depends on the answer to another: an engine is asked for all at once.

    `meaning` and `words` are the candidates; if there are both, each scores what either of them found. `terms` are the
    words, each alone, for which the best score of any product is asked for, whatever the filters: together these are
    the most that the words of the query could reach, and words are scaled by that. Scaled by the query's own best, a
    product with one word of five would count as much as one that has all of them.
    """

    query: IndexQuery
    meaning: Stage | None
    words: Stage | None
    boosts: Stage | None
    terms: tuple[SparseVector, ...]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The searches for products, in the order in which `combine` takes their answers."""
        return tuple(stage for stage in (self.meaning, self.words, self.boosts) if stage is not None)

    def combine(
        self,
        answers: Iterable[Scores],
        best_of_terms: Sequence[float],
        payloads: Mapping[int, JsonObject] = MappingProxyType({}),
    ) -> list[ScoredPoint]:
        """Join the answers to one list: (weight * words + (1 - weight) * meaning) * boosts, best first.

        `answers` are those to `meaning`, `words` and `boosts`, `best_of_terms` the best score of each of `terms`, 0 if
        no product has the word.
        """
        rest = iter(answers)
        by_meaning, by_words, by_boosts = (
            next(rest) if stage is not None else {} for stage in (self.meaning, self.words, self.boosts)
        )
        reach = self._reach(best_of_terms, max(by_words.values(), default=0.0))
        words = {identity: min(1.0, score / reach) for identity, score in by_words.items()}
        meaning = {identity: self._read_cosine(score) for identity, score in by_meaning.items()}
        # Weights below -1 would reverse the order of what they push down.
        boosts = {identity: 1 + max(-1.0, score) for identity, score in by_boosts.items()}
        weight, lexical, least = self.query.words_weight, self.query.lexical, self.query.filters.min_score
        if self.query.adapt and lexical is not None and 0 < weight < 1:
            own = len(lexical.indices) - len(self.query.alternatives)
            weight = weigh_words(weight, own, words.values())
        rows = []
        for identity in words | meaning:
            of_words, of_meaning = words.get(identity, 0.0), meaning.get(identity, 0.0)
            score = weight * of_words + (1 - weight) * of_meaning
            if least is None or score >= least:
                rows.append((-score * boosts.get(identity, 1.0), identity, of_words, of_meaning))
        rows.sort()
        return [
            ScoredPoint(identity, -below, of_words, of_meaning, weight, payloads.get(identity))
            for below, identity, of_words, of_meaning in rows[: self.query.limit]
        ]

    def _read_cosine(self, score: float) -> float:
        """Return the cosine, from 0 to 1, behind the engine's score of a point; a negative one counts as 0.

        For examples whose similarities are summed, it is the mean, for which the cosine x to a disliked one is 1 - x.
        """
        examples = self.query.examples
        if examples is not None and examples.best_score:
            # The engine's score of a cosine x is (x / (1 + |x|) + 1) / 2, and negative if a disliked one is nearer.
            squashed = 2 * score - 1
            score = squashed / (1 - abs(squashed)) if score > 0 else 0.0
        elif examples is not None:
            # A sum over n liked and m disliked ones is between -m and n, if no cosine is negative.
            score = (score + len(examples.disliked)) / (len(examples.liked) + len(examples.disliked))
        return min(1.0, max(0.0, score))

    def _reach(self, best: Sequence[float], most: float) -> float:
        """Return the most that the words could reach. A word of no product counts as rare as the rarest known one.

        If no product has any of the words, but some have what stands for them (a compound for its last word, or two
        words joined), the most is what these reach, `most`, and more for a text of more than two words.
        """
        if self.query.lexical is None or not any(best):
            return 1.0
        values = self.query.lexical.values[:: _every(self.query.lexical)]
        if self.query.alternatives:
            indices = self.query.lexical.indices[:: _every(self.query.lexical)]
            own = [at for at, index in enumerate(indices) if index not in self.query.alternatives]
            if not any(best[at] for at in own):
                return most * max(1.0, len(own) / MOST_STOOD_FOR)
            best, values = [best[at] for at in own], tuple(values[at] for at in own)
        rarest = max(weight / value for weight, value in zip(best, values, strict=True))
        reach = sum(weight or rarest * value for weight, value in zip(best, values, strict=True))
        return reach * (1 if self.query.alternatives else sum(self.query.lexical.values) / sum(values))


def weigh_words(least: float, terms: int, scores: Iterable[float]) -> float:
    """Return the weight of words in one search of `terms` words, from the lowest weight that the shop gives them.

    `scores` are those of its candidates by words. Two things show that words are meant literally: there are many of
    them, or one product has far more of them than those behind it. If hundreds of products have all of them, meaning
    decides. Measured on six catalogues, see docs/relevance.md.
    """
    best, *crowd = sorted(scores, reverse=True)[: CROWD + 1] or (0.0,)
    if best <= 0:
        return least
    left = 1 - min(MOST_OF_TERMS, PER_TERM * max(0, terms - FREE_TERMS))
    ahead = 1 - sum(crowd) / CROWD / best
    return 1 - (1 - least) * left * (1 - OF_LEAD * ahead)


def plan_of(query: IndexQuery) -> Plan | None:
    """Return the searches that answer a query; None when nothing can answer it.

    A text of stop words alone leaves one list of candidates, or none. Raises `UsageError` when the query has nothing to
    rank by, or its parts do not fit together.
    """
    if query.limit < 1:
        raise UsageError(f"a query for {query.limit} points; ask for 1 or more")
    if query.dense is not None and query.examples is not None:
        raise UsageError("a query with a vector and examples; give one of them")
    if query.dense is None and query.examples is None and query.lexical is None:
        raise UsageError("a query without a vector; give `dense`, `examples` or `lexical`")
    if query.examples is not None and not len(query.examples.liked):
        raise UsageError("examples without a liked one; give at least one")
    if not 0 <= query.words <= 1:
        raise UsageError(f"the words weigh {query.words}; give 0 to 1")
    for boost in query.boosts:
        if not math.isfinite(boost.weight):
            raise UsageError(f"a boost with the weight {boost.weight}; give a number")
        if not (math.isfinite(boost.half_life_days) and boost.half_life_days > 0):
            raise UsageError(f"a boost with a half-life of {boost.half_life_days} days; give more than 0")
    dense = query.dense if query.examples is None else query.examples
    words = query.lexical if query.lexical is not None and query.lexical.indices else None
    if (dense is None and words is None) or (query.ids is not None and not query.ids):
        return None
    several = (dense is not None and words is not None) or query.boosts
    limit = max(query.prefetch, query.limit) if several else query.limit
    sources = tuple(Stage(ranking, limit) for ranking in (dense, words) if ranking is not None)
    if len(sources) > 1:
        # Each list also scores what the other found: a candidate scored by one list only would rank too low.
        scored = [Stage(source.ranking, len(sources) * limit, sources) for source in sources]
    else:
        scored = list(sources)
    boosts = None
    if query.boosts:
        boosts = Stage(Boosting(query.boosts, time.time()), len(sources) * limit, sources)
    terms: tuple[SparseVector, ...] = ()
    if words is not None:
        pairs = list(zip(words.indices, words.values, strict=True))[:: _every(words)]
        terms = tuple(SparseVector((index,), (value,)) for index, value in pairs)
    return Plan(query, None if dense is None else scored[0], None if words is None else scored[-1], boosts, terms)


def _every(words: SparseVector) -> int:
    return -(-len(words.indices) // MAX_TERMS)


def check_points(points: Sequence[Point], dimension: int) -> None:
    """Raise `BadInput` for a vector of another length or with a component that is not finite.

    The engines do not refuse these: one keeps the point without its vector, and a NaN gets into the graph.
    """
    for point in points:
        if point.dense.shape != (dimension,):
            raise BadInput(
                f"point {point.id}: a vector of shape {point.dense.shape}, expected ({dimension},); "
                "encode with the model of this generation"
            )
        if not np.isfinite(point.dense).all():
            raise BadInput(f"point {point.id}: a vector with NaN or infinity; check the model that made it")
