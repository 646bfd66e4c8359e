"""Counts beside results: one level of categories at a time, brands, price bands, and attributes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import islice

from recommender.index.payload import (
    ANCESTORS,
    ATTRIBUTE_KEYS,
    BRAND_KEY,
    CURRENCY,
    POPULARITY_ATTRIBUTE,
    attribute_items,
    attribute_key,
    card_of,
    split_attribute_key,
)
from recommender.index.protocol import VectorIndex
from recommender.query import NO_FILTERS, AttributeFacet, FacetCount, Facets, Filters, PriceBand
from recommender.types import PATH_SEPARATOR, Card, JsonObject, fold_name, fold_path

COUNTED = 200
"""How many of the best hits are counted. A search by meaning finds nearly every product, and those further down fit the
query too poorly."""

SAMPLED = 500
"""Products that are read when all are counted: they show where price bands begin and how names are written."""

MOST_CATEGORIES = 20_000
"""Categories of all levels that are counted before those of the open levels are chosen."""

MOST_ATTRIBUTE_KEYS = 1_000
"""The most values that are counted, of all attributes together. Rarer ones help few people."""

MOST_ATTRIBUTES = 12
"""The most attributes that become facets: those that most products have."""

SHARED = 2
"""The lowest average number of products for a value of an attribute that becomes a facet. Below it nearly each product
has a value of its own: a number, a measure, a text."""

LONGEST_VALUE = 60
"""Longest value of an attribute, in characters, that a facet lists; a longer one is a sentence."""

PRICE_STEP = Decimal("0.0001")
"""The smallest step between two prices in the catalogue."""

BANDS = 5
"""The most price bands, each with about as many products."""

Value = tuple[str, ...] | str


def count_payloads(payloads: Sequence[JsonObject], filters: Filters, limit: int) -> Facets:
    """Count the products of some payloads. Each facet, and each level of categories, has up to `limit` values."""
    cards = [card_of(payload) for payload in payloads]
    currency = main_currency(cards)
    prices = _prices(cards, currency)
    paths = Counter(path for card in cards for path in dict.fromkeys(map(fold_path, _ancestors(card.categories))))
    brands = Counter(fold_name(card.brand) for card in cards if card.brand)
    written = _spellings(payloads)
    keys = Counter(attribute_key(name, item) for payload in payloads for name, item in _attributes(payload))

    def count(low: Decimal, high: Decimal | None) -> int:
        return sum(low <= price and (high is None or price < high) for price in prices)

    return Facets(
        counted=len(cards),
        categories=tuple(
            FacetCount(written[path], number) for path, number in _open_levels(paths.most_common(), filters, limit)
        ),
        brands=tuple(FacetCount(written[brand], number) for brand, number in brands.most_common(limit)),
        prices=_price_bands(prices, count),
        attributes=_attribute_facets(keys.most_common(), limit, lambda key: written[f"={key}"]),
        currency=currency,
    )


def main_currency(cards: Sequence[Card]) -> str:
    """Return the currency that most of the prices on some cards name; empty if none names one."""
    counts = Counter(card.currency for card in cards if card.currency and card.price is not None)
    return counts.most_common(1)[0][0] if counts else ""


def shop_currency(index: VectorIndex, filters: Filters = NO_FILTERS) -> str:
    """Return the currency that most products name; empty if none does."""
    return next((currency for currency, _ in index.facet(CURRENCY, filters, 2) if currency), "")


def _prices(cards: Sequence[Card], currency: str) -> list[Decimal]:
    """Return the prices in a currency, and those that name none, sorted."""
    return sorted(card.price for card in cards if card.price is not None and card.currency in ("", currency))


def count_all(index: VectorIndex, filters: Filters, limit: int) -> Facets:
    """Count every product that matches, by the engine's own counts: without a query, every product counts the same."""
    currency = filters.currency or shop_currency(index, filters)
    sample = [point.payload for point in index.select(filters, SAMPLED)]
    few = len(sample) < SAMPLED
    written = _spellings(sample)

    def count(low: Decimal, high: Decimal | None) -> int:
        lowest = low if filters.price_min is None else max(low, filters.price_min)
        highest = filters.price_max
        if high is not None:
            highest = high - PRICE_STEP if highest is None else min(highest, high - PRICE_STEP)
        if highest is not None and lowest > highest:
            return 0
        return index.count(replace(filters, price_min=lowest, price_max=highest, currency=currency), few)

    def spell(folded: Value, found_by: Filters) -> Value:
        """Return a value as a product writes it; the index only knows its folded form."""
        if folded not in written:
            for point in index.select(found_by, 1):
                written.update(_spellings([point.payload]) | written)
        return written.get(folded, folded)

    def spell_attribute(key: str) -> tuple[str, ...]:
        name, value = split_attribute_key(key)
        spelled = spell(f"={key}", Filters(attributes=((name, (value,)),)))
        return spelled if isinstance(spelled, tuple) else (name, value)

    paths = [
        (tuple(text.split(PATH_SEPARATOR)), number) for text, number in index.facet(ANCESTORS, filters, MOST_CATEGORIES)
    ]
    return Facets(
        counted=index.count(filters, few),
        categories=tuple(
            FacetCount(spell(path, Filters(categories=(path,))), number)
            for path, number in _open_levels(paths, filters, limit)
        ),
        brands=tuple(
            FacetCount(spell(folded, Filters(brands=(folded,))), number)
            for folded, number in index.facet(BRAND_KEY, filters, limit + 1)
            if folded
        )[:limit],
        prices=_price_bands(_prices([card_of(payload) for payload in sample], currency), count),
        attributes=_attribute_facets(index.facet(ATTRIBUTE_KEYS, filters, MOST_ATTRIBUTE_KEYS), limit, spell_attribute),
        currency=currency,
    )


