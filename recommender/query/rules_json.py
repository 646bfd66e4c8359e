"""A pin or a ban as JSON. Moments are in UTC, as ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from recommender.errors import UsageError
from recommender.query import Rule, RuleAction
from recommender.query.reading import choice_of, integer_of, members_of, optional, own_path_of, required, text_of
from recommender.types import JsonObject

_FIELDS = ("id", "action", "sku", "query", "category", "position", "starts_at", "ends_at", "note")


def rule_json(rule: Rule) -> JsonObject:
    """Return the JSON form of a rule, with every field."""
    return {
        "id": rule.id,
        "action": rule.action.value,
        "sku": rule.sku,
        "query": rule.query,
        "category": list(rule.category),
        "position": rule.position,
        "starts_at": _moment_json(rule.starts_at),
        "ends_at": _moment_json(rule.ends_at),
        "note": rule.note,
    }


def rule_from(value: Any, what: str = "rule") -> Rule:
    """Read a rule from its JSON form; only `action` and `sku` must be there. If it makes sense is not asked here."""
    members = members_of(value, what, _FIELDS)
    return Rule(
        action=choice_of(required(members, "action", what), RuleAction, f"{what}.action"),
        sku=text_of(required(members, "sku", what), f"{what}.sku"),
        query=text_of(members.get("query", ""), f"{what}.query"),
        category=own_path_of(members.get("category"), f"{what}.category"),
        position=integer_of(members.get("position", 1), f"{what}.position"),
        starts_at=optional(members.get("starts_at"), f"{what}.starts_at", parse_moment),
        ends_at=optional(members.get("ends_at"), f"{what}.ends_at", parse_moment),
        note=text_of(members.get("note", ""), f"{what}.note"),
        id=integer_of(members.get("id", 0), f"{what}.id"),
    )


def parse_moment(value: Any, what: str) -> datetime:
    """Read a date (its first moment) or a date with a time; without a zone it is in UTC."""
    try:
        moment = datetime.fromisoformat(text_of(value, what))
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise UsageError(f"{what} is {value[:60]!r}; write 2026-12-01 or 2026-12-01T08:00:00+01:00") from None


def _moment_json(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()
