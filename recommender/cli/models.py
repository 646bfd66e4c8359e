"""`models list | show | promote | rollback | import | export | push`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.model_metrics import only, print_side_by_side, say_what_differs, suites_of
from recommender.cli.options import Json, Keep, keeping
from recommender.cli.output import print_json, print_table, say
from recommender.cli.progress import ProgressBar

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.models.registry import RegisteredModel

app = typer.Typer(help="The registered models, and which one is live.", no_args_is_help=True)

SHOWN_METRICS = ("category_p10", "graded_ndcg10", "description_to_title_mrr10", "title_to_description_mrr10")
HEADINGS = ("P@10", "nDCG@10", "d>t MRR", "t>d MRR")


@app.command("list")
def list_models(
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="Only this model, with every measure; may be given several times."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", help="Only this measure, in every suite; may be given several times."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the models with their measured relevance on the held-out products of their run.

    With --model or --metric, set what was measured in any suite side by side.
    """
    from recommender.application.composition import open_application

    with open_application() as application:
        known = application.registry
        models = [known.get(name) for name in dict.fromkeys(model)] if model else list(known.list())
        suites = only(metric or (), [suites_of(application, each) for each in models])
        if (model or metric) and not as_json:
            print_side_by_side(models, suites)
            say_what_differs(application, models)
            return
    if as_json:
        print_json(
            {"models": [_json(each) | {"suites": measured} for each, measured in zip(models, suites, strict=True)]}
        )
        return
    _print_models(models)


def _print_models(models: Sequence[RegisteredModel]) -> None:
    columns = [("model", "left"), ("live", "left"), *((heading, "right") for heading in HEADINGS), ("made", "left")]
    print_table(columns, [_row(model) for model in models])
    for model in models:
        if model.verdict:
            say(f"{model.name}: {model.verdict}")


def _row(model: RegisteredModel) -> tuple[str, ...]:
    cells = (f"{model.metrics[name]:.3f}" if name in model.metrics else "" for name in SHOWN_METRICS)
    marks = [*(["live"] if model.live else []), *(["forced"] if model.gate.value == "forced" else [])]
    return (model.name, " ".join(marks), *cells, model.created_at.strftime("%Y-%m-%d"))


def _json(model: RegisteredModel) -> dict[str, Any]:
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
def show(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    as_json: Annotated[bool, typer.Option("--json", help="What is printed in any case.")] = False,
) -> None:
    """Print everything that is known of a model: its manifest, as JSON."""
    del as_json  # accepted as everywhere; the manifest has no other form
    from recommender.application.composition import open_application

    with open_application() as application:
        model = application.registry.get(name)
        manifest = application.registry.manifest(name)
    print_json(asdict(manifest) | _json(model))


@app.command()
def promote(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even if the gate refused it; the model is marked as forced.")
    ] = False,
    keep: Keep = None,
    as_json: Json = False,
) -> None:
    """Make a model and a generation of it live, in one step; `models rollback` undoes it.

    The generation is built first, unless the model was live before and its generation was kept.
    """
    from recommender.application.composition import open_application
    from recommender.jobs import promote as job

    with open_application(**keeping(keep)) as application, ProgressBar() as progress:
        model = application.registry.get(name)
        before = {generation.name for generation in application.generations.list()}
        live = application.generations.live() if model.live else None
        generation = live or job.promote(application, model, force, progress)
    if as_json:
        built = generation.name not in before
        print_json({"live": {"model": name, "generation": generation.name}, "built": built})
    elif live is not None:
        say(f"{name} is live already, with generation {live.name}")
    else:
        say(f"{name} is live with generation {generation.name}; `recommender models rollback` goes back")


@app.command()
def rollback(as_json: Json = False) -> None:
    """Go back to the generation and model that were live before."""
    from recommender.application.composition import open_application
    from recommender.jobs.promote import roll_back

    with open_application() as application, ProgressBar() as progress:
        generation = roll_back(application, progress)
    if as_json:
        print_json({"live": {"model": generation.model_name, "generation": generation.name}})
    else:
        say(f"{generation.model_name} is live again with generation {generation.name}")


@app.command("import")
def import_model(
    base: Annotated[str, typer.Argument(help="A Hub name, a folder, or a zip file of one.")],
    pooling: Annotated[str | None, typer.Option(help="mean, cls or max: for a raw transformer.")] = None,
    dense_dim: Annotated[int | None, typer.Option(help="Add a dense layer of this size.", min=1)] = None,
    max_seq_length: Annotated[int | None, typer.Option(help="Tokens after which a text is cut.", min=8)] = None,
    as_json: Json = False,
) -> None:
    """Register any sentence-transformers model or raw transformer, exported to ONNX and measured against torch.

    ONNX networks that come with a model are used when they run and agree with it.
    """
    from recommender.application.composition import open_application
    from recommender.jobs.models import prepare_base

    with open_application() as application, ProgressBar() as progress:
        model = prepare_base(application, base, model_shape(pooling, dense_dim, max_seq_length), progress)
        reason = export_reason(application, model.name)
    if as_json:
        print_json(_json(model) | {"export_reason": reason})
        return
    say(f"{model.name}: {model.dimension} dimensions, from {model.base}; `models promote` makes it live")
    say_export(model.name, reason)


@app.command("export")
def export_model(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    target: Annotated[Path, typer.Argument(help="A folder to make, or a zip file.", metavar="FOLDER|FILE.zip")],
    as_json: Json = False,
) -> None:
    """Copy a model as the Hub lays it out, ONNX networks, card and manifest included."""
    from recommender.application.composition import open_application
    from recommender.jobs.models import export_model_to

    with open_application() as application:
        written = export_model_to(application, name, target)
    if as_json:
        print_json({"model": name, "path": written})
    else:
        say(f"{name} is in {written}")


@app.command()
def push(
    name: Annotated[str, typer.Argument(help="The model's name.")],
    repo: Annotated[str, typer.Argument(help="OWNER/NAME on the Hub; made if it is missing.")],
    private: Annotated[
        bool, typer.Option("--private", help="Make it private; refused when it is there in public.")
    ] = False,
    revision: Annotated[str, typer.Option(help="Branch, made if it is missing.")] = "main",
    as_json: Json = False,
) -> None:
    """Put a model on the Hub, in one commit, with the token of HF_TOKEN or `hf auth login`."""
    from recommender.application.composition import open_application
    from recommender.jobs.models import push_model

    with open_application() as application:
        done = push_model(application, name, repo, private=private, revision=revision)
    if as_json:
        print_json({"model": name} | asdict(done))
    else:
        say(f"{name} is at {done.url} ({done.commit})")


def export_reason(application: Application, name: str) -> str:
    """Return why a model has no measured ONNX export, as when it runs on torch; empty when it has one."""
    return application.registry.manifest(name).export.reason


def say_export(name: str, reason: str) -> None:
    """Tell why a model has no measured ONNX export, if so."""
    if reason:
        say(f"{name}: {reason}")


def model_shape(pooling: str | None, dense_dim: int | None, max_seq_length: int | None) -> Any:
    """Build the shape of a model from options. Raises `UsageError` for a pooling that does not exist."""
    from recommender.errors import UsageError
    from recommender.jobs.models import ModelShape
    from recommender.models.base_model import Pooling

    try:
        return ModelShape(Pooling(pooling) if pooling else None, dense_dim, max_seq_length)
    except ValueError:
        kinds = ", ".join(kind.value for kind in Pooling)
        raise UsageError(f"--pooling {pooling!r} is not one of {kinds}") from None
