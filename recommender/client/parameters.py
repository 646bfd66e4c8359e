"""Filters and options as the query parameters of a GET, where they have that form."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from recommender.errors import UsageError
from recommender.query import NO_OPTIONS, Filters, Options
from recommender.query.boosts import attribute_text
from recommender.query.serialization import boost_text, parse_path
from recommender.types import category_path

Parameters = tuple[tuple[str, str], ...]


def parameters_of(k: int, filters: Filters, options: Options) -> Parameters:
    """Return the parameters that say the same. Raises `UsageError` for what only a body can say."""
    return (("k", str(k)), *_of_filters(filters), *_of_options(options))


def _of_filters(filters: Filters) -> Iterator[tuple[str, str]]:
    for path in filters.categories:
        text = category_path(path)
        if parse_path(text, "category") != tuple(path):
            raise UsageError(f"the category {path!r} has no text form; leave it out")
        yield "category", text
    yield from (("brand", brand) for brand in filters.brands)
    yield from (("exclude_brand", brand) for brand in filters.exclude_brands)
    for name in ("price_min", "price_max"):
        amount: Decimal | None = getattr(filters, name)
        if amount is not None:
            yield name, f"{amount:f}"
    if filters.in_stock:
        yield "in_stock", "true"
    yield from (("attribute", attribute_text(name, tuple(values))) for name, values in filters.attributes)
    yield from (("exclude_sku", sku) for sku in filters.exclude_skus)
    yield from (("exclude_group", group) for group in filters.exclude_groups)
    if filters.min_score is not None:
        yield "min_score", repr(filters.min_score)


def _of_options(options: Options) -> Iterator[tuple[str, str]]:
    for name in ("mode", "variants", "strategy", "fallback", "model", "offset", "diversity"):
        value = getattr(options, name)
        if value != getattr(NO_OPTIONS, name):
            yield name, str(value)
    yield from (("boost", boost_text(boost)) for boost in options.boosts)
    for name in ("rules", "explain", "facets"):
        if getattr(options, name) != getattr(NO_OPTIONS, name):
            yield name, str(getattr(options, name)).lower()
