"""A query as texts: the parameters of an address, both ways, as the request's type declares them.

What an address says is turned into JSON and read as a body is, so that both take the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, urlencode

from pydantic.fields import FieldInfo

from recommender.errors import UsageError
from recommender.query.boost import Boost
from recommender.query.limits import MAX_FILTER_VALUES, Named
from recommender.query.logged_search import LoggedSearchesRequest
from recommender.query.request import QueryRequest
from recommender.query.serialization import from_value, to_json, unknown_field
from recommender.query.suggestion import SuggestRequest
from recommender.types import category_path

Request = TypeVar("Request")
Parameters = tuple[tuple[str, str], ...]

MAX_PARAMETERS = 4 * MAX_FILTER_VALUES
"""Parameters of one request, repeated ones counted each time."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A field that a text can say, and the `part` of the request that holds it; `base` is its type without limits."""

    field: str
    part: str
    base: Any
    info: FieldInfo
    named: Named
    default: Any

    @property
    def name(self) -> str:
        """Its name in an address."""
        return self.named.name or self.field

    @property
    def many(self) -> bool:
        """Whether it may be repeated."""
        return get_origin(self.base) is tuple

    @property
    def required(self) -> bool:
        """Whether an address has to say it: what the query is about."""
        return not self.part and self.default in (MISSING, None)


def _parameters_of(kind: Any) -> dict[str, Parameter]:
    """Return the fields of a request that have a description by name: its own, those of its filters and its options."""
    found: list[Parameter] = []
    plain, full = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        hint, base = full[field.name], plain[field.name]
        if is_dataclass(base):
            found += (replace(each, part=field.name) for each in parameters_of(base).values())
        elif (info := FieldInfo.from_annotation(hint)).description:
            named = next((mark for mark in get_args(hint) if isinstance(mark, Named)), Named())
            base = get_args(base)[0] if NoneType in get_args(base) else base
            found.append(Parameter(field.name, "", base, info, named, field.default))
    return {parameter.name: parameter for parameter in found}


parameters_of: Callable[[Any], dict[str, Parameter]] = cache(_parameters_of)


def read_address(kind: type[Request], query: bytes) -> Request:
    """Read a query string. Raises `UsageError` that names the parameter which is wrong, missing or unknown."""
    known = parameters_of(kind)
    members: dict[str, Any] = {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise UsageError("the query string is not UTF-8; encode each text in it with %XX") from None
    except ValueError:
        raise UsageError(f"more than {MAX_PARAMETERS} parameters; send the query in a POST") from None
    for name, text in pairs:
        if (parameter := known.get(name)) is None:
            raise unknown_field("the request", name, tuple(known))
        target = members.setdefault(parameter.part, {}) if parameter.part else members
        value = _value(parameter, text)
        if parameter.many:
            target.setdefault(parameter.field, []).append(value)
        elif parameter.field in target:
            raise UsageError(f"the parameter {name!r} is given twice")
        else:
            target[parameter.field] = value
    for name, parameter in known.items():
        if parameter.required and parameter.field not in members:
            raise UsageError(f"the parameter {name!r} is missing")
    return from_value(kind, members, "the request", {each.field: name for name, each in known.items()})


def write_address(request: QueryRequest | SuggestRequest | LoggedSearchesRequest) -> Parameters | None:
    """Return the parameters that say a checked request, as short as can be; None where only a body can say it."""
    for short in (True, False):
        found = tuple(_texts(request, short))
        with suppress(UsageError):
            if read_address(type(request), urlencode(found).encode()) == request:
                return found
    return None


def _texts(request: QueryRequest | SuggestRequest | LoggedSearchesRequest, short: bool) -> Iterator[tuple[str, str]]:
    for name, parameter in parameters_of(type(request)).items():
        value = getattr(getattr(request, parameter.part) if parameter.part else request, parameter.field)
        if value != parameter.default:
            yield from ((name, _text(each, short)) for each in (value if parameter.many else (value,)))


def _text(value: Any, short: bool) -> str:
    """Return the text of one value; where the `short` one would be read as another, that of a body."""
    if isinstance(value, Boost):
        return value.text() if short else to_json(value).decode()
    if isinstance(value, tuple) and isinstance(value[-1], tuple):  # an attribute with its values
        name, values = value
        return f"{name}:{'|'.join(values)}" if short else json.dumps({"name": name, "values": values})
    if isinstance(value, tuple):
        return category_path(value) if short else json.dumps(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, str) else json.dumps(value)


def _value(parameter: Parameter, text: str) -> Any:
    """Return what a text is in JSON: a number, a truth value, or an object or a list as a body has them.

    Another text stays one, and is complained of where it is none that is expected.
    """
    if parameter.base is bool and text in ("0", "1"):
        return text == "1"
    if parameter.base in (bool, int, float) or (parameter.named.text and text.startswith(("{", "["))):
        with suppress(ValueError, RecursionError):
            return text if (value := json.loads(text)) is None else value
    return text
