"""How a query becomes hits: pins, products found by their own number, relevant products, and a fallback for few hits.

The index is asked in steps for more and more candidates, until enough of them are products that the answer does not
show yet. Every page is a slice of the same list.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from recommender.batching import batches
from recommender.identifiers import AskedIdentifier
from recommender.index.payload import CREATED, card_of
from recommender.index.protocol import ExampleVectors, IndexQuery, Order, ScoredPoint, VectorIndex, point_id
from recommender.models.manifest import SearchCalibration
from recommender.query import Confidence, Explanation, Fallback, Filters, Hit, Mode, Options, Reason, Sort, Variants
from recommender.serving.facets import main_currency
from recommender.serving.merchandising import NO_PLACEMENT, Placement
from recommender.serving.query_encoder import Observe, measure, observe_nothing
from recommender.serving.query_reading import QueryText
from recommender.serving.vocabulary import fold_words
from recommender.types import Availability, Card, JsonObject, SparseVector, fold_path

SORTED = 200
"""How many of the best hits are sorted by price or age. Those further down fit the query too poorly."""

SORTED_NEAR = 0.75
"""Share of the best score that a hit needs to be sorted with the others. Without it, cheap products that do not fit the
query would lead."""

STEPS = (33, 200, 1000, 2000, 5000)
"""The most products that the index is asked for in each step, at last enough for 1,000 hits in families of five
variants. The steps are fixed, because another number of candidates can change the order, also of products that were
first seen at the same time. An answer begins with the products of the first step, and continues with what the next one
adds."""

FIRST_PREFETCH = 50
"""Candidates of the first step, by vector and by BM25 each. With 100, every figure on six catalogues is the same, and a
search takes 0.4 ms more."""

PREFETCH_FACTOR = 3
"""Candidates of each list for one product of a later step. More than one, because variants collapse and the lists
overlap."""

DIVERSE = 100
"""The most products at the beginning of an answer that are chosen for diversity. After them the order is by
relevance."""

NEAR = 0.75
"""Share of the best score that a product needs to be chosen for diversity. Products further off are unlike the others
because they do not fit the query."""

SURE_BY_WORDS = 0.6
"""Weight of words in the score that decides how sure a search is.

