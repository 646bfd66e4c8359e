"""Lists in chunks, fast inserts of many rows, and inserts that resolve conflicts, on both databases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sqlalchemy import Table, UpdateBase
from sqlalchemy.orm import Session

from recommender.database.tables import Base

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

IN_LIMIT = 900
"""Values in one IN list: SQLite before 3.32 takes 999 variables a statement, and a few are beside the list."""

Value = TypeVar("Value")


def in_chunks(values: Sequence[Value], size: int = IN_LIMIT) -> Iterator[Sequence[Value]]:
    """Cut a list into pieces that fit an IN list."""
    return (values[start : start + size] for start in range(0, len(values), size))


def table_of(row: type[Base]) -> Table:
    """Return the table of a mapped class, for statements that need no objects."""
    return cast(Table, row.__table__)


def execute_many(session: Session, statement: UpdateBase, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement once for each row, as `session.execute` does. Values that all rows share are part of it.

    On SQLite the rows go straight to the driver: SQLAlchemy examines every value of every row again, which took longer
    than SQLite took to write them.
    """
    if session.get_bind().dialect.name != "sqlite":
        session.execute(statement, rows)
        return
    connection = session.connection()
    dialect = connection.dialect
    compiled = statement.compile(dialect=dialect, column_keys=list(rows[0]))
    names = compiled.positiontup or []
    processors = {name: compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in names}
    shared = {name: value for name, value in compiled.params.items() if name not in rows[0]}
    shared |= {name: process(shared[name]) for name in shared if (process := processors[name])}
    own = [(name, process) for name, process in processors.items() if process and name not in shared]
    values_of = itemgetter(*names)
    parameters = [values_of({**shared, **row, **{name: process(row[name]) for name, process in own}}) for row in rows]
    connection.exec_driver_sql(str(compiled), parameters)


def insert_into(session: Session, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Return an INSERT that has `on_conflict_do_...`, in the dialect of the session's database."""
    # Imported here: a query needs neither, and PostgreSQL's dialect alone takes 25 ms.
    if session.get_bind().dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
