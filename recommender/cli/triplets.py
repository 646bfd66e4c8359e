"""`triplets export`: what fine-tuning would be trained on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.finetune import TrainingFlags, training_options
from recommender.cli.options import ChosenLoss, DataFlags, Seed, one_of
from recommender.errors import UsageError
from recommender.training.options import DataFormat

app = typer.Typer(help="The examples that fine-tuning learns from.", no_args_is_help=True)


@app.command("export")
@command
def export(
    run: CommandRun,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="File to write: .csv or .jsonl.")],
    loss: ChosenLoss = None,
    seed: Seed = None,
    form: Annotated[str, typer.Option("--format", help="csv or jsonl; by default by the file's name.")] = "",
    data: Annotated[list[str] | None, typer.Option("--data", help="Training data, as `finetune --data`.")] = None,
    data_format: Annotated[
        list[DataFormat] | None,
        typer.Option(
            "--data-format",
            parser=one_of("--data-format", DataFormat),
            metavar="FORMAT",
            help="Format of --data, as `finetune --format`.",
        ),
    ] = None,
    data_only: Annotated[bool, typer.Option("--data-only", help="Leave the catalogue's sets out.")] = False,
) -> Output:
    """Write one pass of what `finetune` would be trained on: texts, scores or labels, SKUs and categories."""
    from recommender.jobs.training_export import ExamplesFormat, export_examples

    named = form or path.suffix.removeprefix(".").casefold()
    if named not in {kind.value for kind in ExamplesFormat}:
        raise UsageError(
            f"{form or path.name!r} is neither csv nor jsonl; name the file .csv or .jsonl, or give --format"
        )
    flags = TrainingFlags(loss=loss, epochs=1.0, seed=seed)
    options = training_options(flags, DataFlags(data, data_format, data_only))
    done = export_examples(run.open(), options, path, ExamplesFormat(named), run.progress)
    lines = [f"  {name:<24} {count:>10,} rows" for name, count in done.sets.items()]
    document = {"path": str(done.path), "sets": done.sets, "data": [asdict(report) for report in done.data]}
    return Output(document, "\n".join([*lines, f"written to {done.path}"]))
