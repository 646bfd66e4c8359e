"""`models list | show | judge | promote | rollback | remove | import | export | push`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.metric_tables import Suites, choose_metrics, describe_differences, print_side_by_side, suites_of
from recommender.cli.options import JudgementFlags, KeepFlags, ShapeFlags
from recommender.cli.output import print_json, print_table
from recommender.errors import EXIT_CODES, Refused

if TYPE_CHECKING:
    from recommender.models.registry import RegisteredModel

app = typer.Typer(help="The registered models, and which one is live.", no_args_is_help=True)

PRODUCT_METRICS = {
    "category_p10": "P@10",
    "graded_ndcg10": "nDCG@10",
    "description_to_title_mrr10": "d>t MRR",
    "title_to_description_mrr10": "t>d MRR",
}
TEXT_METRICS = {"spearman": "Spearman", "triplet_accuracy": "triplets", "pairs_mrr10": "pairs MRR"}
HEADINGS = PRODUCT_METRICS | TEXT_METRICS
"""The measures in the list of models, with their headings; a measure that no model has is left out."""

Name = Annotated[str, typer.Argument(help="The model's name.")]


@app.command("list")
@command
def list_models(
    run: CommandRun,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="Only this model, with every measure. Repeatable.")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Only this measure, in every suite. Repeatable.")
    ] = None,
) -> Output:
    """List the models with their measured relevance on the held-out products of their run.

    With --model or --metric, set what was measured in any suite side by side.
    """
    from recommender.jobs.calibrate import search_doubts

    application = run.open()
    known = application.registry
    models = [known.get(name) for name in dict.fromkeys(model)] if model else list(known.list())
    suites = choose_metrics(metric or (), [suites_of(application, each) for each in models])
    rows = [_model_json(each) | {"suites": measured} for each, measured in zip(models, suites, strict=True)]
    if model or metric:
        notes = describe_differences(application, models)
        return Output({"models": rows}, lambda: print_side_by_side(models, suites), notes)
    verdicts = [f"{each.name}: {each.verdict}" for each in models if each.verdict]
    for each in models:
        verdicts += [f"{each.name}: {line}" for line in search_doubts(known.manifest(each.name))]
    measures = [_measures(each, measured) for each, measured in zip(models, suites, strict=True)]
    shown = [name for name in HEADINGS if any(name in found for found in measures)]
    lines = []
    for each, found in zip(models, measures, strict=True):
        marks = [*(["live"] if each.live else []), *(["forced"] if each.gate.value == "forced" else [])]
        cells = [f"{found[name]:.3f}" if name in found else "" for name in shown]
        lines.append([each.name, " ".join(marks), *cells, f"{each.created_at:%Y-%m-%d}"])
    headings = [(HEADINGS[name], "right") for name in shown]
    columns = [("model", "left"), ("live", "left"), *headings, ("made", "left")]
    return Output({"models": rows}, lambda: print_table(columns, lines), verdicts)


def _measures(model: RegisteredModel, suites: Suites) -> dict[str, float]:
    """Return what the list shows of a model: on products, else on texts that were supplied, else on those held out."""
    from recommender.evaluation.text_suite import SUPPLIED
    from recommender.jobs.evaluate import SCORED

    measured = dict(model.metrics)
    found = {name: measured[name] for name in PRODUCT_METRICS if name in measured}
    if not found:
        known = {name: measured.get(SUPPLIED + name, measured.get(name)) for name in TEXT_METRICS}
        found = {name: value for name, value in known.items() if value is not None}
    for suite, values in suites.items():
        if suite.startswith(SCORED):  # the last file of scored pairs counts
            found |= values
    return found


def _model_json(model: RegisteredModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "base": model.base,
        "live": model.live,
        "fingerprint": model.fingerprint,
        "dimension": model.dimension,
        "folder": model.folder,
        "metrics": dict(model.metrics),
        "verdict": model.verdict,
        "gate": model.gate.value,
        "created_at": model.created_at,
    }


@app.command()
@command
def show(run: CommandRun, name: Name) -> Output:
    """Print everything that is known of a model: its manifest, as JSON."""
    registry = run.open().registry
    document = asdict(registry.manifest(name)) | _model_json(registry.get(name))
    return Output(document, lambda: print_json(document))


@app.command()
@command
def promote(
    run: CommandRun,
    name: Name,
    keep: KeepFlags,
    force: Annotated[
        bool,
        typer.Option("--force", help="Even if the gate refused it, or far fewer products would be live."),
    ] = False,
) -> Output:
    """Make a model and a generation of it live, in one step; `models rollback` undoes it.

    The generation is built first, unless the model was live before and its generation was kept.
    """
    from recommender.jobs import promote as job

    application = run.open(**keep.settings())
    model = application.registry.get(name)
    before = {generation.name for generation in application.generations.list()}
    live = application.generations.live() if model.live else None
    generation = live or job.promote(application, model, force, run.progress)
    document = {"live": {"model": name, "generation": generation.name}, "built": generation.name not in before}
    if live is not None:
        return Output(document, f"{name} is live already, with generation {live.name}")
    return Output(
        document, f"{name} is live with generation {generation.name}; `recommender models rollback` goes back"
    )


@app.command()
@command
def judge(run: CommandRun, name: Name, judgements: JudgementFlags) -> Output:
    """Measure a model beside its base and the live one on held-out products, ask the gate, and record what it says.

    Exit code 6: the gate refuses it.
    """
    from recommender.cli.finetune import print_verdict
    from recommender.evaluation.reports import to_json as report_json
    from recommender.jobs.promote import Judgements, judge_registered
    from recommender.training.promotion_gate import to_json

    application = run.open()
    evidence = judge_registered(application, name, Judgements(*judgements.read()), run.progress)
    verdict, advice = evidence.verdict, f"`recommender models promote {name}` makes it live"

    def show_verdict() -> None:
        print_verdict(verdict)
        typer.echo(f"{name}: passed; {advice}" if verdict.passed else f"{name}: refused: {verdict.reason}")

    document = {"model": name, "verdict": to_json(verdict), "reports": [report_json(each) for each in evidence.reports]}
    return Output(document, show_verdict, exit_code=0 if verdict.passed else EXIT_CODES[Refused])


@app.command()
@command
def remove(run: CommandRun, name: Name) -> Output:
    """Remove a model and its folder; not the live one, nor one whose generation is kept for a rollback."""
    from recommender.jobs.models import remove_model

    remove_model(run.open(), name)
    return Output({"removed": name}, f"{name} is removed")


@app.command()
@command
def rollback(run: CommandRun) -> Output:
    """Go back to the generation and model that were live before."""
    from recommender.jobs.promote import roll_back

    generation = roll_back(run.open(), run.progress)
    return Output(
        {"live": {"model": generation.model_name, "generation": generation.name}},
        f"{generation.model_name} is live again with generation {generation.name}",
    )


@app.command("import")
@command
def import_model(
    run: CommandRun,
    base: Annotated[str, typer.Argument(help="A Hub name, a folder, or a zip file of one.")],
    shape: ShapeFlags,
) -> Output:
    """Register any sentence-transformers model or raw transformer, exported to ONNX and measured against torch.

    ONNX networks that come with a model are used when they run and agree with it.
    """
    from recommender.jobs.models import prepare_base

    model_shape, application = shape.shape(), run.open()
    model = prepare_base(application, base, model_shape, run.progress)
    reason = application.registry.manifest(model.name).export.reason
    return Output(
        _model_json(model) | {"export_reason": reason},
        f"{model.name}: {model.dimension} dimensions, from {model.base}; `models promote` makes it live",
        [f"{model.name}: {reason}"] if reason else [],
    )


@app.command("export")
@command
def export_model(
    run: CommandRun,
    name: Name,
    target: Annotated[Path, typer.Argument(help="A folder to make, or a zip file.", metavar="FOLDER|FILE.zip")],
) -> Output:
    """Copy a model as the Hub lays it out, ONNX networks, card and manifest included."""
    from recommender.jobs.models import export_model_to

    written = export_model_to(run.open(), name, target)
    return Output({"model": name, "path": written}, f"{name} is in {written}")


@app.command()
@command
def push(
    run: CommandRun,
    name: Name,
    repo: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub; made if it is missing.")],
    private: Annotated[
        bool, typer.Option("--private", help="Make it private; refused if a public one exists.")
    ] = False,
    revision: Annotated[str, typer.Option(help="Branch, made if it is missing.")] = "main",
) -> Output:
    """Put a model on the Hub, in one commit, with the token of HF_TOKEN or `hf auth login`."""
    from recommender.jobs.models import push_model

    done = push_model(run.open(), name, repo, private=private, revision=revision)
    return Output({"model": name} | asdict(done), f"{name} is at {done.url} ({done.commit})")
