"""`finetune`."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.options import (
    ChosenLoss,
    DataFlags,
    JudgementFlags,
    ReportFile,
    Seed,
    ShapeFlags,
    one_of,
    plan_report,
)
from recommender.cli.output import print_table
from recommender.errors import EXIT_CODES, Refused, UsageError
from recommender.training.options import DataSource, TrainingOptions, TrainingPrecision

if TYPE_CHECKING:
    from recommender.jobs.finetune import CatalogueDrift, FinetuneResult
    from recommender.training.promotion_gate import Verdict

DEFAULT_RANK = 16
"""Rank of a LoRA adapter: enough for a catalogue; the parameters are about a thirtieth of all-MiniLM-L6-v2's."""

_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class ModelFlags:
    """Which model is trained, and what the result is called."""

    base: Annotated[
        str, typer.Option(help="Base model: a Hub name or a folder; by default the one in the settings.")
    ] = ""
    name: Annotated[str, typer.Option(help="Name of the new model.")] = ""


@dataclass(frozen=True, slots=True)
class TrainingFlags:
    """How the model is trained."""

    loss: ChosenLoss = None
    epochs: Annotated[float | None, typer.Option(help="Passes over the training sets.", min=0.01)] = None
    budget: Annotated[str | None, typer.Option(help="Time limit of the training: 90s, 10m, 1h.")] = None
    batch_size: Annotated[int | None, typer.Option(help="Anchors in a batch.", min=2)] = None
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.", min=0.0)] = None
    warmup_ratio: Annotated[
        float | None,
        typer.Option(
            "--warmup", metavar="SHARE", help="Share of the run in which the rate rises (0.1).", min=0, max=0.99
        ),
    ] = None
    weight_decay: Annotated[float | None, typer.Option(help="Decay of the weights (0.01).", min=0.0)] = None
    train_length: Annotated[
        int | None,
        typer.Option(help="Cut texts after this many tokens while training (64, or --max-seq-length).", min=8),
    ] = None
    evaluations: Annotated[
        int | None, typer.Option(help="Evaluations on the way; the best one's weights are kept (4).", min=1)
    ] = None
    precision: Annotated[
        TrainingPrecision | None,
        typer.Option(
            parser=one_of("--precision", TrainingPrecision),
            metavar="PRECISION",
            help=f"Arithmetic: {', '.join(TrainingPrecision)}; auto takes what is fast on the device.",
        ),
    ] = None
    device: Annotated[str | None, typer.Option(help="Device to train on: cpu, cuda, cuda:1, mps.")] = None
    patience: Annotated[
        int | None, typer.Option(help="Stop after this many evaluations without a better one.", min=1)
    ] = None
    processes: Annotated[int | None, typer.Option(help="Train in this many processes, one for each GPU.", min=1)] = None
    report_to: Annotated[
        list[str] | None, typer.Option("--report-to", help="tensorboard or wandb: follow the losses there too.")
    ] = None
    seed: Seed = None


@dataclass(frozen=True, slots=True)
class VectorFlags:
    """What vectors the model gives, and which of its weights are trained."""

    matryoshka: Annotated[
        str, typer.Option(metavar="SIZES", help="Sizes that vectors may be cut to, the full size first: 384,256,128.")
    ] = ""
    lora: Annotated[
        bool, typer.Option("--lora", help="Train a low-rank adapter, merged into the weights at the end.")
    ] = False
    lora_rank: Annotated[
        int | None, typer.Option(help=f"Rank of the adapter ({DEFAULT_RANK}); implies --lora.", min=1)
    ] = None


