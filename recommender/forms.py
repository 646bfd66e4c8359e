"""What `Annotated` types carry beside their limits: patterns, other ways to say a value, and words for people.

Nothing here needs a library until a schema is built, so that the values themselves are cheap to import.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from annotated_types import Ge, Le

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo

STRICT: Final = {"extra": "forbid", "strict": True, "allow_inf_nan": False, "revalidate_instances": "always"}
"""For what a caller sends: a member that is not known would do nothing, and a text is no number."""


@dataclass(frozen=True, slots=True)
class Term:
    """What a field means, and its name in an address and on the command line, where it is not that of the field."""

    help: str
    name: str = ""
    option: str = ""
    metavar: str | None = None
    example: str = ""
    format: str = ""
    required: bool = False

    def __get_pydantic_json_schema__(self, schema: Any, handler: GetJsonSchemaHandler) -> Any:
        """Say in a document what the field means."""
        return {**handler(schema), "description": self.help} | ({"format": self.format} if self.format else {})


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a text must match, in a regular expression that JSON Schema, Rust and Python read alike."""

    regex: str
    expected: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of a text with this pattern."""
        return {**handler(source), "pattern": self.regex}


class Choice:
    """Marks a closed choice: in Python one of its members is given, not its text."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of the choice with this check before it."""
        from pydantic_core import core_schema

        def check(value: Any, info: ValidationInfo) -> Any:
            if info.mode == "python" and not isinstance(value, source):
                raise ValueError(f"give one of {source.__name__}: {', '.join(source)}")
            return value

        return core_schema.with_info_before_validator_function(check, handler(source))


@dataclass(frozen=True, slots=True)
class Form:
    """Other ways to say a value.

    `read` makes of what is given what the type holds. It is told whether the value comes from Python (`typed`) or from
    JSON, and raises `ValueError` with what is expected. `write` makes the JSON form. `given` and `written` are the
    types of these forms, for documents.
    """

    read: Callable[[Any, bool], Any] | None = None
    given: Any = None
    write: Callable[[Any], Any] | None = None
    written: Any = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of the type with these forms around it."""
        from pydantic_core import core_schema

        schema: Any = handler(source)
        if read := self.read:
            given = None if self.given is None else handler.generate_schema(self.given)
            schema = core_schema.with_info_before_validator_function(
                lambda value, info: read(value, info.mode == "python"), schema, json_schema_input_schema=given
            )
        if self.write:
            schema["serialization"] = core_schema.plain_serializer_function_ser_schema(
                self.write, return_schema=handler.generate_schema(self.written), when_used="json"
            )
        return schema


class Checked:
    """A dataclass whose fields must fit together."""

    __slots__ = ()

    def check(self) -> None:
        """Raise `ValueError` that says what does not fit."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of the dataclass, with this check after its fields are read."""
        from pydantic_core import core_schema

        def checked(value: Checked) -> Checked:
            value.check()
            return value

        return core_schema.no_info_after_validator_function(checked, handler(source))


def alternatives(example: dict[str, Any], *alternatives: dict[str, Any]) -> dict[str, Any]:
    """Return what a schema says of its fields together: what each alternative needs, with `?` after what may lack."""
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


LARGEST_PRICE: Final = 999_999_999_999_999
"""Prices go no higher: cents of a larger one could not be told apart."""

_CENT: Final = Decimal("0.01")


def read_price(value: Any, typed: bool) -> Any:
    """Return a price as it was meant, from a number or a text: 19.99 is 19.99, and 20 is 20.00."""
    if value is None or (typed and isinstance(value, Decimal)):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a price such as 19.99 is expected")
    text = value if isinstance(value, str) else repr(value)
    amount = Decimal("NaN")
    if not isinstance(value, str) or re.fullmatch(PRICE_TEXT.regex, value):
        amount = Decimal(text)  # of a float its shortest text, which is what was meant
    if not abs(amount) <= LARGEST_PRICE if amount.is_finite() else True:
        raise ValueError("a price such as 19.99 is expected")
    return cents if (cents := amount.quantize(_CENT)) == amount else amount


def price_json(amount: Decimal) -> float | str:
    """Return a price as a number, or as a text where a number can't hold all its digits."""
    number = float(amount)
    return number if Decimal(repr(number)) == amount else f"{amount:f}"


def read_path(value: Any, typed: bool) -> Any:
    """Return a category path from its names, or from `A > B`."""
    if isinstance(value, str) and not typed:
        names = tuple(" ".join(name.split()) for name in value.split(">"))
        if not all(names):
            raise ValueError("it has an empty name; write it as 'A > B'")
        return names
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("the names from the top are expected, ('Shoes', 'Boots')")
    return tuple(value)


def read_own_path(value: Any, typed: bool) -> Any:
    """Return the category path of one thing, which may have none: null, an empty list or an empty text."""
    return () if value is None or value in ("", [], ()) else read_path(value, typed)


def _read_several(value: Any, _typed: bool) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _read_whole(value: Any, typed: bool) -> Any:
    return int(value) if isinstance(value, float) and not typed and value.is_integer() else value


def _read_attribute_value(value: Any, typed: bool) -> Any:
    number = not typed and isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if number else value


SOMETHING = Pattern(r"\S", "a text that is not empty is expected")
TEXT = Pattern(r"^[^\x00]*[^\s\x00][^\x00]*$", "a text is expected that is not empty and holds no NUL")
STORABLE = Pattern(r"^[^\x00]*$", "a text without a NUL is expected")
PRICE_TEXT = Pattern(r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$", "a price such as 19.99")
PATH_TEXT = Pattern(r"^[^>\x00]*[^\s>\x00][^>\x00]*(>[^>\x00]*[^\s>\x00][^>\x00]*)*$", "a path such as 'A > B'")
ATTRIBUTE_TEXT = Pattern(r"^[^:\x00]*[^\s:\x00][^:\x00]*:[^\x00]*[^\s|\x00][^\x00]*$", "colour:red or colour:red|blue")

PATTERNS = {each.regex: each.expected for each in (SOMETHING, TEXT, STORABLE)}

CHOICE = Choice()
WHOLE = Form(_read_whole)
"""For whole numbers: in JSON 5.0 is one, too."""

SEVERAL = Form(_read_several)

Name = Annotated[str, TEXT]
PathText = Annotated[str, PATH_TEXT]
OwnPath = Annotated[tuple[Name, ...], Form(read_own_path, list[Name] | PathText | Literal[""] | None)]
"""The category of one thing, outermost first; it may have none."""

_Number = Annotated[float, Ge(-LARGEST_PRICE), Le(LARGEST_PRICE)]
Price = Annotated[Decimal, Form(read_price, _Number | Annotated[str, PRICE_TEXT], price_json, float | str)]
ShownPrice = Annotated[Decimal, Form(read_price, _Number | Annotated[str, PRICE_TEXT], float, float)]
"""A price as an answer shows it: always a number."""

AttributeValue = Annotated[str, Form(_read_attribute_value, str | float)]
