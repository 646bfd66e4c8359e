"""The outbox: which products the index has still to take in, and who is at work on them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
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
from recommender.catalogue.statements import execute_many, in_chunks, insert_into, table_of
from recommender.database.engine import Database
from recommender.database.tables import OutboxRow, now
from recommender.errors import UsageError

MAX_ATTEMPTS = 5
"""Failures after which a change is parked, for a person to look at."""

FIRST_RETRY_S = 2.0
"""Delay after the first failure; four times as long after each further one, so that the last comes after minutes."""

LONGEST_RETRY = timedelta(seconds=FIRST_RETRY_S * 4 ** (MAX_ATTEMPTS - 2) * 1.5)
"""What is put off for longer than any failure does was put off by a clock that has jumped back since."""

LONGEST_LEASE = timedelta(hours=1)
"""No lease is longer, so that one which ends later was taken by a clock that has jumped back since."""

_OUTBOX = table_of(OutboxRow)
_UNCLAIMED: dict[str, Any] = {name: bindparam(name) for name in ("sku", "revision")} | {
    "lease_owner": literal_column("''"),
    "lease_until": null(),
    "attempts": literal_column("0"),
    "parked": false(),
    "error": literal_column("''"),
}
"""A new entry. What is the same for all stands in the statement, and is not bound anew for each row."""

_FREE: dict[str, Any] = {"lease_owner": "", "lease_until": None}


@dataclass(frozen=True, slots=True)
class Claim:
    """A change in the hands of one worker: this SKU, as of this revision."""

    sku: str
    revision: int
    attempts: int


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How much waits, is being worked on, and has been put aside; `oldest_seconds` is 0 when nothing is due."""

    waiting: int
    leased: int
    parked: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Failure:
    """A change that failed, with its last error. `next_try` is None for one that was put aside (`parked`)."""

    sku: str
    error: str
    attempts: int
    parked: bool
    next_try: datetime | None


def queue_changes(session: Session, changes: Iterable[tuple[str, int]], at: datetime) -> None:
    """Write (SKU, revision) into the outbox, in the caller's transaction.

    A SKU that waits already keeps its place in the queue, so that one which changes all the time still gets its turn.
    Its revision always moves on, so that whoever works on the earlier state can't acknowledge this one; and a lease
    stays, since two workers on one SKU could write the earlier state last.
    """
    rows = [{"sku": sku, "revision": revision} for sku, revision in changes]
    if not rows:
        return
    rows.sort(key=itemgetter("sku"))  # one order everywhere: two writers can't block each other
    statement = insert_into(session, _OUTBOX).values(_UNCLAIMED | {"enqueued_at": at, "available_at": at})
    offered = statement.excluded
    kept = _OUTBOX.c
    execute_many(
        session,
        statement.on_conflict_do_update(
            index_elements=["sku"],
            set_={
                "revision": case((offered.revision > kept.revision, offered.revision), else_=kept.revision + 1),
                "available_at": case(
                    (kept.available_at < offered.available_at, kept.available_at), else_=offered.available_at
                ),
                "attempts": 0,
                "parked": False,
                "error": "",
            },
        ),
        rows,
    )


