"""Filters: what a result must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, model_validator

from recommender.forms import STRICT, PathText, Price
from recommender.query.limits import SEVERAL, Named, Path, Text, Texts, Values, parameter


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """An attribute and the values of which a product must have one: for a name that is asked about twice."""

    __pydantic_config__: ClassVar = STRICT

    name: Text
    values: Values | Text


_AttributeText = Annotated[str, Field(pattern=r"^[^:\x00]*[^\s:\x00][^:\x00]*:[^\x00]*[^\s|\x00][^\x00]*$")]


def _read_attributes(value: Any, info: ValidationInfo) -> Any:
    """Return attribute filters as pairs of a name and its values.

    From JSON: `{name: values}`, or a list of `{"name": ..., "values": ...}` and of texts such as `colour:red|blue`.
    """
    if info.mode == "python":
        if isinstance(value, Mapping):
            raise ValueError("give pairs, (('colour', ('red', 'blue')),)")
        return value
    if isinstance(value, dict):
        value = [{"name": name, "values": values} for name, values in value.items()]
    return [_read_attribute(each) for each in value] if isinstance(value, list) else value


def _read_attribute(value: Any) -> tuple[Any, Any]:
    if isinstance(value, str):
        name, _, values = value.partition(":")
        found = [each.strip() for each in values.split("|") if each.strip()]
        if not name.strip() or not found:
            raise ValueError("write colour:red or colour:red|blue")
        return name.strip(), found
    if isinstance(value, dict) and value.keys() == {"name", "values"}:
        return value["name"], [value["values"]] if isinstance(value["values"], str) else value["values"]
    raise ValueError('an attribute is {"name": ..., "values": [...]}, or a text such as colour:red|blue')


def _write_attributes(attributes: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, Any] | list[Any]:
    """Return the JSON form of attribute filters: an object, or a list where a name stands in it twice."""
    if len({name for name, _ in attributes}) == len(attributes):
        return {name: list(values) for name, values in attributes}
    return [{"name": name, "values": list(values)} for name, values in attributes]


Attributes = Annotated[
    tuple[tuple[Text, Values], ...],
    SEVERAL,
    BeforeValidator(
        _read_attributes,
        json_schema_input_type=dict[Text, Values | Text] | Annotated[list[AttributeValues | _AttributeText], SEVERAL],
    ),
    PlainSerializer(_write_attributes, when_used="json"),
]


CurrencyCode = Annotated[str, Field(pattern=r"^([A-Za-z]{3})?$"), AfterValidator(str.upper)]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a result must satisfy. Empty fields do not restrict; all given ones must hold together.

    `categories` are paths, `attributes` pairs of a name and values. Names and values of brands, categories and
    attributes are compared without regard to case.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"categories": ["Outdoor & Sport > Hiking"], "in_stock": True}}
    }

    categories: Annotated[
        tuple[Path, ...],
        SEVERAL,
        parameter(
            "Only this category and those below it; `A > B` is a path from the top. Any of several.",
            ["Footwear > Boots"],
        ),
        Named("category", text=PathText),
    ] = ()
    brands: Annotated[Texts, parameter("Only this brand; any of several."), Named("brand")] = ()
    exclude_brands: Annotated[
        Texts, parameter("Not this brand; repeatable."), Named("exclude_brand", "--not-brand")
    ] = ()
    price_min: Annotated[Price | None, parameter("Lowest price, inclusive.")] = None
    price_max: Annotated[Price | None, parameter("Highest price, inclusive; at least `price_min`.")] = None
    currency: Annotated[
        CurrencyCode,
        parameter(
            "Currency of the prices, as `EUR`; by default that of most products. What names another is left out where"
            " a price is asked for."
        ),
    ] = ""
    in_stock: Annotated[bool, parameter("Only what is in stock.")] = False
    attributes: Annotated[
        Attributes,
        parameter(
            "A name and the values of which a product must have one, `colour:red|blue`; all of several must hold.",
            ["colour:red|blue"],
        ),
        Named("attribute", text=_AttributeText),
    ] = ()
    exclude_skus: Annotated[
        Texts, parameter("Not this product; repeatable."), Named("exclude_sku", "--exclude", "SKU")
    ] = ()
    exclude_groups: Annotated[
        Texts, parameter("Not the variants of this group; repeatable."), Named("exclude_group", "", "ID")
    ] = ()
    min_score: Annotated[float | None, parameter("Lowest score; scores differ between modes.")] = None

    @model_validator(mode="after")
    def check(self) -> Filters:
        """Check the order of the prices."""
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise ValueError(f"price_min {self.price_min} is above price_max {self.price_max}; swap them")
        return self


NO_FILTERS = Filters()
