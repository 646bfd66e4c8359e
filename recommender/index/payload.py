"""A product as the payload of its point, and back: what a shop shows, and what filters ask for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum

from recommender.types import Availability, Card, JsonObject, Product, category_ancestors

_CENT = Decimal("0.01")


class FieldKind(StrEnum):
    """How the engine indexes a payload field."""

    KEYWORD = "keyword"
    FLOAT = "float"


ANCESTORS = "ancestors"
AVAILABILITY = "availability"
BRAND_KEY = "brand_key"
GROUP = "group"
PRICE = "price"

INDEXED_FIELDS: Mapping[str, FieldKind] = {
    ANCESTORS: FieldKind.KEYWORD,
    AVAILABILITY: FieldKind.KEYWORD,
    BRAND_KEY: FieldKind.KEYWORD,
    GROUP: FieldKind.KEYWORD,
    PRICE: FieldKind.FLOAT,
}
"""Every field that a filter uses. An engine without an index on it would read each payload from the disk."""

GRAPH_FIELDS = frozenset({ANCESTORS})
"""Fields whose large values get graph edges of their own, so that a walk within a category does not lose its way.

On every field, what is in stock would alone make a second graph of nearly all points, and double the build."""


def product_payload(product: Product, text_hash: str) -> JsonObject:
    """Return the payload of a product's point. `text_hash` says which text its vectors were made from.

    `brand_key` and `ancestors` are casefolded: a filter finds `Nike` by `nike`. Fields without a value are absent.
    """
    payload: JsonObject = {
        "sku": product.sku,
        "title": product.title,
        "brand": product.brand,
        BRAND_KEY: product.brand.casefold(),
        "path": list(product.category),
        ANCESTORS: [path.casefold() for path in category_ancestors(product.category)],
        "currency": product.currency,
        AVAILABILITY: product.availability.value,
        "url": product.url,
        "image": product.image,
        "text_hash": text_hash,
    }
    if product.price is not None:
        payload[PRICE] = float(product.price)
    if product.group_id:
        payload[GROUP] = product.group_id
    if product.attributes:
        payload["attributes"] = dict(product.attributes)
    return payload


def card_of(payload: JsonObject) -> Card:
    """Return what a shop shows of the product that `product_payload` was given."""
    return Card(
        sku=payload["sku"],
        title=payload["title"],
        brand=payload["brand"],
        category=tuple(payload["path"]),
        price=_decimal(payload.get(PRICE)),
        currency=payload["currency"],
        availability=Availability(payload[AVAILABILITY]),
        url=payload["url"],
        image=payload["image"],
        group_id=payload.get(GROUP, ""),
    )


def _decimal(price: float | None) -> Decimal | None:
    # The shortest decimal that reads back as the same float is the price itself: the catalogue keeps 14 digits of it,
    # a float tells 15 apart.
    if price is None:
        return None
    exact = Decimal(str(price))
    return exact.quantize(_CENT) if exact == exact.quantize(_CENT) else exact
