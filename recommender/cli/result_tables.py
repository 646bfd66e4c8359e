"""An answer as tables that read well in 80 columns: hits, why each is there, and facets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer

from recommender.cli.output import print_table
from recommender.query import Answer, Confidence, Explanation, FacetCount, Hit, Reason, UnderstoodKind
from recommender.types import category_path

SHOWN_FACETS = 10
"""Values of a facet in a table; JSON has all that were counted."""


def print_answer(answer: Answer, title: str, offset: int = 0, filtered: bool = False) -> None:
    """Print an answer, its first hit counted from `offset` + 1. `filtered`: whether filters left something out."""
    if answer.did_you_mean is not None:
        typer.echo(f"searched for {answer.did_you_mean!r}; --no-correct searches for the words as they are")
    for each in answer.understood:
        value = each.value if isinstance(each.value, str) else category_path(each.value)
        meaning = f"the {each.kind.value} {f'{each.name} ' if each.name else ''}{value!r}"
        if each.kind is UnderstoodKind.PRICE:
            bounds = [f"from {each.price_min}" if each.price_min is not None else ""]
            bounds.append(f"up to {each.price_max}" if each.price_max is not None else "")
            meaning = " ".join(filter(None, ("a price", *bounds, each.currency)))
        typer.echo(f"{each.words!r} is read as {meaning}")
    filtered = filtered or any(each.kind is UnderstoodKind.PRICE for each in answer.understood)
    within = " within the filters" if filtered else ""
    if answer and answer.confidence is Confidence.NONE:
        typer.echo(f"no product{within} matches these words; the nearest in meaning are:")
    elif answer and answer.confidence is Confidence.WEAK:
        typer.echo(f"no product{within} surely matches these words; the nearest are:")
    if answer:
        print_hits(answer, title, offset)
    elif offset:
        typer.echo(f"nothing comes after the first {offset}")
    elif filtered:
        typer.echo("nothing matches; loosen the filters")
    else:
        typer.echo("no product matches these words" if answer.confidence is not None else "nothing matches")
    if any(hit.explanation for hit in answer):
        columns = [
            ("#", "right"),
            ("levels", "right"),
            ("brand", "left"),
            ("price", "right"),
            ("vectors", "right"),
            ("words", "right"),
            ("words in common", "shrink"),
        ]
        rows = []
        for rank, hit in enumerate(answer, offset + 1):
            why = hit.explanation or Explanation()
            brand = {True: "same", False: "other", None: ""}[why.same_brand]
            depth = "" if why.shared_depth is None else str(why.shared_depth)
            numbers = [_number(why.price_ratio, "x{:.2f}"), _number(why.from_words, "{:.3f}")]
            numbers.append(_number(why.from_meaning, "{:.3f}"))
            rows.append([str(rank), depth, brand, *numbers, ", ".join(why.words)])
        used = [at for at in range(len(columns)) if any(row[at] for row in rows)]
        print_table([columns[at] for at in used], [[row[at] for at in used] for row in rows], "why")
    if (facets := answer.facets) is None:
        return
    for name, counts in (("category", facets.categories), ("brand", facets.brands)):
        _print_counts(name, [(_value(each), each.count) for each in counts], facets.counted)
    ends = ("and more" if band.high is None else f"to {band.high:f}" for band in facets.prices)
    bands = [(f"{band.low:f} {end}", band.count) for band, end in zip(facets.prices, ends, strict=True)]
    _print_counts("price", bands, facets.counted)
    for attribute in facets.attributes:
        _print_counts(attribute.name, [(_value(each), each.count) for each in attribute.values], facets.counted)


def print_hits(hits: Sequence[Hit], title: str, offset: int = 0) -> None:
    """Print hits as a table; a column has the reason of a hit if it was not only relevance."""
    columns = [
        ("#", "right"),
        ("score", "right"),
        ("sku", "left"),
        ("title", "shrink"),
        ("category", "shrink"),
        ("price", "right"),
    ]
    rows: list[tuple[str, ...]] = []
    for rank, hit in enumerate(hits, offset + 1):
        price = "" if hit.price is None else f"{hit.price} {hit.currency}".rstrip()
        leaf = hit.category[-1] if hit.category else ""
        rows.append((str(rank), f"{hit.score:.3f}", hit.sku, hit.title, leaf, price))
    if any(hit.reason is not Reason.RELEVANCE for hit in hits):
        columns.append(("why", "shrink"))
        for at, hit in enumerate(hits):
            why = "" if hit.reason is Reason.RELEVANCE else hit.reason.value
            if hit.reason is Reason.WIDENED and hit.widened_to is not None:
                why = f"wider: {hit.widened_to[-1] if hit.widened_to else 'all'}"
            rows[at] = (*rows[at], why)
    print_table(columns, rows, title)


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _print_counts(name: str, counts: Iterable[tuple[str, int]], counted: int) -> None:
    rows = [(value, f"{count:,}") for value, count in counts]
    if rows:
        print_table([(name, "shrink"), (f"of {counted:,}", "right")], rows[:SHOWN_FACETS])


def _value(count: FacetCount) -> str:
    return count.value if isinstance(count.value, str) else category_path(count.value)
