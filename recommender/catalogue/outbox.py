"""The outbox: the changes that the index does not have yet, and which worker holds them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from recommender.catalogue.lease_owner import is_alive, process_of, this_host
from recommender.database.engine import Database
from recommender.database.statements import execute_many, in_chunks, insert_into, table_of
from recommender.database.tables import OutboxRow, now
from recommender.errors import UsageError

MAX_ATTEMPTS = 5
"""Failures after which a change is parked for a person to look at."""

FIRST_RETRY_S = 2.0
"""Delay after the first failure. Each further one is four times as long, so the last try comes after minutes."""

LONGEST_RETRY = timedelta(seconds=FIRST_RETRY_S * 4 ** (MAX_ATTEMPTS - 2) * 1.5)
"""A change with a longer delay was put off by a clock that has been set back since."""

LONGEST_LEASE = timedelta(hours=1)
"""No lease is longer. One that ends later was taken by a clock that has been set back since."""

_OUTBOX = table_of(OutboxRow)
_UNCLAIMED: dict[str, Any] = {name: bindparam(name) for name in ("sku", "revision")} | {
    "lease_owner": literal_column("''"),
    "lease_until": null(),
    "attempts": literal_column("0"),
    "parked": false(),
    "error": literal_column("''"),
}
"""A new entry. Values that all rows share are part of the statement, not bound for each row."""

_FREE: dict[str, Any] = {"lease_owner": "", "lease_until": None}


@dataclass(frozen=True, slots=True)
class Claim:
    """A change held by one worker: this SKU, in this revision."""

    sku: str
    revision: int
    attempts: int


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many changes wait, are held by a worker, and are parked; `oldest_seconds` is 0 when none waits."""

    waiting: int
    leased: int
    parked: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class FailedChange:
    """A change that failed, with its last error. `next_try` is None for a parked one."""

    sku: str
    error: str
    attempts: int
    parked: bool
    next_try: datetime | None


def queue_changes(session: Session, changes: Iterable[tuple[str, int]], at: datetime) -> None:
    """Write (SKU, revision) into the outbox, in the caller's transaction.

    A SKU that is waiting keeps its place in the queue, so one that changes all the time still gets its turn. Its
    revision always grows, so a worker that has the earlier state can't acknowledge this one. A lease stays: two workers
    on one SKU could write the earlier state last.
    """
    rows = [{"sku": sku, "revision": revision} for sku, revision in changes]
    if not rows:
        return
    rows.sort(key=itemgetter("sku"))  # the same order everywhere, so that two writers can't block each other
    statement = insert_into(session, _OUTBOX).values(_UNCLAIMED | {"enqueued_at": at, "available_at": at})
    incoming = statement.excluded
    kept = _OUTBOX.c
    execute_many(
        session,
        statement.on_conflict_do_update(
            index_elements=["sku"],
            set_={
                "revision": case((incoming.revision > kept.revision, incoming.revision), else_=kept.revision + 1),
                "available_at": case(
                    (kept.available_at < incoming.available_at, kept.available_at), else_=incoming.available_at
                ),
                "attempts": 0,
                "parked": False,
                "error": "",
            },
        ),
        rows,
    )


