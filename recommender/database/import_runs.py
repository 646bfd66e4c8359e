"""The record of what was imported, as an operator reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from recommender.database.engine import Database
from recommender.database.tables import ImportRunRow


@dataclass(frozen=True, slots=True)
class ImportRun:
    """One reading of one feed. `status` is running, done, failed or interrupted.

    `holder` names the process of a running one, and `error` says why one has not ended well.
    """

    source: str
    status: str
    created: int
    updated: int
    unchanged: int
    rejected: int
    holder: str
    error: str
    started_at: datetime
    finished_at: datetime | None


def last_import(database: Database) -> ImportRun | None:
    """Return the import that was begun last; None before the first one."""
    with database.reading() as session:
        row = session.scalar(select(ImportRunRow).order_by(ImportRunRow.id.desc()).limit(1))
    if row is None:
        return None
    return ImportRun(
        source=row.source,
        status=row.status,
        created=row.created,
        updated=row.updated,
        unchanged=row.unchanged,
        rejected=row.rejected,
        holder=row.holder,
        error=row.error,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
