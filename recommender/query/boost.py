"""Boosts: what multiplies the scores of some products, as a value and as a short text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import BeforeValidator, Field, model_validator

from recommender.forms import STRICT, TEXT, alternatives
from recommender.query.limits import MAX_HALF_LIFE_DAYS, MAX_WEIGHT, MIN_HALF_LIFE_DAYS, MIN_WEIGHT, OptionalText


class BoostKind(StrEnum):
    """What a boost looks at."""

    IN_STOCK = "in-stock"
    BRAND = "brand"
    ATTRIBUTE = "attribute"
    CATEGORY = "category"
    NEWNESS = "newness"


BOOST_TEXTS: Final = (
    "write in-stock=0.2, brand:Nike=0.3, category:Shoes > Boots=0.2, attribute:colour:red=0.1, newness=0.5"
    " or newness@7=0.5"
)

_GIVEN = {"type": "string", "minLength": 1, "pattern": TEXT}


@dataclass(frozen=True, slots=True)
class Boost:
    """Multiplies the score of the products that fit by 1 + `weight`; several boosts add up their weights.

    A weight between -1 and 0 pushes down. `value` is the brand, the category path (which includes those below it) or
    the attribute's value, and `name` the attribute's name. Newness falls by half every `half_life_days` since the
    product was first seen.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": alternatives(
            {"kind": "brand", "value": "Nike", "weight": 0.3},
            {"kind": {"enum": ["in-stock", "newness"]}},
            {"kind": {"enum": ["brand", "category"]}, "value": _GIVEN},
            {"kind": {"const": "attribute"}, "value": _GIVEN, "name": _GIVEN},
        )
    }

    kind: BoostKind
    weight: Annotated[float, Field(ge=MIN_WEIGHT, le=MAX_WEIGHT)]
    value: OptionalText = ""
    name: OptionalText = ""
    half_life_days: Annotated[float, Field(ge=MIN_HALF_LIFE_DAYS, le=MAX_HALF_LIFE_DAYS)] = 30.0

    @model_validator(mode="after")
    def check(self) -> Boost:
        """Check that a brand or an attribute is named where the kind needs one."""
        kinds = {BoostKind.BRAND: ["value"], BoostKind.CATEGORY: ["value"], BoostKind.ATTRIBUTE: ["value", "name"]}
        needed = kinds.get(self.kind, [])
        for name in needed:
            if not getattr(self, name):
                raise ValueError(f"the boost {self.kind} has an empty {name}; {BOOST_TEXTS}")
        return self

    @classmethod
    def from_text(cls, text: str) -> Boost:
        """Read a boost from its text form: `in-stock=0.2`, `brand:Nike=0.3`, `attribute:colour:red=0.1`, `newness@7=1`.

        Raises `ValueError`.
        """
        subject, _, weight = text.rpartition("=")
        head, colon, value = subject.partition(":")
        head, at, days = head.strip().partition("@")
        try:
            name, value = value.split(":", 1) if head == BoostKind.ATTRIBUTE else ("", value)
            boost = cls(BoostKind(head), float(weight), value, name, float(days) if at else 30.0)
        except ValueError:
            raise ValueError(BOOST_TEXTS) from None
        if (at and head != BoostKind.NEWNESS) or (colon and head in (BoostKind.IN_STOCK, BoostKind.NEWNESS)):
            raise ValueError(BOOST_TEXTS)
        return boost

    def text(self) -> str:
        """Return the text form. An attribute whose name has a colon has none: it would be read as another."""
        subject = ":".join(filter(None, (self.kind.value, self.name, self.value)))
        days = "" if self.half_life_days == 30.0 else f"@{self.half_life_days!r}"
        return f"{subject}{days}={self.weight!r}"


_VALUE: Final = r"[^:\x00]*[^\s:\x00][^:\x00]*"
_PATTERN: Final = (
    rf"^(in-stock|newness(@[1-9][0-9]{{0,3}})?|(brand|category):{_VALUE}|attribute:{_VALUE}:{_VALUE})"
    r"=(-?(0?\.[0-9]+|[01])|[1-9](\.[0-9]+)?)$"
)
"""What clients may count on; white space, further colons and other numbers are read, too."""

BoostText = Annotated[str, Field(description=BOOST_TEXTS, json_schema_extra={"format": "boost", "pattern": _PATTERN})]
GivenBoost = Annotated[
    Boost,
    BeforeValidator(
        lambda value, info: Boost.from_text(value) if isinstance(value, str) and info.mode == "json" else value,
        json_schema_input_type=Boost | BoostText,
    ),
]
