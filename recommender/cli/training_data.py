"""Options about what is trained on and how, that fine-tuning and the export of its examples share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from recommender.errors import UsageError

if TYPE_CHECKING:
    from recommender.training.options import DataSource

DEFAULT_RANK = 16
"""Rank of a LoRA adapter: enough for a catalogue; the parameters are about a thirtieth of all-MiniLM-L6-v2's."""

LOSSES = "joint (the default), mnrl, cached-mnrl, gist, triplet, batch-hard, cosent, cosine, softmax or contrastive"
FORMATS = "triplets, pairs, scored, labelled, query-pos-neg, nli, queries, sessions"

Data = Annotated[
    list[str] | None,
    typer.Option(
        "--data",
        metavar="FILE|hf:NAME",
        help="Training data beside the catalogue: CSV, TSV, JSON Lines, Parquet, or hf:NAME[:CONFIG][:SPLIT]; "
        "may be given several times.",
    ),
]
DataFormats = Annotated[
    list[str] | None,
    typer.Option("--format", help=f"Format of --data: auto (by the columns), {FORMATS}; one for all, or one each."),
]
DataOnly = Annotated[bool, typer.Option("--data-only", help="Train on --data alone, without the catalogue's sets.")]
Matryoshka = Annotated[
    str, typer.Option(metavar="SIZES", help="Sizes that vectors may be cut to, the model's own first: 384,256,128.")
]
Lora = Annotated[bool, typer.Option("--lora", help="Train a low-rank adapter, merged into the weights at the end.")]
LoraRank = Annotated[int | None, typer.Option(help=f"Rank of the adapter ({DEFAULT_RANK}); implies --lora.", min=1)]


def data_sources(names: list[str] | None, formats: list[str] | None) -> tuple[DataSource, ...]:
    """Pair sources with their formats. Raises `UsageError` for a format that is not known, or for too many of them."""
    from recommender.training.options import DataFormat, DataSource

    names, formats = names or [], formats or []
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


def matryoshka_sizes(text: str) -> tuple[int, ...]:
    """Read sizes such as 384,256,128, largest first. Raises `UsageError`."""
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(f"--matryoshka {text!r} is no list of sizes; write 384,256,128")
    return tuple(sorted({int(part) for part in parts}, reverse=True))


def adapter_rank(lora: bool, rank: int | None) -> int:
    """Return the rank of the adapter to train; 0 for none."""
    return rank or (DEFAULT_RANK if lora else 0)
