"""`encode`: texts to vectors, into a file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from recommender.cli.command import CommandRun, Output, command


@command
def encode(
    run: CommandRun,
    file: Annotated[str, typer.Argument(metavar="FILE|hf:NAME", help="CSV, TSV, JSON Lines, Parquet; - is stdin.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Vectors: .npy, or .parquet with the texts.")],
    model: Annotated[str, typer.Option(help="A registered model, by default the live one, else the base.")] = "",
    column: Annotated[str, typer.Option(help="Column of the texts; by default text, sentence, query or title.")] = "",
    query: Annotated[bool, typer.Option("--query", help="Encode as searches are, not as products are.")] = False,
) -> Output:
    """Encode the texts of a file, row by row, as the model is served."""
    from recommender.embedding.encoder import Role
    from recommender.jobs.encode import encode_file

    role = Role.QUERY if query else Role.DOCUMENT
    done = encode_file(run.open(), file, out, model=model, column=column, role=role, progress=run.progress)
    return Output(asdict(done), f"{done.rows:,} vectors of {done.dimension} by {done.model} are in {done.path}")
