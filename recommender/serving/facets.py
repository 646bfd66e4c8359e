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
"""Best answers that are counted: to a search by meaning every product answers, more or less, and further down the
counts are of what nobody asked for."""

SAMPLED = 500
"""Products that are looked at for where the bands of price begin, and how names are written, when all are counted."""

MAX_VALUES = 30
"""Values told of one facet."""

PRICE_STEP = Decimal("0.0001")
"""Between two prices that differ: what the catalogue keeps of one."""

BANDS = 5
"""Price bands at most, each with about as many products."""


def facets_of(cards: Sequence[Card]) -> Facets:
    """Count the products on some cards."""
    prices = _prices(cards)
    return Facets(
        counted=len(cards),
        categories=_most(_ancestors(cards), MAX_VALUES),
        brands=_most([card.brand for card in cards if card.brand], MAX_VALUES),
        prices=_bands(
            prices, lambda low, high: sum(low <= price and (high is None or price < high) for price in prices)
        ),
    )


def facets_of_all(index: VectorIndex, filters: Filters) -> Facets:
    """Count every product that matches, by the engine's own counts; none of them was asked for more than another."""
    sample = [card_of(point.payload) for point in index.select(filters, SAMPLED)]
    written = {category_path(path).casefold(): path for path in _ancestors(sample)}
    brands = {card.brand.casefold(): card.brand for card in sample}
    categories = [
        FacetCount(written.get(value) or _path_of(index, value), count)
        for value, count in index.facet(ANCESTORS, filters, MAX_VALUES)
    ]
    named = [
        FacetCount(brands.get(value) or _brand_of(index, value), count)
        for value, count in index.facet(BRAND_KEY, filters, MAX_VALUES)
        if value
    ]
    bands = _bands(_prices(sample), lambda low, high: _costing(index, filters, low, high))
    return Facets(index.count(filters), tuple(categories), tuple(named), bands)


def _costing(index: VectorIndex, filters: Filters, low: Decimal, high: Decimal | None) -> int:
    """Count what costs from `low` to just under `high`, and fits."""
    bounds = [price for price in (filters.price_min, low) if price is not None]
    below = None if high is None else high - PRICE_STEP
    tops = [price for price in (filters.price_max, below) if price is not None]
    most = min(tops, default=None)
    if most is not None and max(bounds) > most:
        return 0
    return index.count(replace(filters, price_min=max(bounds), price_max=most))


def _path_of(index: VectorIndex, folded: str) -> tuple[str, ...]:
    """Return a category path as a product below it writes it; the index knows it without regard to case."""
    path = tuple(folded.split(PATH_SEPARATOR))
    found = index.select(Filters(categories=(path,)), 1)
    return card_of(found[0].payload).category[: len(path)] if found else path


def _brand_of(index: VectorIndex, folded: str) -> str:
    found = index.select(Filters(brands=(folded,)), 1)
    return card_of(found[0].payload).brand if found else folded


def _ancestors(cards: Sequence[Card]) -> list[tuple[str, ...]]:
    return [card.category[: depth + 1] for card in cards for depth in range(len(card.category))]


def _most(values: Sequence[tuple[str, ...]] | Sequence[str], limit: int) -> tuple[FacetCount, ...]:
    """Count without regard to case; what is shown is the first way of writing that was met."""
    counts: Counter[object] = Counter()
    written: dict[object, tuple[str, ...] | str] = {}
    for value in values:
        key = value.casefold() if isinstance(value, str) else tuple(name.casefold() for name in value)
        counts[key] += 1
        written.setdefault(key, value)
    return tuple(FacetCount(written[key], count) for key, count in counts.most_common(limit))


def _prices(cards: Sequence[Card]) -> list[Decimal]:
    return sorted(card.price for card in cards if card.price is not None)


def _bands(prices: Sequence[Decimal], count: Callable[[Decimal, Decimal | None], int]) -> tuple[PriceBand, ...]:
    """Cut where sorted prices lie into bands at round numbers, with what `count(low, high)` says; none is empty."""
    edges = _edges(prices)
    ends: list[Decimal | None] = [*edges[1:], None]
    bands = [PriceBand(low, high, count(low, high)) for low, high in zip(edges, ends, strict=False)]
    return tuple(band for band in bands if band.count)


def _edges(prices: Sequence[Decimal]) -> list[Decimal]:
    """Return where bands begin, 0 first: quantiles of sorted prices, rounded to one digit."""
    if not prices:
        return []
    quantiles = (prices[len(prices) * step // BANDS] for step in range(1, BANDS))
    return sorted({Decimal(0), *(edge for edge in map(_rounded, quantiles) if edge > 0)})


def _rounded(price: Decimal) -> Decimal:
    if price <= 0:
        return Decimal(0)
    digit = Decimal(1).scaleb(price.adjusted())
    return (price / digit).to_integral_value() * digit
