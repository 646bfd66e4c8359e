"""The options of the commands that query, made from the declared filters and options of a query."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer
from annotated_types import Ge, Le

from recommender.errors import UsageError
from recommender.query import Filters, Options, QueryRequest
from recommender.query.parameters import Parameter, parameters_of

RANKING = ("mode", "words", "min_score", "diversity", "boosts", "fallback", "explain")
"""Options that make sense only if products are ranked by something."""

JOINING = ("strategy",)
"""Options that make sense only if several products are one query."""

SEARCHING = ("min_confidence", "prefix", "correct", "understand")
"""Options that make sense only if words are searched."""

_PRICES = ("price_min", "price_max")

Price = Annotated[str | None, typer.Option("--price", help="Price range: `10..50`, `..50` or `10..`.")]


class RequestFlags:
    """The options of a request, without some, as a group of a command's options: `read` returns the request."""

    def __init__(self, kind: type[Any] = QueryRequest, without: tuple[str, ...] = ()) -> None:
        self._kind = kind
        self._fields = {each.field: each for each in parameters_of(kind).values() if each.field not in without}
        self.parameters = [_option(each) for name, each in self._fields.items() if name not in _PRICES]
        if _PRICES[0] in self._fields:
            self.parameters.append(_keyword("price", Price, None))

    def read(self, **given: Any) -> Any:
        """Return the request for options named like its fields. Raises `UsageError` for one that can't be read."""
        from recommender.query.serialization import from_value

        if (price := given.pop("price", None)) is not None:
            low, dots, high = map(str.strip, price.partition(".."))
            if not dots or not (low or high):
                raise UsageError(f"--price {price!r} is not a range; write 10..50, ..50 or 10..")
            given |= {name: bound for name, bound in zip(_PRICES, (low, high), strict=True) if bound}
        parts: dict[str, dict[str, Any]] = {"": {}, "filters": {}, "options": {}}
        for name, value in given.items():
            field = self._fields[name]
            value = not value if field.default is True else value
            if value not in (None, field.default):
                parts[field.part][name] = value
        names = {name: _flag(field).rpartition("/")[2] for name, field in self._fields.items()}
        # Each part is read only if some of its options were given: preparing to read texts takes some milliseconds.
        for part, kind, what in (("filters", Filters, "--price"), ("options", Options, "")):
            if parts[part]:
                parts[""][part] = from_value(kind, parts[part], what, names)
        return self._kind(**parts[""])


def _option(field: Parameter) -> inspect.Parameter:
    text = field.info.description or ""
    if field.required:
        return _keyword(field.field, Annotated[field.base, typer.Argument(help=text)], inspect.Parameter.empty)
    kind, default = field.base, field.default
    if field.many:
        kind, default = list[str] | None, None
    elif kind is bool:
        default = False
    elif default is None:
        kind = kind | None
    limits: dict[type, Any] = {type(mark): mark for mark in field.info.metadata}
    option = typer.Option(
        *_flag(field).split("/"),
        help=f"Do not {text[0].lower()}{text[1:]}" if field.default is True else text,
        metavar=field.metavar,
        min=limits[Ge].ge if Ge in limits else None,
        max=limits[Le].le if Le in limits else None,
    )
    return _keyword(field.field, Annotated[kind, option], default)


def _flag(field: Parameter) -> str:
    if field.field in _PRICES:
        return "--price"  # one option says both
    negated = "no-" if field.default is True else ""
    return field.option or f"--{negated}{field.name.replace('_', '-')}"


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
