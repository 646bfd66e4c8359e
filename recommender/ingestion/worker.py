"""The worker: takes the changes that wait in the outbox into every generation that follows the catalogue."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from recommender.catalogue.lease_owner import lease_owner
from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.ingestion.change_plan import WriteCounts
from recommender.ingestion.leases import Leases
from recommender.ingestion.pipeline import BATCH, DrainSummary, Pipeline
from recommender.ingestion.point_writer import PointWriter
from recommender.ingestion.targets import Target, UnopenedTarget
from recommender.types import Progress, silent

__all__ = ["BATCH", "OPTIMIZE_EVERY", "Ahead", "DrainSummary", "Worker"]

OPTIMIZE_EVERY = 25_000
"""Points appended in one drain before the indexes are released, and graphs are built if that is worth it. An index that
took in 200,000 points at once had 2.9 GB of its files mapped at the end."""

RECOVER_EVERY_S = 5.0
"""How often an idle worker looks for claims of killed processes. That reads the whole queue, which is short then."""


class Ahead(StrEnum):
    """What a target is about to get when graphs might be built."""

    NOTHING = "nothing"
    MORE = "more"
    """More changes wait, and this drain applies them: graphs that are built now would soon be built again."""
    LATER = "later"
    """More changes wait for a later drain; until then queries use what there is."""


def _optimize(target: Target, counts: WriteCounts, _ahead: Ahead, _stopped: Callable[[], bool]) -> None:
    if counts.encoded + counts.deleted:
        target.index.optimize()  # the engine's own thresholds say whether there is enough to do


class Worker:
    """Claims batches, writes them to every target, and acknowledges what has become durable. One drain at a time.

    These functions are given, since they belong to its process:

    - `targets` opens the generations to write to, before each batch;
    - `missed` records SKUs that a generation which is not live did not take, before they are acknowledged. It returns
      False if that generation is live by now, and so must take them;
    - `optimize` is told what was written to a target and what is ahead of it, may let the engine build its graphs, and
      should give up when it is told to stop;
    - `release_targets` is told that the targets are not used any more: sometimes in a long drain, and at its end;
    - `release_indexes` may then close what is open; called in a long drain.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        outbox: Outbox,
        writer: PointWriter,
        targets: Callable[[], Sequence[Target | UnopenedTarget]],
        owner: str | None = None,
        missed: Callable[[str, Sequence[str]], bool] = lambda _name, _skus: True,
        optimize: Callable[[Target, WriteCounts, Ahead, Callable[[], bool]], None] = _optimize,
        release_targets: Callable[[], None] = lambda: None,
        release_indexes: Callable[[], None] = lambda: None,
    ) -> None:
        self._outbox = outbox
        self._targets = targets
        self._leases = Leases(outbox, owner or lease_owner())
        self._pipeline = Pipeline(catalogue, writer, targets, missed, self._leases)
        self._release_indexes = release_indexes
        self._optimize = optimize
        self._release_targets = release_targets
        self._recovered_at: float | None = None

    def has_work(self) -> bool:
        """Tell whether a drain may find something, for one look into the queue. The first answer is always True."""
        now = time.monotonic()
        if self._recovered_at is None or now - self._recovered_at > RECOVER_EVERY_S:
            self._leases.recover()
            first, self._recovered_at = self._recovered_at is None, now
            if first:
                return True
        return self._outbox.anything_due()

    def drain(
        self,
        progress: Progress = silent,
        stopped: Callable[[], bool] = lambda: False,
        longest: float = math.inf,
    ) -> DrainSummary:
        """Work until no change is left that is due, then let the engines build their graphs.

        After `longest` seconds nothing more is claimed: in a shop that changes all the time a drain would never end.
        `stopped` is asked between batches and between slices of texts. Once it returns True, what is being written is
        finished and the rest is given back. Raises `Unavailable` when an engine, an encoder or the database is away;
        all claims are given back first.
        """
        started = time.monotonic()
        self._leases.recover()
        total = 0 if progress is silent else self._outbox.depth().waiting  # counting reads the whole queue
        done = DrainSummary()

        def report(more: DrainSummary) -> None:
            so_far = done + more
            progress("indexing", so_far.changes, max(total, so_far.changes), f"{so_far.counts.encoded:,} encoded")

        try:
            while not stopped():
                more = self._pipeline.run(OPTIMIZE_EVERY, report, stopped, started + longest)
                if more == DrainSummary():
                    break
                done += more
                if more.counts.changes and not stopped():
                    # This releases what the writes have mapped: the build maps much of it again.
                    self._release_targets()
                    self._release_indexes()
                    ahead = Ahead.NOTHING
                    if self._outbox.anything_due():
                        ahead = Ahead.LATER if time.monotonic() >= started + longest else Ahead.MORE
                    for target in self._targets():
                        if isinstance(target, Target) and not stopped():
                            self._optimize(target, more.counts, ahead, stopped)
        finally:
            self._release_targets()
        return replace(done, seconds=time.monotonic() - started)

    def give_back(self) -> None:
        """Give back what is claimed and not being written, from any thread; for a process that is about to end."""
        self._leases.give_back()
