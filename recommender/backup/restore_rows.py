"""The rows of a backup: made fit for a new start in the staging folder, then put in place of those that are here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, false, func, insert, literal, null, select, update
from sqlalchemy.orm import Session

from recommender.application.composition import Application
from recommender.backup.archive import CATALOGUE
from recommender.backup.foreign_catalogue import refusing_what_breaks, require_own_catalogue
from recommender.catalogue.outbox import queue_changes
from recommender.database.damage import damage
from recommender.database.engine import Database
from recommender.database.migrate import current_revision, upgrade
from recommender.database.restore_journal import Journal, complete_restore, write_journal
from recommender.database.statements import table_of
from recommender.database.tables import (
    ApiKeyRow,
    GenerationRow,
    ImportRunRow,
    LiveRow,
    MissedRow,
    OutboxRow,
    ProductRow,
    now,
)
from recommender.database.transfer import copy_rows, lock_tables, prepare_exclusive_use, replace_rows, tables
from recommender.errors import DamagedDatabase, IndexHeld, Unavailable
from recommender.files import sync
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.settings import Settings

_CATALOGUE_TABLES = frozenset({"category", "product", "import_run"})
"""Tables that are restored by themselves; models and what is live stay, and the outbox is made anew."""

_RUNNING, _INTERRUPTED, _DONE = "running", "interrupted", "done"
_CUT_OFF = "was running when the backup was made; run it again to finish"


@contextmanager
def open_staged(settings: Settings, staging: Path) -> Iterator[Application]:
    """Open an unpacked backup as the home that it is, and free it of what bound it to the old installation.

    Leases and running imports belonged to processes there. The backup holds only the live generation, so the others are
    dropped; and the live one gets a name that is in use nowhere, since two installations on one server, the old and the
    restored, must not write to or remove each other's collections.
    Raises `BadInput` for a backup of a newer version, or whose catalogue is damaged or not one of ours.
    """
    require_own_catalogue(staging / CATALOGUE)
    with (
        refusing_what_breaks(),
        Application(settings.model_copy(update={"home": staging, "database_url": ""})) as application,
    ):
        with application.database.writing() as session:
            session.execute(update(OutboxRow).values(lease_owner="", lease_until=None))
            running = update(ImportRunRow).where(ImportRunRow.status == _RUNNING)
            session.execute(running.values(status=_INTERRUPTED, holder="", error=_CUT_OFF, finished_at=now()))
            session.execute(delete(MissedRow))
            others = delete(GenerationRow)
            live = session.scalar(select(LiveRow))
            if live is not None:
                live.previous_generation_id = None
                session.flush()
                is_live = GenerationRow.id == live.generation_id
                fresh_name = f"g{live.generation_id:04d}-{uuid4().hex[:8]}"
                session.execute(update(GenerationRow).where(is_live).values(name=fresh_name))
                others = others.where(~is_live)
            session.execute(others)
        yield application


def count_products(settings: Settings) -> int | None:
    """Return how many products the catalogue of these settings has; None when its file is damaged.

    Raises `Unavailable` when another process has it open: better now than after everything was unpacked.
    """
    file = _own_file(settings)
    if file is not None and not file.exists():
        return 0
    if file is not None:
        try:
            with Database(settings.resolved_database_url) as database:
                current_revision(database)
                if damage(database):
                    return None
        except DamagedDatabase:
            return None
    with _open_exclusively(settings) as database, database.writing() as session:
        lock_tables(session)
        return session.execute(select(func.count()).select_from(ProductRow)).scalar_one()


def _own_file(settings: Settings) -> Path | None:
    """Return the file of a SQLite catalogue in the home, where it can be put aside; None for every other database."""
    return None if settings.database_url else settings.home / CATALOGUE


@contextmanager
def _open_exclusively(settings: Settings) -> Iterator[Database]:
    """Open the catalogue, at the schema of this version; `lock_tables` then keeps every other process out."""
    with Database(settings.resolved_database_url) as database:
        prepare_exclusive_use(database)
        upgrade(database)
        yield database


def count_lost(settings: Settings, backup: Database) -> tuple[int, int]:
    """Return how many of the active products that are here the backup lacks, and how many are here."""

    def active(database: Database) -> set[str]:
        with database.reading() as session:
            return set(session.scalars(select(ProductRow.sku).where(ProductRow.active)))

    with Database(settings.resolved_database_url) as database:
        upgrade(database)
        here = active(database)
    return len(here - active(backup)), len(here)


@dataclass(frozen=True, slots=True)
class _Replacement:
    """One transaction in which rows are replaced: `mark` names its record, `kept` is where the old rows lie."""

    session: Session
    mark: str
    kept: Path

    def record(self) -> None:
        """Leave a record of the restore, by which it can be told later whether the transaction went through."""
        products = self.session.execute(select(func.count()).select_from(ProductRow)).scalar_one()
        self.session.add(ImportRunRow(source=self.mark, status=_DONE, created=products, finished_at=now()))


@contextmanager
def _begin_replacement(target: Database, source: str, here: int | None, kept: Path) -> Iterator[_Replacement]:
    """Begin the transaction, with a copy of the rows that are here; the copy goes when they stay after all."""
    try:
        with target.writing() as session:
            lock_tables(session)
            if here:
                kept.mkdir(exist_ok=True)
                copy_rows(session.connection(), kept / CATALOGUE)
            yield _Replacement(session, f"{source} ({uuid4().hex[:8]})", kept)
    except Exception:
        if here is not None:
            shutil.rmtree(kept, ignore_errors=True)
        raise


def replace_everything(
    settings: Settings,
    rows: Database,
    source: str,
    folders: tuple[str, ...],
    here: int | None,
    keep_keys: Callable[[Sequence[str]], bool],
) -> Path | None:
    """Put rows and folders of a backup in place of what is here, in one step that is finished also after a kill.

    `rows` are those of the staging folder, `folders` the names in it, `source` says where they come from, `here` is
    what `count_products` returned. Keys are treated as `_merge_keys` says. Returns the folder where lies what was here;
    None when there was nothing.
    """
    kept = _put_damaged_aside(settings, here)
    with _open_exclusively(settings) as target:
        with _begin_replacement(target, source, here, kept) as replacement:
            # `IndexHeld` is raised when a process has a generation of the embedded engine open.
            engine = EmbeddedEngine(settings.index_dir)
            for name in engine.names():
                try:
                    engine.open(name).close()
                except IndexHeld:
                    raise
                except Unavailable:
                    continue  # damaged, so no process has it open
            keys_here = [dict(row) for row in replacement.session.execute(select(table_of(ApiKeyRow))).mappings()]
            replace_rows(rows, replacement.session, tables())
            _merge_keys(replacement.session, keys_here, keep_keys)
            replacement.record()
            write_journal(settings.home, Journal(replacement.mark, kept.name, folders))
        complete_restore(settings.home, target)
    return kept if kept.is_dir() else None


def _merge_keys(session: Session, here: Sequence[dict[str, Any]], keep_keys: Callable[[Sequence[str]], bool]) -> None:
    """Let what is known here of a key win over what the backup says: it may have been revoked since.

    Keys that this home does not know come back revoked, unless `keep_keys`, which is told their names, says otherwise.
    """
    table = table_of(ApiKeyRow)
    known = {row["public_id"] for row in here}
    session.execute(delete(table).where(table.c.public_id.in_(known)))
    if here:  # numbered anew: the numbers that they had may be in use
        session.execute(insert(table), [{name: value for name, value in row.items() if name != "id"} for row in here])
    opening = table.c.revoked_at.is_(None) & table.c.public_id.not_in(known)
    names = list(session.scalars(select(table.c.name).where(opening).order_by(table.c.id)))
    if names and not keep_keys(names):
        session.execute(update(table).where(opening).values(revoked_at=now()))


def replace_products(settings: Settings, rows: Database, source: str, here: int | None) -> Path | None:
    """Put the products of a backup in place of those that are here, and queue all of them for the index.

    Returns the folder where lies the catalogue that was here; None when there was nothing.
    """
    kept = _put_damaged_aside(settings, here)
    with (
        _open_exclusively(settings) as target,
        _begin_replacement(target, source, here, kept) as replacement,
    ):
        session = replacement.session
        newest = session.execute(select(func.coalesce(func.max(ProductRow.revision), 0))).scalar_one()
        gone = set(session.scalars(select(ProductRow.sku)))
        session.execute(delete(OutboxRow))
        replace_rows(rows, session, tables(_CATALOGUE_TABLES))
        # Beyond every revision that a point of the index may carry: there, the same number would mean another state.
        session.execute(update(table_of(ProductRow)).values(revision=ProductRow.revision + newest))
        at = literal(now(), OutboxRow.available_at.type)
        # Every column by name: what the mapped class fills in, a statement that reads from a table does not.
        values = {
            "sku": ProductRow.sku,
            "revision": ProductRow.revision,
            "enqueued_at": at,
            "available_at": at,
            "lease_owner": literal(""),
            "lease_until": null(),
            "attempts": literal(0),
            "parked": false(),
            "error": literal(""),
        }
        session.execute(insert(table_of(OutboxRow)).from_select(list(values), select(*values.values())))
        gone -= set(session.scalars(select(ProductRow.sku)))
        queue_changes(session, ((sku, 0) for sku in gone), now())
        replacement.record()
    return kept if kept.is_dir() else None


def _put_damaged_aside(settings: Settings, here: int | None) -> Path:
    """Return a new folder for what is replaced; the files of a catalogue that can't be read are moved into it."""
    kept = settings.home / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"
    file = _own_file(settings)
    if here is None and file is not None:
        kept.mkdir()
        for path in sorted(file.parent.glob(f"{file.name}*")):
            path.rename(kept / path.name)
        sync(kept)
        sync(file.parent)
    return kept
