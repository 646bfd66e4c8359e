"""`compare`: the similarity of two products or texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, print_table
from recommender.types import category_path

if TYPE_CHECKING:
    from recommender.jobs.compare import Comparison, Side

SHOWN_TEXT = 200
"""Characters of a text that JSON and the table show: enough to know it by."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(compare)


def compare(
    first: Annotated[str, typer.Argument(help="A SKU of the catalogue, or else a text.")],
    second: Annotated[str, typer.Argument(help="Another.")],
    model: Annotated[
        list[str] | None,
        typer.Option("--model", help="A registered model, by default the live one; may be given several times."),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Take both for texts, even if they are SKUs.")] = False,
    as_json: Json = False,
) -> None:
    """Show how alike two products or texts are to one model or several, as the cosine of their vectors."""
    from recommender.application.composition import open_application
    from recommender.jobs import compare as job

    with open_application() as application:
        found = job.compare(application, first, second, model or (), as_text=text)
    if as_json:
        print_json(_json(found))
    else:
        _print(found)


def _json(found: Comparison) -> dict[str, Any]:
    return {
        "first": _side_json(found.first),
        "second": _side_json(found.second),
        "common_depth": found.common_depth,
        "similarities": [
            {"model": each.model, "encoder": each.encoder, "cosine": round(each.cosine, 6)}
            for each in found.similarities
        ],
    }


def _side_json(side: Side) -> dict[str, Any]:
    product = side.product
    return {
        "sku": product.sku if product else None,
        "category": list(product.category) if product else None,
        "text": _short(side.text),
    }


def _print(found: Comparison) -> None:
    sides = [
        (
            side.product.sku if side.product else "text",
            category_path(side.product.category) if side.product else "",
            _short(side.text),
        )
        for side in (found.first, found.second)
    ]
    print_table([("what", "left"), ("category", "shrink"), ("encoded text", "shrink")], sides)
    rows = [(each.model, each.encoder, f"{each.cosine:.4f}") for each in found.similarities]
    print_table([("model", "left"), ("encoder", "left"), ("cosine", "right")], rows)
    if found.common_depth is not None:
        typer.echo(f"category levels in common: {found.common_depth}")


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_TEXT else f"{text[: SHOWN_TEXT - 1]}…"
