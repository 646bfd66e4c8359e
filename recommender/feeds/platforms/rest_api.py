"""Answers of shop systems' APIs, and workbooks, as rows of their own exports, so that one set of rules reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from recommender.errors import BadFeed
from recommender.feeds.prices import decimals_of
from recommender.feeds.spreadsheet import SpreadsheetTable
from recommender.feeds.tables import SAMPLED_ROWS, Table, TableRow

OPTIONS = (1, 2, 3)
"""Options that a product of Shopify may have."""

_STOCK = {"instock": "1", "outofstock": "0", "onbackorder": "backorder"}


class ApiTable(Table):
    """The rows that the objects of another table stand for. Raises what reading that table raises."""

    def __init__(
        self, table: Table, columns: Sequence[str], rows_of: Callable[[Any], Sequence[Mapping[str, Any]]]
    ) -> None:
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
                for cells in made or [dict.fromkeys(("SKU", "sku"), str(row.cells.get("sku", "")))]:
                    yield TableRow(row.number, cells, row.raw, problem, row.remark)
        finally:
            self.early_end = self._table.early_end


def api_table(table: Table) -> Table:
    """Return the rows of a shop system's export, if the objects of a table are those of its API; else the table.

    So are the products of a workbook that has the prices of sales in another sheet.
    """
    names = set(table.columns)
    if isinstance(table, SpreadsheetTable):
        return with_specials(table) if {"product_id", "model"} <= names else table
    if {"__parentId", "id"} <= names:
        raise BadFeed(
            f"{table.name}: is the result of a bulk operation of Shopify, whose variants stand apart from their"
            " products; export the products as CSV, or fetch them with their variants"
        )
    # Medusa also has variants within products under such names, and files to show beside them.
    if {"title", "variants"} <= names and names & _OF_SHOPIFY and names.isdisjoint({"thumbnail", "is_giftcard"}):
        return ApiTable(table, _SHOPIFY, _shopify_rows)
    if {"sku", "name", "type_id", "visibility"} <= names:
        return ApiTable(table, _MAGENTO, _magento_rows)
    if {"id", "variants"} <= names <= _FEED_API:
        listed = (row.cells.get("variants") for row in islice(table.rows(), SAMPLED_ROWS))
        variants = [one for each in listed if isinstance(each, list) for one in each if isinstance(one, Mapping)]
        # Others have variants within products, too; these state their prices in integers of a currency's smallest unit.
        prices = [price for variant in variants if isinstance(price := variant.get("price"), Mapping)]
        if any(isinstance(price.get("amount"), int) and "currency" in price for price in prices):
            return ApiTable(table, _OPENAI, _openai_rows)
    woocommerce = {"categories", "regular_price", "catalog_visibility"}
    if {"name", "sku", "stock_status"} <= names and names & woocommerce:
        return ApiTable(table, _WOOCOMMERCE, _woocommerce_rows)
    return table


_OF_SHOPIFY = frozenset({"handle", "body_html", "product_type", "productType"})
_SHOPIFY = [
    "Handle", "Title", "Body (HTML)", "Vendor", "Type", "Published", "Status", "Variant SKU", "Variant Price",
    "Variant Barcode", "Variant Inventory Qty", "Variant Inventory Policy", "Image Src", "Variant Image",
    *(f"Option{number} {part}" for number in OPTIONS for part in ("Name", "Value")),
]  # fmt: skip


def _shopify_rows(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a row for each variant: https://shopify.dev/docs/api/admin-rest/latest/resources/product."""
    if isinstance(item.get("variants"), Mapping):
        item = _rest_of(item)
    # The answer for one page of a product, `/products/HANDLE.js`, has other names, and prices in cents.
    in_cents = "price_varies" in item
    options = [option["name"] if isinstance(option, dict) else option for option in item.get("options") or []]
    listed = (image if isinstance(image, Mapping) else {"src": image} for image in item.get("images") or [])
    images = {image.get("id", image["src"]): image["src"] for image in listed}
    published = item.get("published_at", "unknown") is not None
    product = {
        "Handle": _text(item.get("handle") or item.get("id")),
        "Title": _text(item["title"]),
        "Body (HTML)": _text(item.get("description" if in_cents else "body_html")),
        "Vendor": _text(item.get("vendor")),
        "Type": _text(item.get("type" if in_cents else "product_type")),
        "Published": "true" if published else "false",
        "Status": _text(item.get("status")),
        "Image Src": _text(_source(item.get("image")) or next(iter(images.values()), "")),
    } | {f"Option{number} Name": _text(name) for number, name in zip(OPTIONS, options, strict=False)}
    rows = []
    for variant in item.get("variants") or []:
        # Shopify sells what it does not track, and a public list says so only by `available`.
        tracked = variant.get("inventory_management", "unknown") is not None and "inventory_quantity" in variant
        quantity = variant["inventory_quantity"] if tracked else int(bool(variant.get("available", True)))
        rows.append(
            product
            | {
                "Variant SKU": _text(variant.get("sku")),
                "Variant Price": _text(Decimal(variant["price"]).scaleb(-2) if in_cents else variant.get("price")),
                "Variant Barcode": _text(variant.get("barcode")),
                "Variant Inventory Qty": _text(quantity),
                "Variant Inventory Policy": _text(variant.get("inventory_policy")),
                "Variant Image": _source(variant.get("featured_image")) or images.get(variant.get("image_id"), ""),
            }
            | {f"Option{number} Value": _text(variant.get(f"option{number}")) for number in OPTIONS}
        )
    return rows


