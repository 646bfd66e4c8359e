"""A product as JSON: every field, prices as numbers, the category as a list of names."""

from __future__ import annotations

from typing import Any

from recommender.errors import UsageError
from recommender.query.reading import amount_json, amount_of, choice_of, members_of, object_of, optional, own_path_of
from recommender.query.reading import text_of as text
from recommender.types import Availability, JsonObject, Product

_TEXTS = ("description", "brand", "currency", "url", "image", "group_id")

_FIELDS = ("sku", "title", "description", "brand", "category", "price", "currency", "availability", "url", "image",
           "group_id", "attributes")  # fmt: skip


def product_json(product: Product) -> JsonObject:
    """Return the JSON form of a product, with every field."""
    return {
        "sku": product.sku,
        "title": product.title,
        "description": product.description,
        "brand": product.brand,
        "category": list(product.category),
        "price": None if product.price is None else amount_json(product.price),
        "currency": product.currency,
        "availability": product.availability.value,
        "url": product.url,
        "image": product.image,
        "group_id": product.group_id,
        "attributes": dict(product.attributes),
    }


def product_from(value: Any, what: str = "product", sku: str | None = None) -> Product:
    """Read a product from its JSON form; all but the title may be missing, and the category may be `A > B`.

    `sku` is the one that the address of a request names: the product may then leave it out, but not name another.
    Numbers as values of attributes become texts. Whether the catalogue would take the product is not asked here.
    """
    members = members_of(value, what, _FIELDS)
    texts = {name: text(members[name], f"{what}.{name}") for name in _TEXTS if name in members}
    return Product(
        sku=_sku(members, what, sku),
        title=text(members.get("title", ""), f"{what}.title"),
        category=own_path_of(members.get("category"), f"{what}.category"),
        price=optional(members.get("price"), f"{what}.price", amount_of),
        availability=choice_of(members.get("availability", "in_stock"), Availability, f"{what}.availability"),
        attributes=_attributes(members.get("attributes", {}), f"{what}.attributes"),
        **texts,
    )


def _sku(members: JsonObject, what: str, sku: str | None) -> str:
    named = text(members.get("sku", "" if sku is None else sku), f"{what}.sku")
    if sku is not None and named != sku:
        raise UsageError(f"{what}.sku is {named[:60]!r}, but the address names {sku[:60]!r}; leave one out")
    return named


def _attributes(value: Any, what: str) -> dict[str, str]:
    found = object_of(value, what)
    return {text(name, what): _attribute(given, f"{what}.{name}") for name, given in found.items()}


def _attribute(value: Any, what: str) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else text(value, what)
