"""Products on their way into the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Protocol

from recommender.catalogue.categories import normal_path
from recommender.types import PRICE_SCALE, Product, ProductPatch, category_path, distinct_paths

PROPOSED = "auto:"
"""Beginning of the id of a group that was proposed and applied; a feed that names no group leaves it as it is."""


@dataclass(frozen=True, slots=True)
class StagedProduct:
    """A product as it will be stored, and the hash that shows whether it has changed.

    Its categories and its currency are in normal form.
    """

    product: Product
    content_hash: str


def stage(product: Product) -> StagedProduct:
    """Return a product ready to be compared and written."""
    category, others = normal_path(tuple(product.category)), product.other_categories
    if others:
        category, *rest = distinct_paths((category, *map(normal_path, map(tuple, others)))) or ((),)
        others = tuple(rest)
    currency = product.currency.upper()
    if (category, others, currency) != (product.category, product.other_categories, product.currency):
        product = replace(product, category=category, other_categories=others, currency=currency)
    return StagedProduct(product, content_hash(product))


def content_hash(product: Product) -> str:
    """Return 32 hex digits over every field of a product.

    Prices that the catalogue stores alike hash alike, and so do attributes in another order, and categories in another
    case. A proposed group counts as none: otherwise a feed that names none would look changed at each import.
    """
    price = "" if product.price is None else str(int(product.price.scaleb(PRICE_SCALE).to_integral_value()))
    texts = [
        product.sku,
        product.title,
        product.description,
        product.brand,
        "\x01".join([category_path(path).casefold() for path in product.categories]),
        price,
        product.currency,
        product.availability,
        product.url,
        product.image,
        "" if product.group_id.startswith(PROPOSED) else product.group_id,
        product.gtin,
        product.mpn,
    ]
    for pair in sorted(product.attributes.items()):
        texts += pair
    # No text that can be stored has a NUL. `json.dumps` took twice as long, a tenth of an import without changes.
    return blake2b("\0".join(texts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """How many products were new, different, and the same as before.

    `retexted` counts the updated products that must be encoded again: their text has changed, or they come back.
    `unknown` counts those of a patch that are not in the shop; `first_unknown` is one of them.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    retexted: int = 0
    unknown: int = 0
    first_unknown: str = ""

    def __add__(self, other: UpsertCounts) -> UpsertCounts:
        return UpsertCounts(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.retexted + other.retexted,
            self.unknown + other.unknown,
            self.first_unknown or other.first_unknown,
        )


class ProductSink(Protocol):
    """Where imported products go: the catalogue, or a dry run that only counts."""

    def upsert_staged(self, staged: Sequence[StagedProduct]) -> UpsertCounts:
        """Create or replace products by SKU; if a SKU is given twice the last one counts."""

    def patch_counted(self, patches: Sequence[ProductPatch]) -> UpsertCounts:
        """Change products that are in the shop; what a patch does not name stays."""

    def deactivate(self, skus: Sequence[str]) -> int:
        """Take products out of the shop; return how many were active."""
