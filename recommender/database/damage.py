"""Finding what is broken in a SQLite database, before a copy of it passes for a good one."""

from __future__ import annotations

from sqlalchemy import text

from recommender.database.engine import Database

MOST_PROBLEMS = 20
"""Of each kind, that are looked for: one is enough to refuse a file."""


def damage(database: Database) -> list[str]:
    """Return what is wrong with the pages, indexes and references of a database, a line each; nothing for PostgreSQL.

    Reads the whole file: a second for a million products. Raises `DamagedDatabase` for one that can't even be opened.
    """
    if database.engine.dialect.name != "sqlite":
        return []  # a server checks its own pages
    with database.reading() as session:
        pages = session.scalars(text(f"PRAGMA integrity_check({MOST_PROBLEMS})")).all()
        references = session.execute(text("PRAGMA foreign_key_check")).fetchmany(MOST_PROBLEMS)
    return [line for line in pages if line != "ok"] + [
        f"a row of {child} refers to a row of {parent} that is not there" for child, _, parent, _ in references
    ]
