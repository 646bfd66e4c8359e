"""A query as texts: the parameters of an address, both ways, as the request's type declares them.

The address is turned into JSON and then read like a body, so that both accept the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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
from recommender.query.limits import MAX_FILTER_VALUES
from recommender.query.request import LoggedSearchesRequest, QueryRequest, SuggestRequest
from recommender.query.serialization import from_value, to_json, unknown_field
from recommender.types import category_path

Request = TypeVar("Request")
Parameters = tuple[tuple[str, str], ...]

MAX_PARAMETERS = 4 * MAX_FILTER_VALUES
"""Parameters of one request, repeated ones counted each time."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A field that a text can say, as `limits.parameter` declares it, and the `part` of the request that has it.

    `base` is its type without limits, `name` its name in an address.
    """

    field: str
    part: str
    base: Any
    info: FieldInfo
    default: Any
    name: str
    option: str
    metavar: str | None
    text: Any

    @property
    def many(self) -> bool:
        """Whether it may be repeated."""
        return get_origin(self.base) is tuple

    @property
    def required(self) -> bool:
        """Whether an address must have it: what the query is about."""
        return not self.part and self.default in (MISSING, None)


def _parameters_of(kind: Any) -> dict[str, Parameter]:
    """Return the parameters of a request by their names: its own, and those of its filters and options."""
    found: list[Parameter] = []
    plain, full = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        base = plain[field.name]
        if is_dataclass(base):
            found += (replace(each, part=field.name) for each in parameters_of(base).values())
        elif said := field.metadata:
            info = FieldInfo.from_annotated_attribute(full[field.name], field)
            base = get_args(base)[0] if NoneType in get_args(base) else base
            name = said["name"] or field.name
            found.append(
                Parameter(
                    field.name, "", base, info, field.default, name, said["option"], said["metavar"], said["text"]
                )
            )
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
        # A number, a truth value, or an object or a list as bodies have them. Any other text stays a text; if none is
        # expected, the complaint comes later.
        value: Any = text
        if parameter.base is bool and text in ("0", "1"):
            value = text == "1"
        elif parameter.base in (bool, int, float) or (parameter.text and text.startswith(("{", "["))):
            with suppress(ValueError, RecursionError):
                value = text if (parsed := json.loads(text)) is None else parsed
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
    """Return the parameters that say a checked request, as short as can be; None if only a body can say it."""
    values: list[tuple[str, Any]] = []
    for name, parameter in parameters_of(type(request)).items():
        value = getattr(getattr(request, parameter.part) if parameter.part else request, parameter.field)
        if value != parameter.default:
            values += ((name, each) for each in (value if parameter.many else (value,)))
    for short in (True, False):
        found = tuple((name, _text(value, short)) for name, value in values)
        with suppress(UsageError):
            if read_address(type(request), urlencode(found).encode()) == request:
                return found
    return None


def _text(value: Any, short: bool) -> str:
    """Return the text of one value: the short one, or that of a body if the short one would be read as another."""
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
