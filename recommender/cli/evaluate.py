"""`evaluate`: measure models side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.metric_tables import comparisons_json, print_reports
from recommender.cli.options import MAX_SEED, JudgementFlags, ReportFile, plan_report
from recommender.cli.output import print_table
from recommender.errors import UsageError
from recommender.query import Mode

if TYPE_CHECKING:
    from recommender.evaluation.mteb_tasks import TaskScore
    from recommender.evaluation.reports import Report

SEED = 42
"""Of the default split; fine-tuning holds out the same products by default."""


@command
def evaluate(
    run: CommandRun,
    *,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A registered model; several are compared with the first.")
    ] = None,
    judgements: JudgementFlags,
    scored: Annotated[
        Path | None, typer.Option(help="CSV: a,b,score of texts or SKUs, or sku_a,sku_b,score: Spearman's correlation.")
    ] = None,
    mteb: Annotated[
        list[str] | None, typer.Option("--mteb", help="A task of the MTEB benchmark, such as STS12; needs the Hub.")
    ] = None,
    mode: Annotated[
        list[Mode] | None,
        typer.Option("--mode", help="As served in this mode; default: all three for judgements, else vectors alone."),
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Each measure by department, brand, price band and description too.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(help=f"Seed of the split that holds products out; by default {SEED}.", min=0, max=MAX_SEED),
    ] = None,
    report: ReportFile = None,
) -> Output:
    """Measure models on held-out products, on judgements of your own, or on tasks of the MTEB benchmark."""
    from recommender.evaluation.reports import to_json
    from recommender.evaluation.scored_pairs import read_scored
    from recommender.jobs import evaluate as job
    from recommender.jobs.models import select_models

    outside = any(given is not None for given in (judgements.queries, judgements.qrels, judgements.pairs, scored))
    if mteb and (outside or mode or slices or seed is not None):
        raise UsageError("--mteb runs tasks of its own; give only --model and --json with it")
    if mteb and report is not None:
        raise UsageError("--report shows measures on products and judgements; leave it out with --mteb")
    if outside and slices:
        raise UsageError("--slices is for held-out products; judgements have none, so leave one of them out")
    if outside and seed is not None:
        raise UsageError("--seed chooses held-out products, and judgements bring their own; leave one of them out")
    judged, pairs = judgements.read()
    similarities = None if scored is None else read_scored(scored)
    application = run.open()
    models = select_models(application, model or [])
    if mteb:
        from recommender.evaluation.mteb_tasks import find_tasks, run_tasks

        tasks, scores = find_tasks(mteb), []
        for each in models:
            scores += run_tasks(application.encoder(each), tasks, model=each.name, progress=run.progress)
        return Output({"tasks": [score.json() for score in scores]}, lambda: _print_scores(scores))
    split_seed = SEED if seed is None else seed
    planned = plan_report(application, report, split_seed)
    modes = list(dict.fromkeys(mode or []))
    reports: list[Report] = []
    if outside:
        for each in models:
            if judged is not None or pairs is not None:
                reports += job.measure_judgements(application, each, modes or list(Mode), judged, pairs, run.progress)
            if similarities is not None:
                reports.append(job.measure_scored_pairs(application, each, similarities))
    else:
        wrap = None if planned is None else planned.wrap
        reports = job.measure_held_out(application, models, split_seed, run.progress, modes, wrap)
    if planned is not None:
        planned.write_evaluation(models, reports, run.progress)
    document = {"reports": [to_json(each) for each in reports], "compared": comparisons_json(reports)}
    return Output(document, lambda: print_reports(reports, slices))


def _print_scores(scores: list[TaskScore]) -> None:
    columns = [("task", "left"), ("model", "shrink"), ("encoder", "left"), ("measure", "left"), ("score", "right")]
    print_table(columns, [(each.task, each.model, each.encoder, each.metric, f"{each.score:.4f}") for each in scores])
