"""WooCommerce's product export: variations on rows of their own, which inherit from their parent's."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager

from recommender.feeds.columns import Field, plain_name
from recommender.feeds.delimited import DelimitedTable
from recommender.feeds.platforms.shop_export import Record, ShopExport, ShopTable
from recommender.feeds.prices import price_to_show
from recommender.feeds.rejections import BadRow
from recommender.feeds.rows import Row
from recommender.types import PATH_SEPARATOR

MOST_ATTRIBUTES = 20
"""Attributes that a row may have; `Attribute 1 name` to `Attribute 20 name`."""

_PARTS = {
    "id": "id",
    "type": "type",
    "SKU": "sku",
    "name": "name",
    "published": "published",
    "visibility": "visibilityincatalog",
    "short": "shortdescription",
    "description": "description",
    "starts": "datesalepricestarts",
    "ends": "datesalepriceends",
    "in stock": "instock",
    "stock": "stock",
    "sale": "saleprice",
    "regular": "regularprice",
    "categories": "categories",
    "images": "images",
    "parent": "parent",
    "url": "externalurl",
    "brands": "brands",
} | {
    f"attribute {number} {part}": f"attribute{number}{column}"
    for number in range(1, MOST_ATTRIBUTES + 1)
    for part, column in (("name", "name"), ("values", "values"))
}
"""The columns: https://github.com/woocommerce/woocommerce/wiki/Product-CSV-Import-Schema."""

_INHERITED = ("SKU", "id", "name", "short", "description", "categories", "images", "brands", "published", "visibility")

_COMMA = re.compile(r"(?<!\\),")
"""Between values; one that belongs to a value stands behind a backslash."""

_BETWEEN_IMAGES = re.compile(r",\s+|,(?=https?:)")


def is_woocommerce_header(names: Sequence[str]) -> bool:
    """Tell WooCommerce's export by the names of its columns."""
    plain = {plain_name(name) for name in names}
    return {"type", "sku", "name", "parent"} <= plain and bool(plain & {"regularprice", "published", "attribute1name"})


class WooCommerceFeed(ShopExport):
    """Reads what can be bought: simple, external and grouped products and variations, but no parent of variations.

    Products that are drafts, private or hidden from the catalogue are left out, with their variations, and counted as
    withdrawn. A parent may stand anywhere in the file: parents are collected first, in a temporary database on disk.
    """

    def __init__(self, table: DelimitedTable, mapping: Mapping[Field, str]) -> None:
        super().__init__(ShopTable(table, "an export of WooCommerce", _PARTS, ("type", "SKU", "name"), mapping))

    def rows(self) -> Iterator[Row]:
        """Read the products, in bounded memory."""
        self._withdrawn = {}
        with _Parents.of(self._table) as parents:
            for record in self._table.records():
                if record.problem:
                    yield Row(record.line, {Field.SKU: _sku(record)}, raw=record.raw, problem=record.problem)
                    continue
                parent = parents.of_variation(record)
                is_visible = all(
                    cells.get("published", "").casefold() in ("", "1", "true", "yes")
                    and cells.get("visibility", "").casefold() != "hidden"
                    for cells in (record.cells, parent)
                )
                if is_visible and not parents.is_parent(record):
                    attributes = _attributes(record.cells)
                    first = {
                        part: record[part] or parent.get(part, "")
                        for part in ("description", "categories", "images", "brands")
                    }
                    fields: dict[Field, str] = {
                        Field.SKU: _sku(record),
                        Field.TITLE: record["name"] or _title(parent, attributes),
                        Field.DESCRIPTION: first["description"] or record["short"] or parent.get("short", ""),
                        Field.BRAND: next(iter(_values(first["brands"])), ""),
                        Field.CATEGORY: _category(first["categories"]),
                        Field.AVAILABILITY: record["in stock"] or record["stock"],
                        Field.URL: record["url"],
                        Field.IMAGE: _BETWEEN_IMAGES.split(first["images"])[0],
                        Field.GROUP_ID: (parent.get("SKU") or record["parent"]) if _is_variation(record) else "",
                    }
                    problem = "" if fields[Field.TITLE] else _title_problem(record, parent)
                    try:
                        fields[Field.PRICE] = price_to_show(
                            record["regular"], record["sale"], record["starts"], record["ends"]
                        )
                    except BadRow as error:
                        problem = problem or str(error)
                    yield Row(
                        record.line, fields | dict(record.mapped), _attributes(parent) | attributes, record.raw, problem
                    )
                elif sku := record.mapped.get(Field.SKU, "").strip() or _sku(record):
                    self._withdrawn[sku] = None
        self.early_end = self._table.table.early_end


