"""The rows of a backup: made fit for a new start in the staging folder, then put in place of those that are here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import delete, false, func, insert, literal, null, select, text, update
from sqlalchemy.orm import Session

from recommender.application.composition import Application
from recommender.backup.archive import CATALOGUE
from recommender.catalogue.outbox import queue_changes
from recommender.catalogue.statements import table_of
from recommender.database.engine import Database
from recommender.database.migrate import current_revision, upgrade
from recommender.database.restore_journal import Journal, roll_on, write_journal
from recommender.database.tables import GenerationRow, ImportRunRow, LiveRow, MissedRow, OutboxRow, ProductRow, now
from recommender.database.transfer import copy_rows, hold_alone, replace_rows, tables, take_alone
from recommender.errors import BadInput, IndexHeld, Unavailable
from recommender.fsync import sync
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.settings import Settings

_PRODUCTS = frozenset({"category", "product", "import_run"})
"""Tables that are restored by themselves; models and what is live stay, and the outbox is made anew."""

_RUNNING, _INTERRUPTED, _DONE = "running", "interrupted", "done"
_CUT_OFF = "was running when the backup was made; run it again to finish"


@contextmanager
def staged(settings: Settings, staging: Path) -> Iterator[Application]:
    """Open an unpacked backup as the home that it is, brought to the schema of this version and fit for a new start.

    Raises `BadInput` for one of a newer version, or whose catalogue is damaged.
    """
    with Application(settings.model_copy(update={"home": staging, "database_url": ""})) as application:
        if not _is_sound(application.database):
            raise BadInput(f"the {CATALOGUE} of the backup is damaged; give another copy")
        with application.database.writing() as session:
            _free(session)
            _keep_live_alone(session)
        yield application


def _is_sound(database: Database) -> bool:
    with database.reading() as session:
        return session.scalars(text("PRAGMA quick_check")).all() == ["ok"]


def _free(session: Session) -> None:
    """Take off what bound the rows to processes of the old installation."""
    session.execute(update(OutboxRow).values(lease_owner="", lease_until=None))
    closed = update(ImportRunRow).where(ImportRunRow.status == _RUNNING)
    session.execute(closed.values(status=_INTERRUPTED, holder="", error=_CUT_OFF, finished_at=now()))


def _keep_live_alone(session: Session) -> None:
    """Drop the generations that a backup does not hold, and give the live one a name that is in use nowhere.

    Two installations on one server, the old and the restored, must not write to or remove each other's collections.
    """
    session.execute(delete(MissedRow))
    others = delete(GenerationRow)
    live = session.scalar(select(LiveRow))
    if live is not None:
        live.previous_generation_id = None
        session.flush()
        kept = GenerationRow.id == live.generation_id
        session.execute(update(GenerationRow).where(kept).values(name=f"g{live.generation_id:04d}-{uuid4().hex[:8]}"))
        others = others.where(~kept)
    session.execute(others)


def products_here(settings: Settings) -> int | None:
    """Return how many products the catalogue of these settings has; None when its file is damaged.

    Raises `Unavailable` when another process has it open: better now than after everything was unpacked.
    """
    file = _own_file(settings)
    if file is not None and not file.exists():
        return 0
    try:
        if file is not None:
            _require_sound(settings)
        with _alone(settings) as database, database.writing() as session:
            take_alone(session)
            return session.execute(select(func.count()).select_from(ProductRow)).scalar_one()
    except _Damaged:
        return None


class _Damaged(BadInput):
    """The catalogue that is here can't be read."""


def _require_sound(settings: Settings) -> None:
    try:
        with Database(settings.resolved_database_url) as database:
            current_revision(database)
            sound = _is_sound(database)
    except BadInput as error:
        raise _Damaged(str(error)) from error
    if not sound:
        raise _Damaged("its pages do not hang together")


def _own_file(settings: Settings) -> Path | None:
    """Return the file of a SQLite catalogue in the home, where it can be put aside; None for every other database."""
    return None if settings.database_url else settings.home / CATALOGUE


