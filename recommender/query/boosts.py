"""Boosts and attribute filters as JSON, and as the one-line texts of options and query parameters."""

from __future__ import annotations

from math import isfinite
from typing import Any

from recommender.errors import UsageError
from recommender.query import Boost, BoostKind
from recommender.query.reading import choice_of, members_of, number_of, required, text_of
from recommender.query.validation import check_boost
from recommender.types import JsonObject

_FIELDS = ("kind", "weight", "value", "name", "half_life_days")

_FORMS = "write in-stock=0.2, brand:Nike=0.3, attribute:colour:red=0.1, newness=0.5 or newness@7=0.5"

_DEFAULT = Boost(BoostKind.NEWNESS, 0.0)


def boost_json(boost: Boost) -> JsonObject:
    """Return the JSON form of a boost; fields at their defaults are left out."""
    form: JsonObject = {"kind": boost.kind.value, "weight": boost.weight}
    if boost.value:
        form["value"] = boost.value
    if boost.name:
        form["name"] = boost.name
    if boost.half_life_days != _DEFAULT.half_life_days:
        form["half_life_days"] = boost.half_life_days
    return form


def boost_from(value: Any, what: str = "boost") -> Boost:
    """Read a boost from its JSON form, or from its text form."""
    if isinstance(value, str):
        return parse_boost(value)
    members = members_of(value, what, _FIELDS)
    boost = Boost(
        kind=choice_of(required(members, "kind", what), BoostKind, f"{what}.kind"),
        weight=number_of(required(members, "weight", what), f"{what}.weight"),
        value=text_of(members.get("value", ""), f"{what}.value"),
        name=text_of(members.get("name", ""), f"{what}.name"),
        half_life_days=number_of(members.get("half_life_days", _DEFAULT.half_life_days), f"{what}.half_life_days"),
    )
    check_boost(boost)
    return boost


def boost_text(boost: Boost) -> str:
    """Return the text form of a boost, which `parse_boost` reads.

    Raises `UsageError` for an attribute whose name holds a colon: only JSON can say that.
    """
    if boost.kind is BoostKind.IN_STOCK:
        subject = boost.kind.value
    elif boost.kind is BoostKind.BRAND:
        subject = f"{boost.kind.value}:{boost.value}"
    elif boost.kind is BoostKind.ATTRIBUTE:
        if ":" in boost.name:
            raise UsageError(f"the attribute {boost.name!r} has a colon in its name; give the boost as JSON")
        subject = f"{boost.kind.value}:{boost.name}:{boost.value}"
    else:
        subject = boost.kind.value
        if boost.half_life_days != _DEFAULT.half_life_days:
            subject += f"@{boost.half_life_days!r}"
    return f"{subject}={boost.weight!r}"


def parse_boost(text: str) -> Boost:
    """Read a boost from its text form.

    `in-stock=0.2`, `brand:Nike=0.3`, `attribute:colour:red=0.1`, `newness=0.5`, `newness@7=0.5` (half-life: 7 days).
    """
    subject, sign, weight = text_of(text, "a boost").rpartition("=")
    name, colon, value = subject.partition(":")
    name, at, days = name.strip().partition("@")
    if not sign or name not in list(BoostKind) or (at and name != BoostKind.NEWNESS):
        raise UsageError(f"the boost {text[:100]!r} can't be read; {_FORMS}")
    kind = BoostKind(name)
    if bool(colon) != (kind in (BoostKind.BRAND, BoostKind.ATTRIBUTE)):
        raise UsageError(f"the boost {text[:100]!r} can't be read; {_FORMS}")
    boost = _boost(kind, _number(weight, text), value, _number(days, text) if at else _DEFAULT.half_life_days)
    check_boost(boost)
    return boost


def _boost(kind: BoostKind, weight: float, value: str, days: float) -> Boost:
    if kind is BoostKind.ATTRIBUTE:
        name, colon, value = value.partition(":")
        if not colon:
            raise UsageError(f"the boost of the attribute {name[:100]!r} names no value; {_FORMS}")
        return Boost(kind, weight, value, name)
    return Boost(kind, weight, value, half_life_days=days)


def parse_attribute(text: str) -> tuple[str, tuple[str, ...]]:
    """Read an attribute filter from its text form: `colour:red|blue` is a name and the values that fit."""
    name, colon, values = text_of(text, "an attribute").partition(":")
    found = tuple(value.strip() for value in values.split("|") if value.strip())
    if not colon or not name.strip() or not found:
        raise UsageError(f"the attribute {text[:100]!r} can't be read; write colour:red or colour:red|blue")
    return name.strip(), found


def attribute_text(name: str, values: tuple[str, ...]) -> str:
    """Return the text form of an attribute filter. Raises `UsageError` where only JSON can say it."""
    text = f"{name}:{'|'.join(values)}"
    if not values or parse_attribute(text) != (name, values):
        raise UsageError(f"the attribute {name!r} and its values have no text form; give them as JSON")
    return text


def _number(text: str, whole: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise UsageError(f"the boost {whole[:100]!r} has {text[:100]!r} where a number belongs; {_FORMS}")
    return number
