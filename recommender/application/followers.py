"""The generations that a worker writes to: open while it drains, and their graphs built when it is worth it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from recommender.application.graph_builds import GraphBuilds
from recommender.errors import Unavailable
from recommender.index.embedded.engine import APART_FROM, EmbeddedEngine, EmbeddedIndex
from recommender.index.generations import Generation, Generations
from recommender.index.pool import Pin
from recommender.index.protocol import VectorEngine, VectorIndex
from recommender.ingestion.change_plan import WriteCounts
from recommender.ingestion.targets import Target, UnopenedTarget
from recommender.ingestion.worker import OPTIMIZE_EVERY

WORTH_A_BUILD = 0.2
"""Share of the points that changed since the last build: they are scanned until the next one, which takes as long for
few as for all. Price changes alone never start one, since a feed of them would wait for it each time."""

WORTH_A_BUILD_BESIDE = 2_000
"""Changes that are worth one beside queries, however few points there are: scanning as many takes 0.2 ms."""


class Followers:
    """What the worker of a process writes to. `pin` opens an index, for which another process may be waited for.

    With `beside` set, graphs are built while queries and writes go on; else the drain waits for them.
    """

    def __init__(
        self,
        engine: Callable[[], VectorEngine],
        generations: Generations,
        pin: Callable[[str, float], Pin],
        target: Callable[[Generation, VectorIndex], Target],
        patience: float,
    ) -> None:
        self._engine = engine
        self._generations = generations
        self._pin = pin
        self._target = target
        self._patience = patience
        self._lock = threading.Lock()
        self._pins: dict[str, Pin] = {}
        self._builds: GraphBuilds | None = None
        self.being_built: set[str] = set()
        """Generations that somebody fills, who sees to their graphs at the end."""

    def build_beside(self) -> None:
        """Have graphs built beside queries and writes from now on."""
        if self._builds is None:
            self._builds = GraphBuilds(lambda name: self._pin(name, self._patience))

    def targets(self) -> Sequence[Target | UnopenedTarget]:
        """Open every generation that follows the catalogue and that the engine has, until `leave`.

        One that is not live and can't be opened comes without its index: what it misses is noted.
        """
        existing = set(self._engine().names())
        return [self._opened(follower) for follower in self._generations.followers() if follower.name in existing]

    def _opened(self, follower: Generation) -> Target | UnopenedTarget:
        # Whoever builds one that is not live holds it for long, and the live one can't wait.
        try:
            return self._target(follower, self._pinned(follower.name, self._patience if follower.live else 0.0))
        except Unavailable as error:
            if follower.live:
                raise
            return UnopenedTarget(follower.name, error)

    def _pinned(self, name: str, patience: float) -> VectorIndex:
        with self._lock:
            if (held := self._pins.get(name)) is not None:
                return held.index
        pin = self._pin(name, patience)
        with self._lock:
            held = self._pins.setdefault(name, pin)
        if held is not pin:
            pin.release()
        return held.index

    def leave(self) -> None:
        """Use the targets that were given out no longer."""
        with self._lock:
            pins, self._pins = self._pins, {}
        for pin in pins.values():
            pin.release()

    def optimize(self, target: Target, counts: WriteCounts, stopped: Callable[[], bool]) -> None:
        """Build the graphs of a target if it is worth it after what was written; a server does so by itself."""
        engine, index = self._engine(), target.index
        if not isinstance(engine, EmbeddedEngine) or not isinstance(index, EmbeddedIndex):
            return
        changed = engine.changed(target.name, counts.changes)
        if not counts.encoded + counts.deleted or target.name in self.being_built:
            return
        points = index.count()
        due = changed >= min(points * WORTH_A_BUILD, OPTIMIZE_EVERY)
        if self._builds is not None:
            if due and changed >= WORTH_A_BUILD_BESIDE:
                self._builds.begin(target.name)
        elif due or points < APART_FROM:
            index.optimize(stopped)

    def close(self) -> None:
        """Give up what is being built, and leave the targets."""
        if self._builds is not None:
            self._builds.stop()
        self.leave()
