"""`similar`, `search`, `recommend` and `browse`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from recommender.cli.output import print_json
from recommender.cli.query_options import CommandQuery, asks, filtering, joining, paging, ranking
from recommender.cli.remote_fallback import Ask, answered
from recommender.errors import BadInput, UsageError
from recommender.query import Answer
from recommender.types import JsonObject, Product

MAX_PRODUCT = 1_000_000
"""Bytes of the file of one product: ten times the longest description."""

Skus = list[str] | None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(similar)
    app.command()(search)
    app.command()(recommend)
    app.command()(browse)


@asks(filtering, paging, ranking)
def similar(
    asked: CommandQuery,
    sku: Annotated[str | None, typer.Argument(help="The product's SKU.")] = None,
    product: Annotated[
        str | None,
        typer.Option(
            "--product", metavar="FILE", help="A product that is not in the catalogue, as JSON; `-` is standard input."
        ),
    ] = None,
) -> None:
    """Show the products most similar to one."""
    about = _about(sku, product)
    named = {"sku": about} if isinstance(about, str) else {"product": about.sku or about.title}
    _answer(
        lambda queries: queries.similar(about, asked.k, asked.filters, asked.options),
        asked,
        named,
        f"similar to {next(iter(named.values()))}",
    )


@asks(filtering, paging, ranking)
def search(asked: CommandQuery, text: Annotated[str, typer.Argument(help="What to look for, in plain words.")]) -> None:
    """Search the catalogue in plain words."""
    from recommender.query.limits import SearchText
    from recommender.query.serialization import validate_as

    validate_as(SearchText, text, "the query")  # before anything is opened for what can't be answered
    _answer(
        lambda queries: queries.search(text, asked.k, asked.filters, asked.options),
        asked,
        {"query": text},
        f"search: {text}",
    )


@asks(filtering, paging, ranking, joining)
def recommend(
    asked: CommandQuery,
    like: Annotated[Skus, typer.Option("--like", metavar="SKU", help="A product that is liked; give several.")] = None,
    dislike: Annotated[
        Skus, typer.Option("--dislike", metavar="SKU", help="A product that is not; may be given several times.")
    ] = None,
) -> None:
    """Recommend products that go with some: those of a basket, or of a visit."""
    liked, disliked = like or [], dislike or []
    if not liked:
        raise UsageError("nothing is liked; name products with --like SKU")
    _answer(
        lambda queries: queries.recommend(liked, disliked, asked.k, asked.filters, asked.options),
        asked,
        {"like": liked, "dislike": disliked},
        f"recommended for {', '.join(liked)}",
    )


@asks(filtering, paging)
def browse(asked: CommandQuery) -> None:
    """Show the popular products, then the newest."""
    _answer(
        lambda queries: queries.browse(asked.k, asked.filters, asked.options),
        asked,
        {},
        "popular first, then the newest",
    )


def _answer(ask: Ask, asked: CommandQuery, named: JsonObject, title: str) -> None:
    answer = answered(ask)
    if asked.as_json:
        print_json(_json(asked, named, answer))
        return
    from recommender.cli.result_tables import print_answer

    print_answer(answer, title, asked.options.offset)


def _json(asked: CommandQuery, named: JsonObject, answer: Answer) -> JsonObject:
    from recommender.query.serialization import to_value

    question = {"k": asked.k, "filters": to_value(asked.filters, True), "options": to_value(asked.options, True)}
    found: JsonObject = to_value(answer)
    return named | question | found


def _about(sku: str | None, product: str | None) -> str | Product:
    if sku is not None and product is not None:
        raise UsageError("a SKU and --product are given; ask about one of them")
    if product is not None:
        return _product(product)
    if sku is None:
        raise UsageError("no product is named; give a SKU, or its fields with --product FILE")
    return sku


def _product(file: str) -> Product:
    from recommender.query.request import NewProduct
    from recommender.query.serialization import from_json

    where = "standard input" if file == "-" else file
    try:
        with sys.stdin.buffer if file == "-" else Path(file).open("rb") as stream:
            content = stream.read(MAX_PRODUCT + 1)
        if len(content) > MAX_PRODUCT:
            raise BadInput(f"{where} has more than {MAX_PRODUCT:,} bytes; give one product as a JSON object")
        return from_json(NewProduct, content, "product")
    except OSError as error:
        raise BadInput(f"{where} can't be read ({error.strerror}); give a file with one product as JSON") from error
