"""The worker: carries what waits in the outbox into every generation that follows the catalogue."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recommender.catalogue.outbox import Claim, Outbox
from recommender.catalogue.owners import lease_owner
from recommender.catalogue.repository import Catalogue, StoredProduct
from recommender.errors import Unavailable
from recommender.ingestion.writer import PointWriter, Target, WriteCounts
from recommender.types import Progress, silent

BATCH = 1024
"""Products a claim: large enough that batches of equal length fill the encoder, small enough to finish in seconds."""

LEASE = timedelta(minutes=10)
"""Longer than the slowest batch: 1,024 long texts on one core take about a minute."""

OPTIMIZE_EVERY = 25_000
"""Points appended in one drain before graphs are built over them and the indexes let go of: an index that took in
200,000 points in one go had 2.9 GB of its files mapped at the end."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DrainSummary:
    """What a drain did. `counts` adds up all generations that were written; `failed` are put off or parked."""

    applied: int
    failed: int
    counts: WriteCounts
    seconds: float


class Worker:
    """Claims batches, writes them to every target, and acknowledges what has become durable.

    `targets` is asked before each batch; `let_go` may close what it opened, and is called now and then in a long drain.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        outbox: Outbox,
        writer: PointWriter,
        targets: Callable[[], Sequence[Target]],
        owner: str | None = None,
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        self._let_go = let_go
        self._catalogue = catalogue
        self._outbox = outbox
        self._writer = writer
        self._targets = targets
        self._owner = owner or lease_owner()

    def drain(self, progress: Progress = silent, stopped: Callable[[], bool] = lambda: False) -> DrainSummary:
        """Work until nothing is left that may be worked on now, then let the engines build their graphs.

        `stopped` is asked before each batch: once it says so, the batch in hand was the last.

        Raises `Unavailable` when an engine or the database goes away; the batch in hand is given back first.
        """
        started = time.monotonic()
        applied = failed = appended = 0
        counts = WriteCounts()
        self._outbox.release_dead()
        total = self._outbox.depth().waiting
        # Asked for once a batch: a generation that starts or goes live meanwhile is followed from the next batch on.
        while not stopped() and (claims := self._outbox.claim(self._owner, BATCH, LEASE)):
            written, lost = self._apply(claims)
            counts += written
            appended += written.encoded
            failed += lost
            applied += len(claims) - lost
            if appended >= OPTIMIZE_EVERY:
                self._optimize()
                self._let_go()
                appended = 0
            progress("indexing", applied + failed, max(total, applied + failed), f"{counts.encoded:,} encoded")
        if counts.encoded + counts.deleted and not stopped():
            self._optimize()
        return DrainSummary(applied, failed, counts, time.monotonic() - started)

    def _optimize(self) -> None:
        self._let_go()  # what the writes mapped is given back first: the build maps much of it anew
        for target in self._targets():
            target.index.optimize()  # the engine's own thresholds say whether there is enough to do

    def _apply(self, claims: Sequence[Claim]) -> tuple[WriteCounts, int]:
        """Apply and acknowledge; return what was written and how many items failed."""
        try:
            counts = self._write(claims)
            self._outbox.acknowledge(self._owner, claims)
        except (Unavailable, KeyboardInterrupt, SystemExit):
            self._outbox.release(self._owner, claims)
            raise
        except Exception as error:  # noqa: BLE001 - whatever an item does to us, it must not block the others
            return self._halve(claims, error)
        return counts, 0

    def _halve(self, claims: Sequence[Claim], error: Exception) -> tuple[WriteCounts, int]:
        # Writing is idempotent, so a failing batch is simply tried again in halves until the bad item stands alone.
        if len(claims) == 1:
            self._outbox.fail(self._owner, claims, f"{type(error).__name__}: {error}")
            return WriteCounts(), 1
        middle = len(claims) // 2
        first, first_failed = self._apply(claims[:middle])
        second, second_failed = self._apply(claims[middle:])
        return first + second, first_failed + second_failed

    def _write(self, claims: Sequence[Claim]) -> WriteCounts:
        stored = self._catalogue.get_many([claim.sku for claim in claims])
        gone = [claim.sku for claim in claims if claim.sku not in stored]
        counts = WriteCounts()
        for target in self._targets():
            counts += self._write_to(target, list(stored.values()), gone)
        return counts

    def _write_to(self, target: Target, stored: list[StoredProduct], gone: list[str]) -> WriteCounts:
        try:
            return self._writer.write(target, stored, gone)
        except Exception as error:
            if target.live:
                raise
            # It must not hold up the live one; its build compares it with the catalogue before it goes live.
            _log.warning("generation %s, being built, did not take a batch: %s", target.name, error)
            return WriteCounts()
