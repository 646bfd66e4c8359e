"""`similar`, `search`, `recommend`, `browse` and `compare`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table
from recommender.cli.query_options import JOINING, RANKING, SEARCHING, QueryFlags
from recommender.cli.remote_fallback import ask_installation
from recommender.errors import BadInput, UsageError
from recommender.interface import QueryInterface
from recommender.query import NO_FILTERS, Answer, QueryRequest
from recommender.query.suggestion import DEFAULT_SUGGESTIONS, MAX_SUGGESTIONS
from recommender.types import JsonObject, Product, category_path

if TYPE_CHECKING:
    from recommender.jobs.compare import Comparison

MAX_PRODUCT = 1_000_000
"""Bytes of the file of one product: ten times the longest description."""

Skus = list[str] | None


Ranking = QueryFlags(without=JOINING + SEARCHING)
Searching = QueryFlags(without=JOINING)


@command
def similar(
    query: Annotated[QueryRequest, Ranking],
    sku: Annotated[str | None, typer.Argument(help="The product's SKU.")] = None,
    product: Annotated[
        str | None,
        typer.Option(
            "--product", metavar="FILE", help="A product that is not in the catalogue, as JSON; `-` is standard input."
        ),
    ] = None,
) -> Output:
    """Show the products most similar to one."""
    if sku is not None and product is not None:
        raise UsageError("a SKU and --product are given; ask about one of them")
    if product is not None:
        subject: str | Product = _read_product(product)
    elif sku is not None:
        subject = sku
    else:
        raise UsageError("no product is named; give a SKU, or its fields with --product FILE")
    named = {"sku": subject} if isinstance(subject, str) else {"product": subject.sku or subject.title}
    answer = ask_installation(QueryInterface.similar, subject, query.k, query.filters, query.options)
    return _output(answer, query, named, f"similar to {next(iter(named.values()))}")


@command
def search(
    query: Annotated[QueryRequest, Searching],
    text: Annotated[str, typer.Argument(help="What to look for, in plain words.")],
) -> Output:
    """Search the catalogue in plain words."""
    from recommender.query.limits import SearchText
    from recommender.query.serialization import validate_as

    validate_as(SearchText, text, "the query")  # before anything is opened for a query that has no answer
    answer = ask_installation(QueryInterface.search, text, query.k, query.filters, query.options)
    return _output(answer, query, {"query": text}, f"search: {text}")


@command
def recommend(
    query: Annotated[QueryRequest, QueryFlags(without=SEARCHING)],
    like: Annotated[Skus, typer.Option("--like", metavar="SKU", help="A product that is liked. Repeatable.")] = None,
    dislike: Annotated[
        Skus, typer.Option("--dislike", metavar="SKU", help="A product that is not. Repeatable.")
    ] = None,
) -> Output:
    """Recommend products for someone who likes some: those of a basket, or of a visit."""
    if not like:
        raise UsageError("nothing is liked; name products with --like SKU")
    liked, disliked = like, dislike or []
    answer = ask_installation(QueryInterface.recommend, liked, disliked, query.k, query.filters, query.options)
    return _output(answer, query, {"like": liked, "dislike": disliked}, f"recommended for {', '.join(liked)}")


@command
def browse(query: Annotated[QueryRequest, QueryFlags(without=RANKING + JOINING + SEARCHING)]) -> Output:
    """Show the popular products, then the newest."""
    answer = ask_installation(QueryInterface.browse, query.k, query.filters, query.options)
    return _output(answer, query, {}, "popular first, then the newest")


@command
def suggest(
    text: Annotated[str, typer.Argument(help="What was typed so far; its last word may be cut off.")],
    limit: Annotated[int, typer.Option("-k", "--limit", min=1, max=MAX_SUGGESTIONS, help="How many at most.")] = (
        DEFAULT_SUGGESTIONS
    ),
) -> Output:
    """Show how a text may go on: words, brands, categories and titles of the catalogue."""
    found = ask_installation(QueryInterface.suggest, text, limit)

    def document() -> JsonObject:
        from recommender.query.serialization import to_value

        return {"text": text, "limit": limit, "suggestions": [to_value(each) for each in found]}

    columns = [("text", "shrink"), ("what", "left"), ("products", "right")]
    rows = [(each.text, category_path(each.category) or each.kind.value, f"{each.count:,}") for each in found]
    return Output(document, (lambda: print_table(columns, rows)) if rows else "no product has words that go on so")


def _output(answer: Answer, query: QueryRequest, named: JsonObject, title: str) -> Output:
    def document() -> JsonObject:
        from recommender.query.serialization import to_value

        question = {"k": query.k, "filters": to_value(query.filters, True), "options": to_value(query.options, True)}
        return {**named, **question, **to_value(answer)}

    def text() -> None:
        from recommender.cli.result_tables import print_answer

        print_answer(answer, title, query.options.offset, query.filters != NO_FILTERS)

    return Output(document, text)


def _read_product(file: str) -> Product:
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
