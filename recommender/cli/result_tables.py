"""An answer as tables that read well in 80 columns: hits, why each is there, and facets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import typer

from recommender.cli.output import print_table
from recommender.query import Answer, Confidence, Explanation, FacetCount, Hit, Reason, Understood, UnderstoodKind
from recommender.types import category_path

SHOWN_FACETS = 10
"""Values of a facet that a table shows; JSON has all that were counted."""


def print_answer(answer: Answer, title: str, offset: int = 0, filtered: bool = False) -> None:
    """Print an answer, its first hit counted from `offset` + 1. `filtered`: whether filters left something out."""
    if answer.did_you_mean is not None:
        typer.echo(f"searched for {answer.did_you_mean!r}; --no-correct searches for the words as they are")
    for each in answer.understood:
        typer.echo(f"{each.words!r} is read as {_meaning(each)}")
    if answer and answer.confidence is Confidence.NONE:
        typer.echo("no product matches these words; the nearest in meaning are:")
    elif answer and answer.confidence is Confidence.WEAK:
        typer.echo("no product surely matches these words; the nearest are:")
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
        rows = [_explanation_row(rank, hit.explanation or Explanation()) for rank, hit in enumerate(answer, offset + 1)]
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


def _meaning(said: Understood) -> str:
    if said.kind is UnderstoodKind.PRICE:
        bounds = [f"from {said.price_min}" if said.price_min is not None else ""]
        bounds.append(f"up to {said.price_max}" if said.price_max is not None else "")
        return " ".join(filter(None, ("a price", *bounds, said.currency)))
    value = said.value if isinstance(said.value, str) else category_path(said.value)
    return f"the {said.kind.value} {f'{said.name} ' if said.name else ''}{value!r}"


def print_hits(hits: Sequence[Hit], title: str, offset: int = 0) -> None:
    """Print hits as a table; a column says what brought them when it was not relevance alone."""
    columns = [
        ("#", "right"),
        ("score", "right"),
        ("sku", "left"),
        ("title", "shrink"),
        ("category", "shrink"),
        ("price", "right"),
    ]
    rows = [_row(hit, rank) for rank, hit in enumerate(hits, offset + 1)]
    if any(hit.reason is not Reason.RELEVANCE for hit in hits):
        columns.append(("why", "shrink"))
        rows = [(*row, _reason(hit)) for row, hit in zip(rows, hits, strict=True)]
    print_table(columns, rows, title)


def _row(hit: Hit, rank: int) -> tuple[str, ...]:
    card = hit.card
    price = "" if card.price is None else f"{card.price} {card.currency}".rstrip()
    return (str(rank), f"{hit.score:.3f}", hit.sku, card.title, card.category[-1] if card.category else "", price)


def _reason(hit: Hit) -> str:
    if hit.reason is Reason.RELEVANCE:
        return ""
    if hit.reason is Reason.WIDENED and hit.widened_to is not None:
        return f"wider: {hit.widened_to[-1] if hit.widened_to else 'all'}"
    return hit.reason.value


def _explanation_row(rank: int, why: Explanation) -> tuple[str, ...]:
    brand = {True: "same", False: "other", None: ""}[why.same_brand]
    return (
        str(rank),
        "" if why.shared_depth is None else str(why.shared_depth),
        brand,
        _number(why.price_ratio, "x{:.2f}"),
        _number(why.from_words, "{:.3f}"),
        _number(why.from_meaning, "{:.3f}"),
        ", ".join(why.words),
    )


def _number(value: float | None, form: str) -> str:
    return "" if value is None else form.format(value)


def _print_counts(name: str, counts: Iterable[tuple[str, int]], counted: int) -> None:
    rows = [(value, f"{count:,}") for value, count in counts]
    if rows:
        print_table([(name, "shrink"), (f"of {counted:,}", "right")], rows[:SHOWN_FACETS])


def _value(count: FacetCount) -> str:
    return count.value if isinstance(count.value, str) else category_path(count.value)
