"""Reports as tables: any number of models under each measure, and the same for each slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import typer

from recommender.cli.output import print_table

if TYPE_CHECKING:
    from recommender.evaluation.reports import ComparedMetric, Report, Slice

_INDENT = "  "


def print_reports(reports: Sequence[Report], slices: bool = False) -> None:
    """Show reports side by side, one table for each set of measures.

    The first of a table has its 95% interval, the others their paired difference to it with the interval of that too.
    """
    for alike in _alike(reports):
        _print_measures(alike)
        if slices:
            _print_slices(alike)
    for report in reports:
        left_out = f" ({report.left_out:,} left out: not in the catalogue)" if report.left_out else ""
        typer.echo(f"{report.model}: {report.queries:,} queries{left_out}, {report.encoder}, {report.seconds:.0f} s")


def comparisons_json(reports: Sequence[Report]) -> list[dict[str, Any]]:
    """Return the paired differences between reports of the same measures: each to the first of them."""
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


def _print_measures(reports: Sequence[Report]) -> None:
    from recommender.evaluation.reports import compare

    names = [report.model for report in reports]
    rows = [row for compared in compare(reports) for row in _block(compared.metric, names, compared)]
    for name in dict.fromkeys(name for report in reports for name in report.catalogue):
        values = [f"{report.catalogue[name]:.3f}" if name in report.catalogue else "" for report in reports]
        rows += _lines(name, names, [(value, "", "", "") for value in values])
    _print("measure", rows, len(reports))


def _print_slices(reports: Sequence[Report]) -> None:
    from recommender.evaluation.reports import compare_metrics

    parts = dict.fromkeys(part for report in reports for part in report.slices)
    by_metric: dict[str, list[tuple[str, ...]]] = {}
    for part in parts:
        for compared in compare_metrics([report.slices.get(part, {}) for report in reports]):
            block = _block(_slice_label(part, compared), [report.model for report in reports], compared)
            by_metric.setdefault(compared.metric, []).extend(block)
    for metric, rows in by_metric.items():
        _print(metric, rows, len(reports))
    left_out = max((report.slices_left_out for report in reports), default=0)
    if left_out:
        typer.echo(
            f"{left_out:,} slices left out: too few queries for an interval, or not among the largest of their kind"
        )


def _slice_label(part: Slice, compared: ComparedMetric) -> str:
    count = max(len(value.values) for value in compared.values if value is not None)
    return f"{part} ({count:,})"


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
    """Return one row for a single model, else a row of the label and one a model below it."""
    if len(names) == 1:
        return [(label, *cells[0])]
    below = [(f"{_INDENT}{name}", *each) for name, each in zip(names, cells, strict=True)]
    return [(label, "", "", "", ""), *below]
