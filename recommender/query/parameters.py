"""A query as texts: the parameters of an address, both ways, as the request's type declares them.

What an address says is turned into JSON and read as a body is, so that both take the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cache
from types import NoneType
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from recommender.errors import UsageError
from recommender.forms import Term
from recommender.query.boost import Boost
from recommender.query.filters import Filters
from recommender.query.limits import MAX_FILTER_VALUES
from recommender.query.request import Options, QueryRequest
from recommender.query.serialization import from_json, unknown_field
from recommender.types import category_path

Request = TypeVar("Request")
Parameters = tuple[tuple[str, str], ...]

MAX_PARAMETERS = 4 * MAX_FILTER_VALUES
"""Parameters of one request, repeated ones counted each time."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A field that a text can say. `kind` is its type with its limits, `base` the type alone, `part` what holds it."""

    name: str
    field: str
    part: str
    kind: Any
    base: Any
    term: Term
    default: Any

    @property
    def many(self) -> bool:
        """Whether it may be repeated."""
        return get_origin(self.base) is tuple


def parameters_of(kind: Any) -> tuple[Parameter, ...]:
    """Return the fields of a request that have a term: its own, those of its filters, and those of its options."""
    return tuple(_table(kind)[0].values())


def _fields_with_terms(kind: Any, part: str = "") -> Iterator[Parameter]:
    plain, full = get_type_hints(kind), get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        if plain[field.name] in (Filters, Options):
            yield from _fields_with_terms(plain[field.name], field.name)
        marks = get_args(full[field.name])[1:] if get_origin(full[field.name]) is Annotated else ()
        for term in (mark for mark in marks if isinstance(mark, Term)):
            base, *optional = get_args(plain[field.name]) or (plain[field.name],)
            base = base if optional == [NoneType] else plain[field.name]
            name = term.name or field.name
            yield Parameter(name, field.name, part, full[field.name], base, term, field.default)


@cache
def _table(kind: Any) -> tuple[dict[str, Parameter], dict[str, str]]:
    """Return the parameters of a request by name, and the name of each field."""
    found = {parameter.name: parameter for parameter in _fields_with_terms(kind)}
    return found, {parameter.field: name for name, parameter in found.items()}


def read_address(kind: type[Request], query: bytes) -> Request:
    """Read a query string. Raises `UsageError` that names the parameter which is wrong, missing or unknown."""
    from pydantic_core import to_json

    known, names = _table(cast("Any", kind))
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
        value = _literal(text) if parameter.base in (bool, int, float) else text
        if parameter.many:
            target.setdefault(parameter.field, []).append(value)
        elif parameter.field in target:
            raise UsageError(f"the parameter {name!r} is given twice")
        else:
            target[parameter.field] = value
    for name, parameter in known.items():
        if parameter.term.required and parameter.field not in members:
            raise UsageError(f"the parameter {name!r} is missing")
    return from_json(kind, to_json(members), "the request", names)


def write_address(request: QueryRequest) -> Parameters | None:
    """Return the parameters that say a checked request; None where only JSON can say it."""
    from urllib.parse import urlencode

    found = tuple(_texts(request))
    try:
        same = read_address(type(request), urlencode(found).encode()) == request
    except UsageError:
        return None
    return found if same else None


def _texts(request: QueryRequest) -> Iterator[tuple[str, str]]:
    for parameter in parameters_of(type(request)):
        value = getattr(getattr(request, parameter.part) if parameter.part else request, parameter.field)
        if value != parameter.default:
            yield from ((parameter.name, _text(each)) for each in (value if parameter.many else (value,)))


def _text(value: Any) -> str:
    if isinstance(value, Boost):
        return value.text()
    if isinstance(value, tuple):  # an attribute with its values, or a category path
        return f"{value[0]}:{'|'.join(value[1])}" if isinstance(value[-1], tuple) else category_path(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, str) else json.dumps(value)


def _literal(text: str) -> Any:
    """Return a number or a truth value that a text is in JSON; another text stays one, and is complained of."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text
