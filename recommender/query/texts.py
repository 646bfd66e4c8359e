"""Attribute filters and moments: their texts, and their JSON forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def read_attributes(value: Any, typed: bool) -> Any:
    """Return attribute filters as pairs of a name and its values.

    From JSON: `{name: values}`, or a list of `{"name": ..., "values": ...}` and of texts such as `colour:red|blue`.
    """
    if typed:
        if isinstance(value, Mapping):
            raise ValueError("give pairs, (('colour', ('red', 'blue')),)")
        return tuple(value) if isinstance(value, list) else value
    if isinstance(value, dict):
        return tuple((name, _values(values)) for name, values in value.items())
    return tuple(map(_read_attribute, value)) if isinstance(value, list) else value


def _read_attribute(value: Any) -> Any:
    if isinstance(value, str):
        name, _, values = value.partition(":")
        found = tuple(each.strip() for each in values.split("|") if each.strip())
        if not name.strip() or not found:
            raise ValueError("write colour:red or colour:red|blue")
        return name.strip(), found
    if isinstance(value, dict) and value.keys() == {"name", "values"}:
        return value["name"], _values(value["values"])
    raise ValueError('an attribute is {"name": ..., "values": [...]}, or a text such as colour:red|blue')


def _values(values: Any) -> Any:
    return (values,) if isinstance(values, str) else tuple(values) if isinstance(values, list) else values


def write_attributes(attributes: tuple[tuple[str, tuple[str, ...]], ...]) -> Any:
    """Return the JSON form of attribute filters: an object, or a list where a name stands in it twice."""
    if len({name for name, _ in attributes}) == len(attributes):
        return {name: list(values) for name, values in attributes}
    return [{"name": name, "values": list(values)} for name, values in attributes]


def read_moment(value: Any, typed: bool) -> Any:
    """Return a date (its first moment) or a date with a time, in UTC unless it names a zone."""
    if value is None:
        return None
    try:
        moment = value if typed else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise ValueError("write 2026-12-01 or 2026-12-01T08:00:00+01:00") from None


def write_moment(moment: datetime) -> str:
    """Return a moment as ISO 8601."""
    return read_moment(moment, typed=True).isoformat()  # type: ignore[no-any-return]
