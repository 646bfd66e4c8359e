"""Filling an answer: what is pinned, what is relevant, and, where filters leave too few, what falls back."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from recommender.batching import batches
from recommender.index.payload import card_of
from recommender.index.protocol import Order, ScoredPoint, VectorIndex, point_id
from recommender.query import Fallback, Filters, Hit, Options, Reason, Variants
from recommender.serving.candidates import STEPS, Question
from recommender.serving.merchandising import NO_PLACEMENT, Placement
from recommender.serving.query_vectors import Observe, unobserved
from recommender.types import Card

SPARE_FACTOR = 0.2
"""Share of cards that is fetched on top at first: most answers are full then though variants are collapsed."""

DIVERSE_STEPS = (STEPS[0], 100)
"""Products that a diverse answer begins with, chosen by the engine one after the other; after them it goes on by
relevance. To choose 100 takes 15 ms, 750 took six seconds, in which no thread of an embedded index's process ran."""

GROWTH = 3
MOST_ASKED = STEPS[-1]
"""Products asked of the index for one answer at most: 1,000 of them in families of five."""


@dataclass(slots=True)
class _Shown:
    """What an answer already has: SKUs, and the groups of variants that one product of is enough."""

    collapse: bool
    skus: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)

    def has(self, card: Card) -> bool:
        """Tell whether a product, or a variant of it, is there already."""
        return card.sku in self.skus or (self.collapse and bool(card.group_id) and card.group_id in self.groups)

    def admits(self, card: Card) -> bool:
        """Take note of a product; return False when it, or a variant of it, is there already."""
        if self.has(card):
            return False
        self.skus.add(card.sku)
        if card.group_id:
            self.groups.add(card.group_id)
        return True


class Ranking:
    """One question to one index. `filters` hold for everything that is found; bans are among them."""

    def __init__(
        self,
        index: VectorIndex,
        question: Question,
        filters: Filters,
        options: Options,
        placement: Placement = NO_PLACEMENT,
        observe: Observe = unobserved,
    ) -> None:
        self._index = index
        self._question = question
        self._options = options
        self._pins = placement.pins
        self._observe = observe
        self._filters = placement.keeping(filters)
        self._asked_about = (*question.anchors, *question.apart)

    def hits(self, wanted: int) -> list[Hit]:
        """Return the first `wanted` hits of the answer, or as many as there are."""
        shown = self._nothing_shown()
        pinned = self._placed(shown)
        missing = wanted - sum(place <= wanted for place, _ in pinned)
        hits = self._relevant(missing, self._filters, shown)
        if self._options.fallback is Fallback.WIDEN:
            hits += self._fallen_back(missing - len(hits), shown)
        for place, card in pinned:
            hits.insert(place - 1, Hit(card.sku, 0.0, card, Reason.PINNED))
        return hits[:wanted]

    def cards(self, limit: int) -> list[Card]:
        """Return the cards of the best `limit` products, variants and all, to be counted."""
        relevant = replace(self._options, diversity=0.0)
        points = self._asked(limit, self._filters, relevant)
        apart = self._nothing_shown()
        return [card for card, _ in self._carded(points, limit) if not apart.has(card)]

    def _nothing_shown(self) -> _Shown:
        """Begin an answer: what was asked about is no part of it, and no variant of that if one is enough.

        A filter that leaves these out costs more than to pass over them: 1.2 ms where 6,000 products are scanned.
        """
        shown = _Shown(self._options.variants is Variants.COLLAPSE)
        for card in self._asked_about:
            shown.admits(card)
        return shown

    def _placed(self, shown: _Shown) -> list[tuple[int, Card]]:
        """Return what is pinned with the place that it gets: the next one where another pin has it already.

        Those of later pages too, which would else be shown twice: by their relevance, and where they are pinned.
        """
        placed: list[tuple[int, Card]] = []
        for place, card in self._pinned():
            if shown.admits(card):
                placed.append((max(place, placed[-1][0] + 1) if placed else place, card))
        return placed

    def _pinned(self) -> list[tuple[int, Card]]:
        places = {sku: place for place, sku in self._pins}
        if not places:
            return []
        found = self._index.select(self._filters, len(places), ids=[point_id(sku) for sku in places])
        cards = [card_of(point.payload) for point in found]
        return sorted(((places[card.sku], card) for card in cards), key=lambda pin: (pin[0], pin[1].sku))

    def _relevant(self, wanted: int, filters: Filters, shown: _Shown) -> list[Hit]:
        if wanted < 1:
            return []
        hits: list[Hit] = []
        for limit, options in _steps(self._options):
            points = self._asked(limit, filters, options)
            cut = len(points) == limit < STEPS[-1] and not options.diversity
            certain = _before_a_tie(points) if cut else points
            missing = wanted - len(hits)
            cards = self._carded(certain, missing + int(SPARE_FACTOR * missing) + 1)
            more = islice(_admitted(cards, shown), missing)
            hits += _no_higher(more, hits) if hits and not self._options.diversity else more
            if len(hits) == wanted or len(points) < limit:
                break
        return hits

    def _asked(self, limit: int, filters: Filters, options: Options) -> list[ScoredPoint]:
        started = time.perf_counter()
        if options.diversity:
            filters = self._without_asked_about(filters)  # or what is most like it would be passed over, like it
        points = self._index.query(self._question.asked(limit, filters, options))
        self._observe("index", time.perf_counter() - started)
        if options.diversity:
            return points  # in an order that is not that of their scores
        # Of equal scores, common where ranks are fused, the engine puts any first, and another for another limit.
        return sorted(points, key=lambda point: (-point.score, point.id.int))

    def _without_asked_about(self, filters: Filters) -> Filters:
        apart = self._nothing_shown()
        groups = apart.groups if apart.collapse else ()
        return replace(
            filters,
            exclude_skus=(*filters.exclude_skus, *apart.skus),
            exclude_groups=(*filters.exclude_groups, *groups),
        )

    def _carded(self, points: Sequence[ScoredPoint], at_once: int) -> Iterator[tuple[Card, float]]:
        """Yield cards and scores; the cards that the index has not brought are fetched, so many at once, as needed."""
        for some in batches(points, at_once):
            bare = [point.id for point in some if not point.payload]
            fetched = {point.id: point.payload for point in self._index.retrieve(bare)} if bare else {}
            for point in some:
                if payload := point.payload or fetched.get(point.id):  # else it was deleted meanwhile
                    yield card_of(payload), point.score

    def _fallen_back(self, missing: int, shown: _Shown) -> list[Hit]:
        hits: list[Hit] = []
        for categories in widened(self._filters.categories):
            more = self._relevant(missing - len(hits), replace(self._filters, categories=categories), shown)
            hits += [_widened(hit, categories) for hit in more]
        for order, reason in ((Order.POPULAR, Reason.POPULAR), (Order.NEWEST, Reason.NEWEST)):
            filters = without_wishes(self._filters)
            hits += _by_order(self._index, missing - len(hits), filters, order, reason, shown)
        return hits


