"""What is trained on, as options of fine-tuning and of the export of its examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.options import MAX_SEED
from recommender.errors import UsageError

if TYPE_CHECKING:
    from recommender.training.options import DataSource

FORMATS = "triplets, pairs, scored, labelled, query-pos-neg, nli, queries, sessions"

Losses = Annotated[
    str,
    typer.Option(
        help="What is minimised: joint (the default of `finetune`), mnrl, cached-mnrl, gist, triplet, batch-hard, "
        "cosent, cosine, softmax or contrastive."
    ),
]
Seed = Annotated[
    int | None, typer.Option(help="Seed of the split, the sampling and the training.", min=0, max=MAX_SEED)
]


@dataclass(frozen=True, slots=True)
class DataFlags:
    """Training data beside the catalogue."""

    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="FILE|hf:NAME",
            help="Training data beside the catalogue: CSV, TSV, JSON Lines, Parquet, or hf:NAME[:CONFIG][:SPLIT]. "
            "Repeatable.",
        ),
    ] = None
    data_format: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help=f"Format of --data: auto (by the columns), {FORMATS}; one for all, or one for each."
        ),
    ] = None
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Train on --data alone, without the catalogue's sets.")
    ] = False

    def sources(self) -> tuple[DataSource, ...]:
        """Pair the sources with their formats. Raises `UsageError` for an unknown format, or for too many of them."""
        from recommender.training.options import DataFormat, DataSource

        names, formats = self.data or [], self.data_format or []
        if len(formats) not in (0, 1, len(names)) or (formats and not names):
            raise UsageError(
                f"--format is given {len(formats)} times for {len(names)} --data; give one for all, or one each"
            )
        known = {kind.value for kind in DataFormat}
        for text in formats:
            if text not in known:
                raise UsageError(f"--format {text!r} is not one of auto, {FORMATS}")
        chosen = formats if len(formats) == len(names) else (formats or [DataFormat.AUTO]) * len(names)
        return tuple(DataSource(name, DataFormat(kind)) for name, kind in zip(names, chosen, strict=True))
