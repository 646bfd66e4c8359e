"""How a query becomes hits: what is pinned, what the index finds relevant, and what falls back where filters leave few.

The index is asked in steps for more and more candidates, until enough of them are products that the answer does not
show yet. Whatever page of an answer is wanted, it is the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from recommender.batching import batches
from recommender.identifiers import AskedIdentifier
from recommender.index.payload import card_of
from recommender.index.protocol import ExampleVectors, Fusion, IndexQuery, Order, ScoredPoint, VectorIndex, point_id
from recommender.query import Fallback, Filters, Hit, Options, Reason, Variants
from recommender.serving.merchandising import NO_PLACEMENT, Placement
from recommender.serving.query_encoder import Observe, measure, observe_nothing
from recommender.types import Availability, Card, SparseVector

PREFETCH_STEPS = (100, 600, 3000, 6000, 15_000)
"""Candidates that each list brings to the fusion: the first step that is three times what is asked for. Fewer than 100
cost recall@10; steps, because another number of candidates is another order."""

PREFETCH_FACTOR = 3

STEPS = tuple(step // PREFETCH_FACTOR for step in PREFETCH_STEPS)
"""The most products that the index is asked for in each step. An answer begins with those of the first step, and goes
on with what the next one adds."""

DIVERSE_STEPS = (STEPS[0], 100)
"""Products that a diverse answer begins with, chosen by the engine one after the other; after them it goes on by
relevance. To choose 100 takes 15 ms, 750 took six seconds, in which no thread of an embedded index's process ran."""

SPARE_FACTOR = 0.2
"""Share of cards that is fetched on top at first: most answers are full then though variants are collapsed."""

CERTAIN = 1.0
"""Score of a product that was asked for by its own number, unless the next one has more."""

MOST_IDENTIFIED = 100
"""Products that are put first for one number. Several may share it, as the packs of an article do."""

