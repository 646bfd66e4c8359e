"""`evaluate`: measure models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.judgements import judgement_files
from recommender.cli.options import MAX_SEED, Json
from recommender.cli.output import print_json, print_table
from recommender.cli.progress import ProgressBar
from recommender.cli.report import ReportFile, plan_report
from recommender.cli.reports import compared_json, print_reports
from recommender.errors import UsageError
from recommender.query import Mode

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.evaluation.judgements import Pairs, Queries
    from recommender.evaluation.mteb_tasks import TaskScore
    from recommender.evaluation.reports import Report
    from recommender.evaluation.scored_pairs import ScoredPairs
    from recommender.jobs.evaluate import WrapEncoder
    from recommender.models.registry import RegisteredModel

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
    scored: Annotated[
        Path | None, typer.Option(help="CSV: a,b,score of texts or SKUs, or sku_a,sku_b,score: Spearman's correlation.")
    ] = None,
    mteb: Annotated[
        list[str] | None, typer.Option("--mteb", help="A task of the MTEB benchmark, such as STS12; needs the Hub.")
    ] = None,
    mode: Annotated[
        list[Mode] | None,
        typer.Option("--mode", help="As served in this mode, for judgements by default in all three; else by vectors."),
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Each measure by department, brand, price band and description too.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            help=f"Seed of the split whose held-out products are asked; by default {SEED}.", min=0, max=MAX_SEED
        ),
    ] = None,
    report: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Measure models on held-out products, on judgements of your own, or on tasks of the MTEB benchmark."""
    from recommender.application.composition import open_application
    from recommender.jobs.models import select_models

    outside = any(given is not None for given in (queries, qrels, pairs, scored))
    _check(outside, bool(mteb), bool(mode), slices, seed)
    if mteb and report is not None:
        raise UsageError("--report shows measures on products and judgements; leave it out with --mteb")
    files = judgement_files(queries, qrels, pairs), _scored(scored)
    with open_application() as application, ProgressBar() as progress:
        models = select_models(application, model or [])
        planned = plan_report(application, report, SEED if seed is None else seed)
        if mteb:
            scores = _on_tasks(application, models, mteb, progress)
        elif outside:
            reports = _on_judgements(application, models, mode or list(Mode), *files, progress)
        else:
            wrap = None if planned is None else planned.wrap
            reports = _on_held_out(application, models, SEED if seed is None else seed, mode or [], progress, wrap)
        if planned is not None and not mteb:
            planned.write_evaluation(models, reports, progress)
    if mteb:
        _show_scores(scores, as_json)
    else:
        _show_reports(reports, slices, as_json)


def _check(outside: bool, mteb: bool, mode: bool, slices: bool, seed: int | None) -> None:
    if mteb and (outside or mode or slices or seed is not None):
        raise UsageError("--mteb runs tasks of its own; give only --model and --json with it")
    if outside and slices:
        raise UsageError("--slices is for held-out products; judgements have none, so leave one of them out")
    if outside and seed is not None:
        raise UsageError("--seed chooses held-out products, and judgements bring their own; leave one of them out")


def _on_held_out(
    application: Application,
    models: list[RegisteredModel],
    seed: int,
    modes: list[Mode],
    progress: ProgressBar,
    wrap: WrapEncoder | None,
) -> list[Report]:
    from recommender.jobs import evaluate as jobs

    return jobs.measure_held_out(application, models, seed, progress, list(dict.fromkeys(modes)), wrap)


def _on_judgements(
    application: Application,
    models: list[RegisteredModel],
    modes: list[Mode],
    judged: tuple[Queries | None, Pairs | None],
    scored: ScoredPairs | None,
    progress: ProgressBar,
) -> list[Report]:
    from recommender.jobs import evaluate as jobs

    reports: list[Report] = []
    for model in models:
        if any(each is not None for each in judged):
            reports += jobs.measure_judgements(application, model, list(dict.fromkeys(modes)), *judged, progress)
        if scored is not None:
            reports.append(jobs.measure_scored_pairs(application, model, scored))
    return reports


def _on_tasks(
    application: Application, models: list[RegisteredModel], names: list[str], progress: ProgressBar
) -> list[TaskScore]:
    from recommender.evaluation.mteb_tasks import find_tasks, run_tasks

    tasks = find_tasks(names)
    return [
        score
        for model in models
        for score in run_tasks(application.encoder(model), tasks, model=model.name, progress=progress)
    ]


def _scored(path: Path | None) -> ScoredPairs | None:
    from recommender.evaluation.scored_pairs import read_scored

    return None if path is None else read_scored(path)


def _show_reports(reports: list[Report], slices: bool, as_json: bool) -> None:
    from recommender.evaluation.reports import to_json

    if as_json:
        print_json({"reports": [to_json(report) for report in reports], "compared": compared_json(reports)})
    else:
        print_reports(reports, slices)


def _show_scores(scores: list[TaskScore], as_json: bool) -> None:
    if as_json:
        print_json({"tasks": [score.json() for score in scores]})
        return
    columns = [("task", "left"), ("model", "shrink"), ("encoder", "left"), ("measure", "left"), ("score", "right")]
    print_table(columns, [(each.task, each.model, each.encoder, each.metric, f"{each.score:.4f}") for each in scores])
