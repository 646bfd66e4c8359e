"""What was understood of a feed: the column of each field with an example, and what looks wrong about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Any

from recommender.feeds.column_names import COST_WORD, LIST_PRICES, PRICE_WORD
from recommender.feeds.columns import Field, plain_name
from recommender.feeds.flags import NO, NOT_OFFERED
from recommender.feeds.remarks import RemarkCount
from recommender.feeds.rows import Feed
from recommender.types import Availability, Product, category_path

FEW = 10
"""With fewer products, no share of them says anything."""

SHARED_BY_MOST = 0.5
NEARLY_ALL = 0.9
REJECTED_SHARE = 0.1

MOST_CATEGORIES = 50_000
"""Categories that are counted; in a feed with more, none has most products."""

_COUNTED = (
    Field.DESCRIPTION, Field.BRAND, Field.CATEGORY, Field.OTHER_CATEGORIES, Field.CURRENCY, Field.URL, Field.IMAGE,
    Field.GROUP_ID, Field.GTIN, Field.MPN, Field.ATTRIBUTES,
)  # fmt: skip

_IDENTIFIER = re.compile(r"(?=.*[0-9])[\w./#-]{3,60}")
_PLAIN_NUMBER = re.compile(r"[0-9]{1,10}(?:[.,][0-9]{1,4})?")
_SKU_LIKE = re.compile(r"sku|ref|art|item|model|code|codice|codigo|ean|gtin|mpn|upc|номер|артикул|番|品番")

_EXAMPLE = 40
"""Characters of an example."""


@dataclass(frozen=True, slots=True)
class FieldReading:
    """A field, the column that it was read from, and the value of the first product that has one.

    `filled` counts the products with a value.
    """

    field: str
    column: str
    example: str
    filled: int


@dataclass(frozen=True, slots=True)
class Understanding:
    """How a feed was read: its format and why, its fields, and which cells were not taken as they are."""

    format: str
    why: str
    fields: tuple[FieldReading, ...]
    remarks: tuple[RemarkCount, ...]


class FieldTally:
    """Counts, over the products of a feed, what each field holds."""

    def __init__(self) -> None:
        self.products = 0
        self._stock: Counter[Availability] = Counter()
        self._filled: dict[Field, int] = {}
        self._examples: dict[Field, str] = {}
        self._categories: dict[tuple[str, ...], int] = {}

    def add(self, products: Iterable[Product]) -> None:
        """Count products."""
        batch = list(products)
        if not batch:
            return
        if not self.products:
            first = batch[0]
            self._examples |= {Field.SKU: _excerpt(first.sku), Field.TITLE: _excerpt(first.title)}
            self._examples[Field.AVAILABILITY] = first.availability
        self.products += len(batch)
        self._stock.update(product.availability for product in batch)
        for field in _COUNTED:
            values = list(filter(None, map(attrgetter(field), batch)))
            if values:
                self._filled[field] = self._filled.get(field, 0) + len(values)
                self._examples.setdefault(field, _excerpt(values[0]))
        priced = [product for product in batch if product.price is not None]
        if priced:
            self._filled[Field.PRICE] = self._filled.get(Field.PRICE, 0) + len(priced)
            self._examples.setdefault(Field.PRICE, f"{priced[0].price} {priced[0].currency}".strip())
        for path, count in Counter(product.category for product in batch).items():
            if path in self._categories or len(self._categories) < MOST_CATEGORIES:
                self._categories[path] = self._categories.get(path, 0) + count

    def readings(self, feed: Feed) -> tuple[FieldReading, ...]:
        """Return each field with the column that it is read from."""
        always = (Field.SKU, Field.TITLE, Field.AVAILABILITY)
        read = []
        for field in Field:
            column = feed.field_columns.get(field, "")
            if field is Field.CURRENCY and not column:
                column = feed.field_columns.get(Field.PRICE, "")
            filled = self.products if field in always and column else self._filled.get(field, 0)
            if filled or field in feed.field_columns:
                read.append(FieldReading(field, column, self._examples.get(field, ""), filled))
        return tuple(read)

    def warnings(self, feed: Feed) -> list[str]:
        """Return what seems to be missing or misread, and whether most products share one category."""
        if not self.products:
            return []
        warnings = []
        for field in (Field.CATEGORY, Field.PRICE):
            if not self._filled.get(field):
                column = feed.field_columns.get(field)
                read = f"column {column!r} has none that can be read" if column else "no column is known to hold it"
                warnings.append(f"no {field} was found: {read}; name its column with --map {field}=COLUMN")
        warnings += filter(None, [self._price_warning(feed)])
        if Field.AVAILABILITY not in feed.field_columns and self._stock[Availability.IN_STOCK] == self.products:
            warnings.append(
                "no stock was found: every product counts as in stock; name its column with --map availability=COLUMN"
            )
        elif self._stock[Availability.UNKNOWN] == self.products:
            column = feed.field_columns.get(Field.AVAILABILITY)
            why = f"nothing in the column {column!r} can be read" if column else "no column is known to hold it"
            warnings.append(f"no stock was found: {why}")
        path, most = max(self._categories.items(), key=lambda item: item[1] if item[0] else 0)
        if path and self.products >= FEW and most > SHARED_BY_MOST * self.products:
            share = most / self.products
            warnings.append(
                f"most products ({share:.0%}) are in one category, {category_path(path)!r}; is the column"
                f" {feed.field_columns.get(Field.CATEGORY, 'category')!r} the right one?"
            )
        return warnings

    def _price_warning(self, feed: Feed) -> str:
        """Return a warning if another column may hold what customers pay; otherwise nothing."""
        column = feed.field_columns.get(Field.PRICE, "")
        priced = self._filled.get(Field.PRICE, 0)
        plain = {name: plain_name(name) for name in feed.leftover_columns}
        others = [name for name, one in plain.items() if PRICE_WORD.search(one) and not COST_WORD.search(one)]
        if column and priced and self.products >= FEW and priced < (1 - SHARED_BY_MOST) * self.products:
            share = 1 - priced / self.products
            another = f", or {others[0]!r}, which nothing is read from" if others else ""
            return f"most products ({share:.0%}) have no price: is {column!r} the right column{another}?"
        if priced and others and plain_name(column) in LIST_PRICES:
            return (
                f"the price is read from {column!r}, and {others[0]!r} may be what customers pay; if it is, say --map"
                f" price={others[0]}"
            )
        return ""


def row_number_warning(feed: Feed) -> str:
    """Return a warning if the SKUs count up row by row beside a column that looks like SKUs; otherwise nothing.

    Numbers of rows change when a product is removed, and the next export would then give each its neighbour's number.
    Numbers by which others know a product (GTIN, MPN) cause a warning too: some products have none.
    """
    column = feed.field_columns.get(Field.SKU, "")
    sample = feed.sample() if column else []
    numbers = [_text(cells.get(column)) for cells in sample]
    is_of_others = column in (feed.field_columns.get(Field.GTIN), feed.field_columns.get(Field.MPN))
    if len(numbers) < 2 or not (is_of_others or ("sku" not in column.casefold() and _counts_up(numbers))):
        return ""
    candidates = []
    for name in dict.fromkeys(name for cells in sample for name in cells):
        values = [_text(cells.get(name)) for cells in sample]
        stated = [value for value in values if value]
        if name == column or len(stated) < 0.8 * len(values) or len(set(stated)) < 0.95 * len(stated):
            continue
        if all(map(_IDENTIFIER.fullmatch, stated)) and not _counts_up(stated):
            plain = sum(bool(_PLAIN_NUMBER.fullmatch(value)) for value in stated) / len(stated)
            named = bool(_SKU_LIKE.search(name.casefold()))
            if named or plain < 0.5:
                candidates.append((named, -plain, name))
    if not candidates:
        return ""
    best = max(candidates)[2]
    what = "is a number that others know the product by" if is_of_others else "looks like a row number"
    return (
        f"the SKU is read from the column {column!r}, which {what}, and {best!r} looks like SKUs; if it holds them, say"
        f" --map sku={best}"
    )


_SWITCH_LIKE = re.compile(
    r"activ|aktiv|attiv|ativ|enabl|visib|vidit|widocz|sichtb|zichtb|synlig|näkyv|görün|publi|veröff|online|on_?sale"
    r"|status|state|stav|stan$|állapot|stare$|durum|show|anzeig|affich|mostr|zobraz|видим|статус|опубл|公開|表示|状态|상태"
)
MOST_STATES = 6
"""Words that a column of states has at most."""


def switch_warning(feed: Feed) -> str:
    """Return a warning if no column says what is on sale, but one that nothing is read from may; otherwise nothing."""
    if Field.OFFERED in feed.field_columns:
        return ""
    unread, sample = set(feed.leftover_columns), feed.sample()
    for name in dict.fromkeys(name for cells in sample for name in cells if name in unread):
        words = {_text(cells.get(name)).casefold() for cells in sample} - {""}
        offs = words & NOT_OFFERED
        if offs and len(words) <= MOST_STATES and (_SWITCH_LIKE.search(name.casefold()) or not offs <= NO):
            off = sorted(offs)[0]
            return (
                f"no column is known to say what is on sale, but {name!r} holds {off!r}; if it says so, name it with"
                f" --map offered={name}"
            )
    return ""


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip().removesuffix(".0")


def _counts_up(values: Sequence[str]) -> bool:
    """Tell whether values are numbers that rise from row to row with few gaps."""
    if not all(value.isascii() and value.isdigit() and len(value) < 10 for value in values):
        return False
    numbers = list(map(int, values))
    return all(one < other for one, other in pairwise(numbers)) and numbers[-1] - numbers[0] < 3 * len(numbers)


def _excerpt(value: Any) -> str:
    if isinstance(value, tuple):
        value = category_path(value if isinstance(value[0], str) else value[0])
    elif isinstance(value, Mapping):
        value = ", ".join(f"{name}: {text}" for name, text in list(value.items())[:3])
    text = " ".join(str(value).split())
    return text if len(text) <= _EXAMPLE else f"{text[: _EXAMPLE - 3]}..."
