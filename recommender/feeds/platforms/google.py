"""Google Merchant Center's product data: its attributes, in tables and in XML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from recommender.feeds.columns import Columns, Field, Shapes, match_columns, plain_name, require_columns
from recommender.feeds.prices import Offer
from recommender.feeds.rows import Feed, Row
from recommender.feeds.tables import Table

_ATTRIBUTES = ("color", "size", "material", "pattern", "gender", "age_group", "condition")
"""What is kept beside the fields: https://support.google.com/merchants/answer/7052112."""

_CATEGORIES = ("producttype", "googleproductcategory", "fbproductcategory")
"""The shop's own category, and those of Google and Facebook, which are used if a product has none of the shop's."""

_SALE = "saleprice"
_PERIOD = "salepriceeffectivedate"

_REPEATED = frozenset({"producttype", "additionalimagelink", "shipping", "producthighlight", "productdetail", "tax"})
"""Columns that a table may have several of; the first is read."""

_VARIANT = re.compile(r"additionalvariantattribute(?:(?P<number>[0-9]+)variant(?P<part>label|value))?")
"""Facebook's other attributes of a variant: `Scent:Rose,Burn:40h` in one column, or a label and a value in two each."""

_BETWEEN_VARIANT = re.compile(r",(?=[^,:]+:)")

_TELLING = frozenset({"itemgroupid", "googleproductcategory", "imagelink", "gtin", "agegroup", "identifierexists"})
"""A Google table has at least two of these beside `id`, `title` and `link`; other feeds may have one, too."""


@dataclass(frozen=True, slots=True)
class GoogleColumns:
    """The columns of a feed. `categories` come in the order in which they are tried.

    `variant` is the column of further attributes, and `pairs` are those of their labels and values.
    """

    columns: Columns
    categories: tuple[str, ...]
    sale: str
    period: str
    variant: str = ""
    pairs: tuple[tuple[str, str], ...] = ()

    @property
    def fields(self) -> Mapping[Field, str]:
        """The column that each field is read from."""
        categories = {Field.CATEGORY: self.categories[0]} if self.categories else {}
        return {**self.columns.fields, **categories}

    @property
    def ignored(self) -> tuple[str, ...]:
        """Columns that nothing is read from."""
        return self.columns.ignored


def is_google_header(names: Sequence[str]) -> bool:
    """Tell Google's product data by the names of its columns."""
    plain = {plain_name(name) for name in names}
    prefixed = any(name.strip().casefold().startswith("g:") for name in names)
    return {"id", "title"} <= plain and (prefixed or ("link" in plain and len(plain & _TELLING) >= 2))


def google_columns(columns: Columns, names: Sequence[str], mapping: Mapping[str, str]) -> GoogleColumns:
    """Add to the columns of a feed those that only Google has: the sale, the second category, the attributes."""
    plain = {plain_name(name): name for name in reversed(names)}
    taken = set(columns.fields.values())
    known = {name: plain[plain_name(name)] for name in _ATTRIBUTES if plain_name(name) in plain}
    attributes = {name: column for name, column in known.items() if column not in taken} | dict(columns.attributes)
    categories = tuple(plain[name] for name in _CATEGORIES if name in plain)
    if Field.CATEGORY in mapping or not categories:
        categories = tuple(columns.fields[field] for field in (Field.CATEGORY,) if field in columns.fields)
    sale, period = ("", "") if Field.PRICE in mapping else (plain.get(_SALE, ""), plain.get(_PERIOD, ""))
    further = {
        (found["number"], found["part"]): name for one, name in plain.items() if (found := _VARIANT.fullmatch(one))
    }
    variant = further.pop((None, None), "") if Field.ATTRIBUTES not in columns.fields else ""
    labels = [(name, further.get((number, "value"), "")) for (number, part), name in further.items() if part == "label"]
    pairs = tuple((label, value) for label, value in labels if value)
    read = {*attributes.values(), *categories, *further.values(), sale, period, variant}
    ignored = tuple(name for name in columns.ignored if name not in read)
    kept = replace(columns, attributes=attributes, ignored=ignored)
    return GoogleColumns(kept, categories, sale, period, variant, pairs)


def google_row(line: int, cells: Mapping[str, Any], columns: GoogleColumns, raw: object, problem: str = "") -> Row:
    """Make a row of an item's cells by column; a cell that repeats is a list."""
    fields: dict[Field, Any] = {field: cells.get(name, "") for field, name in columns.columns.fields.items()}
    attributes = {name: cells.get(column, "") for name, column in columns.columns.attributes.items()}
    attributes |= {_one(cells.get(label)): cells.get(value, "") for label, value in columns.pairs if cells.get(label)}
    if further := _one(cells.get(columns.variant)):
        fields[Field.ATTRIBUTES] = further if further.startswith("{") else _BETWEEN_VARIANT.sub(";", further)
    if columns.columns.switches:
        fields[Field.OFFERED] = [_one(cells.get(name)) for name in columns.columns.switches]
    if columns.columns.denies(cells):
        fields[Field.OFFERED] = "hidden"
    starts, _, ends = _one(cells.get(columns.period)).partition("/")
    fields[Field.PRICE] = Offer(_one(fields.get(Field.PRICE, "")), _one(cells.get(columns.sale)), starts, ends)
    # A number of Google's taxonomy says less than a path.
    stated = list(filter(None, map(cells.get, columns.categories)))
    fields[Field.CATEGORY] = next((cell for cell in stated if not _one(cell).isdigit()), stated[0] if stated else "")
    return Row(line, fields, attributes, raw, problem)


class GoogleFeed(Feed):
    """Reads Google's product data from a table, most often TSV, or from the items of an XML file."""

    def __init__(
        self, table: Table, mapping: Mapping[str, str], required: Sequence[Field] = (Field.SKU, Field.TITLE)
    ) -> None:
        self.name = table.name
        self._table = table
        self._shapes = Shapes(lambda names: google_columns(match_columns(names, mapping), names, mapping))
        seen: set[str] = set()
        names = []
        for name in table.columns:
            plain = plain_name(name)
            if plain not in seen or plain not in _REPEATED:
                names.append(name)
            seen.add(plain)
        require_columns(table.name, names, mapping, required)
        if table.uniform:
            self._shapes.of(tuple(names))

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from; of XML, in the items read so far."""
        return self._shapes.leftover_names

    @property
    def field_columns(self) -> Mapping[Field, str]:
        """The column that each field is read from; of XML, in the items read so far."""
        return self._shapes.field_columns

    def rows(self) -> Iterator[Row]:
        """Read the rows, in bounded memory."""
        self.early_end = ""
        try:
            for row in self._table.rows():
                columns = self._shapes.of(tuple(row.cells))
                found = google_row(row.number, row.cells, columns, row.raw, row.problem)
                yield found._replace(remark=row.remark)
        finally:
            self.early_end = self._table.early_end


def _one(value: Any) -> str:
    return (value[0] if isinstance(value, list) else value) or ""
