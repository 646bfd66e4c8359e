"""`compare`: the similarity of two products or texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table
from recommender.types import JsonObject, category_path

if TYPE_CHECKING:
    from recommender.jobs.compare import Comparison

SHOWN_TEXT = 200
"""Characters of a text that JSON and the table show: enough to recognise it."""


@command
def compare(
    run: CommandRun,
    first: Annotated[str, typer.Argument(help="A SKU of the catalogue, or a text.")],
    second: Annotated[str, typer.Argument(help="Another SKU or text.")],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="A registered model, by default the live one; may be given several times."),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Read both as texts, even if they are SKUs.")] = False,
) -> Output:
    """Show how similar two products or texts are to one or several models: the cosine of their vectors."""
    from recommender.jobs import compare as job

    found = job.compare(run.open(), first, second, model or (), as_text=text)
    sides: list[JsonObject] = [
        {
            "sku": side.product.sku if side.product else None,
            "category": list(side.product.category) if side.product else None,
            "text": side.text if len(side.text) <= SHOWN_TEXT else f"{side.text[: SHOWN_TEXT - 1]}…",
        }
        for side in (found.first, found.second)
    ]
    document = {
        "first": sides[0],
        "second": sides[1],
        "common_depth": found.common_depth,
        "similarities": [
            {"model": each.model, "encoder": each.encoder, "cosine": round(each.cosine, 6)}
            for each in found.similarities
        ],
    }
    rows = [(side["sku"] or "text", category_path(side["category"] or ()), side["text"]) for side in sides]
    return Output(document, lambda: _print_comparison(found, rows))


def _print_comparison(found: Comparison, sides: Sequence[Sequence[str]]) -> None:
    print_table([("what", "left"), ("category", "shrink"), ("encoded text", "shrink")], sides)
    rows = [(each.model, each.encoder, f"{each.cosine:.4f}") for each in found.similarities]
    print_table([("model", "left"), ("encoder", "left"), ("cosine", "right")], rows)
    if found.common_depth is not None:
        typer.echo(f"category levels in common: {found.common_depth}")
