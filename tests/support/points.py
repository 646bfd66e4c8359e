"""Products, their points, and what a filter must find among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.index.payload import product_payload
from recommender.index.protocol import Point, point_id
from recommender.types import Availability, Filters, Product, SparseVector

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
) -> Point:
    """Return the point of a product; without vectors it gets one of its own and no words."""
    identity = point_id(product.sku)
    if dense is None:
        dense = unit(identity.int % 2**32)
    return Point(identity, dense, lexical or words(), product_payload(product, text_hash))


def matching(products: Sequence[Product], filters: Filters) -> set[str]:
    """Return the SKUs that satisfy the filters, by going through the products one by one."""
    return {product.sku for product in products if _matches(product, filters)}


def _matches(product: Product, filters: Filters) -> bool:
    if product.sku in filters.exclude_skus or (product.group_id and product.group_id in filters.exclude_groups):
        return False
    if filters.in_stock and product.availability is not Availability.IN_STOCK:
        return False
    if filters.brands and product.brand.casefold() not in {brand.casefold() for brand in filters.brands}:
        return False
    return _in_category(product, filters) and _in_price(product, filters)


def _in_category(product: Product, filters: Filters) -> bool:
    own = [name.casefold() for name in product.category]
    return not filters.categories or any(
        own[: len(path)] == [name.casefold() for name in path] for path in filters.categories
    )


def _in_price(product: Product, filters: Filters) -> bool:
    if filters.price_min is None and filters.price_max is None:
        return True
    if product.price is None:
        return False
    above = filters.price_min is None or product.price >= filters.price_min
    return above and (filters.price_max is None or product.price <= filters.price_max)