class Outbox:
    """The queue, for workers and operators."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = now, jitter: Callable[[], float] = random.random
    ) -> None:
        self._database = database
        self._clock = clock
        self._jitter = jitter

    def claim(self, owner: str, limit: int, lease: timedelta) -> list[Claim]:
        """Take up to `limit` changes that are due, oldest first. No other worker gets them until the lease runs out.

        Raises `UsageError` for a lease of more than `LONGEST_LEASE`.
        """
        _require_short(lease)
        at = self._clock()
        due = (
            select(OutboxRow.sku, OutboxRow.revision, OutboxRow.attempts)
            .where(_is_due(at))
            .order_by(OutboxRow.available_at, OutboxRow.sku)
            .limit(limit)
            .with_for_update(skip_locked=True)  # SQLite ignores it: there the transaction has the only write lock
        )
        with self._database.writing() as session:
            claims = [Claim(*row) for row in session.execute(due)]
            for chunk in in_chunks([claim.sku for claim in claims]):
                lease_values = {"lease_owner": owner, "lease_until": at + lease}
                session.execute(update(_OUTBOX).where(_OUTBOX.c.sku.in_(chunk)).values(lease_values))
        return claims

    def anything_due(self) -> bool:
        """Tell whether `claim` would find something; this looks only for the first change."""
        with self._database.reading() as session:
            return bool(session.scalar(select(exists().where(_is_due(self._clock())))))

    def renew(self, owner: str, claims: Sequence[Claim], lease: timedelta) -> set[str]:
        """Restart the leases of a batch, and return the SKUs that the owner still holds.

        The others went to another worker when their lease ran out: what this owner read of them may be out of date.
        """
        _require_short(lease)
        renewed = update(_OUTBOX).values(lease_until=self._clock() + lease).where(_OUTBOX.c.lease_owner == owner)
        held: set[str] = set()
        with self._database.writing() as session:
            for chunk in in_chunks(sorted(claim.sku for claim in claims)):
                held.update(session.scalars(renewed.where(_OUTBOX.c.sku.in_(chunk)).returning(_OUTBOX.c.sku)))
        return held

    def acknowledge(self, owner: str, claims: Sequence[Claim]) -> int:
        """Remove changes that are applied and durable; return how many.

        A change of a product that has changed again stays. One whose lease the owner had lost is queued again: the
        owner may have overwritten what the next holder wrote with an older state. The next holder then can't
        acknowledge it either.
        """
        with self._database.writing() as session:
            held: dict[str, int] = {}
            ours = select(OutboxRow.sku, OutboxRow.revision).where(OutboxRow.lease_owner == owner).with_for_update()
            for chunk in in_chunks(sorted(claim.sku for claim in claims)):
                rows = session.execute(ours.where(OutboxRow.sku.in_(chunk)).order_by(OutboxRow.sku))
                held.update((row.sku, row.revision) for row in rows)
            applied = [claim for claim in claims if held.get(claim.sku) == claim.revision]
            for chunk in in_chunks([claim.sku for claim in applied]):
                session.execute(delete(_OUTBOX).where(_OUTBOX.c.sku.in_(chunk)))
            if len(applied) < len(claims):
                _release(session, owner, claims)
                lost = [(claim.sku, claim.revision) for claim in claims if claim.sku not in held]
                queue_changes(session, lost, self._clock())
        return len(applied)

    def release(self, owner: str, claims: Sequence[Claim]) -> None:
        """Give a batch back untouched, for the next claim."""
        with self._database.writing() as session:
            _release(session, owner, claims)

    def release_all(self, owner: str) -> None:
        """Give back everything that an owner holds, even changes of a claim whose answer never reached it."""
        with self._database.writing() as session:
            session.execute(update(_OUTBOX).where(_OUTBOX.c.lease_owner == owner).values(_FREE))

    def release_dead(self, host: str | None = None, alive: Callable[[int], bool] = is_alive) -> int:
        """Release what killed processes of this host held; return how many changes.

        Owners must be named by `lease_owner`. `host` is this one unless given; `alive` tells whether a process id
        exists. Leases of other hosts, and of other kinds of names, are left to run out.
        """
        here = this_host() if host is None else host
        with self._database.reading() as session:
            owners = session.scalars(select(OutboxRow.lease_owner).where(OutboxRow.lease_owner != "").distinct()).all()
        dead = [owner for owner in owners if (process := process_of(owner, here)) is not None and not alive(process)]
        if not dead:
            return 0
        freed = update(_OUTBOX).values(_FREE)
        with self._database.writing() as session:
            return sum(
                _rowcount(session.execute(freed.where(_OUTBOX.c.lease_owner.in_(chunk)))) for chunk in in_chunks(dead)
            )

    def fail(self, owner: str, claims: Sequence[Claim], error: str) -> None:
        """Put changes off after a failure, longer each time; after `MAX_ATTEMPTS` they are parked with the error."""
        at = self._clock()
        with self._database.writing() as session:
            for claim in sorted(claims, key=attrgetter("sku")):
                delay = FIRST_RETRY_S * 4**claim.attempts * (0.5 + self._jitter())
                failure = {
                    "attempts": claim.attempts + 1,
                    "error": error.replace("\x00", "\ufffd"),
                    "parked": claim.attempts + 1 >= MAX_ATTEMPTS,
                    "available_at": at + timedelta(seconds=delay),
                }
                as_claimed = (_OUTBOX.c.sku == claim.sku, _OUTBOX.c.revision == claim.revision)
                held = update(_OUTBOX).where(*as_claimed, _OUTBOX.c.lease_owner == owner)
                session.execute(held.values(failure))
            _release(session, owner, claims)

    def depth(self) -> QueueDepth:
        """Count the queue."""
        at = self._clock()
        free, parked = _is_free(at), OutboxRow.parked
        statement = select(
            func.count(case((and_(~parked, free), 1))),
            func.count(case((and_(~parked, ~free), 1))),
            func.count(case((parked, 1))),
            func.min(case((~parked, OutboxRow.enqueued_at))),
        )
        with self._database.reading() as session:
            waiting, leased, parked_count, oldest = session.execute(statement).one()
        age = max(0.0, (at - oldest).total_seconds()) if oldest else 0.0
        return QueueDepth(waiting, leased, parked_count, age)

    def failing(self, limit: int = 100) -> list[FailedChange]:
        """Return changes whose last attempt failed: first the parked ones, then those put off, each by SKU."""
        columns = (OutboxRow.sku, OutboxRow.error, OutboxRow.attempts, OutboxRow.parked, OutboxRow.available_at)
        statement = select(*columns).where(OutboxRow.error != "").order_by(OutboxRow.parked.desc(), OutboxRow.sku)
        with self._database.reading() as session:
            return [
                FailedChange(sku, error, attempts, parked, next_try=None if parked else at)
                for sku, error, attempts, parked, at in session.execute(statement.limit(limit))
            ]

    def retry(self, skus: Sequence[str] | None = None) -> int:
        """Make failed changes due at once, parked or put off (all, or these SKUs); return how many."""
        again = update(_OUTBOX).where(or_(_OUTBOX.c.parked.is_(True), _OUTBOX.c.error != ""))
        again = again.values(parked=False, attempts=0, error="", available_at=self._clock())
        with self._database.writing() as session:
            if skus is None:
                return _rowcount(session.execute(again))
            return sum(
                _rowcount(session.execute(again.where(_OUTBOX.c.sku.in_(chunk)))) for chunk in in_chunks(list(skus))
            )


def _require_short(lease: timedelta) -> None:
    if lease > LONGEST_LEASE:
        raise UsageError(f"a lease of {lease}, expected at most {LONGEST_LEASE}; renew it instead")


def _is_due(at: datetime) -> ColumnElement[bool]:
    # A change that was never put off is due whatever its time says: otherwise a clock that is set back would stall the
    # queue. The database reads the index in order, and the first rows that fit are nearly always the first of all.
    available = or_(OutboxRow.attempts == 0, OutboxRow.available_at <= at, OutboxRow.available_at > at + LONGEST_RETRY)
    return and_(OutboxRow.parked.is_(False), available, _is_free(at))


def _is_free(at: datetime) -> ColumnElement[bool]:
    until = OutboxRow.lease_until
    return or_(until.is_(None), until <= at, until > at + LONGEST_LEASE)


def _release(session: Session, owner: str, claims: Sequence[Claim]) -> None:
    """Release what the owner still holds of the batch. Rows that are gone or held by another are not changed."""
    for chunk in in_chunks([claim.sku for claim in claims]):
        held = and_(_OUTBOX.c.sku.in_(chunk), _OUTBOX.c.lease_owner == owner)
        session.execute(update(_OUTBOX).where(held).values(_FREE))


def _rowcount(result: object) -> int:
    return cast(CursorResult[Any], result).rowcount