Measured with 900 to 1,100 queries made from each of six catalogues and asked of the others (foreign queries). The bound
is the score that 98% of the searches for a catalogue's own known items reach. With every weight from 0.5 to 1, 88% to
95% of the foreign queries stay below it. With a weight of 0.4 it is one percentage point less. With words and meaning
multiplied instead of added, it is two to eight points less.
"""

SURE_BY_TERMS = 0.05
"""Weight of log(1 + number of words) in that score: a product that has four of four words is a surer answer than one
that has the only word. On five catalogues, 0.4 to 1.2 percentage points more of the foreign queries stay below the
bound."""

WEAK = 0.75
"""A search that reaches this share of the bound for "good" is weak. Below it, nothing in the catalogue fits. That was
so for 78% to 89% of the searches from other shops, and for at most 2% of a shop's own, which included names of
categories."""

SPARE_FACTOR = 0.2
"""Cards that are fetched at first beyond the number wanted, as a share of it, so that most answers are full even after
variants collapse."""

CERTAIN = 1.0
"""Score of a product found by its own number. If another hit has a higher score, the product gets that score too,
because scores never rise down a list."""

MOST_IDENTIFIED = 100
"""Products that are put first for one number. Several may share it, as the packs of an article do."""


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """A query ready for the index: by vector (float32 [d]) or examples, by words, or by both.

    `words` is the text that `lexical` was made from, and `identifier` the number that the text may be. `anchors` are
    the products that the query is about, if any, and `disliked` those that it leads away from. The answer shows
    neither. `calibration` tells how sure a search is; other queries have none. `said` is what the text said.
    """

    dense: NDArray[np.float32] | None = None
    examples: ExampleVectors | None = None
    lexical: SparseVector | None = None
    words_weight: float = 0.5
    adapt: bool = False
    words: str = ""
    calibration: SearchCalibration | None = None
    identifier: AskedIdentifier | None = None
    anchors: tuple[Card, ...] = ()
    disliked: tuple[Card, ...] = ()
    alternatives: frozenset[int] = frozenset()
    said: QueryText | None = None

    def index_query(self, limit: int, filters: Filters, options: Options) -> IndexQuery:
        """Return the query to the index for `limit` products."""
        step = next((step for step in STEPS if step >= limit), limit)
        return IndexQuery(
            limit=limit,
            dense=self.dense,
            examples=self.examples,
            lexical=self.lexical,
            words=self.words_weight,
            adapt=self.adapt,
            filters=filters,
            prefetch=FIRST_PREFETCH if step == STEPS[0] else PREFETCH_FACTOR * step,
            boosts=options.boosts,
            alternatives=self.alternatives,
        )


@dataclass(slots=True)
class Shown:
    """What an answer already shows: SKUs, and with `collapse` the groups of which one variant is enough."""

    collapse: bool
    skus: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)

    def has(self, card: Card) -> bool:
        """Tell whether a product, or a variant of it, is shown already."""
        return card.sku in self.skus or (self.collapse and bool(card.group_id) and card.group_id in self.groups)

    def add(self, card: Card) -> bool:
        """Show a product; return False when it, or a variant of it, is shown already."""
        if self.has(card):
            return False
        self.skus.add(card.sku)
        if card.group_id:
            self.groups.add(card.group_id)
        return True


class Candidates:
    """The candidates of one index for one query, and the hits among them. `filters` apply to all that is found."""

    def __init__(
        self,
        index: VectorIndex,
        query: EncodedQuery,
        filters: Filters,
        options: Options,
        placement: Placement = NO_PLACEMENT,
        observe: Observe = observe_nothing,
    ) -> None:
        self._index = index
        self._query = query
        self._filters = placement.exclude_banned(filters)
        self._options = options
        self._pins = placement.pins if options.sort is Sort.RELEVANCE else ()  # a price or an age has its own place
        self._observe = observe
        self.confidence: Confidence | None = None
        """How sure a search is that the catalogue has what was asked for. `hits` sets it."""
        self.words_matched: bool | None = None
        """Whether any of the first products that a search found has one of its words. `hits` sets it."""
        self.exhausted = False
        """Whether the index found all products that the filters leave, so that they are few. `hits` sets it."""

    def hits(self, wanted: int) -> list[Hit]:
        """Return the first `wanted` hits of the answer, or as many as there are."""
        shown, sort = self._nothing_shown(), self._options.sort
        pinned = self._resolve_pins(shown)
        missing = wanted - sum(place <= wanted for place, _ in pinned)
        most = missing if sort is Sort.RELEVANCE else SORTED
        identified = list(islice(_show(self._with_number(), shown, Reason.IDENTIFIER), max(most, 0)))
        hits = self._relevant(most - len(identified), self._filters, shown)
        if self._query.calibration is not None:
            if identified:
                self.confidence, self.words_matched = Confidence.GOOD, True
            elif self.confidence is None:  # the pins fill the page, so the index was not asked yet
                self._assess(self._index.query(self._query.index_query(STEPS[0], self._filters, self._options)))
        if self._leaves_out():
            hits, missing = [], 0  # missing = 0, so that the fallback adds nothing
        best = max(CERTAIN, hits[0].score) if hits else CERTAIN
        hits = sort_hits([*(replace(hit, score=best) for hit in identified), *hits], sort, self._index)
        if self._options.fallback is Fallback.WIDEN and len(hits) < missing:
            hits += self._widen(missing - len(hits), shown)
        for place, card in pinned:
            hits.insert(place - 1, Hit.of(card, 0.0, Reason.PINNED))
        return hits[:wanted]

    def _widen(self, missing: int, shown: Shown) -> list[Hit]:
        """Return up to `missing` hits that the filters leave out: of wider categories, then of all that may be shown.

        The categories grow step by step: the parents, their parents, and at last every category.
        """
        hits: list[Hit] = []
        categories, sort = self._filters.categories, self._options.sort
        while categories and len(hits) < missing:
            parents = tuple(dict.fromkeys(path[:-1] for path in categories))
            categories = parents if all(parents) else ()
            most = missing - len(hits) if sort is Sort.RELEVANCE else SORTED
            more = self._relevant(most, replace(self._filters, categories=categories), shown)
            for hit in sort_hits(more, sort, self._index):
                reached = next(
                    (
                        path
                        for path in categories
                        if any(fold_path(each[: len(path)]) == fold_path(path) for each in hit.card.categories or ((),))
                    ),
                    (),
                )
                hits.append(replace(hit, reason=Reason.WIDENED, widened_to=reached))
        # Brands, attributes and the lowest score are given up. Price, stock and exclusions still apply.
        rest = replace(self._filters, categories=(), brands=(), attributes=(), min_score=None)
        return hits + in_order(self._index, missing - len(hits), rest, shown, sort)

    def payloads(self, limit: int) -> list[JsonObject]:
        """Return the payloads of the best `limit` products, variants and all, to be counted."""
        if self._leaves_out():
            return []
        with measure(self._observe, "index"):
            points = self._index.query(self._query.index_query(limit, self._filters, self._options))
            found = self._index.retrieve([point.id for point in points])
        shown = self._nothing_shown()
        return [point.payload for point in found if not shown.has(card_of(point.payload))]

    def _assess(self, points: Sequence[ScoredPoint]) -> None:
        """Tell how sure a search is by the best of the products that it finds first."""
        bounds = self._query.calibration
        if bounds is None or self.confidence is not None:
            return
        words = max((point.words for point in points), default=0.0)
        meaning = max((point.meaning for point in points), default=0.0)
        shares = [meaning / bounds.good_meaning]
        if self._options.mode is Mode.LEXICAL:
            shares = [words / bounds.good_words]
        elif self._options.mode is Mode.HYBRID:
            lexical = self._query.lexical
            both = how_sure(points, len(lexical.indices) - len(self._query.alternatives) if lexical else 0)
            # If no candidate has any of the words, the answer is weak at best, since it comes from meaning alone.
            shares = [both / bounds.good, *(shares if words else [min(shares[0], WEAK)])]
        share = max(shares)
        self.confidence = Confidence.GOOD if share >= 1 else Confidence.WEAK if share >= WEAK else Confidence.NONE
        self.words_matched = words > 0
        if self.confidence is not Confidence.GOOD and self._is_of_named_category(points):
            self.confidence = Confidence.GOOD

    def _is_of_named_category(self, points: Sequence[ScoredPoint]) -> bool:
        """Tell whether the whole text is the name of the category of the best product, which its title may lack."""
        said = self._query.said
        named = {fold_path(each.value) for each in said.understood if isinstance(each.value, tuple)} if said else set()
        if said is None or not named or not points:
            return False
        words = {word for each in said.understood for word in fold_words(each.words)}
        if not words.issuperset(fold_words(said.searched)):
            return False
        best = [card_of(point.payload) for point in self._index.retrieve([points[0].id])]
        paths = [fold_path(path) for card in best for path in card.categories]
        return any(path[: len(name)] == name for path in paths for name in named)

    def _leaves_out(self) -> bool:
        """Tell whether the search is less sure than the caller asks for."""
        levels = list(Confidence)
        return self.confidence is not None and levels.index(self.confidence) > levels.index(
            self._options.min_confidence
        )

    def _nothing_shown(self) -> Shown:
        """Return what counts as shown before an answer begins: the products that the query is about.

        If one variant is enough, their variants count as shown too. Skipping them costs less than leaving them out by a
        filter, which takes 1.2 ms where 6,000 products are scanned.
        """
        shown = Shown(self._options.variants is Variants.COLLAPSE)
        for card in (*self._query.anchors, *self._query.disliked):
            shown.add(card)
        return shown

    def _resolve_pins(self, shown: Shown) -> list[tuple[int, Card]]:
        """Return the pinned products with their places. If two pins want one place, the second gets the next.

        Pins of later pages are included. Otherwise such a product would come twice: by its relevance and where it is
        pinned.
        """
        places = {sku: place for place, sku in self._pins}
        if not places:
            return []
        points = self._index.select(self._filters, len(places), ids=[point_id(sku) for sku in places])
        cards = sorted((card_of(point.payload) for point in points), key=lambda card: (places[card.sku], card.sku))
        placed: list[tuple[int, Card]] = []
        for card in cards:
            if shown.add(card):
                place = places[card.sku]
                placed.append((max(place, placed[-1][0] + 1) if placed else place, card))
        return placed

    def _with_number(self) -> list[tuple[Card, float]]:
        """Return the products whose own number is the search text, as it is typed or else as it is read.

        If no product has that number, return those whose number begins with it. Among equals, products in stock come
        first.
        """
        asked = self._query.identifier
        if asked is None:
            return []
        points = self._index.find(asked.keys, self._filters, MOST_IDENTIFIED)
        if not points and asked.partial:
            points = self._index.find(asked.keys, self._filters, MOST_IDENTIFIED, partial=True)
        cards = [card_of(point.payload) for point in points]
        cards.sort(
            key=lambda card: (
                asked.distance(card.sku, card.gtin, card.mpn),
                card.availability is not Availability.IN_STOCK,
                len(card.sku),
                card.sku,
            )
        )
        return [(card, CERTAIN) for card in cards]

    def _relevant(self, wanted: int, filters: Filters, shown: Shown) -> list[Hit]:
        """Return up to `wanted` hits by relevance, asking the index for more until there are enough."""
        hits: list[Hit] = []
        steps = (DIVERSE, *STEPS[1:]) if self._options.diversity else STEPS
        for limit in steps if wanted > 0 else ():
            with measure(self._observe, "index"):
                points = self._index.query(self._query.index_query(limit, filters, self._options))
            self._assess(points)
            exhausted = len(points) < limit
            if filters is self._filters and filters.min_score is None and self._options.mode is not Mode.LEXICAL:
                self.exhausted = exhausted
            if not exhausted and limit < STEPS[-1]:
                # The next step may find more products with this last score, so all products of that score wait for it.
                points = [point for point in points if point.score > points[-1].score]
            if self._options.diversity and not hits:
                points = self._diversify(points)
            missing = wanted - len(hits)
            parts = {point.id: point for point in points} if self._options.explain else {}
            cards = self._with_cards(points, missing + int(SPARE_FACTOR * missing) + 1)
            more = list(islice(_show(cards, shown), missing))
            more = (
                [replace(hit, explanation=self._explain(parts[point_id(hit.sku)])) for hit in more] if parts else more
            )
            if hits and not self._options.diversity:
                # What a later step adds must not score higher than the hits before it.
                more = [replace(hit, score=min(hit.score, hits[-1].score)) for hit in more]
            hits += more
            if len(hits) == wanted or exhausted:
                break
        return hits

    def _explain(self, point: ScoredPoint) -> Explanation:
        weight, has_words = point.weight, self._query.lexical is not None
        has_meaning = self._query.dense is not None or self._query.examples is not None
        return Explanation(
            dense_score=point.meaning if has_meaning else None,
            lexical_score=point.words if has_words else None,
            from_words=weight * point.words if has_words else None,
            from_meaning=(1 - weight) * point.meaning if has_meaning else None,
        )

    def _diversify(self, points: Sequence[ScoredPoint]) -> list[ScoredPoint]:
        """Put products first that are near enough and unlike each other, by maximal marginal relevance.

        The next product is the one with the largest (1 - diversity) * score - diversity * likeness to the nearest one
        before it (Carbonell and Goldstein 1998, The use of MMR). Scores are shares of the best one's. The products that
        the query is about, and their variants, are left out first. Otherwise products like them would be pushed down,
        as if those were shown.
        """
        about = self._nothing_shown()
        stored = self._index.retrieve([point.id for point in points], with_vectors=True)
        found = {point.id: point for point in stored if not about.has(card_of(point.payload))}
        points = [point._replace(payload=found[point.id].payload) for point in points if point.id in found]
        near = [point for point in points if point.score >= NEAR * points[0].score > 0]
        if not near:
            return points
        vectors = np.array([found[point.id].dense for point in near], dtype=np.float32)
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
        relevance = (1 - self._options.diversity) * np.array([point.score for point in near]) / near[0].score
        likeness = np.zeros(len(near))
        order: list[int] = []
        for _ in near:
            worth = relevance - self._options.diversity * likeness
            worth[order] = -np.inf
            order.append(int(np.argmax(worth)))
            likeness = np.maximum(likeness, vectors @ vectors[order[-1]])
        return [*(near[row] for row in order), *points[len(near) :]]

    def _with_cards(self, points: Sequence[ScoredPoint], at_once: int) -> Iterator[tuple[Card, float]]:
        """Yield cards and scores; cards that the index did not return are fetched when needed, `at_once` at a time."""
        for some in batches(points, at_once):
            bare = [point.id for point in some if not point.payload]
            fetched = {point.id: point.payload for point in self._index.retrieve(bare)} if bare else {}
            for point in some:
                if payload := point.payload or fetched.get(point.id):  # otherwise it was deleted meanwhile
                    yield card_of(payload), point.score


def how_sure(points: Sequence[ScoredPoint], terms: int) -> float:
    """Return how well the best of some products fits a search of `terms` words, by words and meaning together."""
    both = max((SURE_BY_WORDS * point.words + (1 - SURE_BY_WORDS) * point.meaning for point in points), default=0.0)
    return both + SURE_BY_TERMS * math.log1p(terms) if both else 0.0


BROWSED = {
    Sort.RELEVANCE: ((Order.POPULAR, Reason.POPULAR), (Order.NEWEST, Reason.NEWEST)),
    Sort.PRICE: ((Order.CHEAPEST, Reason.PRICE), (Order.NEWEST, Reason.NEWEST)),
    Sort.PRICE_DOWN: ((Order.DEAREST, Reason.PRICE), (Order.NEWEST, Reason.NEWEST)),
    Sort.NEWEST: ((Order.NEWEST, Reason.NEWEST),),
}
"""The orders in which products are shown without a query. A later order adds the products that lack the field of the
one before."""


def in_order(index: VectorIndex, wanted: int, filters: Filters, shown: Shown, sort: Sort) -> list[Hit]:
    """Return up to `wanted` products that match and are not shown yet, in one order of `BROWSED` after the other."""
    hits: list[Hit] = []
    for order, reason in BROWSED[sort]:
        for limit in STEPS if len(hits) < wanted else ():
            points = index.select(filters, limit, order)
            cards = ((card_of(point.payload), 0.0) for point in points)
            hits += islice(_show(cards, shown, reason), wanted - len(hits))
            if len(hits) == wanted or len(points) < limit:
                break
    return hits


def sort_hits(hits: Sequence[Hit], sort: Sort, index: VectorIndex) -> list[Hit]:
    """Return the hits that are near the best one, sorted by price or age; by relevance, all as they are.

    Prices in the currency of most hits come first, and hits without a price last.
    """
    if sort is Sort.RELEVANCE:
        return list(hits)
    best = max((hit.score for hit in hits), default=0.0)
    near = [hit for hit in hits if hit.score >= SORTED_NEAR * best]
    if sort is Sort.NEWEST:
        points = index.retrieve([point_id(hit.sku) for hit in near])
        created = {point.payload["sku"]: point.payload.get(CREATED, 0.0) for point in points}
        return sorted(near, key=lambda hit: -created.get(hit.sku, 0.0))
    main = main_currency(hits)
    sign = -1 if sort is Sort.PRICE_DOWN else 1
    return sorted(near, key=lambda hit: (hit.price is None, hit.currency not in ("", main), sign * (hit.price or 0)))


def with_attributes(index: VectorIndex, hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits with their attributes, which a card does not have."""
    points = index.retrieve([point_id(hit.sku) for hit in hits])
    attributes = {point.payload["sku"]: point.payload.get("attributes", {}) for point in points}
    return [replace(hit, attributes=attributes.get(hit.sku, {})) for hit in hits]


def _show(cards: Iterable[tuple[Card, float]], shown: Shown, reason: Reason = Reason.RELEVANCE) -> Iterator[Hit]:
    return (Hit.of(card, score, reason) for card, score in cards if shown.add(card))
