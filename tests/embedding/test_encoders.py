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
import torch
from sentence_transformers import SentenceTransformer
from support.patience import PATIENCE_S
from support.tiny_model import DEFAULT_TEXTS

from benchmarks import gpu
from recommender.embedding.encoder import Encoder, Precision, Role
from recommender.embedding.loader import load_encoder
from recommender.embedding.onnx_encoder import OnnxEncoder
from recommender.embedding.torch_encoder import TorchEncoder
from recommender.errors import BadInput, UsageError
from recommender.types import EncoderChoice

TEXTS = [*DEFAULT_TEXTS, "", "a", "Ünïcödé 靴 👟 \u0301", "shoes " * 3000, "running shoes"]

RUNTIMES = [runtime.value for runtime in EncoderChoice if runtime is not EncoderChoice.AUTO]

TOLERANCE = 1e-4
"""The cosine distance under which two vectors of one text count as the same, whatever runs the model."""


@pytest.fixture(scope="module", params=RUNTIMES)
def encoder(request: pytest.FixtureRequest, exported_model: Path) -> Iterator[Encoder]:
    opened = load_encoder(exported_model, "fingerprint", request.param)
    yield opened
    opened.close()


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


def test_results_come_in_the_order_of_the_texts(encoder: Encoder) -> None:
    forward, backward = encoder.encode(TEXTS), encoder.encode(TEXTS[::-1])
    assert distance(forward, backward[::-1]) < TOLERANCE
    assert distance(forward, backward) > 10 * TOLERANCE


def test_a_text_has_one_vector_whatever_stands_beside_it(encoder: Encoder) -> None:
    alone = np.concatenate([encoder.encode([text]) for text in TEXTS])
    draw = np.random.default_rng(7)
    for size in (2, 3, len(TEXTS), 5 * len(TEXTS)):
        rows = draw.integers(len(TEXTS), size=size)
        assert distance(alone[rows], encoder.encode([TEXTS[row] for row in rows])) < TOLERANCE


def test_text_beyond_the_sequence_length_does_not_count(encoder: Encoder) -> None:
    start = "shoes " * 100
    first, second = encoder.encode([start + "kettle", start + "headphones desk"])
    assert distance(first, second) < TOLERANCE


def test_different_texts_have_different_vectors(encoder: Encoder) -> None:
    shoes, kettle = encoder.encode(["trail running shoes", "stainless steel kettle"])
    assert distance(shoes, kettle) > TOLERANCE


def test_many_threads_get_what_one_gets(encoder: Encoder) -> None:
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(8) as pool:
        for vectors in pool.map(lambda _: encoder.encode(TEXTS), range(16)):
            assert distance(vectors, expected) < TOLERANCE


def test_an_encoder_carries_the_fingerprint_it_was_given(encoder: Encoder) -> None:
    assert encoder.fingerprint == "fingerprint"


def test_a_model_without_prompts_treats_queries_as_documents(encoder: Encoder) -> None:
    texts = list(DEFAULT_TEXTS)
    assert distance(encoder.encode(texts, Role.QUERY), encoder.encode(texts, Role.DOCUMENT)) < TOLERANCE


@pytest.mark.parametrize("choice", RUNTIMES)
def test_a_closed_encoder_says_so(choice: str, exported_model: Path) -> None:
    encoder = load_encoder(exported_model, "", choice)
    encoder.close()
    encoder.close()
    with pytest.raises(UsageError, match="closed"):
        encoder.encode(["shoes"])


def test_onnx_in_full_precision_is_torch(exported_model: Path) -> None:
    torch_vectors = TorchEncoder(exported_model, "", device="cpu").encode(TEXTS)
    assert distance(OnnxEncoder(exported_model, "", Precision.FP32).encode(TEXTS), torch_vectors) < 1e-4


@pytest.mark.parametrize(("choice", "bound"), [("onnx-int8", 5e-3), ("openvino", 1e-4), ("openvino-int8", 5e-3)])
def test_other_arithmetic_is_near_torch(exported_model: Path, choice: str, bound: float) -> None:
    torch_vectors = TorchEncoder(exported_model, "", device="cpu").encode(TEXTS)
    assert distance(load_encoder(exported_model, "", choice).encode(TEXTS), torch_vectors) < bound


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
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ, timeout=PATIENCE_S
    )
    assert (done.stdout.strip(), done.stderr, done.returncode) == ("[]", "", 0)


def test_a_device_that_torch_lacks_is_refused(exported_model: Path) -> None:
    with pytest.raises(BadInput, match="'abacus'"):
        TorchEncoder(exported_model, "", device="abacus")


def test_a_batch_that_does_not_fit_is_halved_until_it_does(
    exported_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = TorchEncoder(exported_model, "", device="cpu").encode(TEXTS)
    encoder = TorchEncoder(exported_model, "", device="cpu")
    forward, rows = SentenceTransformer.forward, []

    def short_of_memory(model: SentenceTransformer, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        rows.append(len(features["input_ids"]))
        if rows[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return forward(model, features)

    monkeypatch.setattr(SentenceTransformer, "forward", short_of_memory)
    assert distance(encoder.encode(TEXTS), expected) < TOLERANCE
    failed = len([size for size in rows if size > 2])
    encoder.encode(TEXTS)
    assert failed and len([size for size in rows if size > 2]) == failed, "a later call begins with what fitted"


def test_several_devices_share_a_long_call(exported_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommender.embedding.torch_encoder._POOLED_TEXTS", 32)
    encoder = TorchEncoder(exported_model, "", device="cpu", devices=["cpu", "cpu"])
    alone = encoder.encode(TEXTS)
    texts = TEXTS * 3
    assert distance(encoder.encode(texts), np.tile(alone, (3, 1))) < TOLERANCE
    assert distance(encoder.encode(TEXTS[::-1]), alone[::-1]) < TOLERANCE
    encoder.close()


def test_the_torch_encoder_says_where_and_how_it_runs(exported_model: Path) -> None:
    assert TorchEncoder(exported_model, "", device="cpu").name == "torch-cpu-fp32"


def test_the_benchmark_of_a_gpu_measures_each_of_its_figures_on_a_cpu_too(exported_model: Path) -> None:
    figures = gpu.run(str(exported_model), "cpu", texts=150, seconds=4)
    told = [f"{figure.what}: {figure.value}" for figure in figures]
    assert len(told) == 5
    assert "150 texts by torch-cpu-fp32 against the library's encode in fp32" in told[0]
    assert "against the library's encode in bfloat16" in told[1]
    assert "1,024 tokens" in told[2]
    assert "16,384 tokens" in told[2]
    assert "steps)" in told[3]
    assert "on ONNX Runtime" in told[4]
