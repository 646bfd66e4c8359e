"""What follows the transformer, in numpy: pooling and the small layers that sentence-transformers may put after it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.int64]

_SMALLEST = 1e-9
"""Least value of a sum of weights, as in sentence-transformers, to prevent a division by zero."""


class PoolingMode(StrEnum):
    """How token vectors become one vector; the values are sentence-transformers' own."""

    CLS = "cls"
    MAX = "max"
    MEAN = "mean"
    MEAN_SQRT_LENGTH = "mean_sqrt_len_tokens"
    WEIGHTED_MEAN = "weightedmean"
    LAST_TOKEN = "lasttoken"  # noqa: S105 - no password


@dataclass(frozen=True, slots=True)
class TokenPooling:
    """Token vectors [n, length, width], padded on the right, to [n, width * number of modes]."""

    modes: tuple[PoolingMode, ...]

    def __call__(self, tokens: Floats, mask: Mask) -> Floats:
        """Pool by each mode and concatenate."""
        return np.concatenate([_pool(mode, tokens, mask) for mode in self.modes], axis=1)


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """A linear layer [out, in] with an optional bias [out], and its activation."""

    weight: Floats
    bias: Floats | None
    activation: Callable[[Floats], Floats]

    def __call__(self, vectors: Floats) -> Floats:
        """Map [n, in] to [n, out]."""
        projected = vectors @ self.weight.T + (0 if self.bias is None else self.bias)
        return self.activation(projected)


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """Layer normalisation with torch's default epsilon."""

    weight: Floats
    bias: Floats

    def __call__(self, vectors: Floats) -> Floats:
        """Normalise each row to mean 0 and variance 1, then scale and shift."""
        centred = vectors - vectors.mean(axis=1, keepdims=True)
        deviation = np.sqrt(centred.var(axis=1, keepdims=True) + np.float32(1e-5))
        return np.asarray(centred / deviation * self.weight + self.bias)


@dataclass(frozen=True, slots=True)
class Normalize:
    """Rows to length 1; a row of zeros stays as it is."""

    def __call__(self, vectors: Floats) -> Floats:
        """Divide each row by its length."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


HeadStep = DenseLayer | LayerNorm | Normalize


def _pool(mode: PoolingMode, tokens: Floats, mask: Mask) -> Floats:
    """Return one vector for each text [n, width], by the formulas of sentence-transformers' `Pooling`."""
    if mode is PoolingMode.CLS:
        return tokens[:, 0]
    if mode is PoolingMode.MAX:
        return np.asarray(np.where(mask[..., None] > 0, tokens, np.float32(-np.inf)).max(axis=1))
    if mode is PoolingMode.LAST_TOKEN:
        return np.asarray(tokens[np.arange(len(tokens)), np.maximum(mask.sum(axis=1) - 1, 0)])
    weights = mask.astype(np.float32)
    if mode is PoolingMode.WEIGHTED_MEAN:
        weights = weights * np.arange(1, mask.shape[1] + 1, dtype=np.float32)
    total = np.maximum(weights.sum(axis=1, keepdims=True), _SMALLEST)
    if mode is PoolingMode.MEAN_SQRT_LENGTH:
        total = np.sqrt(total)
    return np.asarray(np.matmul(weights[:, None, :], tokens)[:, 0] / total, dtype=np.float32)


def _gelu(values: Floats) -> Floats:
    # numpy has no error function. The standard library's exact one is slow, but a head is small.
    gate = 1 + np.vectorize(math.erf, otypes=[np.float32])(values / math.sqrt(2))
    return np.asarray(0.5 * values * gate, dtype=np.float32)


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "Identity": lambda values: values,
    "Tanh": np.tanh,
    "ReLU": lambda values: np.maximum(values, 0),
    "GELU": _gelu,
    "Sigmoid": lambda values: np.asarray(1 / (1 + np.exp(-values)), dtype=np.float32),
}
"""Activations of a dense layer, by the name of their torch class."""
