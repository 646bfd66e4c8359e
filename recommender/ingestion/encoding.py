"""Encoding the texts of a batch: each distinct one once, in slices short enough to stop in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Encoder, Vectors
from recommender.errors import Unavailable

Vector = NDArray[np.float32]
"""The vector of one text: float32 [d]."""

SLICE_S = 1.0
"""What one slice should take: a tenth of the time in which a worker must have let go of its batch."""

FIRST_SLICE = 8
"""Texts in the first slice, before the pace of the encoder is known: seconds on the slowest model there may be."""

LARGEST_SLICE = 4096
"""More than a batch has: beyond it nothing is gained."""

PROBE = "lamp"
"""What any encoder can encode. When it fails too, the encoder is broken, not the text that it failed on."""


def _go_on() -> None:
    """Do not stop."""


class Pace:
    """How many texts are encoded in one go: from few, by what the last slice took, to what `SLICE_S` admits."""

    def __init__(self, first: int = FIRST_SLICE) -> None:
        self.size = first

    def took(self, seconds: float, texts: int) -> None:
        """Take note of what a slice took. A short one at the end of a batch says little, and changes nothing."""
        if texts < self.size:
            return
        fitting = int(texts * SLICE_S / max(seconds, 1e-6))
        self.size = max(1, min(fitting, 4 * self.size, LARGEST_SLICE))


class TextVectors:
    """The vectors of a batch's texts, by model: a text is encoded once, however many products and generations have it.

    `between` is called before each slice and may raise; what was encoded until then is kept for the next try.
    """

    def __init__(self, pace: Pace | None = None, between: Callable[[], None] = _go_on) -> None:
        self._pace = pace or Pace(LARGEST_SLICE)
        self._between = between
        self._known: dict[str, dict[str, Vector]] = {}

    def of(self, encoder: Callable[[], Encoder], texts: Sequence[str]) -> Mapping[str, Vector]:
        """Return the vector of each text. `encoder` is called only if there is a text at all.

        Raises what the encoder does, but `Unavailable` when the encoder fails on any text, and `ValueError` for a
        vector that is not finite.
        """
        if not texts:
            return {}
        opened = encoder()
        known = self._known.setdefault(opened.fingerprint, {})
        # Longest first: a slice then has texts of like length, which encoders pad to the longest.
        missing = sorted(dict.fromkeys(text for text in texts if text not in known), key=len, reverse=True)
        while missing:
            self._between()
            size = self._pace.size
            some, missing = missing[:size], missing[size:]
            started = time.monotonic()
            known.update(zip(some, _encoded(opened, some), strict=True))
            self._pace.took(time.monotonic() - started, len(some))
        return known


def _encoded(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    try:
        return _finite(encoder.encode(texts))
    except Unavailable:
        raise
    except Exception as error:
        _require_working(encoder, error)
        raise


def _require_working(encoder: Encoder, error: Exception) -> None:
    try:
        _finite(encoder.encode([PROBE]))
    except Exception as again:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise Unavailable(
            f"the encoder {encoder.name} fails on any text ({reason}); see `recommender doctor`"
        ) from again


def _finite(vectors: Vectors) -> Vectors:
    if not np.isfinite(vectors).all():
        raise ValueError("the encoder made a vector with NaN or infinity")
    return vectors
