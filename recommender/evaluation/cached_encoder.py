"""Vectors kept while models are measured, so that each text is encoded once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from recommender.embedding.encoder import Encoder, Role, Vectors
from recommender.errors import UsageError
from recommender.evaluation.held_out import HeldOut, TextFunction
from recommender.types import Product


class CachedEncoder:
    """Encodes by another encoder, and keeps the vectors: of all texts, or only of the documents in `kept`.

    Memory grows by a vector for each text kept: 1.5 kB at 384 dimensions. The other encoder is not closed with it.
    """

    def __init__(self, encoder: Encoder, kept: Collection[str] | None = None) -> None:
        self._encoder, self._kept = encoder, kept
        self._vectors: dict[tuple[Role, str], Vectors] = {}

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return self._encoder.dimension

    @property
    def fingerprint(self) -> str:
        """Hash of the model."""
        return self._encoder.fingerprint

    @property
    def name(self) -> str:
        """What runs the model."""
        return self._encoder.name

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode the texts that are not kept yet, and return the vectors of all, in the order given."""
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        missing = list(dict.fromkeys(text for text in texts if (role, text) not in self._vectors))
        encoded = dict(zip(missing, self._encoder.encode(missing, role), strict=True)) if missing else {}
        for text, vector in encoded.items():
            if self._kept is None or (role is Role.DOCUMENT and text in self._kept):
                # A copy: a row of the batch would keep the whole batch in memory.
                self._vectors[role, text] = vector.copy()
        return np.stack([encoded[text] if text in encoded else self._vectors[role, text] for text in texts])

    def know(self, texts: Mapping[str, Vectors]) -> None:
        """Take over vectors of documents that this model made elsewhere, by the same runtime: float32 [d] each."""
        self._vectors |= {(Role.DOCUMENT, text): vector for text, vector in texts.items()}

    def close(self) -> None:
        """Forget the vectors."""
        self._vectors.clear()


class Recording:
    """The products that models are measured on, and the vectors of all of them by each model.

    It grows by a vector for each product and model: 46 MB for 30,000 products of 384 dimensions.
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
        """Return the vectors of the corpus by a model: [n, d]. Products not encoded before are encoded now.

        Raises `UsageError` for a model that was not measured through this recording.
        """
        if model not in self._encoders:
            raise UsageError(f"{model} was not recorded; measure it through this recording first")
        return self._encoders[model].encode(self._texts)
