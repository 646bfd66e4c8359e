"""The rows of a feed, and how the feed writes them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from recommender.errors import BadFeed
from recommender.feeds.categories import CategoryColumn, survey_categories
from recommender.feeds.cells import amount_of
from recommender.feeds.columns import Field
from recommender.feeds.prices import certain_mark

_DOTTED = re.compile(r"[0-9]+\.[0-9]*[1-9]")

SAMPLED_ROWS = 1000
"""Rows that show how the feed writes its prices."""

SURVEYED_ROWS, SURVEYED_CHARS = 20_000, 64 << 20
"""Rows that show how the feed writes its categories, and how much of them is held in memory so that nothing is read
twice: usually they take 50 MB."""


class Row(NamedTuple):
    """A row as a feed's reader gives it: cells by field, and its place. With a `problem` it could not be read.

    A row that is not `offered` is a draft, is hidden, or only holds variants together. A `remark` says how the reader
    understood a row that breaks the rules of its format.
    """

    line: int
    cells: Mapping[Field, Any] = MappingProxyType({})
    attributes: Mapping[str, Any] = MappingProxyType({})
    raw: object = ""
    problem: str = ""
    offered: bool = True
    remark: str = ""


class Feed(ABC):
    """An open feed: its header has been read and is good, its rows are to come.

    `name` is its name in messages. `early_end` says why it seems cut off, after its rows have been read to the end; it
    is empty if the feed ended in good order. `format` is what the feed was recognised as, and `why` says how.
    """

    name: str
    early_end: str = ""
    format: str = ""
    why: str = ""

    @property
    @abstractmethod
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from; complete when the rows have been read."""

    @property
    @abstractmethod
    def field_columns(self) -> Mapping[Field, str]:
        """The column that each field is read from; complete when the rows have been read."""

    def sample(self) -> list[Mapping[str, Any]]:
        """Return the first rows by column, if the fields were recognised by their columns; otherwise none."""
        return []

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """SKUs that the feed names as not offered (drafts, parents of variations), in the rows read so far."""
        return ()

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Read the rows, in bounded memory.

        Raises `BadFeed` when the file turns out to be damaged.
        """


@dataclass(frozen=True, slots=True)
class Notation:
    """How a feed writes what can be read in two ways.

    `categories` reads those of its column, its prices show this `decimal_mark`, and whether its SKUs are numbers with a
    dot, so that `10.0` is one of them and not the integer that a spreadsheet made of `10`.
    """

    categories: CategoryColumn
    decimal_mark: str = ""
    dotted_skus: bool = False


UNKNOWN = Notation(CategoryColumn())
"""Each cell is read in its own likeliest meaning."""


def survey(rows: Iterator[Row]) -> tuple[Notation, Iterator[Row]]:
    """Detect the notation of a feed by its first rows, and yield all rows; the first are held until they are read.

    A decimal mark is one that no other price contradicts. Raises `BadFeed` for damage in the first `SAMPLED_ROWS`; if
    the damage is further on, the rows before it come first.
    """
    first: list[Row] = []
    size = 0
    damage: list[BadFeed] = []
    try:
        for row in islice(rows, SURVEYED_ROWS):
            first.append(row)
            raw = row.raw
            size += len(raw) if isinstance(raw, str) else sum(len(str(cell)) for cell in row.cells.values())
            if size > SURVEYED_CHARS:
                break
    except BadFeed as error:
        if len(first) < SAMPLED_ROWS:
            raise
        damage.append(error)
    marks: set[str] = set()
    dotted = False
    for row in first[:SAMPLED_ROWS]:
        price, sku = amount_of(row.cells.get(Field.PRICE)), row.cells.get(Field.SKU)
        marks.add(certain_mark(price) if isinstance(price, str) else "")
        dotted = dotted or (isinstance(sku, str) and _DOTTED.fullmatch(sku.strip()) is not None)
    shown = marks - {""}
    titled = [(str(row.cells.get(Field.TITLE)), row.cells.get(Field.CATEGORY)) for row in first]
    notation = Notation(survey_categories(titled), shown.pop() if len(shown) == 1 else "", dotted)
    return notation, _again(first, rows, damage)


def _again(first: list[Row], rest: Iterator[Row], damage: Sequence[BadFeed]) -> Iterator[Row]:
    first.reverse()
    while first:
        yield first.pop()
    for error in damage:
        raise error
    yield from rest
