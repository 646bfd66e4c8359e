"""An encoder that keeps what it has encoded, so that measuring a model in several ways encodes each text once."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from recommender.embedding.encoder import Encoder, Role, Vectors


class CachedEncoder:
    """Encodes by another encoder, and keeps the vectors: of all texts, or of the documents in `kept` alone.

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

    def close(self) -> None:
        """Forget the vectors."""
        self._vectors.clear()
