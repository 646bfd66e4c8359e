"""Comparing what the index holds with what the catalogue says, as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from recommender.catalogue.repository import Catalogue
from recommender.index.protocol import StoredPoint, VectorIndex, point_id

BATCH = 1000


@dataclass(frozen=True, slots=True)
class Verification:
    """SKUs that the index lacks, holds in another state, or holds although the catalogue has no such active product."""

    checked: int
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    orphaned: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether index and catalogue agree."""
        return not (self.missing or self.stale or self.orphaned)

    @property
    def differing(self) -> tuple[str, ...]:
        """Every SKU that needs work."""
        return self.missing + self.stale + self.orphaned


def verify(index: VectorIndex, catalogue: Catalogue) -> Verification:
    """Compare every point with its product by text hash and revision.

    Memory: one 128-bit id for each product. A change that lands while this runs may be reported; it is in the outbox
    too, so repairing it is harmless.
    """
    stale: list[str] = []
    orphaned: list[str] = []
    seen: set[UUID] = set()
    points = index.scroll(BATCH)
    while batch := list(islice(points, BATCH)):
        seen.update(point.id for point in batch)
        _compare(batch, catalogue, stale, orphaned)
    missing = tuple(_missing(catalogue, seen))
    return Verification(len(seen) + len(missing), missing, tuple(stale), tuple(orphaned))


def _compare(batch: list[StoredPoint], catalogue: Catalogue, stale: list[str], orphaned: list[str]) -> None:
    products = catalogue.get_many([str(point.payload["sku"]) for point in batch])
    for point in batch:
        sku = str(point.payload["sku"])
        stored = products.get(sku)
        if stored is None or not stored.active:
            orphaned.append(sku)
        elif (point.payload.get("text_hash"), point.payload.get("revision")) != (stored.text_hash, stored.revision):
            stale.append(sku)


def _missing(catalogue: Catalogue, seen: set[UUID]) -> Iterator[str]:
    for stored in catalogue.products():
        if point_id(stored.product.sku) not in seen:
            yield stored.product.sku