def _rest_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return a product of Shopify's GraphQL API as its REST API has it."""
    nodes: dict[str, list[Any]] = {}
    for name in ("variants", "images"):
        listed = item.get(name) or {"nodes": []}
        nodes[name] = listed["nodes"] if "nodes" in listed else [edge["node"] for edge in listed["edges"]]
    variants = []
    for variant in nodes["variants"]:
        options = variant.get("selectedOptions") or []
        stated = {"sku", "barcode"} & variant.keys()
        price = variant.get("price")
        in_shop = isinstance(price, Mapping)  # the Storefront API has an amount beside its currency
        variants.append(
            {name: variant[name] for name in stated}
            | {"price": f"{price['amount']} {price['currencyCode']}" if in_shop else price}
            | ({"available": variant["availableForSale"]} if "availableForSale" in variant else {})
            | {f"option{number}": option["value"] for number, option in zip(OPTIONS, options, strict=False)}
            | ({"inventory_quantity": variant["inventoryQuantity"]} if "inventoryQuantity" in variant else {})
            | {"inventory_policy": str(variant.get("inventoryPolicy") or "").lower()}
        )
    first = nodes["variants"][0].get("selectedOptions") or [] if variants else []
    return {
        "handle": item.get("handle") or item.get("id"), "title": item["title"], "vendor": item.get("vendor"),
        "body_html": item.get("descriptionHtml") or item.get("description"), "product_type": item.get("productType"),
        "status": item.get("status"), "options": [option["name"] for option in first], "variants": variants,
        "images": [{"src": image.get("url") or image.get("src")} for image in nodes["images"]],
    }  # fmt: skip


_MAGENTO = [
    "sku", "product_type", "name", "attribute_set_code", "product_online", "visibility", "price", "special_price",
    "special_price_from_date", "special_price_to_date", "description", "short_description", "base_image", "qty",
    "is_in_stock", "manufacturer", "additional_attributes", "entity_id", "configurable_product_links",
]  # fmt: skip


