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
from recommender.ingestion.change_plan import ChangePlan, WriteCounts
from recommender.ingestion.encoding import SliceSize, TextVectors, Vector
from recommender.ingestion.leases import Leases
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target, UnopenedTarget

FLUSH_EVERY_S = 1.0
"""Seconds between two flushes while batches follow each other. Each flush waits for the disk, however little was
written."""

BATCH = 1024
"""Products in a claim: enough that batches of equal length fill the encoder, few enough to finish in seconds."""

_log = logging.getLogger(__name__)


class DrainStopped(Exception):
    """The worker was told to stop; what is claimed and not being written is given back."""


@dataclass(frozen=True, slots=True)
class DrainSummary:
    """What became of changes. `counts` adds up all generations that were written. `failed` were put off or parked."""

    applied: int = 0
    failed: int = 0
    counts: WriteCounts = field(default_factory=WriteCounts)
    seconds: float = 0.0

    @property
    def changes(self) -> int:
        """How many changes were applied or failed."""
        return self.applied + self.failed

    def __add__(self, other: DrainSummary) -> DrainSummary:
        return DrainSummary(
            self.applied + other.applied,
            self.failed + other.failed,
            self.counts + other.counts,
            self.seconds + other.seconds,
        )


@dataclass(slots=True)
class _Batch:
    """Claims on their way through the steps. `error` is what stopped them; one of the changes may be to blame."""

    claims: Sequence[Claim]
    vectors: TextVectors
    work: list[tuple[ChangePlan, Mapping[str, Vector]]] = field(default_factory=list)
    error: Exception | None = None

    @property
    def skus(self) -> list[str]:
        return [claim.sku for claim in self.claims]

    def has_failed(self) -> bool:
        return self.error is not None


@dataclass(frozen=True, slots=True)
class _UnflushedBatch:
    """A batch that is in the indexes, but maybe not on the disk yet."""

    claims: Sequence[Claim]
    targets: Sequence[Target]
    counts: WriteCounts


