"""Copies the rows of one database into another, PostgreSQL to SQLite and back, as they were at one moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from sqlalchemy import URL, Connection, Integer, Table, delete, event, func, insert, select, text
from sqlalchemy.orm import Session

from recommender.database.engine import Database
from recommender.database.migrate import upgrade
from recommender.database.tables import Base, ImportRunRow
from recommender.errors import Unavailable

BATCH = 1000
"""Rows in memory at a time."""

ALONE_PATIENCE_MS = 5_000
"""How long to wait for other processes to close the database: enough for a short command, not for a service."""


def sqlite_file(path: Path) -> URL:
    """Return the URL of a SQLite file; its path may hold any characters."""
    return URL.create("sqlite", database=str(path))


def snapshot(database: Database, path: Path) -> None:
    """Copy the whole database, as it is at one moment, into a new SQLite file; others may write meanwhile.

    Raises `Unavailable` when it can't be read, or `path` can't be written.
    """
    with database.translating():
        if database.engine.dialect.name != "sqlite":
            with database.engine.connect() as connection:
                copy_rows(connection.execution_options(isolation_level="REPEATABLE READ"), path)
            return
        raw = database.engine.raw_connection()
        try:
            with closing(sqlite3.connect(path)) as copy:
                # In one step: a copy in several steps starts again whenever another process writes.
                cast(sqlite3.Connection, raw.driver_connection).backup(copy)
        except sqlite3.Error as error:
            raise Unavailable(
                f"{database.place} can't be copied to {path} ({error}); check disk and permissions"
            ) from error
        finally:
            raw.close()


def copy_rows(connection: Connection, path: Path) -> None:
    """Copy every table, as the transaction of `connection` sees it, into a new SQLite file."""
    with Database(sqlite_file(path)) as copy:
        upgrade(copy)
        with copy.writing() as session:
            for table in tables():
                for rows in _batches(connection, table):
                    session.execute(insert(table), rows)


def tables(names: Collection[str] | None = None) -> list[Table]:
    """Return our tables, or those with these names, each after the tables that its foreign keys refer to."""
    return [table for table in Base.metadata.sorted_tables if names is None or table.name in names]


def replace_rows(source: Database, session: Session, replaced: Sequence[Table]) -> None:
    """Replace the rows of tables by those of `source`, in the transaction of `session`; no other may refer to them."""
    for table in reversed(replaced):
        session.execute(delete(table))
    with source.translating(), source.engine.connect() as connection:
        for table in replaced:
            for rows in _batches(connection, table):
                session.execute(insert(table), rows)
    if session.get_bind().dialect.name == "postgresql":
        # PostgreSQL must number new rows after those that were written with their own numbers. A sequence is never set
        # back, since it is not part of the transaction: after a rollback, the rows that stay could have higher numbers.
        for table in replaced:
            for column in table.primary_key:
                if not isinstance(column.type, Integer):
                    continue
                sequence = session.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
                if sequence is None:
                    continue
                following = session.scalar(select(func.coalesce(func.max(column), 0) + 1))
                own = "CAST(:sequence AS regclass)"
                advance = text(f"SELECT setval({own}, GREATEST(:following, nextval({own})), false)")
                session.execute(advance, {"sequence": sequence, "following": following})


def _batches(connection: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    # By primary key: a category comes after its parent, which was made before it.
    found = connection.execute(select(table).order_by(*table.primary_key), execution_options={"yield_per": BATCH})
    for part in found.mappings().partitions():
        yield [dict(row) for row in part]


def prepare_exclusive_use(database: Database) -> None:
    """Give this process exclusive use of a SQLite database, from its first write until it is closed.

    Call this before the database is used. `lock_tables` then waits for the exclusive lock, and fails without it.
    """

    def lock(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA locking_mode=EXCLUSIVE")
        cursor.execute(f"PRAGMA busy_timeout={ALONE_PATIENCE_MS}")
        cursor.close()

    if database.engine.dialect.name == "sqlite":
        event.listen(database.engine, "connect", lock)


def lock_tables(session: Session) -> None:
    """Keep other processes from reading and writing our tables until this transaction ends.

    Raises `Unavailable` when a process keeps the database open (SQLite) or in a transaction (PostgreSQL).
    """
    from sqlalchemy.exc import OperationalError

    try:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"SET LOCAL lock_timeout = {ALONE_PATIENCE_MS}"))
            names = ", ".join(f'"{table.name}"' for table in tables())
            session.execute(text(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE"))
        else:
            session.execute(text("SELECT 1"))  # begins the transaction, which needs the exclusive lock
    except OperationalError as error:
        raise Unavailable(
            "another process has the catalogue open; stop workers, services and other commands, then restore again"
        ) from error


def has_import_run(database: Database, source: str) -> bool:
    """Return whether there is a record of an import from exactly this source."""
    with database.reading() as session:
        return session.scalar(select(ImportRunRow.id).where(ImportRunRow.source == source).limit(1)) is not None
