"""Pins and bans of single products, for a query, below a category, or everywhere; and synonyms of words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import delete, select

from recommender.catalogue.categories import normal_path
from recommender.database.engine import Database
from recommender.database.tables import RuleRow
from recommender.errors import BadInput, NotFound
from recommender.feeds.products import MAX_SKU, unstorable
from recommender.query import MAX_RESULTS, Rule, RuleAction
from recommender.types import PATH_SEPARATOR, category_path

_LARGEST_ID = 2**31 - 1
"""The largest value of an id column."""


def fold_query(text: str) -> str:
    """Return a search text as rules compare it: no case, single spaces."""
    return " ".join(text.split()).casefold()


class RuleStore:
    """The rules table. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[Rule]:
        """Return all rules, in force or not, oldest first."""
        with self._database.reading() as session:
            return [_rule(row) for row in session.scalars(select(RuleRow).order_by(RuleRow.id))]

    def add(self, rule: Rule) -> Rule:
        """Keep a rule and return it with its id. The product need not be in the catalogue yet.

        Raises `BadInput` for a rule that could never take effect.
        """
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
        with self._database.writing() as session:
            row = RuleRow(
                action=rule.action.value,
                sku=rule.sku,
                query=rule.query,
                category=category_path(rule.category),
                position=rule.position,
                starts_at=rule.starts_at,
                ends_at=rule.ends_at,
                note=rule.note,
                means=rule.means,
                one_way=rule.one_way,
            )
            session.add(row)
            session.flush()
            return replace(rule, id=row.id)

    def remove(self, identity: int) -> None:
        """Remove a rule. Raises `NotFound` when there is none with this id."""
        removed = None
        if 0 < identity <= _LARGEST_ID:
            with self._database.writing() as session:
                removed = session.scalar(delete(RuleRow).where(RuleRow.id == identity).returning(RuleRow.id))
        if removed is None:
            raise NotFound(f"no rule has the id {identity}; see `recommender rules list`")


def is_in_force(rule: Rule, at: datetime) -> bool:
    """Tell whether a rule is in force at a time, by its dates."""
    return (rule.starts_at is None or rule.starts_at <= at) and (rule.ends_at is None or at < rule.ends_at)


def _problem(rule: Rule) -> str:
    if rule.action is RuleAction.SYNONYM:
        if not rule.query or not rule.means:
            return "a synonym needs words and what they mean, as 'sneaker' and 'trainers'"
        if rule.sku or rule.category:
            return "a synonym is about words; leave out its SKU and its category"
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
        return f"a rule from {rule.starts_at:%Y-%m-%d %H:%M} until {rule.ends_at:%Y-%m-%d %H:%M} never holds"
    return ""


def _utc(time: datetime | None) -> datetime | None:
    """Read a time without a zone as UTC."""
    if time is None:
        return None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _rule(row: RuleRow) -> Rule:
    return Rule(
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
