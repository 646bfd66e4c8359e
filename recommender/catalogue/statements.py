"""What the statements of this package share: chunked lists, and inserts that know about conflicts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from recommender.database.tables import Base

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

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
    # Imported here: a query needs neither, and PostgreSQL's dialect alone takes 25 ms.
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
