"""Counts beside results: categories at every level, brands, and bands of price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

from recommender.asking import FacetCount, Facets, PriceBand
from recommender.types import Card

COUNTED = 500
"""Best answers that are counted: to a search by meaning every product answers, more or less."""

MAX_VALUES = 30
"""Values told of one facet."""

BANDS = 5
"""Price bands at most, each with about as many products."""


def facets_of(cards: Sequence[Card]) -> Facets:
    """Count the products on some cards."""
    prices = sorted(card.price for card in cards if card.price is not None)
    return Facets(
        counted=len(cards),
        categories=_most(_ancestors(cards), MAX_VALUES),
        brands=_most([card.brand for card in cards if card.brand], MAX_VALUES),
        prices=price_bands(prices),
    )


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


def price_bands(prices: Sequence[Decimal]) -> tuple[PriceBand, ...]:
    """Cut sorted prices into bands at round numbers; none of them is empty."""
    edges = _edges(prices)
    if not edges:
        return ()
    bands = []
    for low, high in zip(edges, (*edges[1:], None), strict=True):
        count = sum(low <= price and (high is None or price < high) for price in prices)
        bands.append(PriceBand(low, high, count))
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