def browsed(index: VectorIndex, wanted: int, filters: Filters, variants: Variants = Variants.COLLAPSE) -> list[Hit]:
    """Return products that match without a question: the popular ones first, then the newest."""
    shown = _Shown(variants is Variants.COLLAPSE)
    hits: list[Hit] = []
    for order, reason in ((Order.POPULAR, Reason.POPULAR), (Order.NEWEST, Reason.NEWEST)):
        hits += _by_order(index, wanted - len(hits), filters, order, reason, shown)
    return hits


def _by_order(
    index: VectorIndex, wanted: int, filters: Filters, order: Order, reason: Reason, shown: _Shown
) -> list[Hit]:
    hits: list[Hit] = []
    limit = wanted + len(shown.skus)
    while len(hits) < wanted:
        limit = min(GROWTH * limit, MOST_ASKED)
        points = index.select(filters, limit, order)
        cards = ((card_of(point.payload), 0.0) for point in points)
        hits += islice(_admitted(cards, shown, reason), wanted - len(hits))
        if len(points) < limit or limit == MOST_ASKED:
            break
    return hits


def widened(categories: Sequence[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Return wider and wider categories: the parents, theirs, and at last no restriction; nothing where none was."""
    current = tuple(categories)
    while current:
        parents = tuple(dict.fromkeys(path[:-1] for path in current))
        current = parents if all(parents) else ()
        yield current


def without_wishes(filters: Filters) -> Filters:
    """Return what still holds when nothing that was wished for is left: price, stock, and what is excluded."""
    return replace(filters, categories=(), brands=(), attributes=(), min_score=None)


def _steps(options: Options) -> Iterator[tuple[int, Options]]:
    """Yield how many to ask for, step by step, and by which options."""
    if not options.diversity:
        yield from ((limit, options) for limit in STEPS)
        return
    yield from ((limit, options) for limit in DIVERSE_STEPS)
    yield from ((limit, replace(options, diversity=0.0)) for limit in STEPS if limit > DIVERSE_STEPS[-1])


def _before_a_tie(points: Sequence[ScoredPoint]) -> list[ScoredPoint]:
    """Return the points that would come first of more, too: of the last score others may be cut off, any of them."""
    return [point for point in points if point.score > points[-1].score]


def _no_higher(more: Iterable[Hit], hits: Sequence[Hit]) -> list[Hit]:
    """Return what comes after some hits: the scores of another step are others, but order the hits all the same."""
    return [replace(hit, score=min(hit.score, hits[-1].score)) for hit in more]


def _admitted(cards: Iterable[tuple[Card, float]], shown: _Shown, reason: Reason = Reason.RELEVANCE) -> Iterator[Hit]:
    return (Hit(card.sku, score, card, reason) for card, score in cards if shown.admits(card))


def _widened(hit: Hit, categories: Sequence[tuple[str, ...]]) -> Hit:
    names = tuple(name.casefold() for name in hit.card.category)
    reached = (path for path in categories if names[: len(path)] == tuple(name.casefold() for name in path))
    return replace(hit, reason=Reason.WIDENED, widened_to=next(reached, ()))