class _Parents:
    """The rows that variations inherit from, by SKU and by `id:NUMBER`, and which of them have variations."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._last: tuple[str, Mapping[str, str]] = ("", {})

    @classmethod
    @contextmanager
    def of(cls, table: ShopTable) -> Iterator[_Parents]:
        """Collect the parents of a file."""
        # A database without a name lies in a temporary file, and in memory only as far as its cache goes.
        with closing(sqlite3.connect("")) as database:
            database.execute("CREATE TABLE parent (key TEXT PRIMARY KEY, cells TEXT) WITHOUT ROWID")
            database.execute("CREATE TABLE wanted (key TEXT PRIMARY KEY) WITHOUT ROWID")
            parents = cls(database)
            for record in table.records():
                if not record.problem:
                    parents._collect(record)
            yield parents

    def of_variation(self, record: Record) -> Mapping[str, str]:
        """Return the cells of a variation's parent; none for what has no parent, or whose parent the file lacks."""
        key = record["parent"] if _is_variation(record) else ""
        if key and key != self._last[0]:
            found = self._database.execute("SELECT cells FROM parent WHERE key = ?", (key,)).fetchone()
            self._last = key, json.loads(found[0]) if found else {}
        return self._last[1] if key else {}

    def is_parent(self, record: Record) -> bool:
        """Tell whether a row only holds variations together."""
        if not _is_variable(record):
            return False
        keys = _keys(record)
        marks = ",".join("?" * len(keys))
        return bool(self._database.execute(f"SELECT 1 FROM wanted WHERE key IN ({marks})", keys).fetchone())

    def _collect(self, record: Record) -> None:
        if _is_variation(record):
            self._database.execute("INSERT OR IGNORE INTO wanted VALUES (?)", (record["parent"],))
        elif _is_variable(record):
            inherited = (part for part in record.cells if part in _INHERITED or part.startswith("attribute"))
            cells = json.dumps({part: record[part] for part in inherited})
            rows = [(key, cells) for key in _keys(record)]
            self._database.executemany("INSERT OR IGNORE INTO parent VALUES (?, ?)", rows)


def _title_problem(record: Record, parent: Mapping[str, str]) -> str:
    missing = _is_variation(record) and not parent
    return f"no name, and its parent {record['parent'][:80]!r} is not in the file" if missing else ""


def _title(parent: Mapping[str, str], attributes: Mapping[str, str]) -> str:
    name = parent.get("name", "")
    return f"{name} - {', '.join(attributes.values())}" if name and attributes else name


def _types(record: Record) -> list[str]:
    return [part.strip() for part in record["type"].casefold().split(",")]


def _is_variation(record: Record) -> bool:
    # subscription_variation, variable-subscription: those of the best-known extension
    return bool(record["parent"]) and any("variation" in part for part in _types(record))


def _is_variable(record: Record) -> bool:
    return any(part.startswith("variable") for part in _types(record))


def _sku(record: Record) -> str:
    """Return the SKU; of a product without one what WooCommerce itself calls it by."""
    return record["SKU"] or (f"id:{record['id']}" if record["id"] else "")


def _keys(record: Record) -> list[str]:
    keys = (record["SKU"], f"id:{record['id']}" if record["id"] else "")
    return [key for key in keys if key]


def _category(text: str) -> str:
    """Return the deepest of the categories, of several the first."""
    paths = (path.split(">") for path in _values(text) if path.casefold() != "uncategorized")
    deepest: list[str] = max(paths, key=len, default=[])
    return PATH_SEPARATOR.join(map(str.strip, deepest))


def _attributes(cells: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for number in range(1, MOST_ATTRIBUTES + 1):
        name, values = cells.get(f"attribute {number} name", ""), cells.get(f"attribute {number} values", "")
        if name and values:
            found[name] = ", ".join(_values(values))
    return found


def _values(text: str) -> list[str]:
    values = (value.strip().replace("\\,", ",") for value in _COMMA.split(text))
    return [value for value in values if value]
