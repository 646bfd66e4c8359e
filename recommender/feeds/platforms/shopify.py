"""Shopify's product export: a product over several rows under one handle, one row for each variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from recommender.feeds.columns import Field, plain_name
from recommender.feeds.delimited import DelimitedTable
from recommender.feeds.platforms.shop_export import Record, ShopExport, ShopTable
from recommender.feeds.rows import Row
from recommender.types import Availability

_PARTS = {
    "handle": "handle urlhandle",
    "title": "title",
    "body": "bodyhtml description",
    "vendor": "vendor",
    "category": "productcategory",
    "type": "type",
    "published": "published publishedononlinestore",
    "status": "status",
    "sku": "variantsku sku",
    "price": "variantprice price",
    "tracker": "variantinventorytracker inventorytracker",
    "quantity": "variantinventoryqty inventoryquantity",
    "policy": "variantinventorypolicy continuesellingwhenoutofstock",
    "image": "imagesrc productimageurl",
    "variant image": "variantimage variantimageurl",
} | {f"{part} {number}": f"option{number}{part}" for number in (1, 2, 3) for part in ("name", "value")}
"""The columns, by the names of both layouts: that with `Handle` and that with `URL handle`.

https://help.shopify.com/en/manual/products/import-export/using-csv
"""

_OF_PRODUCT = (
    "title", "body", "vendor", "category", "type", "published", "status", "image", "name 1", "name 2", "name 3",
)  # fmt: skip
"""What stands on the first row of a product for all of its rows."""

_NO_OPTION = "Default Title"
"""The option that a product without options has."""


def is_shopify_header(names: Sequence[str]) -> bool:
    """Tell Shopify's export by the names of its columns."""
    plain = {plain_name(name) for name in names}
    return bool(plain & {"handle", "urlhandle"}) and bool(plain & {"variantsku", "bodyhtml", "option1value"})


@dataclass(slots=True)
class _Product:
    """What the rows of a handle have said so far of the product as a whole."""

    handle: str = ""
    cells: dict[str, str] = field(default_factory=dict)

    def learn(self, record: Record) -> None:
        if record["handle"] != self.handle:
            self.handle, self.cells = record["handle"], {}
        for part in _OF_PRODUCT:
            if record[part]:
                self.cells.setdefault(part, record[part])

    def __getitem__(self, part: str) -> str:
        return self.cells.get(part, "")

    @property
    def is_offered(self) -> bool:
        # A draft, an archived or an unlisted product is not to be shown to anyone.
        return self["status"].casefold() in ("", "active") and self["published"].casefold() != "false"


class ShopifyFeed(ShopExport):
    """Reads the variants. Products that are drafts, archived or not published are left out and counted as withdrawn."""

    def __init__(self, table: DelimitedTable, mapping: Mapping[Field, str]) -> None:
        super().__init__(ShopTable(table, "an export of Shopify", _PARTS, ("handle", "title"), mapping))

    def rows(self) -> Iterator[Row]:
        """Read the variants, in bounded memory."""
        self._withdrawn = {}
        product = _Product()
        for record in self._table.records():
            if record.problem:
                yield Row(record.line, {Field.SKU: _sku(record)}, raw=record.raw, problem=record.problem)
                continue
            product.learn(record)
            # Tell a variant from a row that only adds an image to its product.
            if not any(record[part] for part in ("title", "sku", "price", "value 1", "value 2", "value 3")):
                continue
            options = {product[f"name {number}"] or f"Option {number}": value for number, value in _values(record)}
            values = options.values()
            title = product["title"]
            fields: dict[Field, str] = {
                Field.SKU: _sku(record),
                Field.TITLE: f"{title} - {' / '.join(values)}" if title and values else title,
                Field.DESCRIPTION: product["body"],
                Field.BRAND: product["vendor"],
                Field.CATEGORY: _category(product),
                Field.PRICE: record["price"],
                Field.AVAILABILITY: _availability(record),
                Field.IMAGE: record["variant image"] or product["image"],
                Field.GROUP_ID: product.handle,
            }
            problem = (
                "" if title else f"no title: the row that begins the product {product.handle[:80]!r} is not before it"
            )
            row = Row(record.line, fields | dict(record.mapped), options, record.raw, problem)
            if product.is_offered:
                yield row
            else:
                self._withdrawn[row.cells[Field.SKU]] = None
        self.early_end = self._table.table.early_end


def _values(record: Record) -> list[tuple[int, str]]:
    found = ((number, record[f"value {number}"]) for number in (1, 2, 3))
    return [(number, value) for number, value in found if value not in ("", _NO_OPTION)]


def _sku(record: Record) -> str:
    """Return the variant's SKU; one without has none but its handle and options, which stay the same, too."""
    stated = record["sku"].removeprefix("'")  # which keeps a spreadsheet from reading the SKU as a number
    return stated or "/".join([record["handle"], *(value for _, value in _values(record))])


def _category(product: _Product) -> str:
    category = product["category"]
    return product["type"] if category.casefold() in ("", "uncategorized") else category


def _availability(record: Record) -> str:
    """Return the quantity, unless it does not count: nobody tracks it, or more is sold than there is."""
    sells_on = record["policy"].casefold() in ("continue", "true")
    tracked = "tracker" not in record.cells or record["tracker"]
    return record["quantity"] if tracked and not sells_on else Availability.IN_STOCK
