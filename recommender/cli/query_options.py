"""The options of the commands that ask, made from the declared filters and options of a query."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, cast, get_args

import typer
from annotated_types import Ge, Le

from recommender.errors import UsageError
from recommender.query import DEFAULT_K, Filters, Options, QueryRequest
from recommender.query.parameters import Parameter, parameters_of

filtering = (
    "categories", "brands", "exclude_brands", "price_min", "price_max", "in_stock", "attributes", "exclude_skus",
    "exclude_groups",
)  # fmt: skip
"""What every query is filtered by."""

paging = ("variants", "offset", "rules", "facets", "model")
"""The options of every query."""

ranking = ("mode", "min_score", "diversity", "boosts", "fallback", "explain")
"""What queries can ask that rank by something."""

joining = ("strategy",)
"""What queries by several products can ask."""

Price = Annotated[str | None, typer.Option("--price", help="Price range: `10..50`, `..50` or `10..`.")]


@dataclass(frozen=True, slots=True)
class CommandQuery:
    """What the options of a command that asks come to."""

    k: int
    filters: Filters
    options: Options


_FIELDS = {parameter.field: parameter for parameter in parameters_of(QueryRequest)}

_PRICES = {"price_min": "--price", "price_max": "--price", "filters": "--price"}
"""What is said by one option: also what the filters are complained of as a whole for, the order of the prices."""


class QueryFlags:
    """The options of some fields of a query, as a group of a command's options: `read` returns what they come to."""

    def __init__(self, *groups: tuple[str, ...]) -> None:
        names = ["k", *(name for group in groups for name in group)]
        self.parameters = [_option(_FIELDS[name]) for name in names if name not in _PRICES]
        if "price_min" in names:
            self.parameters.append(_keyword("price", Price, None))

    @staticmethod
    def read(**given: Any) -> CommandQuery:
        """Return what the options come to. Raises `UsageError` for what can't be read."""
        return read_options(given)


def read_options(given: dict[str, Any]) -> CommandQuery:
    """Return what options come to, named as the fields are. Raises `UsageError` for what can't be read."""
    members: dict[str, Any] = {"k": DEFAULT_K, "filters": {}, "options": {}}
    texts = False
    for name, value in (given | _price_range(given.get("price"))).items():
        if value is not None and name != "price":
            field = _FIELDS[name]
            texts = texts or field.many or field.base is Decimal
            target = members[field.part] if field.part else members
            target[name] = not value if field.default is True else value
    if not texts:  # to read texts takes some milliseconds to prepare
        return CommandQuery(members["k"], Filters(**members["filters"]), Options(**members["options"]))
    from recommender.query.serialization import from_value

    names = (
        {name: _flag(field).rpartition("/")[2] for name, field in _FIELDS.items()} | _PRICES | {"filters": "--price"}
    )
    request = from_value(QueryRequest, members, "the query", names)
    return CommandQuery(request.k, request.filters, request.options)


def _option(field: Parameter) -> inspect.Parameter:
    kind, default = field.base, field.default
    if field.many:
        kind, default = list[str] | None, None
    elif kind is bool:
        default = False
    elif default is None:
        kind = kind | None
    limits: tuple[Any, ...] = get_args(field.kind)[1:]
    least = [mark.ge for mark in limits if isinstance(mark, Ge)]
    most = [mark.le for mark in limits if isinstance(mark, Le)]
    option = typer.Option(
        *_flag(field).split("/"),
        help=field.term.help,
        metavar=field.term.metavar,
        min=cast("float", least[0]) if least else None,
        max=cast("float", most[0]) if most else None,
    )
    return _keyword(field.field, Annotated[kind, option], default)


def _flag(field: Parameter) -> str:
    negated = "no-" if field.default is True else ""
    return field.term.option or f"--{negated}{field.name.replace('_', '-')}"


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _price_range(text: str | None) -> dict[str, str]:
    if text is None:
        return {}
    low, dots, high = map(str.strip, text.partition(".."))
    if not dots or not (low or high):
        raise UsageError(f"--price {text!r} is not a range; write 10..50, ..50 or 10..")
    return {name: bound for name, bound in (("price_min", low), ("price_max", high)) if bound}
