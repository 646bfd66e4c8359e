"""Brings a database to the schema of this version, and lists where it differs from it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, inspect, select, text

from recommender.database.engine import Database
from recommender.database.revisions import VERSION_TABLE, head_revision, migrations_folder
from recommender.database.tables import Base
from recommender.errors import BadInput

_MIGRATING = 0x7265636F6D6D6E64
"""The lock of PostgreSQL that a migration holds: 'recommnd' in ASCII, which no other program is likely to take."""


def current_revision(database: Database) -> str | None:
    """Return the revision that the database is at; None for a new one."""
    with database.translating(), database.engine.connect() as connection:
        return _read_revision(connection)


def _read_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def upgrade(database: Database) -> bool:
    """Bring the database to the newest revision, in one transaction; return whether there was anything to do.

    Raises `BadInput` for a database that a newer version has written, or another program.
    """
    head = head_revision()
    found = current_revision(database)
    if found == head:
        return False
    if found is not None and found > head:
        raise BadInput(f"the catalogue is at schema {found}, this version knows {head}; upgrade recommender to use it")
    _require_no_other(database)
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    try:
        with database.translating(), database.engine.execution_options(write=True).begin() as connection:
            if connection.dialect.name == "postgresql":  # SQLite has its lock already
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
            if _read_revision(connection) != head:  # another process may have done it while we waited for the lock
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except CommandError as error:
        raise BadInput(f"{database.place} can't be brought to schema {head} ({error}); restore a backup") from error
    database.engine.dispose()  # a connection that saw none of our tables is without a write-ahead log
    return True


def _require_no_other(database: Database) -> None:
    """Raise `BadInput` if another program has a table of a name of ours. Others of its own may be beside ours."""
    with database.translating(), database.engine.connect() as connection:
        # In this order: another process may migrate meanwhile, and then the tables never appear before the revision.
        taken = sorted(Base.metadata.tables.keys() & set(inspect(connection).get_table_names()))
        if taken and _read_revision(connection) is None:
            raise BadInput(
                f"{database.place} is that of another program, with a table {taken[0]!r} of its own; give recommender "
                "one of its own: RECOMMENDER_DATABASE_URL"
            )


def drift(database: Database) -> list[str]:
    """Return where the database differs from the tables of this version, one line each.

    Tables that are not ours are ignored: a shop may keep its own in the same database.
    """
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def is_ours(_item: Any, _name: str | None, kind: str, reflected: bool, known: Any) -> bool:
        return not (kind == "table" and reflected and known is None)

    with database.translating(), database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False, "include_object": is_ours})
        differences = compare_metadata(context, Base.metadata)
    lines = []
    for difference in differences:
        first = difference[0] if isinstance(difference, list) else difference
        subject = next((part for part in reversed(first) if hasattr(part, "name") or isinstance(part, str)), "")
        lines.append(f"{first[0]}: {getattr(subject, 'name', subject)}")
    return lines
