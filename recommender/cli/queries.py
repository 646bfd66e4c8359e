"""`similar`, `search`, `recommend`, `browse` and `compare`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table
from recommender.cli.query_options import JOINING, RANKING, SEARCHING, RequestFlags
from recommender.cli.remote_fallback import ask_installation
from recommender.errors import BadInput, UsageError
from recommender.interface import QueryInterface
from recommender.query import NO_FILTERS, Answer, QueryRequest, Sort, SuggestRequest
from recommender.types import JsonObject, Product, category_path

if TYPE_CHECKING:
    pass

MAX_PRODUCT = 1_000_000
"""Largest file of one product, in bytes: ten times the longest description."""

Skus = list[str] | None


Ranking = RequestFlags(without=JOINING + SEARCHING)
Searching = RequestFlags(without=JOINING)


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
    subject: str | Product
    if product is not None:
        from recommender.query.request import NewProduct
        from recommender.query.serialization import from_json

        where = "standard input" if product == "-" else product
        try:
            with sys.stdin.buffer if product == "-" else Path(product).open("rb") as stream:
                content = stream.read(MAX_PRODUCT + 1)
        except OSError as error:
            raise BadInput(f"{where} can't be read ({error.strerror}); give a file with one product as JSON") from error
        if len(content) > MAX_PRODUCT:
            raise BadInput(f"{where} has more than {MAX_PRODUCT:,} bytes; give one product as a JSON object")
        subject = from_json(NewProduct, content, "product")
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

    validate_as(SearchText, text, "the query")  # before anything is opened, if a query has no answer anyway
    answer = ask_installation(QueryInterface.search, text, query.k, query.filters, query.options)
    return _output(answer, query, {"query": text}, f"search: {text}")


@command
def recommend(
    query: Annotated[QueryRequest, RequestFlags(without=SEARCHING)],
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


_BROWSED = {
    Sort.RELEVANCE: "popular first, then the newest",
    Sort.PRICE: "the cheapest first",
    Sort.PRICE_DOWN: "the dearest first",
    Sort.NEWEST: "the newest first",
}


@command
def browse(query: Annotated[QueryRequest, RequestFlags(without=RANKING + JOINING + SEARCHING)]) -> Output:
    """Show the popular products, then the newest, or all in the order of --sort."""
    answer = ask_installation(QueryInterface.browse, query.k, query.filters, query.options)
    return _output(answer, query, {}, _BROWSED[query.options.sort])


@command
def suggest(asked: Annotated[SuggestRequest, RequestFlags(SuggestRequest)]) -> Output:
    """Complete a text: with words, brands, categories and titles of the catalogue."""
    found = ask_installation(QueryInterface.suggest, asked.text, asked.limit)

    def document() -> JsonObject:
        from recommender.query.serialization import to_value

        return {**to_value(asked), "suggestions": [to_value(each) for each in found]}

    columns = [("text", "shrink"), ("what", "left"), ("products", "right")]
    rows = [(each.text, category_path(each.category) or each.kind.value, f"{each.count:,}") for each in found]
    return Output(document, (lambda: print_table(columns, rows)) if rows else "no product continues these words")


def _output(answer: Answer, query: QueryRequest, named: JsonObject, title: str) -> Output:
    def document() -> JsonObject:
        from recommender.query.serialization import to_value

        question = {"k": query.k, "filters": to_value(query.filters, True), "options": to_value(query.options, True)}
        return {**named, **question, **to_value(answer)}

    def text() -> None:
        from recommender.cli.result_tables import print_answer

        print_answer(answer, title, query.options.offset, query.filters != NO_FILTERS)

    return Output(document, text)


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

    def print_comparison() -> None:
        print_table([("what", "left"), ("category", "shrink"), ("encoded text", "shrink")], rows)
        cosines = [(each.model, each.encoder, f"{each.cosine:.4f}") for each in found.similarities]
        print_table([("model", "left"), ("encoder", "left"), ("cosine", "right")], cosines)
        if found.common_depth is not None:
            typer.echo(f"category levels in common: {found.common_depth}")

    return Output(document, print_comparison)
