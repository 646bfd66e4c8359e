"""Pins and bans."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Le, MaxLen

from recommender.forms import CHOICE, STORABLE, STRICT, WHOLE, Form, OwnPath, Term, alternatives
from recommender.query.limits import MAX_RESULTS, MAX_SKU, Sku


class RuleAction(StrEnum):
    """What a rule does: put a product at a place of the answer, or keep it out."""

    PIN = "pin"
    BAN = "ban"


def _read_moment(value: Any, typed: bool) -> Any:
    """Return a date (its first moment) or a date with a time, in UTC unless it names a zone."""
    if value is None:
        return None
    try:
        moment = value if typed else datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, AttributeError):
        raise ValueError("write 2026-12-01 or 2026-12-01T08:00:00+01:00") from None


def _write_moment(moment: datetime) -> str:
    """Return a moment as ISO 8601."""
    return _read_moment(moment, typed=True).isoformat()  # type: ignore[no-any-return]


_MomentText = Annotated[str, Term("A moment in UTC.", format="date-time")]
Moment = Annotated[datetime, Form(_read_moment, datetime, _write_moment, _MomentText)]
_BLANK = {"pattern": r"^\s*$"}
_SOMEWHERE = {"anyOf": [{"type": "array", "minItems": 1}, {"type": "string", "minLength": 1}]}
_NOWHERE = {"anyOf": [{"type": "array", "maxItems": 0}, {"type": "string", "maxLength": 0}, {"type": "null"}]}


@dataclass(frozen=True, slots=True)
class Rule:
    """A pin or a ban of one product, made by a person.

    It holds for searches of the text `query` (compared without regard to case and spacing), or for queries about the
    category path `category` and those below it: a product of it, or a filter on it. With neither a ban holds
    everywhere; a pin needs one of the two. `position` of a pin counts from 1. Dates are UTC; it holds from `starts_at`
    until just before `ends_at`.
    """

    __pydantic_config__: ClassVar = STRICT | {
        "json_schema_extra": alternatives(
            {"action": "pin", "sku": "OS-1127", "query": "walking boots", "position": 1},
            {"query": {"pattern": r"\S"}, "category?": _NOWHERE},
            {
                "category": {"anyOf": [{"type": "array", "minItems": 1}, {"type": "string", "minLength": 1}]},
                "query?": _BLANK,
            },
            {"action": {"const": "ban"}, "query?": _BLANK, "category?": _NOWHERE},
        )
    }

    action: Annotated[RuleAction, CHOICE]
    sku: Annotated[Sku, MaxLen(MAX_SKU)]
    query: Annotated[str, STORABLE] = ""
    category: OwnPath = ()
    position: Annotated[int, Ge(1), Le(MAX_RESULTS), WHOLE] = 1
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    note: Annotated[str, STORABLE] = ""
    id: Annotated[int, Ge(0), Le(2**31 - 1), WHOLE] = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The pins and bans, oldest first."""

    rules: tuple[Rule, ...]
