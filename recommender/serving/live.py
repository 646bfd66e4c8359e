"""The live pair as queries see it: one generation, its open index, and the encoder of the model that made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recommender.embedding.encoder import Encoder
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
    """Follows which generation is live. `open_index` and `open_encoder` keep what they have opened."""

    def __init__(
        self,
        generations: Generations,
        open_index: Callable[[Generation], VectorIndex],
        open_encoder: Callable[[Generation], Encoder],
    ) -> None:
        self._generations = generations
        self._open_index = open_index
        self._open_encoder = open_encoder

    def current(self) -> LivePair:
        """Return the live pair, asked from the database each time: the switch is seen by the next query.

        Raises `NoLiveModel` before anything was indexed.
        """
        live = self._generations.require_live()
        return LivePair(live.name, live.model_name, self._open_index(live), lambda: self._open_encoder(live))
