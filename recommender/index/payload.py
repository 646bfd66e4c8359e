"""A product as the payload of its point, and back: what a shop shows, and what filters use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from recommender.identifiers import SHORTEST_PART, identifier_keys
from recommender.types import Availability, Card, JsonObject, Product, category_ancestors, fold_name

_CENT = Decimal("0.01")


class FieldKind(StrEnum):
    """How the engine indexes a payload field."""

    KEYWORD = "keyword"
    FLOAT = "float"
    PREFIX = "prefix"
    """A keyword that is found by its beginning."""


ANCESTORS = "ancestors"
ATTRIBUTE_KEYS = "attribute_keys"
AVAILABILITY = "availability"
BRAND_KEY = "brand_key"
CREATED = "created"
CURRENCY = "currency"
GROUP = "group"
IDENTIFIERS = "identifiers"
IDENTIFIER_STARTS = "identifier_starts"
POPULARITY = "popularity"
PRICE = "price"

INDEXED_FIELDS: Mapping[str, FieldKind] = {
    ANCESTORS: FieldKind.KEYWORD,
    ATTRIBUTE_KEYS: FieldKind.KEYWORD,
    AVAILABILITY: FieldKind.KEYWORD,
    BRAND_KEY: FieldKind.KEYWORD,
    CREATED: FieldKind.FLOAT,
    CURRENCY: FieldKind.KEYWORD,
    GROUP: FieldKind.KEYWORD,
    IDENTIFIERS: FieldKind.KEYWORD,
    IDENTIFIER_STARTS: FieldKind.PREFIX,
    POPULARITY: FieldKind.FLOAT,
    PRICE: FieldKind.FLOAT,
}
"""Every field that a filter, a boost or an order uses. If a field has no index, an engine reads each payload from the
disk, or refuses."""

CARD_FIELDS = (
    "sku", "title", "brand", "path", PRICE, CURRENCY, AVAILABILITY, "url", "image", GROUP, "gtin", "mpn",
    "other_paths",
)  # fmt: skip
"""What `card_of` reads: everything that an answer needs of a payload."""

POPULARITY_ATTRIBUTE = "popularity"
"""The attribute that says how popular a product is, unless a shop names another."""

LONGEST_LIST = 500
"""Longest value of an attribute, in characters, in which `, ` separates the items of a list; longer ones are
sentences."""

GRAPH_FIELDS = frozenset({ANCESTORS, PRICE})
"""Fields whose common values and wide ranges get graph edges of their own, so that a walk among their points does not
get lost.

With edges by price, a query with a price range over 50,000 clustered points found all of the ten nearest; without them
it found 0.54, but the build takes 1.6 times as long with them. Edges for each common attribute, or for availability,
would make a graph of nearly all points.
"""


def product_payload(
    product: Product,
    text_hash: str,
    created_at: datetime | None = None,
    popularity_attribute: str = POPULARITY_ATTRIBUTE,
) -> JsonObject:
    """Return the payload of a product's point. `text_hash` says which text its vectors were made from.

    `brand_key`, `ancestors` and `attribute_keys` are folded: a filter finds `Nike` by `nike`. `created` is in
    seconds since 1970. Fields without a value are absent; so is a popularity that is not a finite number.
    """
    payload: JsonObject = {
        "sku": product.sku,
        "title": product.title,
        "brand": product.brand,
        BRAND_KEY: fold_name(product.brand),
        "path": list(product.category),
        ANCESTORS: list(_folded_ancestors(tuple(map(tuple, product.categories)))),
        CURRENCY: product.currency,
        AVAILABILITY: product.availability.value,
        "url": product.url,
        "image": product.image,
        "text_hash": text_hash,
    }
    if product.price is not None:
        payload[PRICE] = float(product.price)
    if product.group_id:
        payload[GROUP] = product.group_id
    keys = identifier_keys(product.sku, product.gtin, product.mpn)
    payload[IDENTIFIERS] = keys
    # A field of its own: a server indexes a field in one way only, by whole values or by their beginnings.
    if long_keys := [key for key in keys if len(key) > SHORTEST_PART]:
        payload[IDENTIFIER_STARTS] = long_keys
    if product.gtin:
        payload["gtin"] = product.gtin
    if product.mpn:
        payload["mpn"] = product.mpn
    if product.other_categories:
        payload["other_paths"] = [list(path) for path in product.other_categories]
    if created_at is not None:
        payload[CREATED] = created_at.timestamp()
    if product.attributes:
        payload["attributes"] = dict(product.attributes)
        # Feeds with several values of one attribute are read as `red, green` (`feeds.cells`). Each value is found, and
        # the whole text too. `/` and `|` separate nothing: in `1/2 inch`, `km/h` and `N/A` they belong to the value.
        found = [
            (name, each) for name, value in product.attributes.items() for each in (value, *attribute_items(value))
        ]
        payload[ATTRIBUTE_KEYS] = list(dict.fromkeys(attribute_key(name, value) for name, value in found))
    popularity = _popularity(product.attributes, popularity_attribute)
    if popularity is not None:
        payload[POPULARITY] = popularity
    return payload


@lru_cache(4096)  # many products share their categories, and all are folded again when a price changes
def _folded_ancestors(paths: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fold_name(each) for path in paths for each in category_ancestors(path)))


def attribute_key(name: str, value: str) -> str:
    """Return the key by which an attribute's value is found: `name=value`, folded, white space as single blanks.

    A `=` in the name is written `%3D`, so that no two attributes have one key.
    """
    return f"{_fold(name).replace('%', '%25').replace('=', '%3D')}={_fold(value)}"


def split_attribute_key(key: str) -> tuple[str, str]:
    """Return the folded name and value of a key that `attribute_key` made."""
    name, _, value = key.partition("=")
    return name.replace("%3D", "=").replace("%25", "%"), value


def attribute_items(value: str) -> list[str]:
    """Return the items of an attribute's value; a value that is one item, or a sentence, is returned whole."""
    return [item for item in value.split(", ") if item.strip()] if len(value) <= LONGEST_LIST else [value]


def _popularity(attributes: Mapping[str, str], name: str) -> float | None:
    wanted = _fold(name)
    text = next((value for known, value in attributes.items() if _fold(known) == wanted), "")
    try:
        number = float(text)
    except ValueError:
        return None
    # Python reads 1_234 as a number, but no feed means that.
    return number if math.isfinite(number) and "_" not in text else None


def _fold(text: str) -> str:
    return fold_name(" ".join(text.split()))


def card_of(payload: JsonObject) -> Card:
    """Return what a shop shows of a product, from the payload that `product_payload` made."""
    price = None
    if payload.get(PRICE) is not None:
        # The shortest decimal that reads back as the same float is the price itself: the catalogue keeps 14 digits of
        # it, and a float has 15.
        price = Decimal(str(payload[PRICE]))
        price = cents if (cents := price.quantize(_CENT)) == price else price
    return Card(
        sku=payload["sku"],
        title=payload["title"],
        brand=payload["brand"],
        category=tuple(payload["path"]),
        price=price,
        currency=payload[CURRENCY],
        availability=Availability(payload[AVAILABILITY]),
        url=payload["url"],
        image=payload["image"],
        group_id=payload.get(GROUP, ""),
        gtin=payload.get("gtin", ""),
        mpn=payload.get("mpn", ""),
        other_categories=tuple(map(tuple, payload.get("other_paths", ()))),
    )
