"""Systems without a shop front of their own: the columns of their tables, and what is special in each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from recommender.feeds.platforms.declared import Cells, RowRules, declare
from recommender.feeds.platforms.rest_api import ApiTable
from recommender.feeds.platforms.shop_export import Platform
from recommender.feeds.tables import Table
from recommender.feeds.xml_items import XmlTable

_CENTS = re.compile(
    r"(?:(?P<country>[A-Z]{2})-)?(?P<currency>[A-Z]{3}) (?P<cents>[0-9]+)(?:\|(?P<sale>[0-9]+))?(?P<group>[^;]*)"
)
"""A price of commercetools, with the country, a lower price and the customers if it has them: `DE-EUR 19|14 B2B`."""


def _commercetools(cells: Cells, _: Mapping[str, str]) -> None:
    prices = list(_CENTS.finditer(cells["price"]))
    if not prices:
        return
    # The price for all comes before those of countries and of groups of customers.
    found = min(prices, key=lambda price: (bool(price["group"].strip()), bool(price["country"])))
    cells.update({"price": found["cents"], "currency": found["currency"], "sale": found["sale"] or "", "minor": "1"})


_CATEGORY_FACET = re.compile(r"(?:^|\|)category:([^|]*)", re.I)


_COMMERCETOOLS = {
    "kind": "producttype", "key": "key id", "sku": "sku", "variant key": "variantkey variantid", "visible": "published",
    "title": "name name?? name????", "description": "description description?? description????", "price": "prices",
    "category": "categories", "slug": "slug slug?? slug????", "image": "images", "value 1": "attrcolor attrcolor??"
    " attrcolour attrcolour?? color color?? colour", "value 2": "attrsize attrsize?? size size??",
}  # fmt: skip

_SYLIUS = {
    "sku": "code", "parent": "parentcode", "language": "locale", "visible": "enabled", "title": "name",
    "description": "description", "short": "shortdescription", "category": "taxons maintaxon", "main": "maintaxon",
    "price": "price",
}  # fmt: skip


_VENDURE = {
    "sku": "sku", "key": "slug", "title": "name", "description": "description", "category": "facets", "price": "price",
    "stock": "stockonhand", "tracked": "trackinventory", "image": "assets", "option names": "optiongroups",
    "option values": "optionvalues", "slug": "slug",
}  # fmt: skip


HEADLESS_SYSTEMS: Mapping[str, Platform] = {
    # https://docs.commercetools.com/sphere-node-product-csv-sync; prices are in the smallest unit
    "commercetools": declare(
        "commercetools", _COMMERCETOOLS, ("kind", "sku", "variant key", "title", "price|slug"),
        RowRules(first_is_variant=True, named=("color", "size"), adapt=_commercetools),
    ),
    # https://github.com/FriendsOfSylius/SyliusImportExportPlugin; prices are in the smallest unit
    "sylius": declare(
        "Sylius", _SYLIUS, ("sku", "title", "main"), RowRules(
            first_is_variant=True,
            adapt=lambda cells, _: cells.update(minor="1", category=cells["category"].replace("|", "; ")),
        ),
        options="product_option_",
    ),
    # https://docs.vendure.io/guides/developer-guide/importing-data
    "vendure": declare(
        "Vendure", _VENDURE, ("title", "slug", "option names", "option values", "sku"),
        RowRules(first_is_variant=True,
            adapt=lambda cells, _: cells.update(category="; ".join(_CATEGORY_FACET.findall(cells["category"]))),
        ),
    ),
}  # fmt: skip
"""Systems by the name of their format, each with where its columns are documented."""

_SALESFORCE = {
    "sku": "productid", "parent": "parent", "title": "displayname", "description": "longdescription",
    "short": "shortdescription", "brand": "brand manufacturername", "mpn": "manufacturersku", "gtin": "upc ean",
    "visible": "onlineflag", "status": "availableflag", "category": "classificationcategory",
    "image": "imagesimagegroupimagepath",
}  # fmt: skip

# The catalog of Salesforce B2C Commerce (http://www.demandware.com/xml/impex/catalog/2006-10-31). Prices and stock are
# in files of their own, and a master only names its variants, which are products elsewhere in the file.
SALESFORCE = declare("Salesforce", _SALESFORCE, ("sku",), required="sku")


def with_masters(table: XmlTable) -> Table:
    """Return the products of a catalog, of which each variant names its master."""
    masters: dict[str, str] = {}
    master = ""
    for row in table.rows():
        number = str(row.cells.get("product-id") or "")
        if row.cells.get("kind") == "variant":
            masters[number] = master
        else:
            master = number

    def rows_of(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [{**item, "parent": masters.get(str(item.get("product-id") or ""), "")}]

    table.nests = True  # a row for each product
    return ApiTable(table, (*table.columns, "parent"), rows_of)