class Pipeline:
    """Takes batches from the outbox into the targets. At most three are in memory: read, encoded, written.

    Reading and writing have a thread each. The caller's thread encodes, and handles batches that failed. Only one
    thread writes at any time. However a run ends, it keeps no claim.

    `missed` records that a generation did not take some SKUs. It returns False if that generation has gone live
    meanwhile.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        writer: PointWriter,
        targets: Callable[[], Sequence[Target | UnopenedTarget]],
        missed: Callable[[str, Sequence[str]], bool],
        leases: Leases,
    ) -> None:
        self._catalogue = catalogue
        self._writer = writer
        self._targets = targets
        self._missed = missed
        self._leases = leases
        self._slice_size = SliceSize()
        self._stopped: Callable[[], bool] = lambda: False
        self._done = DrainSummary()
        self._unflushed: list[_UnflushedBatch] = []
        self._flushed_at = 0.0

    def run(
        self,
        enough: int,
        report: Callable[[DrainSummary], None],
        stopped: Callable[[], bool],
        until: float = math.inf,
    ) -> DrainSummary:
        """Work until no change is due, it is told to stop, or `enough` texts went in; `report` is told the progress.

        After the time `until` (`time.monotonic`) nothing more is claimed, and what was claimed is finished. Raises
        `Unavailable` when the database, an engine or an encoder is away: no change is to blame, and none is put off.
        """
        self._stopped, self._done, self._unflushed = stopped, DrainSummary(), []
        writes: list[Future[_Batch | None]] = []

        def finish_write() -> None:
            while writes:
                if (failed := writes.pop().result()) is not None:
                    self._bisect(failed)

        try:
            with ThreadPoolExecutor(1, "read") as reading, ThreadPoolExecutor(1, "write") as writing:
                with suppress(DrainStopped):
                    upcoming = reading.submit(self._read, enough, until)
                    while (batch := upcoming.result()) is not None:
                        upcoming = reading.submit(self._read, enough, until)
                        self._encode(batch)
                        finish_write()
                        writes.append(writing.submit(self._write, batch))
                        report(self._done)
                with suppress(DrainStopped):
                    finish_write()
                self._acknowledge()
        finally:
            self._leases.release()
        report(self._done)
        return self._done

    def _read(self, enough: int, until: float) -> _Batch | None:
        if self._stopped() or self._done.counts.encoded >= enough or time.monotonic() >= until:
            return None
        claims = self._leases.claim(BATCH)
        return self._plan(claims, TextVectors(self._slice_size, self._stop_or_renew)) if claims else None

    def _stop_or_renew(self) -> None:
        if self._stopped():
            raise DrainStopped
        self._leases.renew_when_due()

    def _plan(self, claims: Sequence[Claim], vectors: TextVectors) -> _Batch:
        """Read the products of a batch as they are now, and plan what each target needs for them."""
        batch = _Batch(claims, vectors)
        # The targets are opened once for each batch: a generation that starts or goes live meanwhile is followed from
        # the next batch on.
        targets = self._targets()
        with _keep_error(batch):
            stored = self._catalogue.get_many(batch.skus)
            gone = [sku for sku in batch.skus if sku not in stored]
            for target in targets:
                with self._note_missed(target, batch.skus):
                    if isinstance(target, UnopenedTarget):
                        raise target.reason
                    batch.work.append((self._writer.plan(target, list(stored.values()), gone), {}))
        return batch

    def _encode(self, batch: _Batch) -> None:
        plans, batch.work = [plan for plan, _ in batch.work], []
        with _keep_error(batch):
            for plan in plans:
                with self._note_missed(plan.target, batch.skus):
                    batch.work.append((plan, batch.vectors.encode(plan.target.encoder, plan.texts)))

    def _write(self, batch: _Batch) -> _Batch | None:
        """Write a batch, acknowledge now and then, and return None. Return the batch if it failed, here or before.

        Changes that this worker lost because a lease ran out are left out: another worker writes them.
        """
        if batch.has_failed():
            return batch
        leased = self._leases.begin_write(batch.claims)
        counts = WriteCounts()
        with _keep_error(batch):
            for plan, vectors in batch.work:
                with self._note_missed(plan.target, batch.skus):
                    part = plan if len(leased) == len(batch.claims) else plan.restrict(leased)
                    counts += self._writer.apply(part, vectors)
        if batch.has_failed():
            self._leases.abandon_write(batch.claims)
            return batch
        self._leases.forget([claim for claim in batch.claims if claim.sku not in leased])
        claims = [claim for claim in batch.claims if claim.sku in leased]
        self._unflushed.append(_UnflushedBatch(claims, [plan.target for plan, _ in batch.work], counts))
        if time.monotonic() - self._flushed_at >= FLUSH_EVERY_S:
            self._acknowledge()
        return None

    def _acknowledge(self) -> None:
        """Make durable what has been written, and then remove it from the queue."""
        batches, self._unflushed = self._unflushed, []
        claims = [claim for batch in batches for claim in batch.claims]
        targets = {id(target.index): target for batch in batches for target in batch.targets}
        with _raise_unavailable():
            for target in targets.values():
                with self._note_missed(target, [claim.sku for claim in claims]):
                    target.index.flush()
        self._leases.acknowledge(claims)
        self._flushed_at = time.monotonic()
        for batch in batches:
            self._done += DrainSummary(len(batch.claims), 0, batch.counts)

    def _bisect(self, batch: _Batch) -> None:
        """Try the halves of a batch that failed, and their halves, until the change that is to blame fails alone.

        Nothing must be undone first: writing is idempotent.
        """
        if len(batch.claims) == 1:
            self._leases.fail(batch.claims[0], batch.error)
            self._done += DrainSummary(failed=1)
            return
        middle = len(batch.claims) // 2
        for claims in (batch.claims[:middle], batch.claims[middle:]):
            self._stop_or_renew()
            half = self._plan(claims, batch.vectors)
            self._encode(half)
            if (failed := self._write(half)) is not None:
                self._bisect(failed)

    @contextmanager
    def _note_missed(self, target: Target | UnopenedTarget, skus: Sequence[str]) -> Iterator[None]:
        """Record what a generation that is not live did not take: it gets that later, and holds up nothing now."""
        try:
            yield
        except DrainStopped:
            raise
        except Exception as error:
            if target.live or not self._missed(target.name, skus):
                raise
            _log.warning("generation %s, which is not live, did not take a batch: %s", target.name, error)


@contextmanager
def _keep_error(batch: _Batch) -> Iterator[None]:
    """Keep an error that a change may be to blame for; raise `Unavailable` for one that is no change's fault."""
    try:
        with _raise_unavailable():
            yield
    except (DrainStopped, Unavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever one change causes, it must not block the others
        batch.error = error


@contextmanager
def _raise_unavailable() -> Iterator[None]:
    try:
        yield
    except (NotFound, OSError, MemoryError) as error:
        raise Unavailable(f"a batch could not be worked on ({type(error).__name__}: {error})") from error
