from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.tiny_model import DEFAULT_TEXTS, build_tiny_model

from recommender.embedding.bundled_onnx import adopt
from recommender.embedding.encoder import Precision
from recommender.embedding.export import export
from recommender.embedding.onnx_encoder import OnnxEncoder
from recommender.errors import BadInput

FP32, INT8 = Precision.FP32.file, Precision.INT8.file


@pytest.fixture
def model(exported_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported_model, tmp_path / "model")


def names(model: Path) -> set[str]:
    return {path.name for path in (model / "onnx").iterdir()}


def renamed_output(path: Path) -> None:
    """Give a network the output that exports of another project have."""
    network = onnx.load(path)
    old = network.graph.output[0].name
    for node in network.graph.node:
        node.output[:] = ["token_embeddings" if name == old else name for name in node.output]
        node.input[:] = ["token_embeddings" if name == old else name for name in node.input]
    network.graph.output[0].name = "token_embeddings"
    onnx.save(network, path)


def test_a_network_that_agrees_with_the_weights_is_kept(model: Path) -> None:
    before = (model / FP32).read_bytes()
    (model / "onnx" / "model_qint8_avx512_vnni.onnx").write_bytes(b"for one processor")
    report = export(model, DEFAULT_TEXTS)
    assert report.bundled
    assert report.fp32_max_distance is not None and report.fp32_max_distance < 1e-4
    assert (model / FP32).read_bytes() == before
    assert names(model) == {"model.onnx", "model_qint8.onnx"}


def test_a_network_with_another_output_is_exported_anew(model: Path) -> None:
    renamed_output(model / FP32)
    report = export(model, DEFAULT_TEXTS)
    assert not report.bundled
    assert OnnxEncoder(model, "", Precision.FP32).encode(["tea"]).shape == (1, 32)


def test_a_network_that_serving_would_misread_is_not_loaded(model: Path) -> None:
    renamed_output(model / FP32)
    with pytest.raises(BadInput, match="gives token_embeddings, expected last_hidden_state"):
        OnnxEncoder(model, "", Precision.FP32)


def test_a_network_with_unknown_inputs_is_not_loaded(model: Path) -> None:
    network = onnx.load(model / FP32)
    network.graph.input.append(onnx.helper.make_tensor_value_info("position_ids", onnx.TensorProto.INT64, ["n", "m"]))
    onnx.save(network, model / FP32)
    with pytest.raises(BadInput, match="position_ids"):
        OnnxEncoder(model, "", Precision.FP32)


def test_without_torch_the_networks_of_the_model_are_taken(model: Path) -> None:
    expected = OnnxEncoder(model, "", Precision.INT8).encode(DEFAULT_TEXTS)
    (model / "onnx" / "model_quantized.onnx").write_bytes(b"never looked at")
    report = adopt(model, DEFAULT_TEXTS)
    assert (report.bundled, report.fp32_max_distance) == (True, None)
    assert report.int8_mean_cosine is not None and report.int8_mean_cosine > 0.995
    assert "not compared" in report.note
    assert names(model) == {"model.onnx", "model_qint8.onnx"}
    np.testing.assert_array_equal(OnnxEncoder(model, "", Precision.INT8).encode(DEFAULT_TEXTS), expected)


def test_without_torch_an_int8_network_of_another_model_is_left_out(model: Path, tmp_path: Path) -> None:
    other = build_tiny_model(tmp_path / "other", pooling="cls")
    shutil.copy(_untrained(other), model / INT8)
    report = adopt(model, DEFAULT_TEXTS)
    assert report.int8_mean_cosine is None
    assert names(model) == {"model.onnx"}


def _untrained(folder: Path) -> Path:
    """Export the model with other weights and return its int8 network."""
    from safetensors.numpy import load_file, save_file

    draw = np.random.default_rng(1)
    weights = load_file(folder / "model.safetensors")
    noise = {name: draw.normal(scale=0.5, size=array.shape).astype(np.float32) for name, array in weights.items()}
    save_file(noise, folder / "model.safetensors", {"format": "pt"})
    export(folder, DEFAULT_TEXTS)
    return folder / INT8


def test_without_torch_a_folder_whose_network_does_not_run_stays_as_it_was(model: Path) -> None:
    (model / FP32).write_bytes(b"no network")
    before = {path: path.read_bytes() for path in model.rglob("*") if path.is_file()}
    with pytest.raises(BadInput, match="no network that ONNX Runtime can run"):
        adopt(model, DEFAULT_TEXTS)
    assert {path: path.read_bytes() for path in model.rglob("*") if path.is_file()} == before


def test_weights_outside_the_network_are_not_followed(model: Path, tmp_path: Path) -> None:
    network = onnx.load(model / FP32)
    onnx.save(network, model / FP32, save_as_external_data=True, location="model.onnx_data", size_threshold=0)
    assert (model / "onnx" / "model.onnx_data").exists()
    with pytest.raises(BadInput):
        adopt(model, DEFAULT_TEXTS)