class Outbox:
    """The queue as a worker and an operator see it."""

    def __init__(
        self, database: Database, clock: Callable[[], datetime] = now, jitter: Callable[[], float] = random.random
    ) -> None:
        self._database = database
        self._clock = clock
        self._jitter = jitter

    def claim(self, owner: str, limit: int, lease: timedelta) -> list[Claim]:
        """Take up to `limit` changes that are due, oldest first; nobody else gets them until the lease runs out.

        Raises `UsageError` for a lease of more than `LONGEST_LEASE`.
        """
        _check(lease)
        at = self._clock()
        due = (
            select(OutboxRow.sku, OutboxRow.revision, OutboxRow.attempts)
            .where(_due(at))
            .order_by(OutboxRow.available_at, OutboxRow.sku)
            .limit(limit)
            .with_for_update(skip_locked=True)  # left out by SQLite, where the transaction holds the only write lock
        )
        with self._database.writing() as session:
            claims = [Claim(*row) for row in session.execute(due)]
            for chunk in in_chunks([claim.sku for claim in claims]):
                taken = update(_OUTBOX).where(_OUTBOX.c.sku.in_(chunk))
                session.execute(taken.values(lease_owner=owner, lease_until=at + lease))
        return claims

    def anything_due(self) -> bool:
        """Tell whether `claim` would find something, for the price of finding the first."""
        with self._database.reading() as session:
            return bool(session.scalar(select(exists().where(_due(self._clock())))))

    def renew(self, owner: str, claims: Sequence[Claim], lease: timedelta) -> set[str]:
        """Begin the leases of a batch anew, and return the SKUs that the owner still holds.

        The others went to somebody else when their lease ran out: what the owner knows of them may be old by now.
        """
        _check(lease)
        begun = update(_OUTBOX).values(lease_until=self._clock() + lease).where(_OUTBOX.c.lease_owner == owner)
        held: set[str] = set()
        with self._database.writing() as session:
            for chunk in in_chunks(sorted(claim.sku for claim in claims)):
                held.update(session.scalars(begun.where(_OUTBOX.c.sku.in_(chunk)).returning(_OUTBOX.c.sku)))
        return held

    def acknowledge(self, owner: str, claims: Sequence[Claim]) -> int:
        """Remove changes that are applied and durable; return how many.

        One that has changed again meanwhile stays. One that the owner held no longer is queued again: it may just
        have written an older state over what the next holder wrote, who then can't acknowledge it either.
        """
        with self._database.writing() as session:
            held = _held(session, owner, claims)
            applied = [claim for claim in claims if held.get(claim.sku) == claim.revision]
            for chunk in in_chunks([claim.sku for claim in applied]):
                session.execute(delete(_OUTBOX).where(_OUTBOX.c.sku.in_(chunk)))
            if len(applied) < len(claims):
                _let_go(session, owner, claims)
                lost = [(claim.sku, claim.revision) for claim in claims if claim.sku not in held]
                queue_changes(session, lost, self._clock())
        return len(applied)

    def release(self, owner: str, claims: Sequence[Claim]) -> None:
        """Give a batch back untouched, for whoever claims next."""
        with self._database.writing() as session:
            _let_go(session, owner, claims)

    def release_all(self, owner: str) -> None:
        """Give back everything that an owner holds, known to it or not: a claim may succeed and its answer be lost."""
        with self._database.writing() as session:
            session.execute(update(_OUTBOX).where(_OUTBOX.c.lease_owner == owner).values(_FREE))

    def release_dead(self, host: str | None = None, alive: Callable[[int], bool] = is_alive) -> int:
        """Free what processes of this host held when they were killed; return how many changes that are.

        Owners must be named as `lease_owner` does; `host` is this one unless given, and `alive` is asked for a process
        id whether there is such a process. Leases of other hosts, and of names of another kind, are left to run out.
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
        """Put changes off after a failure: later each time, and aside with the error after `MAX_ATTEMPTS`."""
        at = self._clock()
        with self._database.writing() as session:
            for claim in claims:
                _executed_for(session, self._put_off(claim.attempts + 1, at, error), owner, [claim])
            _let_go(session, owner, claims)

    def depth(self) -> QueueDepth:
        """Count the queue."""
        at = self._clock()
        free, parked = _free(at), OutboxRow.parked
        counts = select(
            _count(and_(~parked, free)),
            _count(and_(~parked, ~free)),
            _count(parked),
            func.min(case((~parked, OutboxRow.enqueued_at))),
        )
        with self._database.reading() as session:
            waiting, leased, aside, oldest = session.execute(counts).one()
        age = max(0.0, (at - oldest).total_seconds()) if oldest else 0.0
        return QueueDepth(waiting or 0, leased or 0, aside or 0, age)

    def failing(self, limit: int = 100) -> list[Failure]:
        """Return changes whose last attempt failed: those put aside first, then those put off, each by SKU."""
        columns = (OutboxRow.sku, OutboxRow.error, OutboxRow.attempts, OutboxRow.parked, OutboxRow.available_at)
        statement = select(*columns).where(OutboxRow.error != "").order_by(OutboxRow.parked.desc(), OutboxRow.sku)
        with self._database.reading() as session:
            return [
                Failure(sku, error, attempts, parked, next_try=None if parked else at)
                for sku, error, attempts, parked, at in session.execute(statement.limit(limit))
            ]

    def retry(self, skus: Sequence[str] | None = None) -> int:
        """Make changes that failed due at once, put aside or put off (all, or these SKUs); return how many."""
        again = update(_OUTBOX).where(or_(_OUTBOX.c.parked.is_(True), _OUTBOX.c.error != ""))
        again = again.values(parked=False, attempts=0, error="", available_at=self._clock())
        with self._database.writing() as session:
            if skus is None:
                return _rowcount(session.execute(again))
            return sum(
                _rowcount(session.execute(again.where(_OUTBOX.c.sku.in_(chunk)))) for chunk in in_chunks(list(skus))
            )

    def _put_off(self, attempts: int, at: datetime, error: str) -> Any:
        delay = FIRST_RETRY_S * 4 ** (attempts - 1) * (0.5 + self._jitter())
        return (
            update(_OUTBOX)
            .where(_held_as_claimed())
            .values(
                attempts=attempts,
                error=error.replace("\x00", "\ufffd"),
                parked=attempts >= MAX_ATTEMPTS,
                available_at=at + timedelta(seconds=delay),
            )
        )


def _check(lease: timedelta) -> None:
    if lease > LONGEST_LEASE:
        raise UsageError(f"a lease of {lease}, expected at most {LONGEST_LEASE}; renew it instead")


def _due(at: datetime) -> ColumnElement[bool]:
    # What was never put off is due whatever its time says, or a clock that jumps back would stall the queue. The index
    # gives the rows in order, and the first that fit are nearly always the first of all.
    available = or_(OutboxRow.attempts == 0, OutboxRow.available_at <= at, OutboxRow.available_at > at + LONGEST_RETRY)
    return and_(OutboxRow.parked.is_(False), available, _free(at))


def _free(at: datetime) -> ColumnElement[bool]:
    until = OutboxRow.lease_until
    return or_(until.is_(None), until <= at, until > at + LONGEST_LEASE)


def _count(condition: ColumnElement[bool] | Any) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _held_as_claimed() -> ColumnElement[bool]:
    return and_(
        _OUTBOX.c.sku == bindparam("claimed_sku"),
        _OUTBOX.c.revision == bindparam("claimed_revision"),
        _OUTBOX.c.lease_owner == bindparam("claimed_by"),
    )


def _executed_for(session: Session, statement: Any, owner: str, claims: Sequence[Claim]) -> int:
    rows = [
        {"claimed_sku": claim.sku, "claimed_revision": claim.revision, "claimed_by": owner}
        for claim in sorted(claims, key=lambda claim: claim.sku)
    ]
    return _rowcount(session.execute(statement, rows)) if rows else 0


def _held(session: Session, owner: str, claims: Sequence[Claim]) -> dict[str, int]:
    """Return the revision at which each SKU of a batch stands now, of those that the owner still holds."""
    held: dict[str, int] = {}
    ours = select(OutboxRow.sku, OutboxRow.revision).where(OutboxRow.lease_owner == owner).with_for_update()
    for chunk in in_chunks(sorted(claim.sku for claim in claims)):
        rows = session.execute(ours.where(OutboxRow.sku.in_(chunk)).order_by(OutboxRow.sku))
        held.update((row.sku, row.revision) for row in rows)
    return held


def _let_go(session: Session, owner: str, claims: Sequence[Claim]) -> None:
    """Free what the owner still holds of the batch; what was removed, or claimed by another since, is not touched."""
    for chunk in in_chunks([claim.sku for claim in claims]):
        held = and_(_OUTBOX.c.sku.in_(chunk), _OUTBOX.c.lease_owner == owner)
        session.execute(update(_OUTBOX).where(held).values(_FREE))


def _rowcount(result: object) -> int:
    return cast(CursorResult[Any], result).rowcount
