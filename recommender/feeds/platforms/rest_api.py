"""Answers of shop systems' APIs, as the rows of their own exports: then one set of rules reads both."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from recommender.feeds.tables import Table, TableRow

OPTIONS = (1, 2, 3)
"""Options that a product of Shopify may have."""

_STOCK = {"instock": "1", "outofstock": "0", "onbackorder": "backorder"}


class ApiTable(Table):
    """The rows that the objects of another table stand for. Raises what reading that table raises."""

    def __init__(self, table: Table, columns: Sequence[str], rows_of: Callable[[Any], list[dict[str, str]]]) -> None:
        self.name = table.name
        self.columns = tuple(columns)
        self.layout = table.layout
        self._table = table
        self._rows_of = rows_of

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - rows are made whole
        """Read the rows; an object that is not as the API gives it is one row with a problem."""
        self.early_end = ""
        try:
            for row in self._table.rows():
                try:
                    made = self._rows_of(row.cells) if row.cells and not row.problem else []
                    problem = row.problem or ("" if made else "holds no product")
                except (AttributeError, KeyError, TypeError, ValueError) as error:
                    made, problem = [], f"is not as the shop's API gives products ({error})"
                for cells in made or [{"SKU": str(row.cells.get("sku", "")), "Variant SKU": ""}]:
                    yield TableRow(row.number, cells, row.raw, problem, row.remark)
        finally:
            self.early_end = self._table.early_end


def api_table(table: Table) -> Table:
    """Return the rows of a shop system's export, if the objects of a table are those of its API; else the table."""
    names = set(table.columns)
    if {"title", "variants"} <= names and names & {"handle", "body_html", "product_type"}:
        return ApiTable(table, _SHOPIFY, _shopify_rows)
    woocommerce = {"categories", "regular_price", "catalog_visibility"}
    if {"name", "sku", "stock_status"} <= names and names & woocommerce:
        return ApiTable(table, _WOOCOMMERCE, _woocommerce_rows)
    return table


_SHOPIFY = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Published", "Status", "Variant SKU", "Variant Price",
    "Variant Barcode", "Variant Inventory Qty", "Variant Inventory Policy", "Image Src", "Variant Image",
    *(f"Option{number} {part}" for number in OPTIONS for part in ("Name", "Value")),
]  # fmt: skip


def _shopify_rows(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a row for each variant: https://shopify.dev/docs/api/admin-rest/latest/resources/product."""
    options = [option["name"] if isinstance(option, dict) else option for option in item.get("options") or []]
    images = {image.get("id"): image["src"] for image in item.get("images") or []}
    published = item.get("published_at", "unknown") is not None
    product = {
        "Handle": _text(item.get("handle") or item.get("id")),
        "Title": _text(item["title"]),
        "Body (HTML)": _text(item.get("body_html")),
        "Vendor": _text(item.get("vendor")),
        "Type": _text(item.get("product_type")),
        "Published": "true" if published else "false",
        "Status": _text(item.get("status")),
        "Image Src": _text(_source(item.get("image")) or next(iter(images.values()), "")),
    } | {f"Option{number} Name": _text(name) for number, name in zip(OPTIONS, options, strict=False)}
    rows = []
    for variant in item.get("variants") or []:
        # Shopify itself sells what it does not track, and says so of a public list by `available` alone.
        tracked = variant.get("inventory_management", "unknown") is not None and "inventory_quantity" in variant
        quantity = variant["inventory_quantity"] if tracked else int(bool(variant.get("available", True)))
        rows.append(
            product
            | {
                "Variant SKU": _text(variant.get("sku")),
                "Variant Price": _text(variant.get("price")),
                "Variant Barcode": _text(variant.get("barcode")),
                "Variant Inventory Qty": _text(quantity),
                "Variant Inventory Policy": _text(variant.get("inventory_policy")),
                "Variant Image": _source(variant.get("featured_image")) or images.get(variant.get("image_id"), ""),
            }
            | {f"Option{number} Value": _text(variant.get(f"option{number}")) for number in OPTIONS}
        )
    return rows


_WOOCOMMERCE = [
    "ID", "Type", "SKU", "Name", "Published", "Visibility in catalog", "Short description", "Description",
    "Date sale price starts", "Date sale price ends", "In stock?", "Sale price", "Regular price", "Categories",
    "Images", "Parent", "External URL", "Brands", "GTIN, UPC, EAN, or ISBN",
    *(f"Attribute {number} {part}" for number in range(1, 21) for part in ("name", "value(s)")),
]  # fmt: skip


def _woocommerce_rows(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the row of a product: https://woocommerce.github.io/woocommerce-rest-api-docs/#product-properties."""
    cells = {
        "ID": _text(item.get("id")),
        "Type": _text(item.get("type") or "simple"),
        "SKU": _text(item["sku"]),
        "Name": _text(item["name"]),
        "Published": "1" if item.get("status", "publish") == "publish" else "0",
        "Visibility in catalog": _text(item.get("catalog_visibility")),
        "Short description": _text(item.get("short_description")),
        "Description": _text(item.get("description")),
        "Date sale price starts": _text(item.get("date_on_sale_from")),
        "Date sale price ends": _text(item.get("date_on_sale_to")),
        "In stock?": _STOCK.get(item["stock_status"], _text(item["stock_status"])),
        "Sale price": _text(item.get("sale_price")),
        "Regular price": _text(item.get("regular_price") or item.get("price")),
        "Categories": _join_names(item.get("categories")),
        "Images": ", ".join(image["src"] for image in item.get("images") or []),
        "Parent": f"id:{item['parent_id']}" if item.get("parent_id") else "",
        "External URL": _text(item.get("permalink")),
        "Brands": _join_names(item.get("brands")),
        "GTIN, UPC, EAN, or ISBN": _text(item.get("global_unique_id")),
    }
    for number, attribute in enumerate(item.get("attributes") or [], start=1):
        cells[f"Attribute {number} name"] = _text(attribute["name"])
        values = attribute.get("options") or [attribute.get("option")]
        cells[f"Attribute {number} value(s)"] = ", ".join(_text(value).replace(",", "\\,") for value in values)
    return [dict.fromkeys(_WOOCOMMERCE, "") | cells]


def _join_names(objects: Any) -> str:
    return ", ".join(_text(one["name"] if isinstance(one, dict) else one).replace(",", "\\,") for one in objects or [])


def _source(image: Any) -> str:
    return _text(image.get("src")) if isinstance(image, dict) else _text(image)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
