"""Filters: what a result must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import MaxLen

from recommender.forms import ATTRIBUTE_TEXT, SEVERAL, STRICT, Checked, Form, Term
from recommender.query.limits import MAX_FILTER_VALUES, Path, PriceBound, Text, Texts, Values


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """An attribute and the values of which a product must have one: for a name that is asked about twice."""

    __pydantic_config__: ClassVar = STRICT

    name: Text
    values: Values | Text


def _read_attributes(value: Any, typed: bool) -> Any:
    """Return attribute filters as pairs of a name and its values.

    From JSON: `{name: values}`, or a list of `{"name": ..., "values": ...}` and of texts such as `colour:red|blue`.
    """
    if typed:
        if isinstance(value, Mapping):
            raise ValueError("give pairs, (('colour', ('red', 'blue')),)")
        return tuple(value) if isinstance(value, list) else value
    if isinstance(value, dict):
        return tuple((name, _values(values)) for name, values in value.items())
    return tuple(map(_read_attribute, value)) if isinstance(value, list) else value


def _read_attribute(value: Any) -> Any:
    if isinstance(value, str):
        name, _, values = value.partition(":")
        found = tuple(each.strip() for each in values.split("|") if each.strip())
        if not name.strip() or not found:
            raise ValueError("write colour:red or colour:red|blue")
        return name.strip(), found
    if isinstance(value, dict) and value.keys() == {"name", "values"}:
        return value["name"], _values(value["values"])
    raise ValueError('an attribute is {"name": ..., "values": [...]}, or a text such as colour:red|blue')


def _values(values: Any) -> Any:
    return (values,) if isinstance(values, str) else tuple(values) if isinstance(values, list) else values


def _write_attributes(attributes: tuple[tuple[str, tuple[str, ...]], ...]) -> Any:
    """Return the JSON form of attribute filters: an object, or a list where a name stands in it twice."""
    if len({name for name, _ in attributes}) == len(attributes):
        return {name: list(values) for name, values in attributes}
    return [{"name": name, "values": list(values)} for name, values in attributes]


@dataclass(frozen=True, slots=True)
class Filters(Checked):
    """What a result must satisfy. Empty fields do not restrict; all given ones must hold together.

    `categories` are paths: a product matches when its own path starts with any of them. Prices are inclusive.
    `attributes` are pairs of a name and the values of which the product must have one. Names and values of brands,
    categories and attributes are compared without regard to case. `min_score` is in the scores of the query's mode.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"categories": ["Outdoor & Sport > Hiking"], "in_stock": True}}
    }

    categories: Annotated[
        tuple[Path, ...],
        MaxLen(MAX_FILTER_VALUES),
        SEVERAL,
        Term(
            "Only this category and those below it; `A > B` is a path from the top. Any of several.",
            "category",
            example="Footwear > Boots",
        ),
    ] = ()
    brands: Annotated[Texts, Term("Only this brand; any of several.", "brand")] = ()
    exclude_brands: Annotated[Texts, Term("Not this brand; may be repeated.", "exclude_brand", "--not-brand")] = ()
    price_min: Annotated[PriceBound | None, Term("Lowest price, inclusive.")] = None
    price_max: Annotated[PriceBound | None, Term("Highest price, inclusive; at least `price_min`.")] = None
    in_stock: Annotated[bool, Term("Only what is in stock.")] = False
    attributes: Annotated[
        tuple[tuple[Text, Values], ...],
        MaxLen(MAX_FILTER_VALUES),
        Form(
            _read_attributes,
            dict[Text, Values | Text]
            | Annotated[list[AttributeValues | Annotated[str, ATTRIBUTE_TEXT]], MaxLen(MAX_FILTER_VALUES)],
            _write_attributes,
            dict[str, list[str]] | list[dict[str, Any]],
        ),
        Term(
            "A name and the values of which a product must have one, `colour:red|blue`; all of several must hold.",
            "attribute",
            example="colour:red|blue",
        ),
    ] = ()
    exclude_skus: Annotated[Texts, Term("Not this product; may be repeated.", "exclude_sku", "--exclude", "SKU")] = ()
    exclude_groups: Annotated[
        Texts, Term("Not the variants of this group; may be repeated.", "exclude_group", metavar="ID")
    ] = ()
    min_score: Annotated[float | None, Term("Lowest score; scores differ between modes.")] = None

    def check(self) -> None:
        """Check the order of the prices."""
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise ValueError(f"price_min {self.price_min} is above price_max {self.price_max}; swap them")


NO_FILTERS = Filters()
