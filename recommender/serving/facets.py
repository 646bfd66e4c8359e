"""Counts beside results: categories at every level, brands, and bands of price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal

from recommender.index.payload import ANCESTORS, BRAND_KEY, card_of
from recommender.index.protocol import VectorIndex
from recommender.query import FacetCount, Facets, Filters, PriceBand
from recommender.types import PATH_SEPARATOR, Card, category_path

COUNTED = 200
"""Best answers that are counted: a search by meaning finds every product, more or less, and those further down are not
what anybody asked for."""

SAMPLED = 500
"""Products that are looked at for where the bands of price begin, and how names are written, when all are counted."""

MAX_VALUES = 30
"""Values that one facet shows."""

PRICE_STEP = Decimal("0.0001")
"""Between two prices that differ: what the catalogue keeps of one."""

BANDS = 5
"""Price bands at most, each with about as many products."""


def count_cards(cards: Sequence[Card]) -> Facets:
    """Count the products on some cards."""
    prices = _prices(cards)

    def count(low: Decimal, high: Decimal | None) -> int:
        return sum(low <= price and (high is None or price < high) for price in prices)

    return Facets(
        counted=len(cards),
        categories=_most_frequent(_ancestors(cards)),
        brands=_most_frequent([card.brand for card in cards if card.brand]),
        prices=_price_bands(prices, count),
    )


def count_all(index: VectorIndex, filters: Filters) -> Facets:
    """Count every product that matches, by the engine's own counts: without a query none of them counts for more."""
    sample = [card_of(point.payload) for point in index.select(filters, SAMPLED)]
    paths = {category_path(path).casefold(): path for path in _ancestors(sample)}
    brands = {card.brand.casefold(): card.brand for card in sample}

    def count(low: Decimal, high: Decimal | None) -> int:
        lowest = low if filters.price_min is None else max(low, filters.price_min)
        highest = filters.price_max
        if high is not None:
            highest = high - PRICE_STEP if highest is None else min(highest, high - PRICE_STEP)
        if highest is not None and lowest > highest:
            return 0
        return index.count(replace(filters, price_min=lowest, price_max=highest))

    return Facets(
        counted=index.count(filters),
        categories=tuple(
            FacetCount(paths.get(folded) or _spell_path(index, folded), number)
            for folded, number in index.facet(ANCESTORS, filters, MAX_VALUES)
        ),
        brands=tuple(
            FacetCount(brands.get(folded) or _spell_brand(index, folded), number)
            for folded, number in index.facet(BRAND_KEY, filters, MAX_VALUES)
            if folded
        ),
        prices=_price_bands(_prices(sample), count),
    )


def _spell_path(index: VectorIndex, folded: str) -> tuple[str, ...]:
    """Return a category path as a product below it writes it; the index knows it without regard to case."""
    path = tuple(folded.split(PATH_SEPARATOR))
    found = index.select(Filters(categories=(path,)), 1)
    written = (each[: len(path)] for point in found for each in card_of(point.payload).categories)
    return next((each for each in written if category_path(each).casefold() == folded), path)


def _spell_brand(index: VectorIndex, folded: str) -> str:
    found = index.select(Filters(brands=(folded,)), 1)
    return card_of(found[0].payload).brand if found else folded


def _ancestors(cards: Sequence[Card]) -> list[tuple[str, ...]]:
    """Return each category of each card and what it is below; a card counts once in each."""
    return [
        path
        for card in cards
        for path in dict.fromkeys(each[: depth + 1] for each in card.categories for depth in range(len(each)))
    ]


def _most_frequent(values: Sequence[tuple[str, ...]] | Sequence[str]) -> tuple[FacetCount, ...]:
    """Count without regard to case; what is shown is the first way of writing that was met."""
    counts: Counter[object] = Counter()
    written: dict[object, tuple[str, ...] | str] = {}
    for value in values:
        key = value.casefold() if isinstance(value, str) else tuple(name.casefold() for name in value)
        counts[key] += 1
        written.setdefault(key, value)
    return tuple(FacetCount(written[key], count) for key, count in counts.most_common(MAX_VALUES))


def _prices(cards: Sequence[Card]) -> list[Decimal]:
    return sorted(card.price for card in cards if card.price is not None)


def _price_bands(prices: Sequence[Decimal], count: Callable[[Decimal, Decimal | None], int]) -> tuple[PriceBand, ...]:
    """Cut the range of sorted prices at round numbers, with what `count(low, high)` says of each band; none is empty.

    The first band begins at 0. The others begin at quantiles, rounded to one digit.
    """
    if not prices:
        return ()
    edges = {Decimal(0)}
    for step in range(1, BANDS):
        quantile = prices[len(prices) * step // BANDS]
        if quantile > 0:
            digit = Decimal(1).scaleb(quantile.adjusted())
            edges.add((quantile / digit).to_integral_value() * digit)
    lows = sorted(edges)
    bands = [PriceBand(low, high, count(low, high)) for low, high in zip(lows, [*lows[1:], None], strict=True)]
    return tuple(band for band in bands if band.count)
