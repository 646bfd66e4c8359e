"""Products, their points, and what a filter must find among them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from support.brute_force import matches

from recommender.index.payload import product_payload
from recommender.index.protocol import Point, ScoredPoint, VectorIndex, point_id
from recommender.query import Filters
from recommender.types import Product, SparseVector

DIMENSION = 8


def unit(seed: int, dimension: int = DIMENSION) -> NDArray[np.float32]:
    """Return a vector of length 1, the same for the same seed."""
    vector = np.random.default_rng(seed).normal(size=dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def words(*indices: int) -> SparseVector:
    """Return the sparse vector of a text that has each of these words once."""
    return SparseVector(indices, tuple(1.0 for _ in indices))


def point_of(
    product: Product,
    dense: NDArray[np.float32] | None = None,
    lexical: SparseVector | None = None,
    text_hash: str = "hash",
    created_at: datetime | None = None,
) -> Point:
    """Return the point of a product; without vectors it gets one of its own and no words."""
    identity = point_id(product.sku)
    if dense is None:
        dense = unit(identity % 2**32)
    return Point(identity, dense, lexical or words(), product_payload(product, text_hash, created_at))


def matching(products: Sequence[Product], filters: Filters) -> set[str]:
    """Return the SKUs that satisfy the filters, by going through the products one by one."""
    return {product.sku for product in products if matches(product, filters)}


def by_sku(index: VectorIndex, points: Sequence[ScoredPoint]) -> dict[str, ScoredPoint]:
    """Return the points that answer a query by their SKUs, best first."""
    skus = {point.id: str(point.payload["sku"]) for point in index.retrieve([point.id for point in points])}
    return {skus[point.id]: point for point in points}
