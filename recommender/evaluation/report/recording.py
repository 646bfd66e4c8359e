"""Keeps what measuring computes and lets go of, so that a report encodes nothing twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.errors import UsageError
from recommender.evaluation.cached_encoder import WrappedEncoder
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
        self._rows: dict[str, int] = {}
        self._row_of = [self._rows.setdefault(text(product), len(self._rows)) for product in held.corpus]
        self._encoders: dict[str, RecordingEncoder] = {}

    def through(self, model: str, encoder: Encoder) -> Encoder:
        """Return an encoder that does as the given one does, and whose vectors of the products are kept."""
        self._encoders[model] = RecordingEncoder(encoder, self._rows)
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
        return self._encoders[model].kept()[self._row_of]


class RecordingEncoder(WrappedEncoder):
    """Does as the given encoder does, and keeps the vectors of the texts in `rows`, each in its row."""

    def __init__(self, encoder: Encoder, rows: Mapping[str, int]) -> None:
        super().__init__(encoder)
        self._rows = rows
        self._vectors = np.zeros((len(rows), encoder.dimension), dtype=np.float32)
        self._known = np.zeros(len(rows), dtype=np.bool_)

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode the texts, and keep the documents among them that are wanted."""
        vectors = self._encoder.encode(texts, role)
        if role is Role.DOCUMENT:
            wanted = [at for at, text in enumerate(texts) if text in self._rows]
            rows = [self._rows[texts[at]] for at in wanted]
            self._vectors[rows], self._known[rows] = vectors[wanted], True
        return vectors

    def close(self) -> None:
        """Give back the memory of the model; what was kept stays."""
        self._encoder.close()

    def kept(self) -> Vectors:
        """Return the vectors of all wanted texts, in the order of their rows."""
        missing = [text for text, row in self._rows.items() if not self._known[row]]
        if missing:
            self.encode(missing)
        return self._vectors
