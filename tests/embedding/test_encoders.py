"""One contract, run over every encoder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support.tiny_model import DEFAULT_TEXTS

from recommender.embedding.encoder import Encoder, Precision, Role
from recommender.embedding.loader import load_encoder
from recommender.embedding.onnx_encoder import OnnxEncoder
from recommender.embedding.torch_encoder import TorchEncoder
from recommender.errors import BadInput, UsageError

TEXTS = [*DEFAULT_TEXTS, "", "a", "Ünïcödé 靴 👟 \u0301", "shoes " * 3000, "running shoes"]

# The runtime's int8 measures the range of a whole batch at once, so a text's vector moves with the texts beside it.
TOLERANCE = {"torch": 1e-5, "onnx": 1e-5, "onnx-int8": 5e-3}


@pytest.fixture(scope="module", params=["torch", "onnx", "onnx-int8"])
def encoder(request: pytest.FixtureRequest, exported_model: Path) -> Iterator[Encoder]:
    opened = load_encoder(exported_model, "fingerprint", request.param)
    yield opened
    opened.close()


@pytest.fixture
def tolerance(encoder: Encoder) -> float:
    """The cosine distance under which two vectors of one text count as the same."""
    return next(TOLERANCE[choice] for choice in sorted(TOLERANCE, reverse=True) if encoder.name.startswith(choice))


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float((1 - (first * second).sum(axis=-1)).max())


def test_vectors_are_float32_of_the_dimension_and_of_length_one(encoder: Encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension) == (len(TEXTS), 32)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    vectors = encoder.encode([])
    assert vectors.shape == (0, encoder.dimension)
    assert vectors.dtype == np.float32


def test_results_come_in_the_order_of_the_texts(encoder: Encoder, tolerance: float) -> None:
    forward, backward = encoder.encode(TEXTS), encoder.encode(TEXTS[::-1])
    assert distance(forward, backward[::-1]) < tolerance
    assert distance(forward, backward) > 10 * tolerance


def test_a_text_has_one_vector_whatever_stands_beside_it(encoder: Encoder, tolerance: float) -> None:
    together = encoder.encode(TEXTS * 5)
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    assert distance(np.tile(alone, (5, 1)), together) < tolerance


def test_text_beyond_the_sequence_length_does_not_count(encoder: Encoder, tolerance: float) -> None:
    start = "shoes " * 100
    first, second = encoder.encode([start + "kettle", start + "headphones desk"])
    assert distance(first, second) < tolerance


def test_different_texts_have_different_vectors(encoder: Encoder, tolerance: float) -> None:
    shoes, kettle = encoder.encode(["trail running shoes", "stainless steel kettle"])
    assert distance(shoes, kettle) > tolerance


def test_many_threads_get_what_one_gets(encoder: Encoder, tolerance: float) -> None:
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        for vectors in pool.map(lambda _: encoder.encode(TEXTS), range(16)):
            assert distance(vectors, expected) < tolerance


def test_an_encoder_carries_the_fingerprint_it_was_given(encoder: Encoder) -> None:
    assert encoder.fingerprint == "fingerprint"


def test_a_model_without_prompts_treats_queries_as_documents(encoder: Encoder, tolerance: float) -> None:
    texts = list(DEFAULT_TEXTS)
    assert distance(encoder.encode(texts, Role.QUERY), encoder.encode(texts, Role.DOCUMENT)) < tolerance


@pytest.mark.parametrize("choice", ["torch", "onnx", "onnx-int8"])
def test_a_closed_encoder_says_so(choice: str, exported_model: Path) -> None:
    encoder = load_encoder(exported_model, "", choice)
    encoder.close()
    encoder.close()
    with pytest.raises(UsageError, match="closed"):
        encoder.encode(["shoes"])


def test_onnx_in_full_precision_is_torch(exported_model: Path) -> None:
    torch_vectors = TorchEncoder(exported_model, "", device="cpu").encode(TEXTS)
    assert distance(OnnxEncoder(exported_model, "", Precision.FP32).encode(TEXTS), torch_vectors) < 1e-4


def test_int8_is_near_torch(exported_model: Path) -> None:
    torch_vectors = TorchEncoder(exported_model, "", device="cpu").encode(TEXTS)
    assert distance(OnnxEncoder(exported_model, "", Precision.INT8).encode(TEXTS), torch_vectors) < 0.02


def test_the_number_of_threads_does_not_change_the_result(exported_model: Path) -> None:
    one = OnnxEncoder(exported_model, "", Precision.FP32, threads=1).encode(TEXTS)
    assert distance(one, OnnxEncoder(exported_model, "", Precision.FP32, threads=2).encode(TEXTS)) < 1e-5


def test_more_texts_than_are_tokenised_at_once_keep_their_order(exported_model: Path) -> None:
    encoder = OnnxEncoder(exported_model, "", Precision.FP32)
    texts = ["kettle", *["red"] * 5000, "kettle"]
    vectors = encoder.encode(texts)
    assert distance(vectors[0], vectors[-1]) < 1e-5
    assert distance(vectors[1:-1], np.tile(encoder.encode(["red"]), (5000, 1))) < 1e-5


def test_serving_on_onnx_imports_no_training_library(exported_model: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from recommender.embedding.loader import load_encoder; "
        f"encoder = load_encoder(Path({str(exported_model)!r}), '', 'onnx-int8'); "
        "assert encoder.encode(['red shoes']).shape == (1, 32); "
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ, timeout=60
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[]", "", 0)


def test_a_device_that_torch_lacks_is_refused(exported_model: Path) -> None:
    with pytest.raises(BadInput, match="'abacus'"):
        TorchEncoder(exported_model, "", device="abacus")


def test_the_torch_encoder_says_where_and_how_it_runs(exported_model: Path) -> None:
    assert TorchEncoder(exported_model, "", device="cpu").name == "torch-cpu-fp32"
