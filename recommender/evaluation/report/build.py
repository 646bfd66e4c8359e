"""Puts a report together: tables of measured reports, and the parts that come from vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec

from recommender.errors import MissingExtra
from recommender.evaluation.cached_encoder import Recording
from recommender.evaluation.report.data import (
    CatalogueRow,
    Headline,
    Interval,
    MeasuredModel,
    Method,
    MetricRow,
    MetricTable,
    Model,
    ReportData,
    SliceRow,
    Slices,
)
from recommender.evaluation.report.examples import examples, wrong_triplets
from recommender.evaluation.report.product_map import product_map
from recommender.evaluation.report.words import NEUTRAL
from recommender.evaluation.reports import Difference, MetricValue, Report, compare_metrics
from recommender.types import Progress, silent

WORST_SLICES = 12
"""Most slices on the page."""


def metric_tables(reports: Sequence[Report], models: Sequence[Model], references: Sequence[Model]) -> list[MetricTable]:
    """Set reports side by side, those with the same measures in one table, with differences to `references`.

    Measures that are neither good nor bad come after the others, in tables of their own. `models[i]` made `reports[i]`.
    In a table without a reference, its first model is the reference.
    """
    groups: dict[tuple[str, ...], list[tuple[Report, Model]]] = defaultdict(list)
    for report, model in zip(reports, models, strict=True):
        groups[tuple(report.metrics)].append((report, model))
    tables = []
    for neutral in (False, True):
        for group in groups.values():
            earlier = [model for _, model in group[:-1]]
            present = [model for model in earlier if model in references] or earlier[:1]
            names = dict.fromkeys(
                name for report, _ in group for name in report.metrics if (name in NEUTRAL) == neutral
            )
            rows = []
            for name in names:
                values = {model: report.metrics[name] for report, model in group if name in report.metrics}
                counts = {len(value.values) for value in values.values()}
                measured = []
                for model, value in values.items():
                    before = list(values)[: list(values).index(model)]
                    differences = (_pair(values[each], value) if each in before else None for each in present)
                    measured.append(MeasuredModel(model, _interval(value), tuple(differences)))
                queries = counts.pop() if len(counts) == 1 else 0
                rows.append(MetricRow(name=name, queries=queries, models=tuple(measured)))
            if rows:
                tables.append(MetricTable(tuple(present), tuple(rows)))
    return tables


def catalogue_rows(reports: Sequence[Report]) -> list[CatalogueRow]:
    """Set the measures of the catalogue as a whole side by side."""
    names = dict.fromkeys(name for report in reports for name in report.catalogue)
    return [CatalogueRow(name, tuple(report.catalogue.get(name) for report in reports)) for name in names]


def worst_slices(before: Report | None, after: Report, metric: str, model: Model, reference: Model | None) -> Slices:
    """Return the slices where a measure is worst: by its difference to `before`, or by itself without one.

    Returns no slices for reports without them.
    """
    rows = []
    for part, metrics in after.slices.items():
        if metric in metrics:
            value = metrics[metric]
            earlier = None if before is None else before.slices.get(part, {}).get(metric)
            rows.append(
                SliceRow(
                    kind=part.kind.value,
                    name=part.name,
                    queries=len(value.values),
                    before=None if earlier is None else _interval(earlier),
                    after=_interval(value),
                    difference=None if earlier is None else _pair(earlier, value),
                )
            )
    rows.sort(key=lambda row: row.after.mean if row.difference is None else row.difference.mean)
    return Slices(metric, model, tuple(rows[:WORST_SLICES]), len(rows), reference)


def _pair(before: MetricValue, after: MetricValue) -> Interval | None:
    (row,) = compare_metrics([{"": before}, {"": after}])
    difference = row.differences[1]
    return None if difference is None else _interval(difference)


def _interval(value: MetricValue | Difference) -> Interval:
    return Interval(value.mean, value.low, value.high)


PRIMARY = "category_p10"


def require_extra() -> None:
    """Raise `MissingExtra` when a report can't be made here."""
    if not all(find_spec(name) for name in ("sklearn", "jinja2")):
        raise MissingExtra("train", "a report")


def build(
    headline: Headline,
    reports: Sequence[Report],
    references: Sequence[Model],
    method: Method,
    recording: Recording | None,
    seed: int,
    progress: Progress = silent,
) -> ReportData:
    """Return a report on measured models, without the parts that only a training has.

    The models of `headline` are those that the report is about, the last one above all; reports of other names, as of
    one model in several modes, have rows of their own. `recording` has what was measured by vectors: without it, or
    without two models in it, the parts that show or compare neighbours are left out, or show one.
    """
    named = {model.name: model for model in headline.models}
    models = [named.get(report.model, Model(report.model, encoder=report.encoder)) for report in reports]
    own = [report for report in reports if report.model in named]
    slices = None
    if len(own) == len(headline.models) and any(PRIMARY in metrics for metrics in own[-1].slices.values()):
        before, reference = (own[0], headline.models[0]) if len(own) > 1 else (None, None)
        slices = worst_slices(before, own[-1], PRIMARY, headline.models[-1], reference)
    data = ReportData(
        headline=headline,
        metrics=tuple(metric_tables(reports, models, references)),
        catalogue=tuple(catalogue_rows(own)) if len(own) == len(named) else (),
        slices=slices,
        method=method,
    )
    recorded = [named[name] for name in (recording.models if recording else ()) if name in named]
    if recording is None or not recorded:
        return data
    pair = list(dict.fromkeys((recorded[0], recorded[-1])))
    return replace(
        data,
        product_map=product_map(recording, pair, seed, progress),
        examples=examples(recording, pair, seed),
        triplets=wrong_triplets(recording, pair),
        method=replace(data.method, corpus=len(recording.held.corpus)),
    )
