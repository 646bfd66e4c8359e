"""What is checked of products and SKUs that Python writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from recommender.errors import UsageError
from recommender.query.limits import Sku
from recommender.query.serialization import validate_as
from recommender.types import Product


def check_sku(sku: str) -> None:
    """Check a SKU that is asked about: a text that has something in it. Whether it exists, the catalogue says."""
    validate_as(Sku, sku, "the SKU")


def each_product(products: Iterable[Product]) -> Iterator[Product]:
    """Yield the products that are to be written. One alone, or something else among them, is the caller's mistake."""
    for product in _each(products, "the products", Product | Mapping):
        if not isinstance(product, Product):
            raise UsageError(f"the products hold {product!r:.60}; give Product('SKU', 'title') and the like")
        yield product


def each_sku(skus: Iterable[str]) -> Iterator[str]:
    """Yield the SKUs that are to be taken out. A text alone is a mistake: its characters would be taken for SKUs."""
    for sku in _each(skus, "the SKUs", str):
        check_sku(sku)
        yield sku


def check_disjoint(upsert: Iterable[str], delete: Set[str]) -> None:
    """Check that no SKU of a write is to be both there and gone."""
    if both := delete & set(upsert):
        raise UsageError(f"the SKU {min(both)[:60]!r} is in 'upsert' and in 'delete'; leave it in one")


def _each(values: Iterable[Any], what: str, alone: Any) -> Iterable[Any]:
    if isinstance(values, alone) or not isinstance(values, Iterable):
        raise UsageError(f"{what} are {values!r:.60}; give a list of them, even for one")
    return values
