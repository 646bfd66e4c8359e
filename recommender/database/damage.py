"""Finding what is broken in a SQLite database, before a copy of it passes for a good one."""

from __future__ import annotations

from sqlalchemy import JSON, String, case, func, literal, select, text, type_coerce

from recommender.database.engine import Database
from recommender.database.tables import Base, UtcDateTime

TIME = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*"
"""A time as SQLite stores it."""

YEAR_ONE = 1721425.5
"""The first day of a time, as SQLite counts days: Python knows none before."""

MOST_PROBLEMS = 20
"""Findings of each kind that are looked for: one is enough to refuse a file."""


def damage(database: Database) -> list[str]:
    """Return what is wrong with the pages, indexes, references and values of a database, one line each.

    Nothing for PostgreSQL, which checks these itself. Reads the whole file, in seconds for a million products. Raises
    `DamagedDatabase` for one that can't even be opened.
    """
    if database.engine.dialect.name != "sqlite":
        return []
    with database.reading() as session:
        pages = session.scalars(text(f"PRAGMA integrity_check({MOST_PROBLEMS})")).all()
        references = session.execute(text("PRAGMA foreign_key_check")).fetchmany(MOST_PROBLEMS)
        problems = [line for line in pages if line != "ok"]
        problems += [
            f"a row of {child} refers to a row of {parent} that is not there" for child, _, parent, _ in references
        ]
        # SQLite keeps any value in any column, and a single bit decides which.
        for table in Base.metadata.sorted_tables if not problems else ():
            misfits = []
            for column in table.columns:
                value = type_coerce(column, String)
                shape = "*"
                if isinstance(column.type, UtcDateTime):
                    shape = TIME
                elif isinstance(column.type, JSON):
                    shape = "{*}"
                elif not isinstance(column.type, String):
                    shape = ""
                kind = func.typeof(value)
                fits = (kind == "text") & value.op("GLOB")(shape) if shape else kind == "integer"
                if shape == TIME:
                    fits &= func.coalesce(func.julianday(value), 0) >= YEAR_ONE
                misfits.append((~fits & value.is_not(None), literal(column.name)))
            misfit = case(*misfits)
            names = session.scalars(select(misfit).select_from(table).where(misfit.is_not(None)).distinct())
            problems += [f"the column {name} of {table.name} holds what it can't" for name in names]
        return problems
