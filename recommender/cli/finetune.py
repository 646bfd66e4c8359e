"""`finetune`."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.changes import IfChanged, change_json, changed_share, tell_unchanged
from recommender.cli.judgements import judgement_files
from recommender.cli.models import export_reason, model_shape, say_export
from recommender.cli.options import MAX_SEED, Json
from recommender.cli.output import print_json, print_table, say
from recommender.cli.progress import ProgressBar
from recommender.cli.report import ReportFile, plan_report
from recommender.cli.training_data import (
    LOSSES,
    Data,
    DataFormats,
    DataOnly,
    Lora,
    LoraRank,
    Matryoshka,
    adapter_rank,
    data_sources,
    matryoshka_sizes,
)
from recommender.errors import EXIT_CODES, Refused, UsageError

if TYPE_CHECKING:
    from recommender.jobs.finetune import FinetuneResult
    from recommender.training.options import TrainingOptions
    from recommender.training.promotion_gate import Verdict

_UNITS = {"s": 1, "m": 60, "h": 3600}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(finetune)


def finetune(
    base: Annotated[
        str, typer.Option(help="Base model: a Hub name or a folder; by default the one in the settings.")
    ] = "",
    loss: Annotated[str, typer.Option(help=f"What is minimised: {LOSSES}.")] = "joint",
    epochs: Annotated[float | None, typer.Option(help="Passes over the training sets.", min=0.01)] = None,
    budget: Annotated[str | None, typer.Option(help="Time limit of the training: 90s, 10m, 1h.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Anchors in a batch.", min=2)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.", min=0.0)] = None,
    patience: Annotated[
        int | None, typer.Option(help="End after so many evaluations without a better one.", min=1)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the interrupted run of these options.")] = False,
    processes: Annotated[int | None, typer.Option(help="Train in so many processes, one a GPU.", min=1)] = None,
    report_to: Annotated[
        list[str] | None, typer.Option("--report-to", help="tensorboard or wandb: follow the losses there too.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the split, the sampling and the training.", min=0, max=MAX_SEED)
    ] = None,
    pooling: Annotated[str | None, typer.Option(help="mean, cls or max: for a raw transformer.")] = None,
    dense_dim: Annotated[int | None, typer.Option(help="Add a dense layer of this size.", min=1)] = None,
    max_seq_length: Annotated[int | None, typer.Option(help="Tokens after which a text is cut.", min=8)] = None,
    data: Data = None,
    data_format: DataFormats = None,
    data_only: DataOnly = False,
    matryoshka: Matryoshka = "",
    lora: Lora = False,
    lora_rank: LoraRank = None,
    queries: Annotated[
        Path | None, typer.Option(help="CSV: query_id,query. Searches the model must not lose. Needs --qrels.")
    ] = None,
    qrels: Annotated[Path | None, typer.Option(help="CSV: query_id,sku,grade. Needs --queries.")] = None,
    pairs: Annotated[
        Path | None, typer.Option(help="CSV: sku_a,sku_b of products that belong together, not to be lost either.")
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the new model.")] = "",
    no_promote: Annotated[
        bool, typer.Option("--no-promote", help="Register and measure, but leave the live model.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Go live even if the gate refuses; the model is marked as forced.")
    ] = False,
    if_changed: IfChanged = None,
    report: ReportFile = None,
    as_json: Json = False,
) -> None:
    """Fine-tune on the catalogue's category tree; go live if better than what is live on held-out products.

    Exit code 6: the model was trained and registered, but the gate kept it from going live.
    """
    from recommender.application.composition import open_application
    from recommender.jobs.catalogue_drift import drift_since_training
    from recommender.jobs.finetune import run
    from recommender.jobs.promotion_check import Judgements

    options = training_options(
        loss,
        epochs=epochs,
        budget=budget,
        batch_size=batch_size,
        learning_rate=learning_rate,
        patience=patience,
        processes=processes,
        report_to=tuple(report_to or ()),
        seed=seed,
        data=data_sources(data, data_format),
        data_only=data_only,
        matryoshka=matryoshka_sizes(matryoshka),
        lora_rank=adapter_rank(lora, lora_rank),
    )
    shape = model_shape(pooling, dense_dim, max_seq_length)
    if force and no_promote:
        raise UsageError("--force makes the model live and --no-promote keeps it from that; leave one of them out")
    judgements = Judgements(*judgement_files(queries, qrels, pairs))
    threshold, told = changed_share(if_changed), {}
    with open_application() as application, ProgressBar() as progress:
        if threshold is not None:
            found = drift_since_training(application)
            if not found.reaches(threshold):
                tell_unchanged(found, threshold, as_json)
                return
            told = change_json(found, threshold, trained=True)
        planned = plan_report(application, report, options.seed)
        result = run(
            application,
            options,
            base=base,
            shape=shape,
            name=name,
            promote=not no_promote,
            force=force,
            resume=resume,
            judgements=judgements,
            wrap=None if planned is None else planned.wrap,
            progress=progress,
        )
        if planned is not None:
            planned.write_finetuning(result, options, progress)
        reason = export_reason(application, result.model.name)
    if as_json:
        print_json(result_json(result) | {"export_reason": reason} | told)
    else:
        print_result(result, no_promote)
        say_export(result.model.name, reason)
    if not result.promoted and not no_promote:
        raise typer.Exit(EXIT_CODES[Refused])


def training_options(loss: str, **given: Any) -> TrainingOptions:
    """Build the training options from what was given; the rest keeps its default. Raises `UsageError`."""
    from recommender.training.options import Loss, TrainingOptions

    values = {name: value for name, value in given.items() if value is not None}
    if "budget" in values:
        values["budget"] = duration(values["budget"])
    try:
        return TrainingOptions(loss=Loss(loss), **values)
    except ValueError:
        raise UsageError(f"--loss {loss!r} is not one of {', '.join(kind.value for kind in Loss)}") from None


def duration(text: str) -> timedelta:
    """Read a duration such as 90s, 10m or 1.5h. Raises `UsageError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip().lower())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"--budget {text!r} is not a duration; write 90s, 10m or 1h")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def print_result(result: FinetuneResult, no_promote: bool = False) -> None:
    """Show how the models measured and what the gate said."""
    print_verdict(result.verdict)
    training = result.training
    for report in training.data:
        say(report.describe())
    say(f"trained {training.steps:,} steps in {training.seconds:.0f} s on {training.device}; model {result.model.name}")
    if result.promoted:
        forced = "in spite of the gate: " if result.forced else ""
        say(f"live: {result.model.name} ({forced}{result.verdict.reason})")
    elif no_promote and result.verdict.passed:
        say(f"not promoted, as asked; `recommender models promote {result.model.name}` makes it live")
    else:
        say(f"not promoted: {result.verdict.reason}")


def print_verdict(verdict: Verdict) -> None:
    """Show the gate's lines; of the slices those that failed, and how many there are."""
    from recommender.training.promotion_gate import GateRule

    shown = [line for line in verdict.lines if line.rule is not GateRule.SLICE or not line.passed]
    columns = [
        ("measure", "shrink"),
        ("against", "shrink"),
        ("before", "right"),
        ("tuned", "right"),
        ("95% of change", "right"),
        ("gate", "left"),
    ]
    rows = [
        (
            line.name.replace("description", "desc"),
            line.against,
            f"{line.reference:.3f}",
            f"{line.tuned:.3f}",
            f"{line.low:+.3f}..{line.high:+.3f}",
            "ok" if line.passed else "FAILED",
        )
        for line in shown
    ]
    print_table(columns, rows)
    slices = [line for line in verdict.lines if line.rule is GateRule.SLICE]
    if slices:
        lost = sum(not line.passed for line in slices)
        say(f"{len(slices):,} comparisons of slices with enough queries: {lost or 'none'} surely worse")


def result_json(result: FinetuneResult) -> dict[str, Any]:
    """Return the JSON form of a run."""
    from recommender.training.promotion_gate import to_json

    return {
        "model": result.model.name,
        "promoted": result.promoted,
        "forced": result.forced,
        "passed": result.verdict.passed,
        "reason": result.verdict.reason,
        "verdict": to_json(result.verdict),
        "reports": [
            {"model": report.model, "encoder": report.encoder, "queries": report.queries}
            | {name: round(value.mean, 4) for name, value in report.metrics.items()}
            for report in result.reports
        ],
        "training": {
            "steps": result.training.steps,
            "seconds": round(result.training.seconds, 1),
            "device": result.training.device,
            "losses": result.training.set_losses,
            "data": [asdict(report) for report in result.training.data],
        },
    }
