"""What an evaluation returns: measures with their intervals, over all queries and by slice, and how reports compare."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recommender.errors import Unavailable
from recommender.evaluation.metrics import Values, bootstrap_interval, paired_bootstrap
from recommender.evaluation.neighbours import Indexes
from recommender.types import JsonObject, Product


class SliceKind(StrEnum):
    """What the products of a slice have in common. `department` is the first level of the category."""

    DEPARTMENT = "department"
    BRAND = "brand"
    PRICE = "price"
    DESCRIPTION = "description"


@dataclass(frozen=True, slots=True, order=True)
class Slice:
    """A part of the queries, by a field of their products: `price: 10 to 25 EUR`, `description: without`."""

    kind: SliceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class MetricValue:
    """A measure: its mean over the queries, the ends of its 95% bootstrap interval, and the value of each query."""

    mean: float
    low: float
    high: float
    values: NDArray[np.float64]

    @classmethod
    def of(cls, values: Values) -> MetricValue:
        """Summarise one value for each query, of at least one query."""
        low, high = bootstrap_interval(values)
        return cls(float(values.mean()), low, high, values)


Slices = Mapping[Slice, Mapping[str, MetricValue]]
"""The measures of each slice; the number of queries behind one is `len(value.values)`."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """How a model measured through an encoder. `left_out` queries could not be asked; `seconds` is the whole time.

    `slices` are in the order of their kind, the largest first; `slices_left_out` had too few queries, or came after
    larger ones. `catalogue` has the measures of the catalogue as a whole, which are not means over queries and have no
    interval.
    """

    model: str
    encoder: str
    queries: int
    metrics: Mapping[str, MetricValue]
    seconds: float
    left_out: int = 0
    slices: Slices = field(default_factory=dict)
    slices_left_out: int = 0
    catalogue: Mapping[str, float] = field(default_factory=dict)

    def means(self) -> dict[str, float]:
        """Return each measure as one number, as manifests keep it."""
        values = {name: value.mean for name, value in self.metrics.items()} | dict(self.catalogue)
        return {name: round(value, 4) for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Measures:
    """Reports of several models, as rows of a table."""

    reports: tuple[Report, ...]

    def rows(self) -> list[JsonObject]:
        """Return a row for each measure of each model: its mean and the ends of its 95% interval."""
        return [
            {"model": report.model, "measure": name, "mean": value.mean, "low": value.low, "high": value.high}
            | {"queries": len(value.values), "encoder": report.encoder}
            for report in self.reports
            for name, value in report.metrics.items()
        ]

    def to_pandas(self) -> Any:
        """Return the rows as a data frame. Raises `Unavailable` without pandas."""
        try:
            import pandas
        except ImportError as error:
            raise Unavailable("pandas is not installed; pip install pandas, or take rows()") from error
        return pandas.DataFrame(self.rows())


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean difference to the first report over the same queries, with the ends of its 95% interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One measure of several reports. Differences are None for the first, and if the queries differ in number."""

    metric: str
    values: tuple[MetricValue | None, ...]
    differences: tuple[Difference | None, ...]


def compare(reports: Sequence[Report]) -> list[ComparedMetric]:
    """Set reports side by side, one row for each measure, with the paired difference of each to the first."""
    return compare_metrics([report.metrics for report in reports])


def compare_metrics(measured: Sequence[Mapping[str, MetricValue]]) -> list[ComparedMetric]:
    """Set the same measures of several models side by side, as those of one slice."""
    compared = []
    for name in dict.fromkeys(name for metrics in measured for name in metrics):
        values = tuple(metrics.get(name) for metrics in measured)
        first = values[0]
        differences: list[Difference | None] = [None]
        for value in values[1:]:
            difference = None
            if value is not None and first is not None and len(value.values) == len(first.values):
                difference = Difference(*paired_bootstrap(value.values, first.values))
            differences.append(difference)
        compared.append(ComparedMetric(name, values, tuple(differences)))
    return compared


