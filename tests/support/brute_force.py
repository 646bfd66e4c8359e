"""What filters mean, said once more and as plainly as can be: product by product, without an index."""

from __future__ import annotations

from recommender.query import Filters
from recommender.types import Availability, Product


def matches(product: Product, filters: Filters) -> bool:
    """Return whether a product satisfies the filters; `min_score` is about queries and is left aside."""
    return (
        _is_of(product, filters)
        and _costs(product, filters)
        and not _excluded(product, filters)
        and (not filters.in_stock or product.availability is Availability.IN_STOCK)
        and all(_has(product, name, values) for name, values in filters.attributes if values)
    )


def _is_of(product: Product, filters: Filters) -> bool:
    own = [name.casefold() for name in product.category]
    in_category = not filters.categories or any(
        own[: len(path)] == [name.casefold() for name in path] for path in filters.categories
    )
    return in_category and (not filters.brands or _same_as_any(product.brand, filters.brands))


def _costs(product: Product, filters: Filters) -> bool:
    if filters.price_min is None and filters.price_max is None:
        return True
    if product.price is None:
        return False
    above = filters.price_min is None or product.price >= filters.price_min
    return above and (filters.price_max is None or product.price <= filters.price_max)


def _excluded(product: Product, filters: Filters) -> bool:
    return (
        product.sku in filters.exclude_skus
        or bool(product.group_id and product.group_id in filters.exclude_groups)
        or _same_as_any(product.brand, filters.exclude_brands)
    )


def _has(product: Product, name: str, values: tuple[str, ...]) -> bool:
    own = [value for known, value in product.attributes.items() if _plain(known) == _plain(name)]
    items = [item for value in own for item in (value, *filter(str.strip, value.split(", ")))]
    return bool({_plain(item) for item in items} & {_plain(value) for value in values})


def _same_as_any(text: str, others: tuple[str, ...]) -> bool:
    return text.casefold() in {other.casefold() for other in others}


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
