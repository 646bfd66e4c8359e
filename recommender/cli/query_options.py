"""The options of the commands that ask, made from the declared filters and options of a query."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer
from annotated_types import Ge, Le

from recommender.errors import UsageError
from recommender.query import NO_FILTERS, NO_OPTIONS, Filters, Options, QueryRequest
from recommender.query.parameters import Parameter, parameters_of

RANKING = ("mode", "words", "min_score", "diversity", "boosts", "fallback", "explain")
"""What makes sense only where products are ranked by something."""

JOINING = ("strategy",)
"""What makes sense only where several products are one query."""

SEARCHING = ("min_confidence", "prefix", "correct", "understand")
"""What makes sense only where words are looked for."""

_PRICES = ("price_min", "price_max")

Price = Annotated[str | None, typer.Option("--price", help="Price range: `10..50`, `..50` or `10..`.")]


class QueryFlags:
    """The options of a query but for some, as a group of a command's options: `read` returns what they come to."""

    def __init__(self, without: tuple[str, ...] = ()) -> None:
        self.parameters = [flag for flag in _FLAGS if flag.name not in without]

    @staticmethod
    def read(**given: Any) -> QueryRequest:
        """Return what the options come to, named as the fields are. Raises `UsageError` for what can't be read."""
        return read_options(given)


def read_options(given: dict[str, Any]) -> QueryRequest:
    """Return what options come to, named as the fields are. Raises `UsageError` for what can't be read."""
    from recommender.query.serialization import from_value

    parts: dict[str, dict[str, Any]] = {"": {}, "filters": {}, "options": {}}
    for name, value in (given | _price_range(given.pop("price", None))).items():
        field = _FIELDS[name]
        value = not value if field.default is True else value
        if value not in (None, field.default):
            parts[field.part][name] = value
    names = {name: _flag(field).rpartition("/")[2] for name, field in _FIELDS.items()}
    # Each part is read only if something of it was given: to read texts takes some milliseconds to prepare.
    filters = from_value(Filters, parts["filters"], "--price", names) if parts["filters"] else NO_FILTERS
    options = from_value(Options, parts["options"], "", names) if parts["options"] else NO_OPTIONS
    return QueryRequest(filters=filters, options=options, **parts[""])


def _option(field: Parameter) -> inspect.Parameter:
    kind, default = field.base, field.default
    if field.many:
        kind, default = list[str] | None, None
    elif kind is bool:
        default = False
    elif default is None:
        kind = kind | None
    limits: dict[type, Any] = {type(mark): mark for mark in field.info.metadata}
    text = field.info.description or ""
    option = typer.Option(
        *_flag(field).split("/"),
        help=f"Do not {text[0].lower()}{text[1:]}" if field.default is True else text,
        metavar=field.named.metavar,
        min=limits[Ge].ge if Ge in limits else None,
        max=limits[Le].le if Le in limits else None,
    )
    return _keyword(field.field, Annotated[kind, option], default)


def _flag(field: Parameter) -> str:
    if field.field in _PRICES:
        return "--price"  # one option says both
    negated = "no-" if field.default is True else ""
    return field.named.option or f"--{negated}{field.name.replace('_', '-')}"


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _price_range(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    low, dots, high = map(str.strip, text.partition(".."))
    if not dots or not (low or high):
        raise UsageError(f"--price {text!r} is not a range; write 10..50, ..50 or 10..")
    return {name: bound for name, bound in zip(_PRICES, (low, high), strict=True) if bound}


_FIELDS = {field.field: field for field in parameters_of(QueryRequest).values()}
_FLAGS = [_option(field) for name, field in _FIELDS.items() if name not in _PRICES] + [_keyword("price", Price, None)]