@dataclass(frozen=True, slots=True)
class StartFlags:
    """Whether a run begins."""

    resume: Annotated[bool, typer.Option("--resume", help="Continue the interrupted run of the same options.")] = False
    if_changed: Annotated[
        str | None,
        typer.Option(
            "--if-changed",
            metavar="SHARE",
            help="Train only if this share of the products (10% or 0.1) is new, gone, or has another text or category "
            "since the last training.",
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class PromotionFlags:
    """Whether the model goes live."""

    no_promote: Annotated[
        bool, typer.Option("--no-promote", help="Register and measure, but leave the live model.")
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Go live even if the gate refuses; the model is marked as forced.")
    ] = False
    keep_models: Annotated[
        int | None,
        typer.Option(
            "--keep-models",
            metavar="N",
            help="Then remove all tuned models but the newest N; what is live or kept for a rollback stays.",
            min=1,
        ),
    ] = None


@command
def finetune(
    run: CommandRun,
    *,
    model: ModelFlags,
    training: TrainingFlags,
    shape: ShapeFlags,
    data: DataFlags,
    vectors: VectorFlags,
    judgements: JudgementFlags,
    promotion: PromotionFlags,
    start: StartFlags,
    report: ReportFile = None,
) -> Output:
    """Fine-tune on the catalogue's category tree; go live if better than the live model on held-out products.

    Exit code 6: the model was trained and registered, but the gate kept it from going live.
    """
    from recommender.jobs import finetune as job
    from recommender.jobs.models import remove_older_models
    from recommender.jobs.promote import Judgements

    options = training_options(training, data, vectors, shape.max_seq_length)
    model_shape, judged = shape.shape(), Judgements(*judgements.read())
    if promotion.force and promotion.no_promote:
        raise UsageError("--force makes the model live and --no-promote keeps it from that; leave one of them out")
    threshold, drift_document = parse_share(start.if_changed), {}
    application = run.open()
    if threshold is not None:
        drift = job.drift_since_training(application)
        trained = drift.reaches(threshold)
        drift_document = drift_json(drift, threshold, trained)
        if not trained:
            return Output(drift_document, f"not trained: {describe_drift(drift)}, less than {100 * threshold:.4g}%")
    planned = plan_report(application, report)
    result = job.run(
        application,
        options,
        base=model.base,
        shape=model_shape,
        name=model.name,
        promote=not promotion.no_promote,
        force=promotion.force,
        resume=start.resume,
        judgements=judged,
        wrap=None if planned is None else planned.wrap,
        progress=run.progress,
    )
    if planned is not None:
        planned.write_finetuning(result, options, run.progress)
    removed = [] if promotion.keep_models is None else remove_older_models(application, promotion.keep_models)
    reason = application.registry.manifest(result.model.name).export.reason
    notes = [f"{result.model.name}: {reason}"] if reason else []
    if model.name not in ("", result.model.name):
        notes.append(f"not named {model.name}: the same model is registered as {result.model.name}")
    return Output(
        result_json(result) | {"export_reason": reason, "removed": removed} | drift_document,
        lambda: print_result(result, promotion.no_promote),
        [*notes, *(f"removed: {name}" for name in removed)],
        0 if result.promoted or promotion.no_promote else EXIT_CODES[Refused],
    )


def training_options(
    training: TrainingFlags, data: DataFlags, vectors: VectorFlags = VectorFlags(), max_seq_length: int | None = None
) -> TrainingOptions:
    """Return the training options of the flags; the rest keeps its default. Raises `UsageError`.

    A model whose texts may have `max_seq_length` tokens is trained at that length, unless another one is given.
    """
    flags = asdict(training) | {
        "budget": None if training.budget is None else parse_duration(training.budget),
        "report_to": tuple(training.report_to or ()),
        "data": data.sources(),
        "data_only": data.data_only,
        "eval_data": tuple(map(DataSource, data.eval_data or ())),
        "matryoshka": parse_sizes(vectors.matryoshka),
        "lora_rank": vectors.lora_rank or (DEFAULT_RANK if vectors.lora else 0),
    }
    flags["max_seq_length"] = flags.pop("train_length") or max_seq_length
    return TrainingOptions(**{name: value for name, value in flags.items() if value is not None})


def parse_duration(text: str) -> timedelta:
    """Read a duration such as 90s, 10m or 1.5h. Raises `UsageError`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", text.strip().lower())
    if found is None or float(found[1]) == 0:
        raise UsageError(f"--budget {text!r} is not a duration; write 90s, 10m or 1h")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def parse_sizes(text: str) -> tuple[int, ...]:
    """Read sizes such as 384,256,128, largest first. Raises `UsageError`."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(f"--matryoshka {text!r} is no list of sizes; write 384,256,128")
    return tuple(sorted({int(part) for part in parts}, reverse=True))


def parse_share(text: str | None) -> float | None:
    """Read a share such as 10% or 0.1. Raises `UsageError`."""
    if text is None:
        return None
    number, percent = text.strip(), text.strip().endswith("%")
    try:
        share = float(number.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(f"--if-changed {text!r} is not a share of the products; write 10% or 0.1")
    return share


def drift_json(drift: CatalogueDrift, threshold: float, trained: bool) -> dict[str, Any]:
    """Return the JSON form of how far the catalogue is from what the last model was trained on."""
    counts = asdict(drift.change) | {"share": round(drift.change.share, 4), "threshold": threshold}
    return {"trained": trained, "catalogue": {"since": drift.model or None} | counts}


def describe_drift(drift: CatalogueDrift) -> str:
    """Return in words how many products changed since the last training."""
    change = drift.change
    return (
        f"{change.share:.1%} of {change.products:,} products changed since {drift.model} "
        f"({change.added:,} new, {change.removed:,} gone, {change.changed:,} of other text or category)"
    )


def print_result(result: FinetuneResult, no_promote: bool = False) -> None:
    """Show how the models measured and what the gate said."""
    print_verdict(result.verdict)
    training = result.training
    for report in training.data:
        typer.echo(report.describe())
    steps = "1 step" if training.steps == 1 else f"{training.steps:,} steps"
    parts = [f"step {training.best_step:,}"] * bool(training.evaluations) + ["a linear layer"] * training.linear_layer
    kept = f"; kept {' and '.join(parts)}" if parts else ""
    trained = f"trained {steps} in {training.seconds:.0f} s on {training.device}, {training.precision}{kept}"
    typer.echo(f"{trained}; model {result.model.name}")
    if result.promoted:
        forced = "in spite of the gate: " if result.forced else ""
        typer.echo(f"live: {result.model.name} ({forced}{result.verdict.reason})")
    elif no_promote and result.verdict.passed:
        typer.echo(f"not promoted, as asked; `recommender models promote {result.model.name}` makes it live")
    else:
        typer.echo(f"not promoted: {result.verdict.reason}")


def print_verdict(verdict: Verdict) -> None:
    """Show the gate's lines; of the slices those that failed, and how many there are."""
    from recommender.training.promotion_gate import GateRule

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
        for line in verdict.lines
        if line.rule is not GateRule.SLICE or not line.passed
    ]
    print_table(columns, rows)
    slices = [line for line in verdict.lines if line.rule is GateRule.SLICE]
    if slices:
        lost = sum(not line.passed for line in slices)
        typer.echo(f"{len(slices):,} comparisons of slices with enough queries: {lost or 'none'} surely worse")
    for warning in verdict.warnings:
        typer.echo(f"warning: {warning}")


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
            "best_step": result.training.best_step,
            "linear_layer": result.training.linear_layer,
            "precision": result.training.precision,
            "seconds": round(result.training.seconds, 1),
            "device": result.training.device,
            "losses": result.training.set_losses,
            "data": [asdict(report) for report in result.training.data],
        },
    }
