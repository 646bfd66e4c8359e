"""What the statements of this package share: chunked lists, and inserts that know about conflicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar, cast

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from recommender.database.tables import Base

IN_LIMIT = 900
"""Values in one IN list: SQLite before 3.32 takes 999 variables a statement, and a few stand beside the list."""

Value = TypeVar("Value")


def in_chunks(values: Sequence[Value], size: int = IN_LIMIT) -> Iterator[Sequence[Value]]:
    """Cut a list into pieces that fit an IN list."""
    return (values[start : start + size] for start in range(0, len(values), size))


def table_of(row: type[Base]) -> Table:
    """Return the table of a mapped class, for statements that need no objects."""
    return cast(Table, row.__table__)


def insert_into(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that takes `on_conflict_do_...`, in the dialect of the session's database."""
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
