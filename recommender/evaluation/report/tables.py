"""Measured reports as the rows of a page: every measure of every model, and the worst slices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from recommender.evaluation.report.data import (
    CatalogueRow,
    Interval,
    MeasuredModel,
    MetricRow,
    MetricTable,
    Model,
    SliceRow,
    Slices,
)
from recommender.evaluation.report.glossary import NEUTRAL
from recommender.evaluation.reports import Difference, MetricValue, Report, Slice, compare_metrics

WORST_SLICES = 12
"""Slices on the page."""


def metric_tables(reports: Sequence[Report], models: Sequence[Model], references: Sequence[Model]) -> list[MetricTable]:
    """Set reports side by side, those with the same measures in one table, with differences to `references`.

    Measures that are neither good nor bad come after the others, in tables of their own.
    `models[i]` made `reports[i]`. In a table without a reference its first model is one.
    """
    groups: dict[tuple[str, ...], list[tuple[Report, Model]]] = defaultdict(list)
    for report, model in zip(reports, models, strict=True):
        groups[tuple(report.metrics)].append((report, model))
    tables = [_table(group, references, neutral) for neutral in (False, True) for group in groups.values()]
    return [table for table in tables if table.rows]


def catalogue_rows(reports: Sequence[Report]) -> list[CatalogueRow]:
    """Set the measures of the catalogue as a whole side by side."""
    names = dict.fromkeys(name for report in reports for name in report.catalogue)
    return [CatalogueRow(name, tuple(report.catalogue.get(name) for report in reports)) for name in names]


def worst_slices(before: Report | None, after: Report, metric: str, model: Model, reference: Model | None) -> Slices:
    """Return the slices where a measure stands worst: by its difference to `before`, or by itself without one.

    No slices, for reports without them.
    """
    rows = [
        _slice(part, metric, {} if before is None else before.slices.get(part, {}), metrics)
        for part, metrics in after.slices.items()
        if metric in metrics
    ]
    rows.sort(key=lambda row: row.after.mean if row.difference is None else row.difference.mean)
    return Slices(metric, model, tuple(rows[:WORST_SLICES]), len(rows), reference)


def _table(pairs: Sequence[tuple[Report, Model]], references: Sequence[Model], neutral: bool) -> MetricTable:
    models = [model for _, model in pairs]
    present = [model for model in models[:-1] if model in references] or models[:-1][:1]
    names = dict.fromkeys(name for report, _ in pairs for name in report.metrics if (name in NEUTRAL) == neutral)
    return MetricTable(tuple(present), tuple(_row(name, pairs, present) for name in names))


def _row(name: str, pairs: Sequence[tuple[Report, Model]], references: Sequence[Model]) -> MetricRow:
    values = {model: report.metrics[name] for report, model in pairs if name in report.metrics}
    counts = {len(value.values) for value in values.values()}
    return MetricRow(
        name=name,
        queries=counts.pop() if len(counts) == 1 else 0,
        models=tuple(
            MeasuredModel(model, _interval(value), tuple(_differences(model, values, references)))
            for model, value in values.items()
        ),
    )


def _differences(
    model: Model, values: Mapping[Model, MetricValue], references: Sequence[Model]
) -> Iterator[Interval | None]:
    order = list(values)
    for reference in references:
        later = reference in values and order.index(model) > order.index(reference)
        yield _pair(values[reference], values[model]) if later else None


def _pair(before: MetricValue, after: MetricValue) -> Interval | None:
    (row,) = compare_metrics([{"": before}, {"": after}])
    difference = row.differences[1]
    return None if difference is None else _interval(difference)


def _slice(
    part: Slice, metric: str, before: Mapping[str, MetricValue] | None, after: Mapping[str, MetricValue]
) -> SliceRow:
    reference = (before or {}).get(metric)
    return SliceRow(
        kind=part.kind.value,
        name=part.name,
        queries=len(after[metric].values),
        before=None if reference is None else _interval(reference),
        after=_interval(after[metric]),
        difference=None if reference is None else _pair(reference, after[metric]),
    )


def _interval(value: MetricValue | Difference) -> Interval:
    return Interval(value.mean, value.low, value.high)
