"""Measures as tables: reports of an evaluation, their slices, and what was recorded of models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer

from recommender.cli.output import print_table
from recommender.errors import BadInput, UsageError

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.evaluation.reports import ComparedMetric, Report
    from recommender.models.manifest import Manifest
    from recommender.models.registry import RegisteredModel

_INDENT = "  "


def print_reports(reports: Sequence[Report], slices: bool = False) -> None:
    """Show reports side by side, one table for each set of measures.

    The first report of a table has its 95% interval, the others their paired difference to it, with its interval.
    """
    from recommender.evaluation.reports import compare

    for alike in _alike(reports):
        names = [report.model for report in alike]
        rows = [row for compared in compare(alike) for row in _block(compared.metric, names, compared)]
        for name in dict.fromkeys(name for report in alike for name in report.catalogue):
            values = [f"{report.catalogue[name]:.3f}" if name in report.catalogue else "" for report in alike]
            rows += _lines(name, names, [(value, "", "", "") for value in values])
        _print("measure", rows, len(alike))
        if slices:
            from recommender.evaluation.reports import compare_metrics

            parts = dict.fromkeys(part for report in alike for part in report.slices)
            by_metric: dict[str, list[tuple[str, ...]]] = {}
            for part in parts:
                for each in compare_metrics([report.slices.get(part, {}) for report in alike]):
                    count = max(len(value.values) for value in each.values if value is not None)
                    block = _block((f"{part} ({count:,})"), [report.model for report in alike], each)
                    by_metric.setdefault(each.metric, []).extend(block)
            for metric, printed in by_metric.items():
                _print(metric, printed, len(alike))
            few = max((report.slices_left_out for report in alike), default=0)
            if few:
                typer.echo(
                    f"{few:,} slices left out: too few queries for an interval, or not among the largest of their kind"
                )
    for report in reports:
        left_out = f" ({report.left_out:,} left out: not in the catalogue)" if report.left_out else ""
        typer.echo(f"{report.model}: {report.queries:,} queries{left_out}, {report.encoder}, {report.seconds:.0f} s")


def comparisons_json(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """Return the paired differences between reports of the same measures, each to the first of them."""
    from recommender.evaluation.reports import compare

    return [
        {
            "metric": row.metric,
            "model": report.model,
            "against": alike[0].model,
            "difference": round(change.mean, 4),
            "low": round(change.low, 4),
            "high": round(change.high, 4),
        }
        for alike in _alike(reports)
        for row in compare(alike)
        for report, change in zip(alike, row.differences, strict=True)
        if change is not None
    ]


def _alike(reports: Sequence[Report]) -> Iterator[list[Report]]:
    for _, group in groupby(sorted(reports, key=_measures), key=_measures):
        yield list(group)


def _measures(report: Report) -> tuple[str, ...]:
    return tuple(report.metrics)


def _print(heading: str, rows: Sequence[tuple[str, ...]], models: int) -> None:
    columns = [(heading, "shrink"), ("mean", "right"), ("95%", "right")]
    if models > 1:
        columns += [("change", "right"), ("95% of change", "right")]
    print_table(columns, [row[: len(columns)] for row in rows])


def _block(label: str, names: Sequence[str], compared: ComparedMetric) -> list[tuple[str, ...]]:
    cells = []
    for value, change in zip(compared.values, compared.differences, strict=True):
        mean, interval = ("", "") if value is None else (f"{value.mean:.3f}", f"{value.low:.3f}..{value.high:.3f}")
        moved = ("", "") if change is None else (f"{change.mean:+.3f}", f"{change.low:+.3f}..{change.high:+.3f}")
        cells.append((mean, interval, *moved))
    return _lines(label, names, cells)


def _lines(label: str, names: Sequence[str], cells: Sequence[tuple[str, str, str, str]]) -> list[tuple[str, ...]]:
    """Return one row for a single model, otherwise a row with the label and one for each model below it."""
    if len(names) == 1:
        return [(label, *cells[0])]
    below = [(f"{_INDENT}{name}", *each) for name, each in zip(names, cells, strict=True)]
    return [(label, "", "", "", ""), *below]


Suites = Mapping[str, Mapping[str, float]]


def suites_of(application: Application, model: RegisteredModel) -> Suites:
    """Return the measures of a model by suite; if its folder is lost, those of its row."""
    from recommender.models.manifest import HELD_OUT

    manifest = _manifest(application, model)
    return {HELD_OUT: model.metrics} if manifest is None else manifest.metrics


def _manifest(application: Application, model: RegisteredModel) -> Manifest | None:
    try:
        return application.registry.manifest(model.name)
    except BadInput:
        return None


def choose_metrics(metrics: Sequence[str], suites: Sequence[Suites]) -> list[Suites]:
    """Return only these measures. Raises `UsageError` for one that was recorded of none of the models."""
    known = list(dict.fromkeys(name for each in suites for values in each.values() for name in values))
    for name in metrics:
        if name not in known:
            raise UsageError(f"no model has a metric {name!r}; recorded: {', '.join(known) or 'none yet'}")
    chosen = [
        {
            suite: {name: values[name] for name in values if not metrics or name in metrics}
            for suite, values in each.items()
        }
        for each in suites
    ]
    return [{suite: values for suite, values in each.items() if values} for each in chosen]


def print_side_by_side(models: Sequence[RegisteredModel], suites: Sequence[Suites]) -> None:
    """Show a row for each measure and a column for each model, or the other way round if there are more models."""
    from recommender.models.manifest import BASE_SUFFIX

    measures = list(
        dict.fromkeys(
            (suite, name)
            for each in suites
            for suite, values in each.items()
            if not suite.endswith(BASE_SUFFIX)  # the base is a model of its own here
            for name in values
        )
    )
    if not measures:
        typer.echo("nothing was measured of them yet; `recommender evaluate` or `finetune` does it")
        return
    found = [[each.get(suite, {}).get(name) for each in suites] for suite, name in measures]
    cells = [["" if value is None else f"{value:.3f}" for value in row] for row in found]
    labels, names = [f"{suite}: {name}" for suite, name in measures], [model.name for model in models]
    if len(names) > len(labels):
        cells, labels, names = [list(row) for row in zip(*cells, strict=True)], names, labels
    print_table(
        [("", "left"), *((name, "right") for name in names)],
        [(label, *row) for label, row in zip(labels, cells, strict=True)],
    )


def describe_differences(application: Application, models: Sequence[RegisteredModel]) -> list[str]:
    """Return a warning if the measures are of different products, so that nobody takes them for a comparison."""
    manifests = [_manifest(application, model) for model in models]
    measured = {each.catalogue_hash for each in manifests if each and each.catalogue_hash}
    if len(measured) <= 1:
        return []
    named = " ".join(f"--model {model.name}" for model in models)
    return [f"measured on different states of the catalogue; `recommender evaluate {named}` measures them alike"]
