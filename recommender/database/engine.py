"""Opening a database: the engine, SQLite's pragmas, and the session factory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from recommender.errors import BadInput

BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite writer waits for another before it fails: longer than any batch of ours takes."""


def open_engine(url: str) -> Engine:
    """Create the engine of a database URL (`sqlite:///...` or `postgresql+psycopg://...`).

    Raises `BadInput` for a URL that SQLAlchemy can't read or of another kind of database.
    """
    if url.startswith(("postgres://", "postgresql://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if url.startswith("postgresql+psycopg://"):
        return create_engine(url, pool_pre_ping=True)
    raise BadInput(f"DATABASE_URL {url.split('://', 1)[0]!r} is not supported; use sqlite:///PATH or postgresql://...")


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling commits behind our back before some statements; off, we begin ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # acknowledged means on the disk, power loss included
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA cache_size=-65536")  # 64 MiB: the SKU index of a large catalogue stays in memory
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A write transaction takes the lock at once: a read that upgrades later can fail with SQLITE_BUSY in spite of the
    # busy timeout, since SQLite can't wait without breaking the snapshot that was read.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


class Database:
    """An open database: hands out sessions, and closes its connections when it is closed."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self._readers = sessionmaker(self.engine, expire_on_commit=False)
        self._writers = sessionmaker(self.engine.execution_options(write=True), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session on one consistent snapshot; whatever it changed is rolled back."""
        with self._readers() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are one transaction: committed on a normal exit, rolled back on an error."""
        with self._writers.begin() as session:
            yield session

    def close(self) -> None:
        """Return all connections."""
        self.engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
