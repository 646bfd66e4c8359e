"""`Filters` and boosts as conditions on a point, in words that every engine translates into its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from recommender.index.payload import (
    ANCESTORS,
    ATTRIBUTE_KEYS,
    AVAILABILITY,
    BRAND_KEY,
    GRAPH_FIELDS,
    GROUP,
    PRICE,
    attribute_key,
)
from recommender.index.protocol import point_id
from recommender.query import Boost, BoostKind, Filters
from recommender.types import Availability, category_path


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
class IdIn:
    """The point has one of these ids."""

    ids: tuple[UUID, ...]


Condition = AnyOf | Between | IdIn


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all must hold of a point, and what none of may."""

    must: tuple[Condition, ...] = ()
    must_not: tuple[Condition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.must or self.must_not)

    @property
    def off_graph(self) -> bool:
        """Whether they ask for a field that has no graph edges of its own."""
        return any(not isinstance(condition, IdIn) and condition.field not in GRAPH_FIELDS for condition in self.must)


def conditions_of(filters: Filters, ids: Sequence[UUID] | None = None) -> Conditions:
    """Translate filters into conditions, falsy when they do not restrict at all; with `ids` for these points alone.

    `min_score` is no condition on a point: it holds for a query.
    """
    only = () if ids is None else (IdIn(tuple(ids)),)
    return Conditions((*only, *_required(filters)), tuple(_excluded(filters)))


def boosted_by(boost: Boost) -> Condition | None:
    """Return what a boost lifts; None for newness, which is no condition but a matter of degree."""
    match boost.kind:
        case BoostKind.IN_STOCK:
            return AnyOf(AVAILABILITY, (Availability.IN_STOCK.value,))
        case BoostKind.BRAND:
            return AnyOf(BRAND_KEY, (boost.value.casefold(),))
        case BoostKind.ATTRIBUTE:
            return AnyOf(ATTRIBUTE_KEYS, (attribute_key(boost.name, boost.value),))
        case BoostKind.NEWNESS:
            return None


def _required(filters: Filters) -> Iterator[Condition]:
    if filters.categories and all(filters.categories):  # the empty path is the root of the tree: everything is below it
        yield AnyOf(ANCESTORS, tuple(category_path(path).casefold() for path in filters.categories))
    if filters.brands:
        yield AnyOf(BRAND_KEY, tuple(brand.casefold() for brand in filters.brands))
    if filters.price_min is not None or filters.price_max is not None:
        yield Between(PRICE, _float(filters.price_min), _float(filters.price_max))
    if filters.in_stock:
        yield AnyOf(AVAILABILITY, (Availability.IN_STOCK.value,))
    for name, values in filters.attributes:
        if values:
            yield AnyOf(ATTRIBUTE_KEYS, tuple(attribute_key(name, value) for value in values))


def _excluded(filters: Filters) -> Iterator[Condition]:
    if filters.exclude_brands:
        yield AnyOf(BRAND_KEY, tuple(brand.casefold() for brand in filters.exclude_brands))
    if filters.exclude_skus:
        yield IdIn(tuple(point_id(sku) for sku in filters.exclude_skus))
    if filters.exclude_groups:
        yield AnyOf(GROUP, filters.exclude_groups)


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)
