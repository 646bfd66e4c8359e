"""Checks of products and SKUs that Python code writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, TypeVar

from recommender.errors import BadInput, UsageError
from recommender.query.limits import Sku
from recommender.query.serialization import validate_as
from recommender.types import Product

Value = TypeVar("Value")


def check_sku(sku: str) -> None:
    """Check a SKU that is asked about: a text that is not empty. The catalogue knows whether it exists."""
    validate_as(Sku, sku, "the SKU")


def each_product(products: Iterable[Product]) -> Iterator[Product]:
    """Yield the products to write. One alone, or anything else among them, is the caller's mistake."""
    return _each(products, Product, "the products", "Product('SKU', 'title') and the like")


def each_change(changes: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the changes of products to make."""
    return _each(changes, Mapping, "the changes", '{"sku": "SKU", "price": 99} and the like')  # type: ignore[type-abstract]


def each_sku(skus: Iterable[str]) -> Iterator[str]:
    """Yield the SKUs to take out. A text alone is a mistake: its characters would be taken for SKUs."""
    return _each(skus, str, "the SKUs", "texts")


def check_product(product: Product) -> Product:
    """Return a product with values of the declared types. Raises `BadInput` that names the product and the field."""
    try:
        return validate_as(Product, product)  # type: ignore[no-any-return]
    except UsageError as error:
        raise BadInput(f"product {product.sku!r:.80}: {error}") from None


def check_disjoint(upsert: Iterable[str], delete: Set[str]) -> None:
    """Check that no SKU of a write is to be both written and deleted."""
    if both := delete & set(upsert):
        raise UsageError(f"the SKU {min(both)[:60]!r} is in 'upsert' and in 'delete'; leave it in one")


def _each(values: Iterable[Value], kind: type[Value], what: str, expected: str) -> Iterator[Value]:
    if isinstance(values, kind | Mapping) or not isinstance(values, Iterable):
        raise UsageError(f"{what} are {values!r:.60}; give a list of them, even for one")
    for value in values:
        if not isinstance(value, kind):
            raise UsageError(f"{what} hold {value!r:.60}; give {expected}")
        if isinstance(value, str):
            check_sku(value)
        yield value
