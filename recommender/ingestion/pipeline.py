"""Three steps at once: one batch is read and compared while the one before is encoded and a third is written."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from recommender.catalogue.outbox import Claim
from recommender.catalogue.repository import Catalogue
from recommender.errors import NotFound, Unavailable
from recommender.ingestion.encoding import Pace, TextVectors, Vector
from recommender.ingestion.leases import Leases
from recommender.ingestion.writer import Plan, PointWriter, Target, Unopened, WriteCounts

FLUSH_EVERY_S = 1.0
"""Between two flushes while one batch follows the other: each waits for the disk, however little was written."""

BATCH = 1024
"""Products a claim: large enough that batches of equal length fill the encoder, small enough to finish in seconds."""

_log = logging.getLogger(__name__)


class Stopped(Exception):
    """The worker was told to stop; what is in hand and not being written is given back."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of changes. `counts` adds up all generations that were written; `failed` are put off or parked."""

    applied: int = 0
    failed: int = 0
    counts: WriteCounts = field(default_factory=WriteCounts)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.applied + other.applied, self.failed + other.failed, self.counts + other.counts)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pipeline moves changes between.

    `missed` notes that a generation did not take some SKUs; it answers False when that one is live by now.
    """

    catalogue: Catalogue
    writer: PointWriter
    targets: Callable[[], Sequence[Target | Unopened]]
    missed: Callable[[str, Sequence[str]], bool]


@dataclass(slots=True)
class _Batch:
    """Claims on their way through the steps. `error` is what stopped them: one of the changes may be to blame."""

    claims: Sequence[Claim]
    vectors: TextVectors
    work: list[tuple[Plan, Mapping[str, Vector]]] = field(default_factory=list)
    error: Exception | None = None

    @property
    def skus(self) -> list[str]:
        return [claim.sku for claim in self.claims]

    def has_failed(self) -> bool:
        return self.error is not None


@dataclass(frozen=True, slots=True)
class _Written:
    """A batch that is in the indexes, but may not be on the disk yet."""

    claims: Sequence[Claim]
    targets: Sequence[Target]
    counts: WriteCounts


class Pipeline:
    """Carries batches from the outbox into the targets. At most three are in memory: read, encoded, written.

    Reading and writing have a thread each; encoding, and a batch that failed, are the caller's. Only one thread
    writes at any time. Whatever ends a run, nothing stays in hand.
    """

    def __init__(self, parts: Parts, leases: Leases, pace: Pace, stopped: Callable[[], bool]) -> None:
        self._parts = parts
        self._leases = leases
        self._pace = pace
        self._stopped = stopped
        self._done = Tally()
        self._unflushed: list[_Written] = []
        self._flushed_at = 0.0
        self._until = math.inf

    def run(self, enough: int, report: Callable[[Tally], None], until: float = math.inf) -> Tally:
        """Work until nothing is due, told to stop, or `enough` texts went in; `report` is told what was done so far.

        From the time `until` (`time.monotonic`) on nothing more is claimed, and what is in hand is finished.

        Raises `Unavailable` when the database, an engine or an encoder is away: no change is to blame, none is put off.
        """
        self._done = Tally()
        self._unflushed = []
        self._until = until
        try:
            with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
                self._flow(reading, writing, enough, report)
        finally:
            self._leases.release()
        report(self._done)
        return self._done

    def _flow(
        self, reading: ThreadPoolExecutor, writing: ThreadPoolExecutor, enough: int, report: Callable[[Tally], None]
    ) -> None:
        pending: list[Future[_Batch | None]] = []
        with suppress(Stopped):
            upcoming = reading.submit(self._read, enough)
            while (batch := upcoming.result()) is not None:
                upcoming = reading.submit(self._read, enough)
                self._encode(batch)
                self._settle(pending)
                pending.append(writing.submit(self._write, batch))
                report(self._done)
        with suppress(Stopped):
            self._settle(pending)
        self._acknowledge()

    def _settle(self, pending: list[Future[_Batch | None]]) -> None:
        """Wait for the write under way, and take the batch apart if it failed."""
        while pending:
            if (failed := pending.pop().result()) is not None:
                self._take_apart(failed)

    def _read(self, enough: int) -> _Batch | None:
        if self._stopped() or self._done.counts.encoded >= enough or time.monotonic() >= self._until:
            return None
        claims = self._leases.claim(BATCH)
        return self._compared(claims, TextVectors(self._pace, self._between)) if claims else None

    def _between(self) -> None:
        if self._stopped():
            raise Stopped
        self._leases.keep()

    def _compared(self, claims: Sequence[Claim], vectors: TextVectors) -> _Batch:
        """Read the products of a batch as they are now, and plan what each target needs for them."""
        batch = _Batch(claims, vectors)
        # Asked for once a batch: a generation that starts or goes live meanwhile is followed from the next batch on.
        targets = self._parts.targets()
        with _blaming(batch):
            stored = self._parts.catalogue.get_many(batch.skus)
            gone = [sku for sku in batch.skus if sku not in stored]
            for target in targets:
                with self._tolerant_of(target, batch.skus):
                    batch.work.append((self._parts.writer.plan(_open(target), list(stored.values()), gone), {}))
        return batch

    def _encode(self, batch: _Batch) -> None:
        plans, batch.work = [plan for plan, _ in batch.work], []
        with _blaming(batch):
            for plan in plans:
                with self._tolerant_of(plan.target, batch.skus):
                    texts = [change.text for change in plan.texts]
                    batch.work.append((plan, batch.vectors.of(plan.target.encoder, texts)))

    def _write(self, batch: _Batch) -> _Batch | None:
        """Write a batch, acknowledge now and then, and return None; one that failed, here or before, is returned."""
        if batch.has_failed():
            return batch
        held = self._leases.begin_to_write(batch.claims)
        counts = WriteCounts()
        with _blaming(batch):
            for plan, vectors in batch.work:
                with self._tolerant_of(plan.target, batch.skus):
                    part = plan if len(held) == len(batch.claims) else plan.only(held)
                    counts += self._parts.writer.apply(part, vectors)
        if batch.has_failed():
            self._leases.written_in_vain(batch.claims)
            return batch
        self._leases.forget([claim for claim in batch.claims if claim.sku not in held])
        claims = [claim for claim in batch.claims if claim.sku in held]
        self._unflushed.append(_Written(claims, [plan.target for plan, _ in batch.work], counts))
        if time.monotonic() - self._flushed_at >= FLUSH_EVERY_S:
            self._acknowledge()
        return None

    def _acknowledge(self) -> None:
        """Make durable what has been written, and then take it off the queue."""
        written, self._unflushed = self._unflushed, []
        claims = [claim for one in written for claim in one.claims]
        targets = {id(target.index): target for one in written for target in one.targets}
        with _nobodys_fault():
            for target in targets.values():
                with self._tolerant_of(target, [claim.sku for claim in claims]):
                    target.index.flush()
        self._leases.acknowledge(claims)
        self._flushed_at = time.monotonic()
        for one in written:
            self._done += Tally(len(one.claims), 0, one.counts)

    def _take_apart(self, batch: _Batch) -> None:
        # Writing is idempotent, so a failing batch is simply tried again in halves until the bad item stands alone.
        if len(batch.claims) == 1:
            self._leases.fail(batch.claims[0], batch.error)
            self._done += Tally(failed=1)
            return
        middle = len(batch.claims) // 2
        for half in (batch.claims[:middle], batch.claims[middle:]):
            self._between()
            alone = self._compared(half, batch.vectors)
            self._encode(alone)
            if (failed := self._write(alone)) is not None:
                self._take_apart(failed)

    @contextmanager
    def _tolerant_of(self, target: Target | Unopened, skus: Sequence[str]) -> Iterator[None]:
        """Let a generation that is not live hold nothing up: what it did not take is noted, and it gets it later."""
        try:
            yield
        except Stopped:
            raise
        except Exception as error:
            if target.live or not self._parts.missed(target.name, skus):
                raise
            _log.warning("generation %s, which is not live, did not take a batch: %s", target.name, error)


def _open(target: Target | Unopened) -> Target:
    if isinstance(target, Unopened):
        raise target.reason
    return target


@contextmanager
def _blaming(batch: _Batch) -> Iterator[None]:
    """Keep an error that a change may be to blame for; raise `Unavailable` for what is no change's fault."""
    try:
        with _nobodys_fault():
            yield
    except (Stopped, Unavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever an item does to us, it must not block the others
        batch.error = error


@contextmanager
def _nobodys_fault() -> Iterator[None]:
    try:
        yield
    except (NotFound, OSError, MemoryError) as error:
        raise Unavailable(f"a batch could not be worked on ({type(error).__name__}: {error})") from error