def _spellings(payloads: Sequence[JsonObject]) -> dict[Value, Value]:
    """Return how values are written: the first way that was met.

    A category is found by its folded path, a brand by its folded name, an attribute by `=` and its key.
    """
    written: dict[Value, Value] = {}
    for payload in payloads:
        card = card_of(payload)
        for path in _ancestors(card.categories):
            written.setdefault(fold_path(path), path)
        written.setdefault(fold_name(card.brand), card.brand)
        for name, item in _attributes(payload):
            written.setdefault(f"={attribute_key(name, item)}", (name, item))
    return written


def _ancestors(categories: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return each of some categories, and those above it."""
    return list(dict.fromkeys(path[: depth + 1] for path in categories for depth in range(len(path))))


def _attributes(payload: JsonObject) -> Iterator[tuple[str, str]]:
    for name, value in payload.get("attributes", {}).items():
        yield from ((name, item) for item in attribute_items(value))


def _open_levels(
    counts: Sequence[tuple[tuple[str, ...], int]], filters: Filters, limit: int
) -> list[tuple[tuple[str, ...], int]]:
    """Return the categories to choose from next, then the most frequent of the others, up to `limit` in total.

    The first are the departments, and what is directly below each category that is filtered by or leads to one, up to
    `limit` of each level.
    """
    opened = {(), *_ancestors([fold_path(path) for path in filters.categories])}
    listed: Counter[tuple[str, ...]] = Counter()
    taken: set[tuple[str, ...]] = set()
    for path, _ in counts:
        parent = path[:-1]
        if parent in opened and listed[parent] < limit:
            listed[parent] += 1
            taken.add(path)
    others = (path for path, _ in counts if path not in taken and path[:-1] not in opened)
    taken |= set(islice(others, max(0, limit - len(taken))))
    return [(path, number) for path, number in counts if path in taken]


def _attribute_facets(
    counts: Sequence[tuple[str, int]], limit: int, spell: Callable[[str], Value]
) -> tuple[AttributeFacet, ...]:
    """Return the attributes whose values several products share, from counts of `name=value`, most frequent first."""
    by_name: dict[str, list[tuple[str, int]]] = {}
    for key, number in counts:
        name, _, value = key.partition("=")
        # A list is counted by its items, which have keys of their own.
        if name != POPULARITY_ATTRIBUTE and ", " not in value and len(value) <= LONGEST_VALUE:
            by_name.setdefault(name, []).append((key, number))
    totals = {name: sum(number for _, number in keys) for name, keys in by_name.items()}
    shared = [name for name, keys in by_name.items() if totals[name] >= SHARED * len(keys)]
    facets = []
    for name in sorted(shared, key=lambda name: -totals[name])[:MOST_ATTRIBUTES]:
        spelled = [(spell(key), number) for key, number in by_name[name][:limit]]
        facets.append(AttributeFacet(spelled[0][0][0], tuple(FacetCount(pair[1], number) for pair, number in spelled)))
    return tuple(facets)


def _price_bands(prices: Sequence[Decimal], count: Callable[[Decimal, Decimal | None], int]) -> tuple[PriceBand, ...]:
    """Cut the range of sorted prices at round numbers into bands with the count `count(low, high)`; none is empty.

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
