"""Rows of a feed into products."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from recommender.feeds.availability import parse_availability
from recommender.feeds.cells import attributes_of, category_of, first_text_of, has_arrow, join_text, text_of
from recommender.feeds.columns import Field
from recommender.feeds.limits import product_problem
from recommender.feeds.prices import StatedPrice, clear_decimal_mark, parse_currency, parse_price
from recommender.feeds.rejections import BadRow
from recommender.types import Product

# Python 3.11 takes longer to find a member of an enum than to find its cell, and a row has twelve.
_SKU, _TITLE, _DESCRIPTION, _BRAND, _CATEGORY, _URL = (
    Field.SKU, Field.TITLE, Field.DESCRIPTION, Field.BRAND, Field.CATEGORY, Field.URL,
)  # fmt: skip
_PRICE, _CURRENCY, _AVAILABILITY, _IMAGE, _GROUP_ID, _ATTRIBUTES = (
    Field.PRICE, Field.CURRENCY, Field.AVAILABILITY, Field.IMAGE, Field.GROUP_ID, Field.ATTRIBUTES,
)  # fmt: skip

SAMPLED_ROWS = 1000
"""Rows looked at beforehand to see how the feed writes its category paths and prices."""

NO_GROUP = "0"
"""What shop systems that number their products write for one that is no variant of another."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as a feed's reader gives it: cells by field, and where it stands. With a `problem` it could not be read."""

    line: int
    cells: Mapping[Field, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    raw: object = ""
    problem: str = ""


class Feed(ABC):
    """An open feed: its header is read and found good, its rows are to come.

    `name` is what messages call the feed. `early_end` says why it seems cut off, once its rows have been read to the
    end; it is empty when the feed ended in good order.
    """

    name: str
    early_end: str = ""

    @property
    @abstractmethod
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from; complete when the rows have been read."""

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
    """How a feed writes what can be read in two ways: category paths with arrows, prices with a decimal comma."""

    arrows: bool = False
    decimal_comma: bool = False


UNKNOWN = Notation()
"""Each cell is read as it is likeliest by itself."""


def notation_of(rows: Iterable[Row]) -> Notation:
    """Tell the notation of a feed from its first rows. A decimal comma is one that stands beside no decimal point."""
    arrows = False
    marks: set[str] = set()
    for row in islice(rows, SAMPLED_ROWS):
        arrows = arrows or has_arrow(row.cells.get(Field.CATEGORY))
        price = _amount_cell(row.cells.get(Field.PRICE))
        marks.add(clear_decimal_mark(price) if isinstance(price, str) else "")
    return Notation(arrows, decimal_comma="," in marks and "." not in marks)


def product_of(row: Row, notation: Notation = UNKNOWN) -> Product:
    """Make the product of a row: outer white space gone, single spaces in title and brand, else as written.

    Raises `BadRow` with the reason when the row states no product.
    """
    if row.problem:
        raise BadRow(row.problem)
    cells = row.cells.get
    price = _price(cells(_PRICE), notation.decimal_comma)
    product = Product(
        sku=text_of(cells(_SKU), "sku").strip(),
        title=_one_line(text_of(cells(_TITLE), "title")),
        description=join_text(cells(_DESCRIPTION), "description").strip(),
        brand=_one_line(text_of(cells(_BRAND), "brand")),
        category=category_of(cells(_CATEGORY), notation.arrows),
        price=price.amount,
        currency=parse_currency(text_of(cells(_CURRENCY), "currency")) or price.currency,
        availability=parse_availability(text_of(cells(_AVAILABILITY), "availability")),
        url=text_of(cells(_URL), "url").strip(),
        image=first_text_of(cells(_IMAGE), "image").strip(),
        group_id=_group(cells(_GROUP_ID)),
        attributes=_attributes(row),
    )
    if problem := product_problem(product):
        raise BadRow(problem)
    return product


def sku_of(row: Row) -> str:
    """Return the SKU of a row as far as it can be told, for a report."""
    try:
        return text_of(row.cells.get(Field.SKU), "sku").strip()[:200]
    except BadRow:
        return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _group(value: Any) -> str:
    group = _one_line(text_of(value, "group_id"))
    return "" if group == NO_GROUP else group


def _price(value: Any, decimal_comma: bool) -> StatedPrice:
    if isinstance(value, str):
        return parse_price(value, decimal_comma)
    amount = _amount_cell(value)
    if isinstance(amount, float) and amount != amount:
        raise BadRow("price NaN is not a number")
    # What is a number already has its point, however the feed writes its texts.
    stated = parse_price(text_of(amount, "price"), decimal_comma and isinstance(amount, str))
    if isinstance(value, Mapping):
        return StatedPrice(stated.amount, parse_currency(text_of(value.get("currency"), "currency")))
    return stated


def _amount_cell(value: Any) -> Any:
    # {"value": 19.99, "currency": "EUR"}, as Google's Content API has it
    return value.get("value", value.get("amount")) if isinstance(value, Mapping) else value


def _attributes(row: Row) -> dict[str, str]:
    stated = attributes_of(row.cells.get(_ATTRIBUTES))
    return stated | attributes_of(row.attributes) if row.attributes else stated
