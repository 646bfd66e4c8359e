"""The worker: carries what waits in the outbox into every generation that follows the catalogue."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from recommender.catalogue.outbox import Claim, Outbox
from recommender.catalogue.repository import Catalogue
from recommender.errors import Unavailable
from recommender.ingestion.writer import PointWriter, Target, WriteCounts
from recommender.types import Progress, silent

BATCH = 1024
"""Products a claim: large enough that batches of equal length fill the encoder, small enough to finish in seconds."""

LEASE = timedelta(minutes=10)
"""Longer than the slowest batch: 1,024 long texts on one core take about a minute."""

OPTIMIZE_AFTER = 2_000
"""Points appended before the graph is rebuilt; until then they are scanned, which costs a query under a millisecond."""


@dataclass(frozen=True, slots=True)
class DrainSummary:
    """What a drain did. `counts` adds up all generations that were written; `failed` are put off or parked."""

    applied: int
    failed: int
    counts: WriteCounts
    seconds: float


class Worker:
    """Claims batches, writes them to every target, and acknowledges what has become durable."""

    def __init__(
        self,
        catalogue: Catalogue,
        outbox: Outbox,
        writer: PointWriter,
        targets: Callable[[], Sequence[Target]],
        owner: str | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._outbox = outbox
        self._writer = writer
        self._targets = targets
        self._owner = owner or f"{socket.gethostname()[:32]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"

    def drain(self, progress: Progress = silent, stopped: Callable[[], bool] = lambda: False) -> DrainSummary:
        """Work until nothing is left that may be worked on now, then let the engines build their graphs.

        `stopped` is asked before each batch: once it says so, the batch in hand was the last.

        Raises `Unavailable` when an engine or the database goes away; the batch in hand is given back first.
        """
        started = time.monotonic()
        applied = failed = 0
        counts = WriteCounts()
        depth = self._outbox.depth()
        total = depth.waiting
        # Asked for once a batch: a generation that starts or goes live meanwhile is followed from the next batch on.
        while not stopped() and (claims := self._outbox.claim(self._owner, BATCH, LEASE)):
            written, lost = self._apply(claims)
            counts += written
            failed += lost
            applied += len(claims) - lost
            progress("indexing", applied + failed, max(total, applied + failed), f"{counts.encoded:,} encoded")
        if counts.encoded + counts.deleted >= OPTIMIZE_AFTER and not stopped():
            for target in self._targets():
                target.index.optimize()
        return DrainSummary(applied, failed, counts, time.monotonic() - started)

    def _apply(self, claims: Sequence[Claim]) -> tuple[WriteCounts, int]:
        """Apply and acknowledge; return what was written and how many items failed."""
        try:
            counts = self._write(claims)
        except (Unavailable, KeyboardInterrupt, SystemExit):
            self._outbox.release(self._owner, claims)
            raise
        except Exception as error:  # noqa: BLE001 - whatever an item does to us, it must not block the others
            return self._halve(claims, error)
        self._outbox.acknowledge(self._owner, claims)
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
            counts += self._writer.write(target, list(stored.values()), gone)
        return counts
