"""Magento's product export: rows of store views, and simple products that belong to a configurable one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from recommender.feeds.columns import Field
from recommender.feeds.families import open_families
from recommender.feeds.platforms.shop_export import Platform, Record, ShopTable, shop_row, unreadable_row
from recommender.feeds.prices import MONTHS, Offer
from recommender.feeds.rows import Row

_PARTS = {
    "sku": "sku",
    "store view": "storeviewcode store",
    "attribute set": "attributesetcode attributeset",
    "type": "producttype type",
    "categories": "categories category",
    "name": "name",
    "description": "description",
    "short": "shortdescription",
    "online": "productonline",
    "status": "status",
    "visibility": "visibility",
    "price": "price",
    "special price": "specialprice",
    "starts": "specialpricefromdate specialfromdate",
    "ends": "specialpricetodate specialtodate",
    "quantity": "qty quantity",
    "in stock": "isinstock",
    "manages stock": "managestock",
    "brand": "manufacturer brand",
    "image": "baseimage image",
    "attributes": "additionalattributes",
    "variations": "configurablevariations",
    "variation": "superproductssku",
    "id": "entityid",
    "links": "configurableproductlinks",
}
"""The columns of Magento 2, and of Magento 1, which sets an underscore before some of them.

https://experienceleague.adobe.com/en/docs/commerce-admin/systems/data-transfer/data-attributes-product
"""

_HIDDEN = ("not visible individually", "1")
_INHERITED = ("sku", "categories", "name", "description", "short", "brand", "image")
_ROOTS = ("default category", "root catalog")
_OF_THE_SYSTEM = ("has_options", "required_options")
_CHILD = re.compile(r"(?:^|\|)sku=([^,|]+)")
_BETWEEN_ATTRIBUTES = re.compile(r",(?=[A-Za-z0-9_]+=)")
_AMERICAN_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{2,4})")
_OF_OTHERS = ("configurable", "grouped", "bundle")
"""Types of products whose price is that of the products they consist of, and 0 of their own."""

_NOTHING = re.compile(r"0[.,0]*")
_DEFAULT_VIEWS = ("", "admin", "all", "default")


def _read(table: ShopTable) -> Iterator[Row]:
    """Read products: once each, from their row for all store views; variants are grouped under their configurable.

    Disabled products are not offered, and neither are those that are not visible by themselves, unless a configurable
    shows them.
    """
    with open_families() as families:
        configurable: dict[str, str] = {}
        for record in table.records():
            if record["sku"] and record["store view"].casefold() in _DEFAULT_VIEWS:
                families.name(record["sku"])
                shown = {"offered": "1" if _is_enabled(record) and not _is_hidden(record) else ""}
                configurable = {part: record[part] for part in _INHERITED} | shown
            # Magento 1 names each variant on a row of its own below the configurable's; the API has their numbers.
            numbers = [f"id:{number}" for number in record["links"].split(",") if number]
            families.add([*_CHILD.findall(record["variations"]), record["variation"], *numbers], configurable)
        for record in _whole(table.records()):
            sku = record["sku"]
            if record.problem:
                yield unreadable_row(record, sku)
                continue
            if record["store view"].casefold() not in _DEFAULT_VIEWS:
                if families.has_children([sku]):
                    continue  # a translation of what another row says
                families.name(sku)
            parent = families.parent(sku) or families.parent(f"id:{record['id']}" if record["id"] else "")
            offered = _is_enabled(record) and (bool(parent.get("offered")) if _is_hidden(record) else True)
            stated = (pair.partition("=") for pair in _BETWEEN_ATTRIBUTES.split(record["attributes"]))
            attributes = {name.strip(): value.strip().replace("|", ", ") for name, _, value in stated if value.strip()}
            cells = {part: record[part] or parent.get(part, "") for part in _INHERITED}
            brand = attributes.pop("manufacturer", "") or attributes.pop("brand", "")
            for flag in _OF_THE_SYSTEM:
                attributes.pop(flag, None)
            stock = record["in stock"] or record["quantity"]
            # The root that every shop has is left out; a comma in a name is followed by no root.
            below = [path.strip().split("/") for text in cells["categories"].split("\n") for path in _paths(text)]
            fields: dict[Field, object] = {
                Field.SKU: record["sku"],
                Field.TITLE: cells["name"],
                Field.DESCRIPTION: cells["description"] or cells["short"],
                Field.BRAND: cells["brand"] or brand,
                Field.CATEGORY: [names[1:] if names[0].strip().casefold() in _ROOTS else names for names in below],
                Field.PRICE: Offer(
                    "" if record["type"] in _OF_OTHERS and _NOTHING.fullmatch(record["price"]) else record["price"],
                    record["special price"],
                    _day(record["starts"]),
                    _day(record["ends"]),
                ),
                Field.AVAILABILITY: "1" if record["manages stock"] == "0" and not record["in stock"] else stock,
                Field.IMAGE: cells["image"],
                Field.GROUP_ID: parent.get("sku", "") or (record["sku"] if record["type"] == "configurable" else ""),
            }
            yield shop_row(record, fields, attributes, offered=offered)


def _whole(records: Iterable[Record]) -> Iterator[Record]:
    """Yield each record with the categories of the rows below it.

    Magento 1 continues with more values of a product, and what it is called in other languages, in rows without a SKU.
    """
    above: Record | None = None
    for record in records:
        is_more = any(record[part] for part in ("variation", "categories", "image")) and not record["name"]
        is_translation = record["store view"] and not record["type"]
        if not record["sku"] and not record.problem and (is_more or is_translation):
            if above and record["categories"]:
                paths = "\n".join(filter(None, (above["categories"], record["categories"])))
                above = replace(above, cells={**above.cells, "categories": paths})
            continue
        if above:
            yield above
        above = record
    if above:
        yield above


def _paths(text: str) -> list[str]:
    all_from = text.partition("/")[0].partition(",")[0]
    return re.split(rf",(?=\s*{re.escape(all_from)}(?:/|,|$))", text)


def _is_enabled(record: Record) -> bool:
    return record["online"] in ("", "1") and record["status"].casefold() in ("", "1", "enabled")


def _is_hidden(record: Record) -> bool:
    return record["visibility"].casefold() in _HIDDEN


def _day(text: str) -> str:
    """Return a date in a form that others can read: Magento 2 exports `1/15/26`, whatever the shop's language."""
    found = _AMERICAN_DAY.match(text)
    if not found or int(found[1]) > MONTHS:
        return text
    return f"20{found[3][-2:]}-{found[1]:0>2}-{found[2]:0>2}"


MAGENTO = Platform(
    name="Magento",
    parts=_PARTS,
    telling=("sku", "type", "name", "attribute set|online|variations|attributes"),
    required=("sku", "type", "name"),
    fields={
        Field.SKU: "sku",
        Field.TITLE: "name",
        Field.DESCRIPTION: "description",
        Field.BRAND: "brand",
        Field.CATEGORY: "categories",
        Field.PRICE: "price",
        Field.AVAILABILITY: "in stock",
        Field.IMAGE: "image",
        Field.GROUP_ID: "variations",
    },
    read=_read,
)
