"""`Filters` and boosts as conditions on a point, which every engine translates for itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recommender.forms import path_names
from recommender.index.payload import (
    ANCESTORS,
    ATTRIBUTE_KEYS,
    AVAILABILITY,
    BRAND_KEY,
    CURRENCY,
    GRAPH_FIELDS,
    GROUP,
    IDENTIFIER_STARTS,
    IDENTIFIERS,
    PRICE,
    attribute_key,
)
from recommender.index.protocol import point_id
from recommender.query import Boost, BoostKind, Filters
from recommender.types import Availability, category_path, fold_name


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field holds one of these values, or, if it is a list, has one of them."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """The field is a number in this range, both ends included; None leaves an end open."""

    field: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class StartsWith:
    """The field, or one of the values that it lists, begins with this."""

    field: str
    start: str


@dataclass(frozen=True, slots=True)
class IdIn:
    """The point has one of these ids."""

    ids: tuple[int, ...]


Condition = AnyOf | Between | StartsWith | IdIn

_IN_STOCK = AnyOf(AVAILABILITY, (Availability.IN_STOCK.value,))


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions that must all hold for a point, and those that must not."""

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.must or self.must_not)

    @property
    def off_graph(self) -> bool:
        """Whether they use a field that has no graph edges of its own."""
        return any(not isinstance(condition, IdIn) and condition.field not in GRAPH_FIELDS for condition in self.must)


def conditions_of(filters: Filters, ids: Sequence[int] | None = None, other: Condition | None = None) -> Conditions:
    """Translate filters into conditions, falsy if they restrict nothing.

    With `ids`, only for these points; with `other`, only for points that it holds for too. `min_score` is not a
    condition on a point: it is about a query.
    """
    must: list[Condition] = [] if other is None else [other]
    if ids is not None:
        must.append(IdIn(tuple(ids)))
    if filters.categories and all(filters.categories):  # the empty path is the root of the tree: everything is below it
        must.append(AnyOf(ANCESTORS, tuple(fold_name(category_path(path)) for path in filters.categories)))
    if filters.brands:
        must.append(AnyOf(BRAND_KEY, tuple(map(fold_name, filters.brands))))
    if filters.price_min is not None or filters.price_max is not None:
        low, high = (None if price is None else float(price) for price in (filters.price_min, filters.price_max))
        must.append(Between(PRICE, low, high))
        if filters.currency:  # a product without a currency has that of the shop
            must.append(AnyOf(CURRENCY, (filters.currency, "")))
    if filters.in_stock:
        must.append(_IN_STOCK)
    for name, values in filters.attributes:
        if values:
            must.append(AnyOf(ATTRIBUTE_KEYS, tuple(attribute_key(name, value) for value in values)))
    must_not: list[Condition] = []
    if filters.exclude_brands:
        must_not.append(AnyOf(BRAND_KEY, tuple(map(fold_name, filters.exclude_brands))))
    if filters.exclude_skus:
        must_not.append(IdIn(tuple(point_id(sku) for sku in filters.exclude_skus)))
    if filters.exclude_groups:
        must_not.append(AnyOf(GROUP, filters.exclude_groups))
    return Conditions(tuple(must), tuple(must_not))


def identifier_condition(keys: Sequence[str], partial: bool) -> Condition:
    """Return the condition for products with one of these numbers; with `partial`, with the last as a beginning."""
    return StartsWith(IDENTIFIER_STARTS, keys[-1]) if partial else AnyOf(IDENTIFIERS, tuple(keys))


def boost_condition(boost: Boost) -> Condition | None:
    """Return the condition for a boost to lift a point; None for newness, which is a matter of degree."""
    match boost.kind:
        case BoostKind.IN_STOCK:
            return _IN_STOCK
        case BoostKind.BRAND:
            return AnyOf(BRAND_KEY, (fold_name(boost.value),))
        case BoostKind.CATEGORY:
            return AnyOf(ANCESTORS, (fold_name(category_path(path_names(boost.value))),))
        case BoostKind.ATTRIBUTE:
            return AnyOf(ATTRIBUTE_KEYS, (attribute_key(boost.name, boost.value),))
        case BoostKind.NEWNESS:
            return None
