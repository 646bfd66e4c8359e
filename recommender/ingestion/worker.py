"""The worker: carries what waits in the outbox into every generation that follows the catalogue."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from recommender.catalogue.lease_owner import lease_owner
from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.ingestion.encoding import Pace
from recommender.ingestion.leases import Leases
from recommender.ingestion.pipeline import BATCH, Parts, Pipeline, Tally
from recommender.ingestion.writer import PointWriter, Target, Unopened, WriteCounts
from recommender.types import Progress, silent

__all__ = ["BATCH", "OPTIMIZE_EVERY", "DrainSummary", "Worker"]

OPTIMIZE_EVERY = 25_000
"""Points appended in one drain before graphs are built over them and the indexes let go of: an index that took in
200,000 points in one go had 2.9 GB of its files mapped at the end."""

LOOK_CLOSER_S = 5.0
"""How often an idle worker looks for what killed processes held: a walk over the whole queue, if a short one."""


@dataclass(frozen=True, slots=True)
class DrainSummary:
    """What a drain did. `counts` adds up all generations that were written; `failed` are put off or parked."""

    applied: int = 0
    failed: int = 0
    counts: WriteCounts = field(default_factory=WriteCounts)
    seconds: float = 0.0


def _optimize_here(target: Target, counts: WriteCounts, _stopped: Callable[[], bool]) -> None:
    if counts.encoded + counts.deleted:
        target.index.optimize()  # the engine's own thresholds say whether there is enough to do


class Worker:
    """Claims batches, writes them to every target, and acknowledges what has become durable.

    `targets` is asked before each batch; `let_go` may close what it opened, and is called now and then in a long drain.
    `missed` notes SKUs that a generation which is not live did not take, before they are acknowledged; it returns
    False when that one is live by now, and so must take them. `optimize` is told what was written, may have the
    engine build the graphs of a target, and should give up when it is told to stop. `leave` is told when the targets
    are not used any more, at the end of a drain. One drain at a time.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        outbox: Outbox,
        writer: PointWriter,
        targets: Callable[[], Sequence[Target | Unopened]],
        owner: str | None = None,
        let_go: Callable[[], None] = lambda: None,
        missed: Callable[[str, Sequence[str]], bool] = lambda _name, _skus: True,
        optimize: Callable[[Target, WriteCounts, Callable[[], bool]], None] = _optimize_here,
        leave: Callable[[], None] = lambda: None,
    ) -> None:
        self._outbox = outbox
        self._parts = Parts(catalogue, writer, targets, missed)
        self._leases = Leases(outbox, owner or lease_owner())
        self._let_go = let_go
        self._optimize_one = optimize
        self._leave = leave
        self._pace = Pace()
        self._looked_closer: float | None = None

    def has_work(self) -> bool:
        """Tell whether a drain may find something, for one look into the queue. True when asked first."""
        now = time.monotonic()
        if self._looked_closer is None or now - self._looked_closer > LOOK_CLOSER_S:
            self._leases.recover()
            first, self._looked_closer = self._looked_closer is None, now
            if first:
                return True
        return self._outbox.anything_due()

    def drain(
        self,
        progress: Progress = silent,
        stopped: Callable[[], bool] = lambda: False,
        longest: float = math.inf,
    ) -> DrainSummary:
        """Work until nothing is left that may be worked on now, then let the engines build their graphs.

        After `longest` seconds nothing more is claimed: in a shop that never rests a drain would have no end.
        `stopped` is asked between batches and between slices of texts: once it says so, what is being written is
        finished and the rest given back. Raises `Unavailable` when an engine, an encoder or the database is away; what
        was in hand is given back first.
        """
        started = time.monotonic()
        self._leases.recover()
        total = 0 if progress is silent else self._outbox.depth().waiting  # a count of the whole queue
        done = Tally()

        def report(more: Tally) -> None:
            sofar = done + more
            handled = sofar.applied + sofar.failed
            progress("indexing", handled, max(total, handled), f"{sofar.counts.encoded:,} encoded")

        until = started + longest
        try:
            while not stopped() and (more := self._pipeline(stopped).run(OPTIMIZE_EVERY, report, until)) != Tally():
                done += more
                if more.counts.changed and not stopped():
                    self._optimize(more.counts, stopped)
        finally:
            self._leave()
        return DrainSummary(done.applied, done.failed, done.counts, time.monotonic() - started)

    def give_back(self) -> None:
        """Give back what is in hand and not being written, from any thread; for a process that is about to end."""
        self._leases.give_back()

    def _pipeline(self, stopped: Callable[[], bool]) -> Pipeline:
        return Pipeline(self._parts, self._leases, self._pace, stopped)

    def _optimize(self, counts: WriteCounts, stopped: Callable[[], bool]) -> None:
        self._let_go()  # what the writes mapped is given back first: the build maps much of it anew
        for target in self._parts.targets():
            if isinstance(target, Target) and not stopped():
                self._optimize_one(target, counts, stopped)
