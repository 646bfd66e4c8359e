"""How declared values read as text and JSON: names, integers, prices, category paths."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationInfo

STRICT: Final = {"extra": "forbid", "strict": True, "allow_inf_nan": False, "revalidate_instances": "always"}
"""For what a caller sends: an unknown member would have no effect, and a text is not a number."""

LARGEST_PRICE: Final = 999_999_999_999_999
"""Highest price: cents of a larger one could not be told apart."""

# Patterns are written so that JSON Schema, Rust and Python read them alike. A text has something else than white space.
TEXT: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"
VISIBLE: Final = r"^[\s\S]*[^\s\x00-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff][\s\S]*$"
"""A text of which something is left when `plain_text` has cleaned it of what nobody sees."""
STORABLE: Final = r"^[^\x00]*$"
_PRICE_TEXT: Final = r"^[0-9]{1,15}(\.[0-9]{1,30})?(e-[0-9]{1,3})?$"
_PATH_TEXT: Final = r"^[^>\x00]*[^\s>\x00][^>\x00]*(>[^>\x00]*[^\s>\x00][^>\x00]*)*$"


def alternatives(example: dict[str, Any], *alternatives: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of fields that depend on each other: what each alternative needs, with `?` if optional."""
    return {
        "example": example,
        "anyOf": [
            {
                "required": [name for name in members if not name.endswith("?")],
                "properties": {name.rstrip("?"): schema for name, schema in members.items()},
            }
            for members in alternatives
        ],
    }


def read_price(value: Any, info: ValidationInfo) -> Any:
    """Return a price as it was meant, from a number or a text: 19.99 is 19.99, and 20 is 20.00."""
    if info.mode == "python" and isinstance(value, Decimal):
        return value
    text = value if isinstance(value, str) else repr(value)  # of a float its shortest text, which is what was meant
    if (isinstance(value, str) and re.fullmatch(_PRICE_TEXT, text)) or type(value) in (int, float):
        amount = Decimal(text)
        if amount.is_finite() and abs(amount) <= LARGEST_PRICE:
            return cents if (cents := amount.quantize(Decimal("0.01"))) == amount else amount
    raise ValueError("a price such as 19.99 is expected")


def write_price(amount: Decimal) -> float | str:
    """Return a price as a number, or as a text if a number can't hold all its digits."""
    number = float(amount)
    return number if Decimal(repr(number)) == amount else f"{amount:f}"


def path_names(text: str) -> tuple[str, ...]:
    """Return the names of a category path as a person writes it, `A>B`, white space made single blanks."""
    return tuple(" ".join(name.split()) for name in text.split(">"))


def read_path(value: Any, info: ValidationInfo) -> Any:
    """Return a category path from its names, or from `A > B`; null and an empty text mean none."""
    if isinstance(value, str) and info.mode == "json":
        names = path_names(value) if value else ()
        if not all(names):
            raise ValueError("it has an empty name; write it as 'A > B'")
        return names
    if value is None or isinstance(value, list | tuple):
        return tuple(value or ())
    raise ValueError("the names from the top are expected, ('Shoes', 'Boots')")


Name = Annotated[str, Field(pattern=TEXT)]
PathText = Annotated[str, Field(pattern=_PATH_TEXT)]
OwnPath = Annotated[
    tuple[Name, ...], BeforeValidator(read_path, json_schema_input_type=list[Name] | PathText | Literal[""] | None)
]
"""The category of one thing, outermost first; it may have none."""

_EXACT_PRICE = Annotated[
    Decimal,
    Field(ge=0),
    BeforeValidator(
        read_price,
        json_schema_input_type=Annotated[float, Field(ge=0, le=LARGEST_PRICE)]
        | Annotated[str, Field(pattern=_PRICE_TEXT)],
    ),
]
Price = Annotated[_EXACT_PRICE, PlainSerializer(write_price, when_used="json")]
ShownPrice = Annotated[_EXACT_PRICE, PlainSerializer(float, return_type=float, when_used="json")]
"""A price as an answer shows it: always a number."""

WHOLE: Final = BeforeValidator(
    lambda value, info: int(value) if isinstance(value, float) and info.mode == "json" and value.is_integer() else value
)
"""For integers, after their limits: in JSON 5.0 is one, too."""

Whole = Annotated[int, WHOLE]
"""An integer whose limits are declared beside it."""

AttributeValue = Annotated[
    str,
    BeforeValidator(
        lambda value, info: str(value) if type(value) in (int, float) and info.mode == "json" else value,
        json_schema_input_type=str | float,
    ),
]
