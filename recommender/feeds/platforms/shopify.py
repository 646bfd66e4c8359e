"""Shopify's product export: a product over several rows under one handle, one row for each variant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from recommender.feeds.columns import Field
from recommender.feeds.flags import NO
from recommender.feeds.platforms.shop_export import Platform, Record, ShopTable, shop_row, unreadable_row
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
    "variant SKU": "variantsku",
    "HTML": "bodyhtml",
    "sku": "variantsku sku",
    "price": "variantprice price",
    "barcode": "variantbarcode barcode",
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
"""What is on the first row of a product for all of its rows."""

_NO_OPTION = "Default Title"
"""The option that a product without options has."""


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


def _read(table: ShopTable) -> Iterator[Row]:
    """Read the variants. Products that are drafts, archived or not published are not offered."""
    product = _Product()
    for record in table.records():
        values = [record[f"value {number}"] for number in (1, 2, 3)]
        options = {number: value for number, value in enumerate(values, start=1) if value not in ("", _NO_OPTION)}
        # An apostrophe keeps a spreadsheet from reading the SKU as a number. A variant without a SKU is named by its
        # handle and options, which stay the same, too.
        sku = record["sku"].removeprefix("'") or "/".join([record["handle"], *options.values()])
        if record.problem:
            yield unreadable_row(record, sku)
            continue
        product.learn(record)
        # Tell a variant from a row that only adds an image to its product.
        if not any((record["title"], record["sku"], record["price"], *values)):
            continue
        title, category = product["title"], product["category"]
        # The quantity does not count if nobody tracks it, or if more may be sold than there is.
        sells_on = record["policy"].casefold() in ("continue", "true")
        tracked = "tracker" not in record.cells or record["tracker"]
        fields: dict[Field, str] = {
            Field.SKU: sku,
            Field.TITLE: f"{title} - {' / '.join(options.values())}" if title and options else title,
            Field.DESCRIPTION: product["body"],
            Field.BRAND: product["vendor"],
            Field.CATEGORY: product["type"] if category.casefold() in ("", "uncategorized") else category,
            Field.PRICE: record["price"],
            Field.AVAILABILITY: record["quantity"] if tracked and not sells_on else Availability.IN_STOCK,
            Field.IMAGE: record["variant image"] or product["image"],
            Field.GROUP_ID: product.handle,
            Field.GTIN: record["barcode"].removeprefix("'"),
        }
        attributes = {product[f"name {number}"] or f"Option {number}": value for number, value in options.items()}
        lost = f"no title: the row that begins the product {product.handle[:80]!r} is not before it"
        # A draft, an archived or an unlisted product must not be shown to anyone.
        offered = product["status"].casefold() in ("", "active") and product["published"].casefold() not in NO
        yield shop_row(record, fields, attributes, "" if title else lost, offered)


SHOPIFY = Platform(
    name="Shopify",
    parts=_PARTS,
    telling=("handle", "variant SKU|HTML|value 1", "title|variant SKU|HTML"),
    required=("handle", "title", "price"),
    fields={
        Field.SKU: "sku",
        Field.TITLE: "title",
        Field.DESCRIPTION: "body",
        Field.BRAND: "vendor",
        Field.CATEGORY: "category",
        Field.PRICE: "price",
        Field.AVAILABILITY: "quantity",
        Field.IMAGE: "image",
        Field.GROUP_ID: "handle",
        Field.GTIN: "barcode",
    },
    read=_read,
)
