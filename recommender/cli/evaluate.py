"""`evaluate`: measure models side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.metric_tables import comparisons_json, print_reports
from recommender.cli.options import JudgementFlags, ReportFile, plan_report
from recommender.cli.output import print_table
from recommender.errors import UsageError
from recommender.query import Mode

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.evaluation.judgements import Pairs, ScoredPairs
    from recommender.evaluation.judgements import Queries as JudgedQueries
    from recommender.evaluation.reports import Report
    from recommender.models.registry import RegisteredModel
    from recommender.types import Progress


SCORED_COLUMNS = [
    ("model", "shrink"),
    ("loss", "left"),
    ("training loss", "right"),
    ("trained", "right"),
    ("Spearman", "right"),
]


@dataclass(frozen=True, slots=True)
class HeldOutFlags:
    """Which products are held out, and how they are measured."""

    mode: Annotated[
        list[Mode] | None,
        typer.Option("--mode", help="As served in this mode; default: all three for judgements, else vectors alone."),
    ] = None
    slices: Annotated[
        bool, typer.Option("--slices", help="Each measure by department, brand, price band and description too.")
    ] = False


@command
def evaluate(
    run: CommandRun,
    *,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A registered model; several are compared with the first.")
    ] = None,
    judgements: JudgementFlags,
    scored: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|hf:NAME",
            help="Spearman's correlation on scored texts or SKUs (a,b,score), or products (sku_a,sku_b,score).",
        ),
    ] = None,
    mteb: Annotated[
        list[str] | None, typer.Option("--mteb", help="A task of the MTEB benchmark, such as STS12; needs the Hub.")
    ] = None,
    held_out: HeldOutFlags,
    report: ReportFile = None,
) -> Output:
    """Measure models on held-out products, on judgements of your own, or on tasks of the MTEB benchmark."""
    from recommender.evaluation.reports import to_json
    from recommender.jobs import evaluate as job
    from recommender.jobs.calibrate import calibrate
    from recommender.jobs.models import select_models
    from recommender.training.data.supplied import read_scored

    outside = any(given is not None for given in (judgements.queries, judgements.qrels, judgements.pairs, scored))
    _refuse_clashes(bool(mteb), outside, held_out, report)
    judged, pairs = judgements.read()
    similarities = None if scored is None else read_scored(scored)
    application = run.open()
    models = select_models(application, model or [])
    if mteb:
        return _measure_tasks(application, models, mteb, run.progress)
    planned = plan_report(application, report)
    modes = list(dict.fromkeys(held_out.mode or []))
    if outside:
        name = PurePath(scored or "").stem
        reports = _measure_supplied(application, models, modes, judged, pairs, similarities, name, run.progress)
    else:
        wrap = planned.wrap if planned else None
        reports = job.measure_held_out(application, models, run.progress, modes, wrap)
    if any(each.live for each in models):
        calibrate(application, judged, anew=True, progress=run.progress)
    if planned is not None:
        planned.write_evaluation(models, reports, run.progress)
    compared = [] if similarities is None else _compare_scored(application, models, reports)

    def show() -> None:
        print_reports(reports, held_out.slices)
        if compared:
            print_table(SCORED_COLUMNS, [list(row.values()) for row in compared])

    document = {"reports": [to_json(each) for each in reports], "compared": comparisons_json(reports)}
    return Output(document | ({"scored": compared} if compared else {}), show)


def _refuse_clashes(mteb: bool, outside: bool, held_out: HeldOutFlags, report: Path | None) -> None:
    """Raise `UsageError` for options that do not go together."""
    if mteb and (outside or held_out != HeldOutFlags()):
        raise UsageError("--mteb runs tasks of its own; give only --model and --json with it")
    if mteb and report is not None:
        raise UsageError("--report shows measures on products and judgements; leave it out with --mteb")
    if outside and held_out.slices:
        raise UsageError("--slices is for held-out products; judgements have none, so leave one of them out")


def _measure_supplied(
    application: Application,
    models: Sequence[RegisteredModel],
    modes: Sequence[Mode],
    judged: JudgedQueries | None,
    pairs: Pairs | None,
    similarities: ScoredPairs | None,
    name: str,
    progress: Progress,
) -> list[Report]:
    from recommender.jobs import evaluate as job

    reports: list[Report] = []
    for model in models:
        if judged is not None or pairs is not None:
            reports += job.measure_judgements(application, model, modes or list(Mode), judged, pairs, progress)
        if similarities is not None:
            reports.append(job.measure_scored_pairs(application, model, similarities, name))
    return reports


def _compare_scored(
    application: Application, models: Sequence[RegisteredModel], reports: Sequence[Report]
) -> list[dict[str, str]]:
    """Return for each model the losses it was trained with, the last training loss, the time, and the correlation."""
    by_name = {report.model: report for report in reports}
    rows = []
    for model in models:
        manifest = application.registry.manifest(model.name)
        losses, seconds = manifest.training.get("losses") or (), manifest.training.get("seconds")
        rows.append(
            {
                "model": model.name,
                "loss": str(manifest.hyper_parameters.get("loss", "")) if losses else "",
                "training_loss": f"{float(losses[-1][1]):.3f}" if losses else "",
                "trained": f"{float(seconds):,.0f} s" if seconds else "",
                "spearman": f"{by_name[f'{model.name}, scored pairs'].metrics['spearman'].mean:.4f}",
            }
        )
    return rows


def _measure_tasks(
    application: Application, models: list[RegisteredModel], names: list[str], progress: Progress
) -> Output:
    from recommender.evaluation.mteb_tasks import find_tasks, run_tasks

    tasks, scores = find_tasks(names), []
    for each in models:
        scores += run_tasks(application.serving_encoder(each), tasks, model=each.name, progress=progress)
    columns = [("task", "left"), ("model", "shrink"), ("encoder", "left"), ("measure", "left"), ("score", "right")]
    rows = [(each.task, each.model, each.encoder, each.metric, f"{each.score:.4f}") for each in scores]
    return Output({"tasks": [score.json() for score in scores]}, lambda: print_table(columns, rows))
