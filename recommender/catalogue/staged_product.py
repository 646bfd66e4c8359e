"""Products on their way into the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from recommender.catalogue.categories import normal_path
from recommender.catalogue.hashes import content_hash
from recommender.types import Product


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as it is stored, its category in normal form, and the hash by which it is found unchanged."""

    product: Product
    content: str


def offer_of(product: Product) -> Offer:
    """Return a product ready to be compared and written."""
    normal = normal_path(tuple(product.category))
    product = product if normal == product.category else replace(product, category=normal)
    return Offer(product, content_hash(product))


@dataclass(frozen=True, slots=True)
class UpsertCounts:
    """How many products were new, different, and as they stood before.

    `retexted` are those of the updated that must be encoded again: their text is another, or they come back.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    retexted: int = 0

    def __add__(self, other: UpsertCounts) -> UpsertCounts:
        return UpsertCounts(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.retexted + other.retexted,
        )


class Shelf(Protocol):
    """What takes products in: the catalogue, or a rehearsal that only counts."""

    def upsert_offers(self, offers: Sequence[Offer]) -> UpsertCounts:
        """Take products in by SKU; of a SKU given twice the last stands."""
        ...

    def deactivate(self, skus: Sequence[str]) -> int:
        """Take products out of the shop; return how many were active."""
        ...
