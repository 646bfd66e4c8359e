"""The vectors of the measured products by each model, kept so that a report encodes nothing twice."""

from __future__ import annotations

from collections.abc import Sequence

from recommender.embedding.encoder import Encoder, Vectors
from recommender.errors import UsageError
from recommender.evaluation.cached_encoder import CachedEncoder
from recommender.evaluation.held_out import HeldOut, TextFunction
from recommender.types import Product


class Recording:
    """The products that models are measured on, and the vectors of all of them by each model.

    It grows by a vector a product and model: 46 MB for 30,000 products of 384 dimensions.
    """

    def __init__(self, held: HeldOut, text: TextFunction) -> None:
        self.held = held
        self.asked: Sequence[int] = [*held.seen, *held.unseen]
        """Rows of the held-out products whose leaf has another product to find."""
        self._texts = [text(product) for product in held.corpus]
        self._kept = frozenset(self._texts)
        self._encoders: dict[str, CachedEncoder] = {}

    def through(self, model: str, encoder: Encoder) -> Encoder:
        """Return an encoder that does as the given one does, and whose vectors of the products are kept."""
        self._encoders[model] = CachedEncoder(encoder, self._kept)
        return self._encoders[model]

    @property
    def models(self) -> list[str]:
        """The models that were recorded, in the order they were measured."""
        return list(self._encoders)

    def product(self, row: int) -> Product:
        """Return a product of the corpus."""
        return self.held.corpus[row]

    def vectors(self, model: str) -> Vectors:
        """Return the vectors of the corpus by a model: [n, d]. What it was not asked for is encoded now.

        Raises `UsageError` for a model that was not measured through this recording.
        """
        if model not in self._encoders:
            raise UsageError(f"{model} was not recorded; measure it through this recording first")
        return self._encoders[model].encode(self._texts)
