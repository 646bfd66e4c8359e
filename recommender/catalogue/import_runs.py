"""The record of an import: running, then done, failed or interrupted, also if its process was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import select, update

from recommender.catalogue.lease_owner import is_alive, lease_owner, process_of, this_host
from recommender.catalogue.staged_product import UpsertCounts
from recommender.database.engine import Database
from recommender.database.statements import in_chunks
from recommender.database.tables import ImportRunRow, now

RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"

KILLED = "its process was killed; run it again to finish"
"""The error of a run that did not end by itself. What it had imported is not counted."""

_STOPPED = "stopped by the operator; run it again to finish"


class ImportStopped(Exception):
    """The process was told to stop between two batches. What was committed stays."""


@dataclass(slots=True)
class ImportTally:
    """The counts of a run so far, and the status and error that it will end with."""

    counts: UpsertCounts = field(default_factory=UpsertCounts)
    rejected: int = 0
    withdrawn: int = 0
    status: str = DONE
    error: str = ""

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self.counts.created + self.counts.updated + self.counts.unchanged + self.rejected

    def add(self, counts: UpsertCounts, rejected: int) -> None:
        """Count a batch."""
        self.counts += counts
        self.rejected += rejected


@contextmanager
def record_run(database: Database, source: str) -> Iterator[ImportTally]:
    """Record a run, with its counts. Runs whose process was killed are closed first."""
    close_interrupted(database)
    with database.writing() as session:
        run = ImportRunRow(source=_storable(source), holder=lease_owner())
        session.add(run)
    tally = ImportTally()
    try:
        yield tally
    except (KeyboardInterrupt, SystemExit, ImportStopped):
        tally.status, tally.error = INTERRUPTED, _STOPPED
        raise
    except BaseException as error:
        tally.status, tally.error = FAILED, f"{type(error).__name__}: {error}"
        raise
    finally:
        outcome = {
            "status": tally.status,
            "holder": "",
            "error": _storable(tally.error),
            "created": tally.counts.created,
            "updated": tally.counts.updated,
            "unchanged": tally.counts.unchanged,
            "rejected": tally.rejected,
            "finished_at": now(),
        }
        with database.writing() as session:
            session.execute(update(ImportRunRow).where(ImportRunRow.id == run.id).values(outcome))


def close_interrupted(database: Database, host: str | None = None, alive: Callable[[int], bool] = is_alive) -> int:
    """Mark as interrupted the runs of killed processes of this host; return how many.

    Runs of other hosts stay as they are, since nothing is known of their processes.
    """
    with database.reading() as session:
        running = select(ImportRunRow.id, ImportRunRow.holder).where(ImportRunRow.status == RUNNING)
        runs = [run for run, holder in session.execute(running) if _is_dead(holder, host or this_host(), alive)]
    if not runs:
        return 0
    closed = update(ImportRunRow).values(status=INTERRUPTED, holder="", error=KILLED, finished_at=now())
    with database.writing() as session:
        for chunk in in_chunks(runs):
            session.execute(closed.where(ImportRunRow.id.in_(chunk), ImportRunRow.status == RUNNING))
    return len(runs)


def last_run(database: Database) -> ImportRunRow | None:
    """Return the import that was started last, as interrupted if its process is gone; None before the first one."""
    with database.reading() as session:
        run = session.scalar(select(ImportRunRow).order_by(ImportRunRow.id.desc()).limit(1))
    if run is not None and run.status == RUNNING and _is_dead(run.holder, this_host(), is_alive):
        run.status, run.holder, run.error = INTERRUPTED, "", KILLED  # here only; the next import writes it down
    return run


def _storable(text: str) -> str:
    """Return a text that every database takes: a file's name need not be UTF-8, and PostgreSQL stores no NUL."""
    return text.encode(errors="replace").decode().replace("\x00", "\ufffd")


def _is_dead(holder: str, host: str, alive: Callable[[int], bool]) -> bool:
    process = process_of(holder, host)
    return process is not None and not alive(process)
