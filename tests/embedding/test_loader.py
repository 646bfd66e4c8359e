from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from recommender.embedding.encoder import Precision
from recommender.embedding.loader import load_encoder
from recommender.errors import BadInput, UsageError


@pytest.fixture
def model(exported_model: Path, tmp_path: Path) -> Path:
    return shutil.copytree(exported_model, tmp_path / "model")


@pytest.mark.parametrize(
    ("choice", "name"),
    [("torch", "torch-"), ("onnx", "onnx-fp32"), ("onnx-int8", "onnx-int8"), ("openvino-int8", "openvino-int8")],
)
def test_a_choice_is_honoured(model: Path, choice: str, name: str) -> None:
    assert load_encoder(model, "", choice).name.startswith(name)


def test_auto_takes_the_network_that_answers_soonest(model: Path) -> None:
    assert load_encoder(model, "").name == "onnx-int8"
    (model / Precision.INT8.file).unlink()
    assert load_encoder(model, "").name == "onnx-fp32"
    (model / Precision.FP32.file).unlink()
    assert load_encoder(model, "").name.startswith("torch-")


@pytest.mark.parametrize("precision", list(Precision))
def test_a_missing_network_is_named(model: Path, precision: Precision) -> None:
    (model / precision.file).unlink()
    with pytest.raises(BadInput, match=Path(precision.file).name):
        load_encoder(model, "", "onnx" if precision is Precision.FP32 else "onnx-int8")


def test_a_broken_network_is_bad_input(model: Path) -> None:
    (model / Precision.FP32.file).write_bytes(b"not a network")
    with pytest.raises(BadInput, match="export the model again"):
        load_encoder(model, "", "onnx")


def test_a_model_without_a_fast_tokenizer_runs_on_torch_only(model: Path) -> None:
    (model / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match="runs on torch"):
        load_encoder(model, "", "onnx")


def test_weights_that_are_no_safetensors_are_not_loaded(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(BadInput, match="pickled"):
        load_encoder(model, "", "torch")


def test_a_pickled_module_beside_good_weights_is_not_loaded(model: Path) -> None:
    (model / "2_Normalize").mkdir(exist_ok=True)
    (model / "2_Normalize" / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(BadInput, match="2_Normalize"):
        load_encoder(model, "", "torch")


def test_an_unknown_choice_lists_the_choices(model: Path) -> None:
    with pytest.raises(UsageError, match="onnx-int8"):
        load_encoder(model, "", "tensorflow")


def test_a_folder_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no model folder"):
        load_encoder(tmp_path / "absent", "")
