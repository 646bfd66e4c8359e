"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from recommender.embedding.pretrained import DenseActivation, Pooling
from recommender.errors import UsageError
from recommender.query import MAX_RESULTS
from recommender.training.options import DataFormat, DataSource, Loss

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.evaluation.judgements import Pairs, Queries
    from recommender.jobs.models import ModelShape
    from recommender.jobs.report import PlannedReport

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's generators take."""

Choice = TypeVar("Choice", bound=StrEnum)


def one_of(flag: str, kind: type[Choice]) -> Callable[[str], Choice]:
    """Return a reader of an option with closed choices: another value is a `UsageError`, which is one line."""

    def read(text: str) -> Choice:
        try:
            return kind(text)
        except ValueError:
            raise UsageError(f"{flag} {text!r} is not one of {', '.join(kind)}") from None

    return read


Limit = Annotated[
    int, typer.Option("-k", "--limit", help=f"How many products, at most {MAX_RESULTS}.", min=1, max=MAX_RESULTS)
]
ReportFile = Annotated[
    Path | None, typer.Option("--report", help="Also write the measures to this file, as a web page to read and send.")
]


@dataclass(frozen=True, slots=True)
class KeepFlags:
    """How many generations stay for a rollback."""

    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", help="How many earlier live generations to keep, up to date, for a rollback (a setting).", min=0
        ),
    ] = None

    def settings(self) -> dict[str, object]:
        """Return the settings that the option overrides."""
        return {} if self.keep is None else {"keep_generations": self.keep}


@dataclass(frozen=True, slots=True)
class ShapeFlags:
    """How the layers of a base model are chosen or changed."""

    pooling: Annotated[
        Pooling | None,
        typer.Option(
            parser=one_of("--pooling", Pooling), metavar="POOLING", help=f"For a raw transformer: {', '.join(Pooling)}."
        ),
    ] = None
    dense_dim: Annotated[int | None, typer.Option(help="Add a dense layer of this size.", min=1)] = None
    dense_activation: Annotated[
        DenseActivation | None,
        typer.Option(
            parser=one_of("--dense-activation", DenseActivation),
            metavar="ACTIVATION",
            help=f"After that layer: {', '.join(DenseActivation)} (the default).",
        ),
    ] = None
    max_seq_length: Annotated[int | None, typer.Option(help="Cut texts after this many tokens.", min=8)] = None

    def shape(self) -> ModelShape:
        """Return the shape. Raises `UsageError` for an activation without a layer."""
        from recommender.jobs.models import ModelShape

        if self.dense_activation and not self.dense_dim:
            raise UsageError("--dense-activation is of the layer that --dense-dim adds; give both")
        return ModelShape(self.pooling, self.dense_dim, self.max_seq_length, self.dense_activation)


@dataclass(frozen=True, slots=True)
class JudgementFlags:
    """Files of judgements: searches with the grades of their products, and pairs."""

    queries: Annotated[
        Path | None, typer.Option(help="Searches of your own, as CSV: query_id,query. Needs --qrels.")
    ] = None
    qrels: Annotated[
        Path | None, typer.Option(help="Grades (0 to 3) of their products, as CSV: query_id,sku,grade.")
    ] = None
    pairs: Annotated[Path | None, typer.Option(help="Products that belong together, as CSV: sku_a,sku_b.")] = None

    def read(self) -> tuple[Queries | None, Pairs | None]:
        """Read the given files. Raises `UsageError` if one of two files is missing, `BadInput` for a bad file."""
        from recommender.evaluation.judgements import read_pairs, read_queries

        if (self.queries is None) != (self.qrels is None):
            raise UsageError("--queries and --qrels go together; give both files")
        judged = read_queries(self.queries, self.qrels) if self.queries and self.qrels else None
        return judged, read_pairs(self.pairs) if self.pairs else None


def plan_report(application: Application, path: Path | None) -> PlannedReport | None:
    """Return the report that `--report` asks for, checked before any work is done; None without that option."""
    if path is None:
        return None
    from recommender.jobs.report import PlannedReport

    return PlannedReport(application, path)


ChosenLoss = Annotated[
    Loss | None,
    typer.Option(
        "--loss",
        parser=one_of("--loss", Loss),
        metavar="LOSS",
        help=f"One of {', '.join(Loss)}; by default joint, and for --data what fits its rows.",
    ),
]
Seed = Annotated[int | None, typer.Option(help="Seed of the sampling and the training.", min=0, max=MAX_SEED)]


@dataclass(frozen=True, slots=True)
class DataFlags:
    """Training data beside the catalogue."""

    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar="FILE|hf:NAME",
            help="Training data beside the catalogue: CSV, TSV, JSON Lines, Parquet, or a set of the Hub as hf:NAME. "
            "Repeatable.",
        ),
    ] = None
    data_format: Annotated[
        list[DataFormat] | None,
        typer.Option(
            "--format",
            parser=one_of("--format", DataFormat),
            metavar="FORMAT",
            help=f"Format of --data: {', '.join(DataFormat)}; by the columns by default; one for all, or one each.",
        ),
    ] = None
    data_only: Annotated[
        bool,
        typer.Option(
            "--data-only", help="Train on --data alone; without a catalogue, models are measured on a held-out share."
        ),
    ] = False
    eval_data: Annotated[
        list[str] | None,
        typer.Option(
            "--eval",
            metavar="FILE|hf:NAME",
            help="Data to measure on, during the training and by the gate: triplets, pairs, scores, or grades of "
            "documents for queries. Repeatable.",
        ),
    ] = None

    def sources(self) -> tuple[DataSource, ...]:
        """Pair the sources with their formats. Raises `UsageError` for too many formats."""
        names, formats = self.data or [], self.data_format or []
        if len(formats) not in (0, 1, len(names)) or (formats and not names):
            raise UsageError(
                f"--format is given {len(formats)} times for {len(names)} --data; give one for all, or one each"
            )
        chosen = formats if len(formats) == len(names) else (formats or [DataFormat.AUTO]) * len(names)
        return tuple(DataSource(name, kind) for name, kind in zip(names, chosen, strict=True))
