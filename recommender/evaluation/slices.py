"""Parts of the queries: by department, brand, price band, and with or without a description."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from recommender.evaluation.metrics import Values
from recommender.evaluation.neighbours import Indexes
from recommender.evaluation.reports import MetricValue, Slice, SliceKind, Slices
from recommender.types import Product

MIN_QUERIES = 10
"""Queries below which a measure of a slice is left out: the interval would span most of the scale."""

MAX_SLICES = 20
"""Of one kind, those with the most queries: a shop has hundreds of brands, and nobody reads a table of them."""

ENOUGH_QUERIES = 50
"""Queries with which a slice is kept in any case: that many have a say in the gate."""

PRICE_BANDS = 4

OTHER_CURRENCY = "other currency"


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One value for each of the queries, which are rows of the corpus."""

    queries: Indexes
    values: Values


def slice_metrics(
    corpus: Sequence[Product], measured: Mapping[str, Measured], described: Sequence[bool]
) -> tuple[Slices, int]:
    """Return the measures of each slice, and how many slices were left out as too small or too many.

    `described[row]` says whether a product has a description worth the name. A kind that does not tell the queries
    apart, as the brand where no product has one, gives no slice.
    """
    asked = sorted({int(row) for each in measured.values() for row in each.queries})
    slices: dict[Slice, Mapping[str, MetricValue]] = {}
    left_out = 0
    # Return, for each kind, the name of the slice that each product is in.
    for kind, names in (
        {
            SliceKind.DEPARTMENT: [product.category[0] if product.category else "none" for product in corpus],
            SliceKind.BRAND: _brands(corpus),
            SliceKind.PRICE: _price_bands(corpus),
            SliceKind.DESCRIPTION: ["with" if known else "without" for known in described],
        }
    ).items():
        sizes = Counter(names[row] for row in asked)
        if len(sizes) < 2:
            continue
        ranked = sorted(sizes, key=lambda name: (-sizes[name], name))
        largest = [name for rank, name in enumerate(ranked) if rank < MAX_SLICES or sizes[name] >= ENOUGH_QUERIES]
        if kind is SliceKind.PRICE:
            largest = _cheapest_first(corpus, names, largest)
        found = {Slice(kind, name): _of_slice(measured, names, name) for name in largest}
        slices |= {part: metrics for part, metrics in found.items() if metrics}
        left_out += len(sizes) - sum(bool(metrics) for metrics in found.values())
    return slices, left_out


def _of_slice(measured: Mapping[str, Measured], names: Sequence[str], name: str) -> dict[str, MetricValue]:
    found = {}
    for metric, each in measured.items():
        inside = np.fromiter((names[row] == name for row in each.queries), dtype=bool, count=len(each.queries))
        if inside.sum() >= MIN_QUERIES:
            found[metric] = MetricValue.of(each.values[inside])
    return found


def _brands(corpus: Sequence[Product]) -> list[str]:
    """Return brands as they are most often written: feeds write one in several ways."""
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for product in corpus:
        spellings[product.brand.casefold()][product.brand] += 1
    shown = {key: min(each, key=lambda name: (-each[name], name)) for key, each in spellings.items()}
    return [shown[product.brand.casefold()] or "none" for product in corpus]


def _price_bands(corpus: Sequence[Product]) -> list[str]:
    """Cut prices at their quartiles. Those in another currency than most have can't be compared: `OTHER_CURRENCY`."""
    currencies = Counter(product.currency for product in corpus if product.price is not None)
    if not currencies:
        return ["none"] * len(corpus)
    main = min(currencies, key=lambda name: (-currencies[name], name))
    prices = [float(p.price) for p in corpus if p.price is not None and p.currency == main]
    shares = np.arange(1, PRICE_BANDS) / PRICE_BANDS
    edges = np.unique(np.quantile(prices, shares, method="lower"))
    names = list(_band_names(edges.tolist(), main))
    return [_band(product, main, edges, names) for product in corpus]


def _cheapest_first(corpus: Sequence[Product], names: Sequence[str], chosen: Sequence[str]) -> list[str]:
    lowest = dict.fromkeys(chosen, float("inf"))
    for product, name in zip(corpus, names, strict=True):
        if name in lowest and product.price is not None and name != OTHER_CURRENCY:
            lowest[name] = min(lowest[name], float(product.price))
    return sorted(chosen, key=lambda name: lowest[name])


def _band(product: Product, currency: str, edges: Values, names: Sequence[str]) -> str:
    if product.price is None:
        return "none"
    if product.currency != currency:
        return OTHER_CURRENCY
    return names[int(np.searchsorted(edges, float(product.price), side="left"))]


def _band_names(edges: Sequence[float], currency: str) -> Iterator[str]:
    texts = [f"{edge:.10g}" for edge in edges]
    yield f"up to {texts[0]} {currency}".rstrip()
    for low, high in pairwise(texts):
        yield f"over {low} to {high} {currency}".rstrip()
    yield f"over {texts[-1]} {currency}".rstrip()
