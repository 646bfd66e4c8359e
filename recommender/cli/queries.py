"""`similar` and `search`."""

from __future__ import annotations

from typing import Annotated

import typer

from recommender.cli.options import Brand, Category, InStock, Json, Limit, Price, filters_of
from recommender.cli.output import hit_json, print_hits, print_json, say
from recommender.types import Hit, Mode, Variants


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(similar)
    app.command()(search)


def similar(
    sku: Annotated[str, typer.Argument(help="The product's SKU.")],
    limit: Limit = 10,
    category: Category = None,
    brand: Brand = None,
    price: Price = None,
    in_stock: InStock = False,
    mode: Annotated[Mode, typer.Option(help="hybrid: vector and title words fused; dense; lexical.")] = Mode.HYBRID,
    variants: Annotated[
        Variants, typer.Option(help="collapse: without the product's own variants; all: with them.")
    ] = Variants.COLLAPSE,
    as_json: Json = False,
) -> None:
    """Show the products most similar to one."""
    from recommender.bootstrap.application import open_application

    filters = filters_of(category, brand, price, in_stock)
    with open_application() as application:
        hits = application.recommender().similar(sku, limit, filters, mode, variants)
    _show(hits, {"sku": sku}, f"similar to {sku}", as_json)


def search(
    text: Annotated[str, typer.Argument(help="What to look for, in plain words.")],
    limit: Limit = 10,
    category: Category = None,
    brand: Brand = None,
    price: Price = None,
    in_stock: InStock = False,
    mode: Annotated[Mode, typer.Option(help="hybrid: vector and words fused; dense; lexical.")] = Mode.HYBRID,
    as_json: Json = False,
) -> None:
    """Search the catalogue in plain words."""
    from recommender.bootstrap.application import open_application

    filters = filters_of(category, brand, price, in_stock)
    with open_application() as application:
        hits = application.recommender().search(text, limit, filters, mode)
    _show(hits, {"query": text}, f"search: {text}", as_json)


def _show(hits: list[Hit], asked: dict[str, str], title: str, as_json: bool) -> None:
    if as_json:
        print_json(asked | {"hits": [hit_json(hit) for hit in hits]})
    elif hits:
        print_hits(hits, title)
    else:
        say("nothing matches; loosen the filters")
