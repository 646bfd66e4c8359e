"""Filters: what a result must satisfy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, model_validator

from recommender.forms import STRICT, PathText, Price
from recommender.query.limits import SEVERAL, Path, Text, Texts, Values, parameter


@dataclass(frozen=True, slots=True)
class AttributeValues:
    """An attribute and the values of which a product must have one: for a name that is given twice."""

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
    if not isinstance(value, list):
        return value
    read: list[tuple[Any, Any]] = []
    for each in value:
        if isinstance(each, str):
            name, _, text = each.partition(":")
            found = [part.strip() for part in text.split("|") if part.strip()]
            if not name.strip() or not found:
                raise ValueError("write colour:red or colour:red|blue")
            read.append((name.strip(), found))
        elif isinstance(each, dict) and each.keys() == {"name", "values"}:
            values = each["values"]
            read.append((each["name"], [values] if isinstance(values, str) else values))
        else:
            raise ValueError('an attribute is {"name": ..., "values": [...]}, or a text such as colour:red|blue')
    return read


def _write_attributes(attributes: tuple[tuple[str, tuple[str, ...]], ...]) -> dict[str, Any] | list[Any]:
    """Return the JSON form of attribute filters: an object, or a list if a name is in it twice."""
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


def _read_currency(text: str) -> str:
    if text and not (len(text) == 3 and text.isascii() and text.isalpha()):
        raise ValueError("a code of three letters is expected, such as EUR")
    return text.upper()


CurrencyCode = Annotated[str, Field(json_schema_extra={"pattern": r"^([A-Za-z]{3})?$"}), AfterValidator(_read_currency)]


@dataclass(frozen=True, slots=True)
class Filters:
    """What a result must satisfy. Empty fields do not restrict; a result must satisfy all others.

    `categories` are paths, `attributes` pairs of a name and values. Names and values of brands, categories and
    attributes are compared without regard to case.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": {"example": {"categories": ["Outdoor & Sport > Hiking"], "in_stock": True}}
    }

    categories: Annotated[tuple[Path, ...], SEVERAL] = parameter(
        (),
        "Only this category and those below it; `A > B` is a path from the top. Any of several.",
        ["Footwear > Boots"],
        name="category",
        text=PathText,
    )
    brands: Texts = parameter((), "Only this brand; any of several.", name="brand")
    exclude_brands: Texts = parameter((), "Not this brand; repeatable.", name="exclude_brand", option="--not-brand")
    price_min: Price | None = parameter(None, "Lowest price, inclusive.")
    price_max: Price | None = parameter(None, "Highest price, inclusive; at least `price_min`.")
    currency: CurrencyCode = parameter(
        "",
        "Currency of the prices, as `EUR`; by default that of most products. With a price filter, products in another"
        " currency are left out.",
    )
    in_stock: bool = parameter(False, "Only what is in stock.")
    attributes: Attributes = parameter(
        (),
        "A name and the values of which a product must have one, `colour:red|blue`; all of several must hold.",
        ["colour:red|blue"],
        name="attribute",
        text=_AttributeText,
    )
    exclude_skus: Texts = parameter(
        (), "Not this product; repeatable.", name="exclude_sku", option="--exclude", metavar="SKU"
    )
    exclude_groups: Texts = parameter(
        (), "Not the variants of this group; repeatable.", name="exclude_group", metavar="ID"
    )
    min_score: float | None = parameter(None, "Lowest score; scores differ between modes.")

    @model_validator(mode="after")
    def check(self) -> Filters:
        """Check the order of the prices."""
        if self.price_min is not None and self.price_max is not None and self.price_min > self.price_max:
            raise ValueError(f"price_min {self.price_min} is above price_max {self.price_max}; swap them")
        return self


NO_FILTERS = Filters()
