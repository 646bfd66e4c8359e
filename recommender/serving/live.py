"""The live pair as queries see it: one generation, its open index, and the encoder of the model that made it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from recommender.embedding.encoder import Encoder
from recommender.errors import NoLiveModel
from recommender.index.generations import Generation, Generations
from recommender.index.protocol import VectorIndex


@dataclass(frozen=True, slots=True)
class LivePair:
    """What one query works with from start to end, whatever goes live meanwhile. `encoder` loads on its first call."""

    generation: str
    model: str
    index: VectorIndex
    encoder: Callable[[], Encoder]


class LivePairs:
    """Follows which generation is live; opens an index once and keeps it while its generation stays live."""

    def __init__(
        self,
        generations: Generations,
        open_index: Callable[[Generation], VectorIndex],
        open_encoder: Callable[[Generation], Encoder],
    ) -> None:
        self._generations = generations
        self._open_index = open_index
        self._open_encoder = open_encoder
        self._pair: LivePair | None = None
        self._lock = threading.Lock()

    def current(self) -> LivePair:
        """Return the live pair, asked from the database each time: the switch is seen by the next query.

        Raises `NoLiveModel` before anything was indexed.
        """
        generation = self._generations.live()
        if generation is None:
            raise NoLiveModel("nothing is indexed yet; run `recommender ingest FEED` first")
        with self._lock:
            if self._pair is None or self._pair.generation != generation.name:
                self._pair = LivePair(
                    generation.name,
                    generation.model_name,
                    self._open_index(generation),
                    lambda: self._open_encoder(generation),
                )
            return self._pair
