"""`finetune --if-changed`: whether enough of the catalogue has changed to train again, and how that is told."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.output import print_json, say
from recommender.errors import UsageError

if TYPE_CHECKING:
    from recommender.jobs.catalogue_drift import CatalogueDrift

IfChanged = Annotated[
    str | None,
    typer.Option(
        "--if-changed",
        metavar="SHARE",
        help="Train only when this share of the products is new, gone, or of another text or category since the last "
        "training: 10% or 0.1. Else end with 0.",
    ),
]


def changed_share(text: str | None) -> float | None:
    """Read a share such as 10% or 0.1. Raises `UsageError`."""
    if text is None:
        return None
    number, percent = text.strip(), text.strip().endswith("%")
    try:
        share = float(number.removesuffix("%")) / (100 if percent else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(f"--if-changed {text!r} is not a share of the products; write 10% or 0.1")
    return share


def change_json(found: CatalogueDrift, threshold: float, trained: bool) -> dict[str, Any]:
    """Return the JSON form of the question and its answer."""
    counts = asdict(found.change) | {"share": round(found.change.share, 4), "threshold": threshold}
    return {"trained": trained, "catalogue": {"since": found.model or None} | counts}


def tell_unchanged(found: CatalogueDrift, threshold: float, as_json: bool) -> None:
    """Say why nothing was trained."""
    if as_json:
        print_json(change_json(found, threshold, trained=False))
        return
    change = found.change
    say(
        f"not trained: {change.share:.1%} of {change.products:,} products changed since {found.model} "
        f"({change.added:,} new, {change.removed:,} gone, {change.changed:,} of other text or category), "
        f"less than {100 * threshold:.4g}%"
    )
