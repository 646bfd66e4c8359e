"""Alembic's entry: runs the migrations on a connection, inside that connection's transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from recommender.database.engine import Database
from recommender.database.revisions import VERSION_TABLE
from recommender.database.tables import Base
from recommender.settings import load_settings


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, version_table=VERSION_TABLE
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_configured_database() -> None:
    """Migrate the database that the settings name, for the `alembic` command."""
    settings = load_settings()
    if not settings.database_url:
        settings.home.mkdir(parents=True, exist_ok=True)
    with (
        Database(settings.resolved_database_url) as database,
        database.engine.execution_options(write=True).begin() as connection,
    ):
        migrate(connection)


given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    migrate_configured_database()