def to_json(report: Report) -> JsonObject:
    """Return a report in its JSON form, without the values of single queries."""
    return {
        "model": report.model,
        "encoder": report.encoder,
        "queries": report.queries,
        "left_out": report.left_out,
        "seconds": round(report.seconds, 1),
        "metrics": _metrics_json(report.metrics),
        "catalogue": {name: round(value, 4) for name, value in report.catalogue.items()},
        "slices": [
            {"kind": part.kind.value, "name": part.name, "metrics": _metrics_json(metrics, counted=True)}
            for part, metrics in report.slices.items()
        ],
        "slices_left_out": report.slices_left_out,
    }


def _metrics_json(metrics: Mapping[str, MetricValue], counted: bool = False) -> JsonObject:
    return {
        name: {"mean": round(value.mean, 4), "low": round(value.low, 4), "high": round(value.high, 4)}
        | ({"queries": len(value.values)} if counted else {})
        for name, value in metrics.items()
    }


MIN_QUERIES = 10
"""With fewer queries a measure of a slice is left out: the interval would span most of the scale."""

MAX_SLICES = 20
"""Slices of one kind, those with the most queries: a shop has hundreds of brands, and nobody reads a table of them."""

ENOUGH_QUERIES = 50
"""With this many queries a slice is always kept: the gate compares those."""

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

    `described[row]` says whether a product has a description that can be used. A kind in which all queries are alike,
    as the brand when no product has one, gives no slice.
    """
    asked = sorted({int(row) for each in measured.values() for row in each.queries})
    slices: dict[Slice, Mapping[str, MetricValue]] = {}
    left_out = 0
    # Brands are shown in their most frequent spelling: feeds write one in several ways.
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    for product in corpus:
        spellings[product.brand.casefold()][product.brand] += 1
    shown = {key: min(each, key=lambda name: (-each[name], name)) for key, each in spellings.items()}
    for kind, names in (  # the name of the slice that each product is in
        {
            SliceKind.DEPARTMENT: [product.category[0] if product.category else "none" for product in corpus],
            SliceKind.BRAND: [shown[product.brand.casefold()] or "none" for product in corpus],
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
            lowest = dict.fromkeys(largest, float("inf"))
            for product, band in zip(corpus, names, strict=True):
                if band in lowest and product.price is not None and band != OTHER_CURRENCY:
                    lowest[band] = min(lowest[band], float(product.price))
            largest.sort(key=lambda band: lowest[band])
        found: dict[Slice, dict[str, MetricValue]] = {}
        for name in largest:
            part = found[Slice(kind, name)] = {}
            for metric, of_all in measured.items():
                asked_of = of_all.queries
                inside = np.fromiter((names[row] == name for row in asked_of), dtype=bool, count=len(asked_of))
                if inside.sum() >= MIN_QUERIES:
                    part[metric] = MetricValue.of(of_all.values[inside])
        slices |= {part: metrics for part, metrics in found.items() if metrics}
        left_out += len(sizes) - sum(bool(metrics) for metrics in found.values())
    return slices, left_out


def _price_bands(corpus: Sequence[Product]) -> list[str]:
    """Cut prices at their quartiles. Those in another currency than most can't be compared: `OTHER_CURRENCY`."""
    currencies = Counter(product.currency for product in corpus if product.price is not None)
    if not currencies:
        return ["none"] * len(corpus)
    main = min(currencies, key=lambda name: (-currencies[name], name))
    prices = [float(p.price) for p in corpus if p.price is not None and p.currency == main]
    shares = np.arange(1, PRICE_BANDS) / PRICE_BANDS
    edges = np.unique(np.quantile(prices, shares, method="lower"))
    texts = [f"{edge:.10g}" for edge in edges.tolist()]
    names = [f"up to {texts[0]} {main}", *(f"over {low} to {high} {main}" for low, high in pairwise(texts))]
    names = [name.rstrip() for name in (*names, f"over {texts[-1]} {main}")]
    bands = []
    for product in corpus:
        if product.price is None:
            bands.append("none")
        elif product.currency != main:
            bands.append(OTHER_CURRENCY)
        else:
            bands.append(names[int(np.searchsorted(edges, float(product.price), side="left"))])
    return bands