GROWTH = 3
MOST_ASKED = STEPS[-1]
"""Products asked of the index for one answer at most: 1,000 of them in families of five."""


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """What is looked for, by vector (float32 [d]) or examples, by words, or by both.

    `words` is the text that `lexical` was made from, and `identifier` the number that it may be. `anchors` are the
    products that the query is about, if any, and `disliked` those that it leads away from: neither are part of an
    answer.
    """

    dense: NDArray[np.float32] | None = None
    examples: ExampleVectors | None = None
    lexical: SparseVector | None = None
    fusion: Fusion = Fusion.RRF
    words: str = ""
    identifier: AskedIdentifier | None = None
    anchors: tuple[Card, ...] = ()
    disliked: tuple[Card, ...] = ()

    def index_query(self, limit: int, filters: Filters, options: Options, diversity: float) -> IndexQuery:
        """Return the query to the index for `limit` products."""
        wanted = PREFETCH_FACTOR * limit
        return IndexQuery(
            limit=limit,
            dense=self.dense,
            examples=self.examples,
            lexical=self.lexical,
            fusion=self.fusion,
            filters=filters,
            prefetch=next((step for step in PREFETCH_STEPS if step >= wanted), wanted),
            boosts=options.boosts,
            diversity=diversity,
            payloads=False,
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
    """The candidates of one index for one query, and the hits among them. `filters` hold for all that is found."""

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
        self._pins = placement.pins
        self._observe = observe

    def hits(self, wanted: int) -> list[Hit]:
        """Return the first `wanted` hits of the answer, or as many as there are."""
        shown = self._nothing_shown()
        pinned = self._resolve_pins(shown)
        missing = wanted - sum(place <= wanted for place, _ in pinned)
        identified = list(islice(_show(self._identified(), shown, Reason.IDENTIFIER), max(missing, 0)))
        hits = self._relevant(missing - len(identified), self._filters, shown)
        best = max(CERTAIN, hits[0].score) if hits else CERTAIN
        hits = [*(replace(hit, score=best) for hit in identified), *hits]
        if self._options.fallback is Fallback.WIDEN:
            for categories in _widen(self._filters.categories):
                more = self._relevant(missing - len(hits), replace(self._filters, categories=categories), shown)
                for hit in more:
                    reached = next(
                        (
                            path
                            for path in categories
                            if (
                                [name.casefold() for name in hit.card.category[: len(path)]]
                                == [name.casefold() for name in path]
                            )
                        ),
                        (),
                    )
                    hits.append(replace(hit, reason=Reason.WIDENED, widened_to=reached))
            # What was wished for is given up; price, stock and what is excluded still hold.
            rest = replace(self._filters, categories=(), brands=(), attributes=(), min_score=None)
            hits += popular_then_new(self._index, missing - len(hits), rest, shown)
        for place, card in pinned:
            hits.insert(place - 1, Hit.of(card, 0.0, Reason.PINNED))
        return hits[:wanted]

    def cards(self, limit: int) -> list[Card]:
        """Return the cards of the best `limit` products, variants and all, to be counted."""
        with measure(self._observe, "index"):
            points = self._index.query(self._query.index_query(limit, self._filters, self._options, diversity=0.0))
        shown = self._nothing_shown()
        return [card for card, _ in self._with_cards(_sort(points), limit) if not shown.has(card)]

    def _nothing_shown(self) -> Shown:
        """Begin an answer: what the query is about is no part of it, and no variant of that if one is enough.

        Leaving these out by a filter costs more than skipping them: 1.2 ms where 6,000 products are scanned.
        """
        shown = Shown(self._options.variants is Variants.COLLAPSE)
        for card in (*self._query.anchors, *self._query.disliked):
            shown.add(card)
        return shown

    def _resolve_pins(self, shown: Shown) -> list[tuple[int, Card]]:
        """Return the pinned products with the places that they get: the next one where another pin has it already.

        Pins of later pages are among them: else they would come twice, by their relevance and where they are pinned.
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

    def _identified(self) -> list[tuple[Card, float]]:
        """Return the products whose own number is the text that is searched for: as it is typed, else as it is read.

        Where no number is that text, those that begin so. Of equals, what can be bought comes first.
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
        """Return up to `wanted` hits by relevance, asking the index for more until they are enough."""
        hits: list[Hit] = []
        for limit, diversity in _steps(self._options.diversity) if wanted > 0 else ():
            allowed = self._exclude_anchors(filters) if diversity else filters
            with measure(self._observe, "index"):
                points = self._index.query(self._query.index_query(limit, allowed, self._options, diversity))
            exhausted = len(points) < limit
            if not diversity:  # the order of a diverse answer is not that of its scores
                points = _sort(points)
                if not exhausted and limit < STEPS[-1]:
                    # The next step may bring more of the last score, in any order: those wait for it.
                    points = [point for point in points if point.score > points[-1].score]
            missing = wanted - len(hits)
            cards = self._with_cards(points, missing + int(SPARE_FACTOR * missing) + 1)
            more = list(islice(_show(cards, shown), missing))
            if hits and not self._options.diversity:
                # The scores of another step are others, and still have to order the hits.
                more = [replace(hit, score=min(hit.score, hits[-1].score)) for hit in more]
            hits += more
            if len(hits) == wanted or exhausted:
                break
        return hits

    def _exclude_anchors(self, filters: Filters) -> Filters:
        """Exclude what the query is about: a diverse answer would avoid what is like it, as if it were shown."""
        about = self._nothing_shown()
        groups = about.groups if about.collapse else ()
        return replace(
            filters,
            exclude_skus=(*filters.exclude_skus, *about.skus),
            exclude_groups=(*filters.exclude_groups, *groups),
        )

    def _with_cards(self, points: Sequence[ScoredPoint], at_once: int) -> Iterator[tuple[Card, float]]:
        """Yield cards and scores; cards that the index did not bring are fetched when needed, `at_once` at a time."""
        for some in batches(points, at_once):
            bare = [point.id for point in some if not point.payload]
            fetched = {point.id: point.payload for point in self._index.retrieve(bare)} if bare else {}
            for point in some:
                if payload := point.payload or fetched.get(point.id):  # else it was deleted meanwhile
                    yield card_of(payload), point.score


def popular_then_new(index: VectorIndex, wanted: int, filters: Filters, shown: Shown) -> list[Hit]:
    """Return up to `wanted` products that match and are not shown yet: the popular ones first, then the newest."""
    hits: list[Hit] = []
    for order, reason in ((Order.POPULAR, Reason.POPULAR), (Order.NEWEST, Reason.NEWEST)):
        limit = wanted - len(hits) + len(shown.skus)
        exhausted = False
        while len(hits) < wanted and not exhausted:
            limit = min(GROWTH * limit, MOST_ASKED)
            points = index.select(filters, limit, order)
            cards = ((card_of(point.payload), 0.0) for point in points)
            hits += islice(_show(cards, shown, reason), wanted - len(hits))
            exhausted = len(points) < limit or limit == MOST_ASKED
    return hits


def _steps(diversity: float) -> list[tuple[int, float]]:
    """Return how many products to ask for in each step, and with which diversity."""
    if not diversity:
        return [(limit, 0.0) for limit in STEPS]
    by_relevance = [(limit, 0.0) for limit in STEPS if limit > DIVERSE_STEPS[-1]]
    return [(limit, diversity) for limit in DIVERSE_STEPS] + by_relevance


def _sort(points: Iterable[ScoredPoint]) -> list[ScoredPoint]:
    # Of equal scores, common where ranks are fused, the engine puts any first, and another for another limit.
    return sorted(points, key=lambda point: (-point.score, point.id.int))


def _show(cards: Iterable[tuple[Card, float]], shown: Shown, reason: Reason = Reason.RELEVANCE) -> Iterator[Hit]:
    return (Hit.of(card, score, reason) for card, score in cards if shown.add(card))


def _widen(categories: Sequence[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield wider and wider categories: the parents, theirs, and at last no restriction; nothing where none was."""
    current = tuple(categories)
    while current:
        parents = tuple(dict.fromkeys(path[:-1] for path in current))
        current = parents if all(parents) else ()
        yield current
