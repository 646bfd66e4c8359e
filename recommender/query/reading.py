"""Values out of JSON, with a complaint that names the field, what it holds and what belongs there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from math import isfinite
from typing import Any, TypeVar

from recommender.errors import UsageError
from recommender.query.validation import check_encodable
from recommender.types import PATH_SEPARATOR, JsonObject

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")

_CENT = Decimal("0.01")

_LONGEST_NUMBER = 40
"""Characters of a number that is written as a text: more is no price."""

_LARGEST = Decimal("1e15")
"""Numbers are below it: cents of a larger price could not be told apart, and nothing is counted that far."""

_KINDS: dict[type, str] = {
    int: "a number", float: "a number", Decimal: "a number", str: "a text", list: "a list", dict: "an object",
    type(None): "null",
}  # fmt: skip


def members_of(value: Any, what: str, known: Sequence[str]) -> JsonObject:
    """Return the members of a JSON object, all of which must be known."""
    found = object_of(value, what)
    for name in found:
        if name not in known:
            raise UsageError(
                f"{what} has no field {_short(name)}{_likely(name, known)}; its fields: {', '.join(known)}"
            )
    return found


def object_of(value: Any, what: str) -> JsonObject:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise _wrong(value, what, "an object")
    return value


def required(members: JsonObject, name: str, what: str) -> Any:
    """Return a member that must be there."""
    if name not in members:
        raise UsageError(f"{what} lacks {name!r}")
    return members[name]


def text_of(value: Any, what: str) -> str:
    """Return a text that has a form in UTF-8."""
    if not isinstance(value, str):
        raise _wrong(value, what, "a text")
    check_encodable(value, what)
    return value


def flag_of(value: Any, what: str) -> bool:
    """Return a truth value."""
    if not isinstance(value, bool):
        raise _wrong(value, what, "true or false")
    return value


def integer_of(value: Any, what: str) -> int:
    """Return a whole number; `5.0` is one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _LARGEST:
        raise _wrong(value, what, "a whole number")
    return value


def number_of(value: Any, what: str) -> float:
    """Return a finite number."""
    try:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else float("nan")
    except OverflowError:
        number = float("nan")
    if not isfinite(number):
        raise _wrong(value, what, "a finite number")
    return number


def amount_of(value: Any, what: str) -> Decimal:
    """Return a price as it was meant, from a number or a text: 19.99 is 19.99, and 20 is 20.00."""
    written = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    try:
        amount = Decimal(written if len(written) <= _LONGEST_NUMBER else "NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or abs(amount) >= _LARGEST:
        raise _wrong(value, what, "a price such as 19.99")
    cents = amount.quantize(_CENT)
    return cents if cents == amount else amount


def amount_json(amount: Decimal) -> float | str:
    """Return a price as a number, or as a text where a number can't hold all its digits."""
    number = float(amount)
    return number if Decimal(repr(number)) == amount else str(amount)


def choice_of(value: Any, kind: type[Choice], what: str) -> Choice:
    """Return a member of a closed choice."""
    try:
        return kind(value)
    except ValueError:
        raise _wrong(value, what, f"one of {', '.join(kind)}") from None


def items_of(value: Any, what: str, read: Callable[[Any, str], Value]) -> tuple[Value, ...]:
    """Return what a list holds, each item read by `read`."""
    if not isinstance(value, list | tuple):
        raise _wrong(value, what, "a list")
    return tuple(read(item, f"{what}[{at}]") for at, item in enumerate(value))


def texts_of(value: Any, what: str) -> tuple[str, ...]:
    """Return a list of texts."""
    return items_of(value, what, text_of)


def path_of(value: Any, what: str) -> tuple[str, ...]:
    """Return a category path, from a list of its names or from `A > B`."""
    names = parse_path(value, what) if isinstance(value, str) else texts_of(value, what)
    if not all(map(str.strip, names)):
        raise UsageError(f"{what} has an empty name; leave the name out, or the whole category")
    return names


def own_path_of(value: Any, what: str) -> tuple[str, ...]:
    """Return the category path of one thing, which may have none: null, an empty list or an empty text."""
    return () if value is None or value == "" else path_of(value, what)


def parse_path(text: str, what: str) -> tuple[str, ...]:
    """Read a category path from its text form, `A > B`."""
    names = tuple(" ".join(name.split()) for name in text_of(text, what).split(PATH_SEPARATOR.strip()))
    if not all(names):
        raise UsageError(f"{what} {text!r} has an empty name; write it as 'A > B'")
    return names


def kind_of(value: Any) -> str:
    """Return what kind of JSON a value is, for a complaint."""
    return str(value).lower() if isinstance(value, bool) else _KINDS.get(type(value), type(value).__name__)


def optional(value: Any, what: str, read: Callable[[Any, str], Value]) -> Value | None:
    """Return nothing for null, else what `read` makes of the value."""
    return None if value is None else read(value, what)


def _wrong(value: Any, what: str, expected: str) -> UsageError:
    shown = "" if value is None or isinstance(value, bool | list | dict) else f" {_short(value)}"
    return UsageError(f"{what} is {kind_of(value)}{shown}; {expected} is expected")


def _short(value: Any) -> str:
    try:
        text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    except ValueError:  # a whole number of thousands of digits has no text
        return "of very many digits"
    return text if len(text) <= 60 else f"{text[:59]}…"


def _likely(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(str(name)[:100], known, 1)
    return f" (did you mean {near[0]!r}?)" if near else ""
