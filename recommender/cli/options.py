"""Options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.errors import UsageError
from recommender.query import MAX_RESULTS

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.evaluation.judgements import Pairs, Queries
    from recommender.jobs.models import ModelShape
    from recommender.jobs.report import PlannedReport

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's generators take."""

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

    pooling: Annotated[str | None, typer.Option(help="mean, cls or max: for a raw transformer.")] = None
    dense_dim: Annotated[int | None, typer.Option(help="Add a dense layer of this size.", min=1)] = None
    max_seq_length: Annotated[int | None, typer.Option(help="Cut texts after this many tokens.", min=8)] = None

    def shape(self) -> ModelShape:
        """Return the shape. Raises `UsageError` for a pooling that does not exist."""
        from recommender.jobs.models import ModelShape
        from recommender.models.base_model import Pooling

        try:
            return ModelShape(Pooling(self.pooling) if self.pooling else None, self.dense_dim, self.max_seq_length)
        except ValueError:
            kinds = ", ".join(kind.value for kind in Pooling)
            raise UsageError(f"--pooling {self.pooling!r} is not one of {kinds}") from None


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
        """Read the given files. Raises `UsageError` for one of two that go together, `BadInput` for a bad file."""
        from recommender.evaluation.judgements import read_pairs, read_queries

        if (self.queries is None) != (self.qrels is None):
            raise UsageError("--queries and --qrels go together; give both files")
        judged = read_queries(self.queries, self.qrels) if self.queries and self.qrels else None
        return judged, read_pairs(self.pairs) if self.pairs else None


def plan_report(application: Application, path: Path | None, seed: int) -> PlannedReport | None:
    """Return the report that `--report` asks for, checked before any work is done; None without that option."""
    if path is None:
        return None
    from recommender.jobs.report import PlannedReport

    return PlannedReport(application, path, seed)
