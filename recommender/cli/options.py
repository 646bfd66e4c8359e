"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from recommender.query import MAX_RESULTS

MAX_SEED = 2**32 - 1
"""The largest seed that NumPy's generators take."""

Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")]
Limit = Annotated[
    int, typer.Option("-k", "--limit", help=f"How many products, at most {MAX_RESULTS}.", min=1, max=MAX_RESULTS)
]

Keep = Annotated[
    int | None,
    typer.Option(
        "--keep", help="Generations that were live and stay for a rollback, kept fresh; by default as set.", min=0
    ),
]


def keeping(keep: int | None) -> dict[str, object]:
    """Return the settings that `--keep` overrides."""
    return {} if keep is None else {"keep_generations": keep}
