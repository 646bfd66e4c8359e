"""Opens a database: the engine, SQLite's pragmas, and the sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from recommender.database.file_identity import DatabaseFiles, file_of
from recommender.database.revisions import VERSION_TABLE
from recommender.errors import BadInput, DamagedDatabase, MissingExtra, Unavailable

BUSY_TIMEOUT_MS = 30_000
"""How long a SQLite writer waits for another before it fails: longer than any batch of ours takes."""

URL_FORMS = "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME"

AWAY = "the database is not available; the log has the rest"
DAMAGED = "the database can't be used as it is; `recommender restore` brings a backup back, and the log has the rest"
"""What callers of the service read: neither paths nor addresses of servers."""

_NO_RIGHTS = "42501"
_NOT_NOW = ("25", "57")
"""What PostgreSQL reports of itself and not of the data: rights that are missing; a transaction that is read-only, as
on a standby, or was ended; a server that shuts down (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""

_SQLITE_DRIVERS = ("sqlite", "sqlite+pysqlite")
_POSTGRES_DRIVERS = ("postgres", "postgresql", "postgresql+psycopg")


def open_engine(url: str | URL) -> Engine:
    """Create the engine of a database URL (`sqlite:///...` or `postgresql://...`); nothing is connected yet.

    Raises `BadInput` for a URL that SQLAlchemy can't read or of another kind of database, and `MissingExtra` for
    PostgreSQL without its driver.
    """
    # The message does not repeat the URL: if it can't be parsed, any part of it may be a piece of the password.
    try:
        parsed = make_url(url)
        if "@" in (parsed.host or ""):
            raise ValueError("a part of the password would be taken for the host, and stand in messages")
        if parsed.drivername in _SQLITE_DRIVERS:
            engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if parsed.drivername in _POSTGRES_DRIVERS:
            return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        raise BadInput(f"DATABASE_URL of the kind {parsed.drivername!r} is not supported; use {URL_FORMS}")
    except (ArgumentError, ValueError) as error:
        raise BadInput(
            f"DATABASE_URL can't be read; write {URL_FORMS}, the port a number, special characters as %XX"
        ) from error
    except ImportError as error:
        raise MissingExtra("postgres", "a PostgreSQL database") from error


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling commits silently before some statements. It is off; we begin transactions.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Not in a database of another program, which is refused later: the mode is a change of the file.
    ours = "SELECT count(*) = 0 OR max(name = ?) FROM sqlite_master"
    if cursor.execute(ours, (VERSION_TABLE,)).fetchone()[0]:
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # acknowledged means on the disk, even after a power loss
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA cache_size=-65536")  # 64 MiB: the SKU index of a large catalogue stays in memory
    cursor.execute("PRAGMA schema_version")  # the first read creates the write-ahead log
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A write transaction takes the lock at once. A read transaction that starts to write later can fail with
    # SQLITE_BUSY despite the busy timeout, since SQLite can't wait without breaking the snapshot that was read.
    write = connection.get_execution_options().get("write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _reason(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines()
    return lines[0].strip() if lines else type(error.orig).__name__


class Database:
    """An open database: hands out sessions, and closes its connections when it is closed."""

    def __init__(self, url: str | URL) -> None:
        self.engine = open_engine(url)
        path = file_of(self.engine.url) if self.engine.dialect.name == "sqlite" else None
        self._files = None if path is None else DatabaseFiles(self.engine, path)
        self._readers = sessionmaker(self.engine, expire_on_commit=False)
        self._writers = sessionmaker(self.engine.execution_options(write=True), expire_on_commit=False)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session on one consistent snapshot; whatever it changed is rolled back."""
        with self.translating(), self._readers() as session:
            self.check_files()
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session whose changes are one transaction: committed on a normal exit, rolled back on an error.

        Raises `Unavailable` also after the commit, if a file of the database was removed or replaced before it.
        """
        with self.translating(), self._writers.begin() as session:
            self.check_files()
            yield session
        self.check_files()

    def check_files(self) -> None:
        """Raise `Unavailable` when the file of a SQLite database is not the one that was opened."""
        if self._files is not None:
            self._files.check()

    @contextmanager
    def translating(self) -> Iterator[None]:
        """Translate the driver's errors into ours, in one line and without the password.

        Raises `Unavailable` when the database can't be reached, is locked, is full or takes no writes from us, and
        `DamagedDatabase` when it can't be used as it is: its writers try again after it was restored. An
        `IntegrityError` is passed on unchanged: the caller's statement caused it.
        """
        try:
            yield
        except IntegrityError:
            raise
        except (OperationalError, InterfaceError) as error:
            # SQLite's driver raises this also for a missing table or column, which no later attempt will find, and for
            # text that is not UTF-8.
            name = getattr(error.orig, "sqlite_errorname", "")
            if name == "SQLITE_ERROR" or "decode to UTF-8" in str(error.orig):
                raise self._unusable(error) from error
            if self.engine.dialect.name == "sqlite":
                remedy = "check its folder and disk, and whether another process keeps it locked"
            else:
                remedy = "check that the server runs and that DATABASE_URL names it"
            raise self._away(error, remedy) from error
        except DatabaseError as error:
            state = getattr(error.orig, "sqlstate", None) or ""
            if state == _NO_RIGHTS:
                raise self._away(error, "grant its user the rights, or name another in DATABASE_URL") from error
            if state.startswith(_NOT_NOW):
                raise self._away(error, "check that DATABASE_URL names the server that takes writes") from error
            raise self._unusable(error) from error

    @property
    def place(self) -> str:
        """The database's name in messages: a file by its path, another by its name."""
        kind = "" if self.engine.dialect.name == "sqlite" else "PostgreSQL "
        return f"the {kind}database {self.engine.url.database}"

    def _away(self, error: DBAPIError, remedy: str) -> Unavailable:
        return Unavailable.with_public(f"{self.place} is not available ({_reason(error)}); {remedy}", AWAY)

    def _unusable(self, error: DBAPIError) -> DamagedDatabase:
        return DamagedDatabase.with_public(
            f"{self.place} can't be used ({_reason(error)}); bring a backup back with `recommender restore --force`,"
            " or name another database",
            DAMAGED,
        )

    def close(self) -> None:
        """Return all connections."""
        self.engine.dispose()

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
