"""`evaluate`: measure models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, print_table, say
from recommender.cli.progress import ProgressBar
from recommender.errors import NoLiveModel, UsageError
from recommender.types import Mode

if TYPE_CHECKING:
    from recommender.bootstrap.application import Application
    from recommender.evaluation.suite import Report
    from recommender.registry.models import RegisteredModel


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
    seed: Annotated[int, typer.Option(help="Seed of the split whose held-out products are asked.")] = 42,
    as_json: Json = False,
) -> None:
    """Measure models on held-out products, or on judgements of your own."""
    from recommender.bootstrap.application import open_application

    if (queries is None) != (qrels is None):
        raise UsageError("--queries and --qrels go together; give both files")
    with open_application() as application, ProgressBar() as progress:
        models = _models(application, model or [])
        reports = _reports(application, models, queries, qrels, pairs, mode or list(Mode), seed, progress)
    if as_json:
        print_json({"reports": [_json(report) for report in reports]})
    else:
        print_reports(reports)


def _models(application: Application, names: list[str]) -> list[RegisteredModel]:
    if names:
        return [application.registry.get(name) for name in names]
    live = application.registry.live()
    if live is None:
        raise NoLiveModel("no model is live; run `recommender ingest FEED` first, or name one with --model")
    return [live]


def _reports(
    application: Application,
    models: list[RegisteredModel],
    queries: Path | None,
    qrels: Path | None,
    pairs: Path | None,
    modes: list[Mode],
    seed: int,
    progress: ProgressBar,
) -> list[Report]:
    from recommender.bootstrap import evaluate as jobs
    from recommender.evaluation.judgements import read_pairs, read_queries

    if queries is None and pairs is None:
        return jobs.on_held_out(application, models, seed, progress)
    judged = read_queries(queries, qrels) if queries is not None and qrels is not None else None
    known = read_pairs(pairs) if pairs is not None else None
    return [
        report for model in models for report in jobs.on_judgements(application, model, modes, judged, known, progress)
    ]


def _json(report: Report) -> dict[str, object]:
    return {
        "model": report.model,
        "encoder": report.encoder,
        "queries": report.queries,
        "seconds": round(report.seconds, 1),
        "metrics": {
            name: {"mean": round(value.mean, 4), "low": round(value.low, 4), "high": round(value.high, 4)}
            for name, value in report.metrics.items()
        },
    }


def print_reports(reports: list[Report]) -> None:
    """Show reports side by side, a row a measure, with 95% bootstrap intervals."""
    names = list(dict.fromkeys(name for report in reports for name in report.metrics))
    columns = [("measure", "left"), *((f"{report.model}", "right") for report in reports)]
    print_table(columns, [(name, *(_cell(report, name) for report in reports)) for name in names])
    for report in reports:
        say(f"{report.model}: {report.queries:,} queries, {report.encoder}, {report.seconds:.0f} s")


def _cell(report: Report, name: str) -> str:
    value = report.metrics.get(name)
    return "" if value is None else f"{value.mean:.3f} ({value.low:.3f} .. {value.high:.3f})"
