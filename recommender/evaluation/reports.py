"""What an evaluation returns: measures with their intervals, over all queries and by slice, and how reports compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from recommender.evaluation.metrics import Values, bootstrap_interval, paired_bootstrap
from recommender.types import JsonObject


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
