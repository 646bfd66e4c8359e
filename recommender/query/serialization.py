"""JSON both ways, and the check of values from Python, by the limits that the types declare.

A value that does not fit raises a `UsageError` of one line, which names the field, its value and what is expected.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

from pydantic_core import ErrorDetails, ValidationError

from recommender.errors import UsageError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

Value = TypeVar("Value")

_EXPECTED = {
    "string_type": "a text is expected",
    "string_unicode": "a text in UTF-8 is expected, without half of a surrogate pair",
    "string_pattern_mismatch": "a text is expected that is not empty or blank, and holds no NUL",
    "string_too_short": "a text that is not empty is expected",
    "string_too_long": "at most {max_length:,} are expected",
    "too_long": "at most {max_length} are expected",
    "too_short": "at least {min_length} is expected",
    "bool_type": "true or false is expected",
    "int_type": "a whole number is expected",
    "float_type": "a finite number is expected",
    "finite_number": "a finite number is expected",
    "greater_than_equal": "at least {ge} is expected",
    "less_than_equal": "at most {le} is expected",
    "enum": "one of {expected} is expected",
    "tuple_type": "a list is expected, even for one",
    "dict_type": "an object is expected",
    "mapping_type": "an object is expected",
    "dataclass_type": "an object is expected",
    "dataclass_exact_type": "give {class_name}(...)",
    "is_instance_of": "give one of {class}",
    "sequence_str": "a list is expected, even for one",
    "value_error": "{error}",
    "json_invalid": "{error}",
}

_BROKEN = {
    "recursion": "it is too deep",
    "number out of range": "it holds a number too long",
    "hex escape": "it holds half of a surrogate pair",
    "surrogate": "it holds half of a surrogate pair",
    "unicode": "it is not UTF-8",
}

_KINDS: dict[type, str] = {
    int: "a number", float: "a number", str: "a text", list: "a list", tuple: "a list", dict: "an object",
    type(None): "null",
}  # fmt: skip


def _adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter  # imported with what makes schemas, for which the first call pays

    return TypeAdapter(kind)


adapter: Callable[[Any], TypeAdapter[Any]] = cache(_adapter)
"""Return what reads and writes the JSON of a type; it is built once, in some milliseconds."""


def validate(value: Value) -> Value:
    """Return a value of Python, checked against its type. Raises `UsageError`."""
    return validate_as(type(value), value)  # type: ignore[no-any-return]


def validate_as(kind: Any, value: Any, what: str = "") -> Any:
    """Return a value of Python as another type. Raises `UsageError`."""
    try:
        return adapter(kind).validator.validate_python(value)
    except ValidationError as error:
        raise usage_error(error, kind, what, typed=True) from None


def from_json(kind: type[Value], text: str | bytes, what: str = "", names: Mapping[str, str] | None = None) -> Value:
    """Read a value from JSON. Raises `UsageError`, which says `what` it is and uses `names` for its fields."""
    try:
        return adapter(kind).validator.validate_json(text)  # type: ignore[no-any-return]
    except ValidationError as error:
        raise usage_error(error, kind, what, names) from None


def from_value(kind: type[Value], value: Any, what: str = "", names: Mapping[str, str] | None = None) -> Value:
    """Read a value from parsed JSON. Raises `UsageError`."""
    return from_json(kind, json.dumps(value), what, names)


def to_json(value: Any) -> bytes:
    """Return a value as JSON."""
    return adapter(type(value)).serializer.to_json(value)


def to_value(value: Any, changed: bool = False) -> Any:
    """Return the JSON form of a value; if asked for, only what is `changed` from the defaults."""
    return adapter(type(value)).serializer.to_python(value, mode="json", exclude_defaults=changed)


def kind_of(value: Any) -> str:
    """Return what kind of JSON a value is."""
    return str(value).lower() if isinstance(value, bool) else _KINDS.get(type(value), type(value).__name__)


def usage_error(
    error: ValidationError, kind: Any, what: str = "", names: Mapping[str, str] | None = None, typed: bool = False
) -> UsageError:
    """Return the first complaint about a value in one line."""
    complaints = error.errors(include_url=False)
    unknown = (each for each in complaints if each["type"] == "unexpected_keyword_argument")
    first = next(unknown, complaints[0])
    where, value = list(first["loc"]), first["input"]
    name = str(where.pop()) if first["type"] in ("missing", "unexpected_keyword_argument") else ""
    if names is not None:
        place = next((names[part] for part in reversed(where) if isinstance(part, str) and part in names), what)
    else:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)
        place = what + path if what else path.lstrip(".")
    place = place or "the body"
    expected = _EXPECTED.get(first["type"], first["msg"]).format(**first.get("ctx", {}))
    if first["type"] == "json_invalid":
        return UsageError(
            f"{place} is not JSON: {next((_BROKEN[key] for key in _BROKEN if key in expected), expected)}"
        )
    if first["type"] == "missing":
        return UsageError(f"{place} lacks {name!r}")
    if first["type"] == "unexpected_keyword_argument":
        fitting = _dataclass_at(kind, where)
        return unknown_field(place, name, [field.name for field in fields(fitting)] if fitting else [])
    if is_dataclass(value) or (first["type"] == "value_error" and isinstance(value, dict)):
        return UsageError(f"{place}: {expected}" if names else expected)
    return UsageError(f"{place} {_display(first, typed)}; {expected}")


def unknown_field(place: str, name: str, known: Sequence[str]) -> UsageError:
    """Return the complaint about a field that does not exist, with the likeliest one that does."""
    from difflib import get_close_matches

    near = get_close_matches(name[:100], known, 1)
    likely = f" (did you mean {near[0]!r}?)" if near else ""
    return UsageError(f"{place} has no field {name[:60]!r}{likely}; its fields: {', '.join(known) or 'none'}")


def _display(first: ErrorDetails, typed: bool) -> str:
    value = first["input"]
    if first["type"] == "string_too_long":
        return f"has {len(value):,} characters"
    if first["type"] == "too_long":
        return f"has {len(value):,} values"
    if not typed and (value is None or isinstance(value, bool | list | dict | tuple)):
        return f"is {kind_of(value)}"
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except ValueError:  # an integer of thousands of digits has no text
        text = "a number of very many digits"
    return f"is {text}" if len(text) <= 60 else f"is {text[:59]}…"


def _dataclass_at(kind: Any, where: Sequence[str | int]) -> Any:
    """Return the dataclass at a place in a type, or the one inside that place: of `tuple[Boost, ...]` it is `Boost`."""
    if not is_dataclass(kind):
        return next(filter(None, (_dataclass_at(part, where) for part in get_args(kind))), None)
    names = [part for part in where if isinstance(part, str)]
    return _dataclass_at(get_type_hints(kind).get(names[0]), names[1:]) if names else kind