@contextmanager
def _alone(settings: Settings) -> Iterator[Database]:
    """Open the catalogue, at the schema of this version; `take_alone` then keeps everybody else out."""
    with Database(settings.resolved_database_url) as database:
        hold_alone(database)
        upgrade(database)
        yield database


def replace_everything(
    settings: Settings, rows: Database, source: str, folders: tuple[str, ...], here: int | None
) -> Path | None:
    """Put rows and folders of a backup in place of what is here, in one step that is finished also after a kill.

    `rows` are those of the staging folder, `folders` the names in it, `source` says where they come from, `here` is
    what `products_here` returned. Returns the folder where lies what was here; None when there was nothing.
    """
    kept = _kept(settings)
    mark = _put_aside_damaged(settings, kept, here, source)
    with _alone(settings) as target:
        with _undone(kept, here), target.writing() as session:
            take_alone(session)
            _require_free(settings.index_dir)
            _copy_aside(session, kept, here)
            replace_rows(rows, session, tables())
            _record(session, mark)
            write_journal(settings.home, Journal(mark, kept.name, folders))
        roll_on(settings.home, target)
    return kept if kept.is_dir() else None


def replace_products(settings: Settings, rows: Database, source: str, here: int | None) -> Path | None:
    """Put the products of a backup in place of those that are here, and queue all of them for the index.

    Returns the folder where lies the catalogue that was here; None when there was nothing.
    """
    kept = _kept(settings)
    mark = _put_aside_damaged(settings, kept, here, source)
    with _alone(settings) as target, _undone(kept, here), target.writing() as session:
        take_alone(session)
        _copy_aside(session, kept, here)
        newest = session.execute(select(func.coalesce(func.max(ProductRow.revision), 0))).scalar_one()
        gone = set(session.scalars(select(ProductRow.sku)))
        session.execute(delete(OutboxRow))
        replace_rows(rows, session, tables(_PRODUCTS))
        # Beyond every revision that a point of the index may carry: there, the same number would mean another state.
        session.execute(update(table_of(ProductRow)).values(revision=ProductRow.revision + newest))
        _queue_all(session)
        gone -= set(session.scalars(select(ProductRow.sku)))
        queue_changes(session, ((sku, 0) for sku in gone), now())
        _record(session, mark)
    return kept if kept.is_dir() else None


def _kept(settings: Settings) -> Path:
    return settings.home / f"replaced-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:4]}"


def _put_aside_damaged(settings: Settings, kept: Path, here: int | None, source: str) -> str:
    """Move the files of a catalogue that can't be read out of the way; return the mark of this restore."""
    file = _own_file(settings)
    if here is None and file is not None:
        kept.mkdir()
        for path in sorted(file.parent.glob(f"{file.name}*")):
            path.rename(kept / path.name)
        sync(kept)
        sync(file.parent)
    return f"{source} ({uuid4().hex[:8]})"


def _copy_aside(session: Session, kept: Path, here: int | None) -> None:
    if here:
        kept.mkdir(exist_ok=True)
        copy_rows(session.connection(), kept / CATALOGUE)


@contextmanager
def _undone(kept: Path, here: int | None) -> Iterator[None]:
    """Remove the copy of what was here when that stays after all."""
    try:
        yield
    except Exception:
        if here is not None:
            shutil.rmtree(kept, ignore_errors=True)
        raise


def _record(session: Session, mark: str) -> None:
    products = session.execute(select(func.count()).select_from(ProductRow)).scalar_one()
    session.add(ImportRunRow(source=mark, status=_DONE, created=products, finished_at=now()))


def _require_free(index_dir: Path) -> None:
    engine = EmbeddedEngine(index_dir)
    for name in engine.names():
        try:
            engine.open(name).close()
        except IndexHeld:
            raise
        except Unavailable:
            continue  # damaged, so nobody has it open


def _queue_all(session: Session) -> None:
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
