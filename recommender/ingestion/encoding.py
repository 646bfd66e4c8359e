"""Encodes the texts of a batch: each distinct text once, in slices short enough to stop between them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from recommender.embedding.encoder import Encoder, Vectors
from recommender.errors import Unavailable, one_line

Vector = NDArray[np.float32]
"""The vector of one text: float32 [d]."""

SLICE_S = 1.0
"""Seconds that one slice should take: a tenth of the time within which a worker must have given back its batch."""

FIRST_SLICE = 8
"""Texts in the first slice, before the pace of the encoder is known: it takes seconds on the slowest model."""

LARGEST_SLICE = 4096
"""The most texts of a slice: more than a batch has, and more would not be faster."""

PROBE = "lamp"
"""A text that any encoder can encode. If it fails too, the encoder is broken, not the text that failed."""


class SliceSize:
    """How many texts are encoded at once: few at first, then what takes `SLICE_S` at the pace of the last slice."""

    def __init__(self, first: int = FIRST_SLICE) -> None:
        self.texts = first

    def adapt(self, seconds: float, texts: int) -> None:
        """Record what a slice took. A short one at the end of a batch says little, and changes nothing."""
        if texts < self.texts:
            return
        fitting = int(texts * SLICE_S / max(seconds, 1e-6))
        self.texts = max(1, min(fitting, 4 * self.texts, LARGEST_SLICE))


class TextVectors:
    """The vectors of a batch's texts, by model and runtime.

    A text is encoded once, however many products and generations have it. `between` is called before each slice and may
    raise; what was encoded until then is kept for the next try.
    """

    def __init__(self, size: SliceSize | None = None, between: Callable[[], None] = lambda: None) -> None:
        self._size = size or SliceSize(LARGEST_SLICE)
        self._between = between
        self._known: dict[tuple[str, str], dict[str, Vector]] = {}

    def encode(self, open_encoder: Callable[[], Encoder], texts: Sequence[str]) -> Mapping[str, Vector]:
        """Return the vector of each text. The encoder is opened only if there is a text.

        Raises the encoder's errors; `Unavailable` if the encoder can't be opened or fails on any text; and `ValueError`
        for a vector that is not finite.
        """
        if not texts:
            return {}
        try:
            encoder = open_encoder()
        except Unavailable:
            raise
        except Exception as error:
            raise Unavailable(f"the encoder can't be opened ({one_line(error)}); see `recommender doctor`") from error
        known = self._known.setdefault((encoder.fingerprint, encoder.name), {})
        # Longest first: the texts of a slice then have about the same length, and encoders pad to the longest.
        missing = sorted(dict.fromkeys(text for text in texts if text not in known), key=len, reverse=True)
        while missing:
            self._between()
            size = self._size.texts
            part, missing = missing[:size], missing[size:]
            started = time.monotonic()
            known.update(zip(part, encode_or_blame(encoder, part), strict=True))
            self._size.adapt(time.monotonic() - started, len(part))
        return known


def encode_or_blame(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    """Encode texts; after a failure find out whether the texts or the encoder are to blame.

    Raises the encoder's error if it can encode `PROBE`, otherwise `Unavailable`.
    """

    def encode(some: Sequence[str]) -> Vectors:
        vectors = encoder.encode(some)
        if not np.isfinite(vectors).all():
            raise ValueError("the encoder made a vector with NaN or infinity")
        return vectors

    try:
        return encode(texts)
    except Unavailable:
        raise
    except Exception as error:
        try:
            encode([PROBE])
        except Exception as again:
            reason = f"{type(error).__name__}: {one_line(error)}"
            raise Unavailable(
                f"the encoder {encoder.name} fails on any text ({reason}); see `recommender doctor`"
            ) from again
        raise
