"""The rows of a feed, and how the feed writes them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, NamedTuple

from recommender.feeds.categories import CategoryColumn, survey_categories
from recommender.feeds.cells import amount_of
from recommender.feeds.columns import Field
from recommender.feeds.prices import certain_mark

_DOTTED = re.compile(r"[0-9]+\.[0-9]*[1-9]")

SAMPLED_ROWS = 1000
"""Rows looked at beforehand to see how the feed writes its prices, and whether it has categories at all."""

SURVEYED_ROWS = 100_000
"""Rows whose categories are looked at beforehand. To read all of a million twice would cost a tenth of their import."""


class Row(NamedTuple):
    """A row as a feed's reader gives it: cells by field, and where it stands. With a `problem` it could not be read.

    What is not `offered` is a draft, is hidden, or only holds variants together. A `remark` says what the reader had to
    make of a row that is not written by the rules of its format.
    """

    line: int
    cells: Mapping[Field, Any] = MappingProxyType({})
    attributes: Mapping[str, Any] = MappingProxyType({})
    raw: object = ""
    problem: str = ""
    offered: bool = True
    remark: str = ""


class Feed(ABC):
    """An open feed: its header is read and found good, its rows are to come.

    `name` is what messages call the feed. `early_end` says why it seems cut off, once its rows have been read to the
    end; it is empty when the feed ended in good order. `format` is what the feed was recognised as, and `why` says how.
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
        """Return the first rows by column, if the columns are what the fields were told by; else none."""
        return []

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """SKUs that the feed names as not offered (drafts, parents of variations), in the rows read so far."""
        return ()

    @abstractmethod
    def rows(self) -> Iterator[Row]:
        """Read the rows, in bounded memory.

        Raises `BadFeed` when the file turns out to be damaged on the way.
        """


@dataclass(frozen=True, slots=True)
class Notation:
    """How a feed writes what can be read in two ways.

    `categories` reads those of its column, its prices show this `decimal_mark`, and its SKUs are numbers with a dot, of
    which `10.0` is one and not the whole number that a spreadsheet made of `10`.
    """

    categories: CategoryColumn
    decimal_mark: str = ""
    dotted_skus: bool = False


UNKNOWN = Notation(CategoryColumn())
"""Each cell is read as it is likeliest by itself."""


def notation_of(rows: Iterable[Row]) -> Notation:
    """Tell the notation of a feed: of its categories from more rows than of the rest.

    A decimal mark is one that no other price contradicts.
    """
    rows = iter(rows)
    dotted = False
    marks: set[str] = set()
    first = list(islice(rows, SAMPLED_ROWS))
    for row in first:
        price, sku = amount_of(row.cells.get(Field.PRICE)), row.cells.get(Field.SKU)
        marks.add(certain_mark(price) if isinstance(price, str) else "")
        dotted = dotted or (isinstance(sku, str) and _DOTTED.fullmatch(sku.strip()) is not None)
    shown = marks - {""}
    rest = islice(rows, SURVEYED_ROWS) if any(row.cells.get(Field.CATEGORY) for row in first) else ()
    titled = ((str(row.cells.get(Field.TITLE)), row.cells.get(Field.CATEGORY)) for row in chain(first, rest))
    return Notation(survey_categories(titled), shown.pop() if len(shown) == 1 else "", dotted)
