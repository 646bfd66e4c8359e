"""The record of an import: running, then done, failed or interrupted, also when its process was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import select, update

from recommender.catalogue.lease_owner import is_alive, lease_owner, process_of, this_host
from recommender.catalogue.staged_product import UpsertCounts
from recommender.catalogue.statements import in_chunks
from recommender.database.engine import Database
from recommender.database.import_runs import ImportRun, last_import
from recommender.database.tables import ImportRunRow, now

RUNNING, DONE, FAILED, INTERRUPTED = "running", "done", "failed", "interrupted"

_KILLED = "its process ended without a word; run it again to finish"
_STOPPED = "stopped by the operator; run it again to finish"


class ImportStopped(Exception):
    """The process was told to stop between two batches. What was committed stays."""


@dataclass(slots=True)
class Tally:
    """The counts of a run so far, and with which status and error it will end."""

    counts: UpsertCounts = field(default_factory=UpsertCounts)
    rejected: int = 0
    withdrawn: int = 0
    status: str = DONE
    error: str = ""

    @property
    def rows(self) -> int:
        """Rows read so far."""
        return self.counts.created + self.counts.updated + self.counts.unchanged + self.rejected

    def add(self, counts: UpsertCounts, repeated: int, rejected: int) -> None:
        """Count a batch."""
        self.counts += counts + UpsertCounts(unchanged=repeated)
        self.rejected += rejected


@contextmanager
def recorded(database: Database, source: str) -> Iterator[Tally]:
    """Keep a run on record, with its counts; what killed processes left running is closed first."""
    close_interrupted(database)
    with database.writing() as session:
        run = ImportRunRow(source=source, holder=lease_owner())
        session.add(run)
    tally = Tally()
    try:
        yield tally
    except (KeyboardInterrupt, ImportStopped):
        tally.status, tally.error = INTERRUPTED, _STOPPED
        _finish(database, run.id, tally)
        raise
    except Exception as error:
        tally.status, tally.error = FAILED, f"{type(error).__name__}: {error}"
        _finish(database, run.id, tally)
        raise
    _finish(database, run.id, tally)


def close_interrupted(database: Database, host: str | None = None, alive: Callable[[int], bool] = is_alive) -> int:
    """Mark as interrupted what processes of this host left running when they were killed; return how many runs.

    Runs of other hosts stay as they are, since nothing is known of their processes.
    """
    with database.reading() as session:
        running = select(ImportRunRow.id, ImportRunRow.holder).where(ImportRunRow.status == RUNNING)
        runs = [run for run, holder in session.execute(running) if _is_dead(holder, host or this_host(), alive)]
    if not runs:
        return 0
    closed = update(ImportRunRow).values(status=INTERRUPTED, holder="", error=_KILLED, finished_at=now())
    with database.writing() as session:
        for chunk in in_chunks(runs):
            session.execute(closed.where(ImportRunRow.id.in_(chunk), ImportRunRow.status == RUNNING))
    return len(runs)


def last_run(database: Database) -> ImportRun | None:
    """Return the import that was begun last, as interrupted when its process is gone; None before the first one."""
    run = last_import(database)
    if run is not None and run.status == RUNNING and _is_dead(run.holder, this_host(), is_alive):
        return replace(run, status=INTERRUPTED, holder="", error=_KILLED)
    return run


def _is_dead(holder: str, host: str, alive: Callable[[int], bool]) -> bool:
    process = process_of(holder, host)
    return process is not None and not alive(process)


def _finish(database: Database, run: int, tally: Tally) -> None:
    outcome = {
        "status": tally.status,
        "holder": "",
        "error": tally.error.replace("\x00", "\ufffd"),
        "created": tally.counts.created,
        "updated": tally.counts.updated,
        "unchanged": tally.counts.unchanged,
        "rejected": tally.rejected,
        "finished_at": now(),
    }
    with database.writing() as session:
        session.execute(update(ImportRunRow).where(ImportRunRow.id == run).values(outcome))
