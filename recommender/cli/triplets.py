"""`triplets`: what fine-tuning would be trained on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from recommender.cli.options import MAX_SEED, Json
from recommender.cli.output import print_json, say
from recommender.cli.progress import ProgressBar
from recommender.cli.training_data import LOSSES, Data, DataOnly, data_sources
from recommender.errors import UsageError

app = typer.Typer(help="The examples that fine-tuning learns from.", no_args_is_help=True)


@app.command("export")
def export(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write: .csv or .jsonl.")],
    loss: Annotated[str, typer.Option(help=f"Write what this loss is trained on: {LOSSES}.")] = "",
    seed: Annotated[int | None, typer.Option(help="Seed of the split and the sampling.", min=0, max=MAX_SEED)] = None,
    form: Annotated[str, typer.Option("--format", help="csv or jsonl; by default by the file's name.")] = "",
    data: Data = None,
    data_format: Annotated[
        list[str] | None, typer.Option("--data-format", help="Format of --data, as `finetune --format` takes it.")
    ] = None,
    data_only: DataOnly = False,
    as_json: Json = False,
) -> None:
    """Write one pass of what `finetune` would be trained on: texts, scores or labels, SKUs and categories."""
    from recommender.application.composition import open_application
    from recommender.cli.finetune import training_options
    from recommender.jobs.training_export import export_examples
    from recommender.training.export import ExamplesFormat
    from recommender.training.options import TrainingOptions

    named = form or path.suffix.removeprefix(".").casefold()
    if named not in {kind.value for kind in ExamplesFormat}:
        raise UsageError(
            f"{form or path.name!r} is neither csv nor jsonl; name the file .csv or .jsonl, or give --format"
        )
    sources = data_sources(data, data_format)
    options = training_options(loss or TrainingOptions().loss, epochs=1.0, seed=seed, data=sources, data_only=data_only)
    with open_application() as application, ProgressBar(enabled=not as_json) as progress:
        done = export_examples(application, options, path, ExamplesFormat(named), progress)
    if as_json:
        print_json({"path": str(done.path), "sets": done.sets, "data": [asdict(report) for report in done.data]})
        return
    for name, count in done.sets.items():
        say(f"  {name:<24} {count:>10,} rows")
    say(f"written to {done.path}")