def _magento_rows(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the row of a product: https://developer.adobe.com/commerce/webapi/rest/quick-reference/.

    It names its categories, its brand and its options by numbers, which say nothing here.
    """
    further = item.get("extension_attributes") or {}
    stock = further.get("stock_item") or {}
    listed = item.get("custom_attributes") or []
    custom = listed if isinstance(listed, Mapping) else {one["attribute_code"]: one["value"] for one in listed}
    return [
        {
            "sku": _text(item["sku"]),
            "product_type": _text(item["type_id"]),
            "name": _text(item["name"]),
            "product_online": _text(item.get("status")),
            "visibility": _text(item["visibility"]),
            "price": _text(item.get("price")),
            "qty": _text(stock.get("qty")),
            "is_in_stock": str(int(stock["is_in_stock"])) if "is_in_stock" in stock else "",
            "base_image": _text(custom.get("image")),
            "entity_id": _text(item.get("id")),
            "configurable_product_links": ",".join(map(str, further.get("configurable_product_links") or [])),
        }
        | {
            name: _text(custom.get(code))
            for name, code in (
                ("special_price", "special_price"),
                ("special_price_from_date", "special_from_date"),
                ("special_price_to_date", "special_to_date"),
                ("description", "description"),
                ("short_description", "short_description"),
            )
        }
    ]


_WOOCOMMERCE = [
    "ID", "Type", "SKU", "Name", "Published", "Visibility in catalog", "Short description", "Description",
    "Date sale price starts", "Date sale price ends", "In stock?", "Sale price", "Regular price", "Categories",
    "Images", "Parent", "External URL", "Brands", "GTIN, UPC, EAN, or ISBN",
    *(f"Attribute {number} {part}" for number in range(1, 21) for part in ("name", "value(s)")),
]  # fmt: skip


def _woocommerce_rows(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the row of a product: https://woocommerce.github.io/woocommerce-rest-api-docs/#product-properties."""
    images = item.get("images") or [item.get("image")]
    choices = [_text(attribute.get("option")) for attribute in item.get("attributes") or []]
    # A variation that is asked for by itself has its options in place of a name.
    is_named = item.get("type") != "variation" or item["name"] not in (", ".join(choices), " / ".join(choices))
    cells = {
        "ID": _text(item.get("id")),
        "Type": _text(item.get("type") or "simple"),
        "SKU": _text(item["sku"]),
        "Name": _text(item["name"]) if is_named else "",
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
        "Images": ", ".join(image["src"] for image in images if image),
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


_FEED_API = frozenset({"id", "title", "description", "url", "media", "variants"})
"""All that a product has in OpenAI's feed API."""

_OPENAI = [
    "item_id", "title", "description", "url", "gtin", "product_category", "image_url", "price", "availability",
    "group_id", "variant_dict", "is_eligible_search",
]  # fmt: skip

_FORMS = ("plain", "markdown", "html")


def _openai_rows(item: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a row for each variant: https://developers.openai.com/commerce/specs/api/products."""
    rows = []
    for variant in item["variants"]:
        price, stock = variant.get("price") or {}, variant.get("availability") or {}
        amount, currency = price.get("amount"), _text(price.get("currency"))
        sold_out = "out_of_stock" if stock.get("available") is False else ""
        proses = [prose for of in (variant, item) if isinstance(prose := of.get("description"), Mapping)]
        options = {option["name"]: option["value"] for option in variant.get("variant_options") or []}
        media = (variant.get("media") or []) + (item.get("media") or [])
        numbers = [_text(barcode["value"]) for barcode in variant.get("barcodes") or []]
        categories = [_text(category["value"]) for category in variant.get("categories") or []]
        rows.append(
            {
                "item_id": _text(variant["id"]),
                "title": _text(variant.get("title") or item.get("title")),
                "description": next((_text(prose[form]) for prose in proses for form in _FORMS if prose.get(form)), ""),
                "url": _text(variant.get("url") or item.get("url")),
                "gtin": ", ".join(numbers),
                "product_category": "; ".join(categories),
                "image_url": next((_text(one["url"]) for one in media if one.get("type") == "image"), ""),
                # Amounts are whole numbers of the currency's smallest unit.
                "price": f"{Decimal(amount).scaleb(-decimals_of(currency))} {currency}" if amount is not None else "",
                "availability": _text(stock.get("status")) or sold_out or "in_stock",
                "group_id": _text(item["id"]) if len(item["variants"]) > 1 else "",
                "variant_dict": json.dumps(options) if options else "",
                "is_eligible_search": "true",
            }
        )
    return rows


SPECIALS = "Specials"
"""The sheet in which OpenCart's export has the prices of sales."""


def with_specials(table: SpreadsheetTable) -> Table:
    """Return the products of OpenCart's workbook with the prices of its other sheet that hold today."""
    today = datetime.now(UTC).date().isoformat()
    specials: dict[str, list[tuple[int, str]]] = {}
    listed = list(table.records(SPECIALS))
    groups = [special.get("customer_group", "") for special in listed]
    group = "Default" if "Default" in groups else groups[0] if groups else ""
    for special in listed:
        starts, ends = (special.get(name, "").removeprefix("0000-00-00")[:10] for name in ("date_start", "date_end"))
        if special.get("customer_group") == group and starts <= today and (not ends or today <= ends):
            priority = special.get("priority", "")
            stated = (int(priority) if priority.isdigit() else 0, special.get("price", ""))
            specials.setdefault(special.get("product_id", ""), []).append(stated)
    if not specials:
        return table

    def rows_of(cells: Any) -> list[dict[str, str]]:
        special = min(specials.get(cells.get("product_id", ""), []), default=(0, ""))[1]
        return [{**cells, "special": special}]

    return ApiTable(table, (*table.columns, "special"), rows_of)


def _join_names(objects: Any) -> str:
    return ", ".join(_text(one["name"] if isinstance(one, dict) else one).replace(",", "\\,") for one in objects or [])


def _source(image: Any) -> str:
    return _text(image.get("src")) if isinstance(image, dict) else _text(image)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
