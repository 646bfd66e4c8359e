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
        """Summarise one value a query, one query at least."""
        low, high = bootstrap_interval(values)
        return cls(float(values.mean()), low, high, values)


Slices = Mapping[Slice, Mapping[str, MetricValue]]
"""The measures of each slice; the number of queries behind one is `len(value.values)`."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """How a model measured through an encoder. `left_out` queries could not be asked; `seconds` is all it took.

    `slices` are in the order of their kind, the largest first; `slices_left_out` had too few queries, or stood behind
    larger ones. `catalogue` holds the measures of the catalogue as a whole, which are no means over queries and have
    no interval.
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
        """Return each measure in one number, as manifests keep it."""
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
    """One measure of several reports. Differences are None for the first, and where the queries differ in number."""

    metric: str
    values: tuple[MetricValue | None, ...]
    differences: tuple[Difference | None, ...]


def compare(reports: Sequence[Report]) -> list[ComparedMetric]:
    """Set reports side by side, a row a measure, with the paired difference of each to the first."""
    return compare_metrics([report.metrics for report in reports])


def compare_metrics(measured: Sequence[Mapping[str, MetricValue]]) -> list[ComparedMetric]:
    """Set the same measures of several models side by side, as those of one slice."""
    compared = []
    for name in dict.fromkeys(name for metrics in measured for name in metrics):
        values = tuple(metrics.get(name) for metrics in measured)
        differences = (None, *(_difference(value, values[0]) for value in values[1:]))
        compared.append(ComparedMetric(name, values, differences))
    return compared


def to_json(report: Report) -> JsonObject:
    """Return a report as JSON holds it, without the values of single queries."""
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


def _difference(value: MetricValue | None, first: MetricValue | None) -> Difference | None:
    if value is None or first is None or len(value.values) != len(first.values):
        return None
    return Difference(*paired_bootstrap(value.values, first.values))


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
    # For each kind, the name of the slice that each product is in.
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


def _cheapest_first(corpus: Sequence[Product], names: Sequence[str], chosen: Sequence[str]) -> list[str]:
    lowest = dict.fromkeys(chosen, float("inf"))
    for product, name in zip(corpus, names, strict=True):
        if name in lowest and product.price is not None and name != OTHER_CURRENCY:
            lowest[name] = min(lowest[name], float(product.price))
    return sorted(chosen, key=lambda name: lowest[name])
