"""`evaluate`: measure models side by side."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import MAX_SEED, Json
from recommender.cli.output import print_json, print_table, say
from recommender.cli.progress import ProgressBar
from recommender.errors import NoLiveModel, UsageError
from recommender.types import Mode

if TYPE_CHECKING:
    from recommender.bootstrap.application import Application
    from recommender.evaluation.judgements import Pairs, Queries
    from recommender.evaluation.suite import ComparedMetric, Report
    from recommender.registry.models import RegisteredModel

SEED = 42
"""Of the default split; fine-tuning holds out the same products by default."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(evaluate)


def evaluate(
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A registered model; several are compared with the first.")
    ] = None,
    queries: Annotated[Path | None, typer.Option(help="CSV: query_id,query. Needs --qrels.")] = None,
    qrels: Annotated[Path | None, typer.Option(help="CSV: query_id,sku,grade (0 to 3). Needs --queries.")] = None,
    pairs: Annotated[Path | None, typer.Option(help="CSV: sku_a,sku_b of products that belong together.")] = None,
    mode: Annotated[list[Mode] | None, typer.Option("--mode", help="For judgements; by default all three.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            help=f"Seed of the split whose held-out products are asked; by default {SEED}.", min=0, max=MAX_SEED
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure models on held-out products, or on judgements of your own."""
    from recommender.bootstrap import evaluate as jobs
    from recommender.bootstrap.application import open_application

    _check(queries, qrels, pairs, mode, seed)
    judged, known = _judgements(queries, qrels, pairs)
    with open_application() as application, ProgressBar() as progress:
        models = _models(application, model or [])
        if judged is None and known is None:
            reports = jobs.on_held_out(application, models, SEED if seed is None else seed, progress)
        else:
            modes = mode or list(Mode)
            reports = [
                report
                for each in models
                for report in jobs.on_judgements(application, each, modes, judged, known, progress)
            ]
    if as_json:
        from recommender.evaluation.suite import to_json

        print_json({"reports": [to_json(report) for report in reports]})
    else:
        print_reports(reports)


def _check(
    queries: Path | None, qrels: Path | None, pairs: Path | None, mode: list[Mode] | None, seed: int | None
) -> None:
    if (queries is None) != (qrels is None):
        raise UsageError("--queries and --qrels go together; give both files")
    judgements = queries is not None or pairs is not None
    if mode and not judgements:
        raise UsageError("--mode is for judgements; give --queries and --qrels, or --pairs")
    if seed is not None and judgements:
        raise UsageError("--seed chooses held-out products, and judgements bring their own; leave one of them out")


def _judgements(queries: Path | None, qrels: Path | None, pairs: Path | None) -> tuple[Queries | None, Pairs | None]:
    from recommender.evaluation.judgements import read_pairs, read_queries

    judged = read_queries(queries, qrels) if queries is not None and qrels is not None else None
    return judged, read_pairs(pairs) if pairs is not None else None


def _models(application: Application, names: list[str]) -> list[RegisteredModel]:
    if names:
        return [application.registry.get(name) for name in names]
    live = application.registry.live()
    if live is None:
        raise NoLiveModel("no model is live; run `recommender ingest FEED` first, or name one with --model")
    return [live]


def print_reports(reports: list[Report]) -> None:
    """Show reports side by side, a row a measure, one table for each set of measures.

    The first of a table has its 95% interval, the others their paired difference to it with the interval of that.
    """
    from recommender.evaluation.suite import compare

    for _, group in groupby(sorted(reports, key=_measures), key=_measures):
        alike = list(group)
        columns = [("measure", "left"), *((report.model, "right") for report in alike)]
        print_table(columns, [(row.metric, *_cells(row)) for row in compare(alike)])
    for report in reports:
        left_out = f" ({report.left_out:,} left out: not in the catalogue)" if report.left_out else ""
        say(f"{report.model}: {report.queries:,} queries{left_out}, {report.encoder}, {report.seconds:.0f} s")


def _measures(report: Report) -> tuple[str, ...]:
    return tuple(report.metrics)


def _cells(row: ComparedMetric) -> Iterator[str]:
    for value, change in zip(row.values, row.differences, strict=True):
        if value is None:
            yield ""
        elif change is None:
            yield f"{value.mean:.3f} ({value.low:.3f}..{value.high:.3f})"
        else:
            yield f"{value.mean:.3f} {change.mean:+.3f} ({change.low:+.3f}..{change.high:+.3f})"
