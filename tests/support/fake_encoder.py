"""An encoder of the same protocol as the real ones, whose vectors come from the words of a text."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from recommender.embedding.encoder import Role, Vectors


class WordEncoder:
    """Adds up one fixed random direction a word, so that texts which share words lie close; counts what it encodes."""

    fingerprint = "words"
    name = "words"

    def __init__(self, dimension: int = 32) -> None:
        self.dimension = dimension
        self.encoded: list[str] = []
        self.failing: set[str] = set()

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        """Encode texts; raises for one that holds a word of `failing`."""
        self.encoded.extend(texts)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                if word in self.failing:
                    raise ValueError(f"can't encode {word}")
                vectors[row] += np.random.default_rng(zlib.crc32(word.encode())).standard_normal(self.dimension)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(norms == 0, 1, norms), dtype=np.float32)

    def close(self) -> None:
        """Hold nothing."""
