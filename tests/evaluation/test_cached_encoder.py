from __future__ import annotations

import numpy as np
from support.fake_encoder import WordEncoder

from recommender.embedding.encoder import Role
from recommender.evaluation.cached_encoder import CachedEncoder


def test_each_text_is_encoded_once_in_each_role_and_comes_back_in_order() -> None:
    inner = WordEncoder()
    encoder = CachedEncoder(inner)
    first = encoder.encode(["red shoe", "blue lamp"])
    again = encoder.encode(["blue lamp", "green tea", "red shoe", "blue lamp"])
    assert inner.encoded == ["red shoe", "blue lamp", "green tea"]
    np.testing.assert_array_equal(again[[2, 0]], first)
    np.testing.assert_array_equal(again[1], WordEncoder().encode(["green tea"])[0])
    encoder.encode(["red shoe"], Role.QUERY)
    assert inner.encoded[3:] == ["red shoe"]
    assert encoder.encode([]).shape == (0, inner.dimension)
    assert (encoder.name, encoder.fingerprint, encoder.dimension) == (inner.name, inner.fingerprint, inner.dimension)


def test_what_was_forgotten_is_encoded_again() -> None:
    inner = WordEncoder()
    encoder = CachedEncoder(inner)
    encoder.encode(["red"])
    encoder.close()
    encoder.encode(["red"])
    assert inner.encoded == ["red", "red"]
