"""Judgement files as options: searches with their grades, and pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recommender.errors import UsageError

if TYPE_CHECKING:
    from recommender.evaluation.judgements import Pairs, Queries


def judgement_files(
    queries: Path | None, qrels: Path | None, pairs: Path | None
) -> tuple[Queries | None, Pairs | None]:
    """Read the files that were given. Raises `UsageError` for one of two that go together, `BadInput` for a file."""
    from recommender.evaluation.judgements import read_pairs, read_queries

    if (queries is None) != (qrels is None):
        raise UsageError("--queries and --qrels go together; give both files")
    judged = read_queries(queries, qrels) if queries is not None and qrels is not None else None
    return judged, read_pairs(pairs) if pairs is not None else None
