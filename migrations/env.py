"""Alembic's entry: runs the migrations on the connection that it is handed, inside that connection's transaction."""

from __future__ import annotations

import os

from alembic import context

from recommender.database.engine import Database
from recommender.database.tables import Base


def run() -> None:
    """Migrate the connection handed over by the package; for the `alembic` command, the database of `DATABASE_URL`."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _migrate(connection)
        return
    with Database(os.environ["DATABASE_URL"]) as database, database.engine.begin() as opened:
        _migrate(opened)


def _migrate(connection: object) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run()
