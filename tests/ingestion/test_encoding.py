from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.fake_encoder import WordEncoder

from recommender.embedding.encoder import Role, Vectors
from recommender.errors import Unavailable
from recommender.ingestion.encoding import FIRST_SLICE, SLICE_S, SliceSize, TextVectors

TEXTS = [f"lamp number {number}" for number in range(40)]


class Stop(Exception):
    """What `between` raises."""


def test_a_slice_grows_until_it_takes_its_time_and_shrinks_at_once() -> None:
    size = SliceSize()
    size.adapt(SLICE_S / 1000, FIRST_SLICE)
    assert size.texts == 4 * FIRST_SLICE  # not by a thousand: the first call may have been an odd one
    size.adapt(SLICE_S / 2, size.texts)
    assert size.texts == 8 * FIRST_SLICE
    size.adapt(10 * SLICE_S, 1)  # the end of a batch, which says little
    assert size.texts == 8 * FIRST_SLICE
    size.adapt(SLICE_S * size.texts, size.texts)
    assert size.texts == 1


def test_each_text_is_encoded_once_in_slices_of_like_length_and_gets_its_own_vector() -> None:
    encoder, asked = WordEncoder(), []
    texts = [*TEXTS, "a lamp with a very long text", *TEXTS]
    vectors = TextVectors(SliceSize(), lambda: asked.append(len(encoder.encoded))).encode(lambda: encoder, texts)
    assert len(encoder.encoded) == len(TEXTS) + 1
    assert encoder.encoded[0] == "a lamp with a very long text"
    assert asked[:2] == [0, FIRST_SLICE]
    for text in texts:
        np.testing.assert_allclose(vectors[text], WordEncoder().encode([text])[0])


def test_what_was_encoded_before_an_interruption_is_not_encoded_again() -> None:
    encoder, calls = WordEncoder(), []

    def between() -> None:
        calls.append(None)
        if len(calls) == 2:
            raise Stop

    vectors = TextVectors(SliceSize(), between)
    with pytest.raises(Stop):
        vectors.encode(lambda: encoder, TEXTS)
    assert 0 < len(encoder.encoded) < len(TEXTS)
    assert set(vectors.encode(lambda: encoder, TEXTS)) == set(TEXTS)
    assert len(encoder.encoded) == len(TEXTS)


def test_two_models_each_get_their_own_vectors_and_none_is_loaded_for_no_text() -> None:
    first, second = WordEncoder(), WordEncoder(dimension=8)
    second.fingerprint = "other"
    vectors = TextVectors()
    assert vectors.encode(lambda: first, ["lamp"])["lamp"].shape == (32,)
    assert vectors.encode(lambda: second, ["lamp"])["lamp"].shape == (8,)
    assert vectors.encode(lambda: 1 / 0, []) == {}  # type: ignore[arg-type, return-value]


class _Broken(WordEncoder):
    """One that makes NaN of some texts, or of all."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self._whole = whole

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        vectors = super().encode(texts, role)
        for row, text in enumerate(texts):
            if self._whole or "cursed" in text:
                vectors[row] = np.nan
        return vectors


def test_a_vector_that_is_not_finite_is_the_texts_fault_unless_every_vector_is() -> None:
    with pytest.raises(ValueError, match="NaN"):
        TextVectors().encode(lambda: _Broken(whole=False), ["cursed", "lamp"])
    with pytest.raises(Unavailable, match=r"encoder words fails on any text.*doctor"):
        TextVectors().encode(lambda: _Broken(whole=True), ["lamp"])
