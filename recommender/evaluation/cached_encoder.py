"""An encoder that keeps what it has encoded, so that measuring a model in several ways encodes each text once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recommender.embedding.encoder import Encoder, Role, Vectors


class WrappedEncoder:
    """What an encoder around another one has from that: dimension, fingerprint and name."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

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


class RememberingEncoder(WrappedEncoder):
    """Does as the given encoder does. Memory grows by a vector a distinct text: 1.5 kB at 384 dimensions.

    The given encoder is not closed with it.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__(encoder)
        self._known: dict[tuple[Role, str], Vectors] = {}

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode the texts that are new, and return the vectors of all, in the order given."""
        new = list(dict.fromkeys(text for text in texts if (role, text) not in self._known))
        if new:
            for text, vector in zip(new, self._encoder.encode(new, role), strict=True):
                self._known[role, text] = vector
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([self._known[role, text] for text in texts])

    def close(self) -> None:
        """Forget the vectors."""
        self._known.clear()
