"""Pins and bans of single products, for a query, below a category, or everywhere; and synonyms of words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, select, update

from recommender.catalogue.categories import normal_path
from recommender.database.engine import Database
from recommender.database.tables import RuleRow
from recommender.errors import BadInput, NotFound
from recommender.feeds.products import MAX_SKU, unstorable
from recommender.query import MAX_RESULTS, Rule, RuleAction
from recommender.query.rule import fold_query
from recommender.types import PATH_SEPARATOR, category_path

_LARGEST_ID = 2**31 - 1
"""The largest value of an id column."""


class RuleStore:
    """The rules table. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[Rule]:
        """Return all rules, in force or not, oldest first."""
        with self._database.reading() as session:
            return [
                Rule(
                    action=RuleAction(row.action),
                    sku=row.sku,
                    query=row.query,
                    category=tuple(row.category.split(PATH_SEPARATOR)) if row.category else (),
                    position=row.position,
                    starts_at=row.starts_at,
                    ends_at=row.ends_at,
                    note=row.note,
                    means=row.means,
                    one_way=row.one_way,
                    id=row.id,
                )
                for row in session.scalars(select(RuleRow).order_by(RuleRow.id))
            ]

    def get(self, identity: int) -> Rule:
        """Return one rule. Raises `NotFound` when there is none with this id."""
        found = next((rule for rule in self.list() if rule.id == identity), None)
        if found is None:
            raise _unknown(identity)
        return found

    def add(self, rule: Rule) -> Rule:
        """Keep a rule and return it with its id. The product need not be in the catalogue yet.

        Raises `BadInput` for a rule that could never take effect.
        """
        rule = _valid_rule(rule)
        with self._database.writing() as session:
            row = RuleRow(**_columns(rule))
            session.add(row)
            session.flush()
            return replace(rule, id=row.id)

    def update(self, rule: Rule) -> Rule:
        """Replace the rule that has the same id, in one transaction, and return the new one.

        Raises `BadInput` as `add` does, and `NotFound` when there is none with this id.
        """
        rule = _valid_rule(rule)
        _check_id(rule.id)
        with self._database.writing() as session:
            statement = update(RuleRow).where(RuleRow.id == rule.id).values(_columns(rule)).returning(RuleRow.id)
            found = session.scalar(statement)
        if found is None:
            raise _unknown(rule.id)
        return rule

    def remove(self, identity: int) -> None:
        """Remove a rule. Raises `NotFound` when there is none with this id."""
        _check_id(identity)
        with self._database.writing() as session:
            removed = session.scalar(delete(RuleRow).where(RuleRow.id == identity).returning(RuleRow.id))
        if removed is None:
            raise _unknown(identity)


def _valid_rule(rule: Rule) -> Rule:
    """Return a rule as it is kept. Raises `BadInput` for one that could never take effect."""
    rule = replace(
        rule,
        sku=rule.sku.strip(),
        query=" ".join(rule.query.split()),
        category=normal_path(tuple(rule.category)),
        starts_at=_utc(rule.starts_at),
        ends_at=_utc(rule.ends_at),
        note=rule.note.strip(),
        means=" ".join(rule.means.split()),
    )
    if problem := _problem(rule):
        raise BadInput(problem)
    return rule


def _columns(rule: Rule) -> dict[str, Any]:
    return {
        "action": rule.action.value,
        "sku": rule.sku,
        "query": rule.query,
        "category": category_path(rule.category),
        "position": rule.position,
        "starts_at": rule.starts_at,
        "ends_at": rule.ends_at,
        "note": rule.note,
        "means": rule.means,
        "one_way": rule.one_way,
    }


def _check_id(identity: int) -> None:
    if not 0 < identity <= _LARGEST_ID:
        raise _unknown(identity)


def _unknown(identity: int) -> NotFound:
    return NotFound(f"no rule has the id {identity}; see `recommender rules list`")


def _problem(rule: Rule) -> str:
    if rule.action is RuleAction.SYNONYM:
        if not rule.query or not rule.means:
            return "a synonym needs words and what they mean, as 'sneaker' and 'trainers'"
        if rule.sku or rule.category:
            return "a synonym is about words; leave out its SKU and its category"
        if empty := next((text for text in (rule.query, rule.means) if not any(map(str.isalnum, text))), ""):
            return f"a synonym needs words, and {empty[:40]!r} has no letter or digit"
        if fold_query(rule.query) == fold_query(rule.means):
            return f"{rule.query[:40]!r} means itself already; give other words"
    elif rule.means or rule.one_way:
        return "only a synonym means other words; make a rule of its own"
    elif not rule.sku or len(rule.sku) > MAX_SKU:
        return f"a rule needs the SKU of a product, of 1 to {MAX_SKU} characters; got {rule.sku[:40]!r}"
    if found := unstorable(rule.sku + rule.query + rule.means + rule.note + "".join(rule.category)):
        return f"a rule holds {found}; remove it"
    if rule.query and rule.category:
        return "a rule is for a query or for a category, not for both; make two rules"
    if rule.action is RuleAction.PIN and not (rule.query or rule.category):
        return "a pin needs a query or a category; a product pinned everywhere would lead every answer"
    if not 1 <= rule.position <= MAX_RESULTS:
        return f"position {rule.position} of a pin; give 1 to {MAX_RESULTS}"
    if rule.starts_at and rule.ends_at and rule.starts_at >= rule.ends_at:
        return f"a rule from {rule.starts_at:%Y-%m-%d %H:%M} until {rule.ends_at:%Y-%m-%d %H:%M} never applies"
    return ""


def _utc(time: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC."""
    if time is None:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
