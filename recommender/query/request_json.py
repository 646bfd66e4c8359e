"""Filters and options as JSON. What stands at its default is left out, and is the default when it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from recommender.query import Boost, Fallback, Filters, Mode, Options, Strategy, Variants
from recommender.query.boosts import boost_from, boost_json
from recommender.query.reading import (
    amount_json,
    amount_of,
    choice_of,
    flag_of,
    integer_of,
    items_of,
    members_of,
    number_of,
    object_of,
    optional,
    path_of,
    text_of,
    texts_of,
)
from recommender.types import JsonObject

Read = Callable[[Any, str], Any]


def _attributes(value: Any, what: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if isinstance(value, list):
        return items_of(value, what, _attribute)
    return tuple(
        (text_of(name, what), _values(values, f"{what}.{name}")) for name, values in object_of(value, what).items()
    )


def _attribute(value: Any, what: str) -> tuple[str, tuple[str, ...]]:
    members = members_of(value, what, ("name", "values"))
    return text_of(members.get("name"), f"{what}.name"), _values(members.get("values"), f"{what}.values")


def _values(value: Any, what: str) -> tuple[str, ...]:
    return (text_of(value, what),) if isinstance(value, str) else texts_of(value, what)


def _paths(value: Any, what: str) -> tuple[tuple[str, ...], ...]:
    return items_of(value, what, path_of)


def _boosts(value: Any, what: str) -> tuple[Boost, ...]:
    return items_of(value, what, boost_from)


def _amount(value: Any, what: str) -> Any:
    return optional(value, what, amount_of)


def _score(value: Any, what: str) -> Any:
    return optional(value, what, number_of)


_FILTERS: dict[str, Read] = {
    "categories": _paths,
    "brands": texts_of,
    "exclude_brands": texts_of,
    "price_min": _amount,
    "price_max": _amount,
    "in_stock": flag_of,
    "attributes": _attributes,
    "exclude_skus": texts_of,
    "exclude_groups": texts_of,
    "min_score": _score,
}

_OPTIONS: dict[str, Read] = {
    "mode": lambda value, what: choice_of(value, Mode, what),
    "variants": lambda value, what: choice_of(value, Variants, what),
    "offset": integer_of,
    "diversity": number_of,
    "boosts": _boosts,
    "strategy": lambda value, what: choice_of(value, Strategy, what),
    "fallback": lambda value, what: choice_of(value, Fallback, what),
    "rules": flag_of,
    "explain": flag_of,
    "facets": flag_of,
    "model": text_of,
}

_NO_FILTERS, _NO_OPTIONS = Filters(), Options()


def filters_from(value: Any) -> Filters:
    """Read filters from their JSON form. Categories are lists of names or `A > B`; attributes `{name: values}`."""
    members = members_of(value, "filters", tuple(_FILTERS))
    return Filters(**{name: _FILTERS[name](given, f"filters.{name}") for name, given in members.items()})


def options_from(value: Any) -> Options:
    """Read options from their JSON form. A boost is an object or its text form."""
    members = members_of(value, "options", tuple(_OPTIONS))
    return Options(**{name: _OPTIONS[name](given, f"options.{name}") for name, given in members.items()})


def filters_json(filters: Filters) -> JsonObject:
    """Return the JSON form of filters: what does not restrict is left out."""
    form = _changed(filters, _NO_FILTERS)
    if "categories" in form:
        form["categories"] = [list(path) for path in filters.categories]
    for name in ("brands", "exclude_brands", "exclude_skus", "exclude_groups"):
        if name in form:
            form[name] = list(form[name])
    for name in ("price_min", "price_max"):
        if name in form:
            form[name] = amount_json(form[name])
    if "attributes" in form:
        form["attributes"] = _attributes_json(filters.attributes)
    return form


def options_json(options: Options) -> JsonObject:
    """Return the JSON form of options: what stands at its default is left out."""
    form = _changed(options, _NO_OPTIONS)
    for name in ("mode", "variants", "strategy", "fallback"):
        if name in form:
            form[name] = form[name].value
    if "boosts" in form:
        form["boosts"] = [boost_json(boost) for boost in options.boosts]
    return form


def _attributes_json(attributes: tuple[tuple[str, tuple[str, ...]], ...]) -> Any:
    if len({name for name, _ in attributes}) == len(attributes):
        return {name: list(values) for name, values in attributes}
    # One name twice asks for a value of each list, which an object can't say.
    return [{"name": name, "values": list(values)} for name, values in attributes]


def _changed(value: Filters | Options, default: Filters | Options) -> JsonObject:
    found = ((field.name, getattr(value, field.name)) for field in fields(value))
    return {name: given for name, given in found if given != getattr(default, name)}
