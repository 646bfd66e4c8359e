"""The rows of a backup: prepared in the staging folder, then put in place of those that are here."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
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
"""Tables that are restored by themselves; models and what is live stay, and the outbox is filled again."""

_RUNNING, _INTERRUPTED, _DONE = "running", "interrupted", "done"
_CUT_OFF = "was running when the backup was made; run it again to finish"


@contextmanager
def open_staged(settings: Settings, staging: Path) -> Iterator[Application]:
    """Open an unpacked backup as a home, and remove what tied it to the old installation.

    Leases and running imports belonged to processes there. The backup holds only the live generation, so the others are
    dropped. The live one gets a name that is in use nowhere, since two installations on one server, the old and the
    restored, must not write to or remove each other's collections. Raises `BadInput` for a backup of a newer version,
    or whose catalogue is damaged or not one of ours.
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
    """Return how many products the catalogue of these settings has; None if its file is damaged.

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
    """Return the file of a SQLite catalogue in the home, which can be moved; None for every other database."""
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
    """One transaction in which rows are replaced: `mark` names its record, `kept` is where the old rows are."""

    session: Session
    mark: str
    kept: Path

    def record(self) -> None:
        """Leave a record of the restore, by which it can be told later whether the transaction was committed."""
        products = self.session.execute(select(func.count()).select_from(ProductRow)).scalar_one()
        self.session.add(ImportRunRow(source=self.mark, status=_DONE, created=products, finished_at=now()))


@contextmanager
def _begin_replacement(target: Database, source: str, here: int | None, kept: Path) -> Iterator[_Replacement]:
    """Begin the transaction, with a copy of the rows that are here; the copy is removed if they stay after all."""
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
    """Replace everything here by rows and folders of a backup, in one step that is finished even after a kill.

    `rows` are those of the staging folder, `folders` the names in it, `source` says where they come from, `here` is
    what `count_products` returned. Keys are treated as `_merge_keys` says. Returns the folder of what was here; None if
    there was nothing.
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
            # What is known of a key here wins over what the backup says: it may have been revoked since. Keys that this
            # home does not know come back revoked, unless `keep_keys`, which is told their names, says otherwise.
            table = table_of(ApiKeyRow)
            known = {row["public_id"] for row in keys_here}
            replacement.session.execute(delete(table).where(table.c.public_id.in_(known)))
            if keys_here:  # with new numbers: the ones that they had may be in use
                replacement.session.execute(
                    insert(table), [{name: value for name, value in row.items() if name != "id"} for row in keys_here]
                )
            opening = table.c.revoked_at.is_(None) & table.c.public_id.not_in(known)
            names = list(replacement.session.scalars(select(table.c.name).where(opening).order_by(table.c.id)))
            if names and not keep_keys(names):
                replacement.session.execute(update(table).where(opening).values(revoked_at=now()))
            replacement.record()
            write_journal(settings.home, Journal(replacement.mark, kept.name, folders))
        complete_restore(settings.home, target)
    return kept if kept.is_dir() else None


def replace_products(settings: Settings, rows: Database, source: str, here: int | None) -> Path | None:
    """Replace the products here by those of a backup, and queue all of them for the index.

    Returns the folder of the catalogue that was here; None if there was nothing.
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
        # Beyond every revision that a point of the index may have: there, the same number would mean another state.
        session.execute(update(table_of(ProductRow)).values(revision=ProductRow.revision + newest))
        at = literal(now(), OutboxRow.available_at.type)
        # Every column by name: a statement that reads from a table does not fill in what the mapped class does.
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
