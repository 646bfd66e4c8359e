"""The generations that the worker of this process writes to: open while it drains."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from recommender.errors import Unavailable
from recommender.index.generation import Generation
from recommender.index.generations import Generations
from recommender.index.leases import HELD_PATIENCE_S, IndexPool
from recommender.index.protocol import VectorEngine, VectorIndex
from recommender.ingestion.targets import Target, UnopenedTarget


class WriteTargets:
    """Every generation that follows the catalogue, leased until `release`. Thread-safe.

    `target` makes a target to write to from an open generation.
    """

    def __init__(
        self,
        engine: Callable[[], VectorEngine],
        generations: Generations,
        indexes: IndexPool,
        target: Callable[[Generation, VectorIndex], Target],
    ) -> None:
        self._engine = engine
        self._generations = generations
        self._indexes = indexes
        self._target = target
        self._lock = threading.Lock()
        self._leases = ExitStack()
        self._opened: dict[str, VectorIndex] = {}

    def open(self) -> Sequence[Target | UnopenedTarget]:
        """Open the generations. Raises `Unavailable` when the live one is not there, or can't be opened.

        Another one that can't be opened is returned without its index: what it misses is recorded.
        """
        followers = self._generations.followers()
        # Listed after them: one that is begun after that is followed from the next time on.
        existing = set(self._engine().names())
        targets: list[Target | UnopenedTarget] = []
        for follower in followers:
            try:
                if follower.name not in existing:
                    told = f"the index lacks generation {follower.name}; `recommender index rebuild` makes another one"
                    raise Unavailable(told)
                # A process that builds a generation that is not live holds it for long, and the live one can't wait for
                # that.
                patience = HELD_PATIENCE_S if follower.live else 0.0
                with self._lock:
                    if follower.name not in self._opened:
                        lease = self._indexes.lease(follower.name, patience)
                        self._opened[follower.name] = self._leases.enter_context(lease)
                    index = self._opened[follower.name]
                targets.append(self._target(follower, index))
            except Unavailable as error:
                if follower.live:
                    live = self._generations.live()
                    if live is not None and live.name != follower.name:
                        return self.open()  # another one has become live, and this one was removed
                    raise
                targets.append(UnopenedTarget(follower.name, error))
        return targets

    def release(self) -> None:
        """Give back the leases: the targets that were returned are no longer used."""
        with self._lock:
            self._opened.clear()
            self._leases.close()
