"""Models of every shape that ONNX serving knows, against sentence-transformers itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, LayerNorm, Normalize, Pooling, Transformer
from support.tiny_model import DEFAULT_TEXTS

from recommender.embedding.architecture import read_architecture
from recommender.embedding.encoder import Precision, Role
from recommender.embedding.onnx_encoder import OnnxEncoder
from recommender.embedding.torch_encoder import TorchEncoder
from recommender.errors import BadInput

TEXTS = [*DEFAULT_TEXTS, "", "shoes " * 200]
Build = Callable[..., Path]


@pytest.fixture
def build(exported_model: Path, tmp_path: Path) -> Build:
    """Save a model with the tiny transformer and any modules after it; the exported network fits them all."""

    def save(*modules: torch.nn.Module, prompts: dict[str, str] | None = None) -> Path:
        folder = tmp_path / "model"
        transformer = Transformer(str(exported_model))
        model = SentenceTransformer(modules=[transformer, *modules], device="cpu", prompts=prompts)
        model.save(str(folder), create_model_card=False)
        shutil.copytree(exported_model / "onnx", folder / "onnx")
        return folder

    return save


def distance_to_torch(folder: Path, role: Role = Role.DOCUMENT) -> float:
    served = OnnxEncoder(folder, "", Precision.FP32).encode(TEXTS, role)
    expected = TorchEncoder(folder, "", device="cpu").encode(TEXTS, role)
    return float((1 - (served * expected).sum(axis=1)).max())


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("mode", Pooling.POOLING_MODES)
def test_every_pooling_is_torchs(build: Build, mode: str) -> None:
    assert distance_to_torch(build(Pooling(32, mode), Normalize())) < 1e-5


def test_several_poolings_are_joined_in_torchs_order(build: Build) -> None:
    folder = build(Pooling(32, ("max", "cls", "mean")))
    assert distance_to_torch(folder) < 1e-5
    assert OnnxEncoder(folder, "", Precision.FP32).dimension == 96


@pytest.mark.parametrize("activation", ["Tanh", "Identity", "GELU", "ReLU", "Sigmoid"])
@pytest.mark.parametrize("bias", [True, False])
def test_a_dense_layer_is_torchs(build: Build, activation: str, bias: bool) -> None:
    torch.manual_seed(0)
    dense = Dense(32, 16, bias=bias, activation_function=getattr(torch.nn, activation)())
    folder = build(Pooling(32), dense, Normalize())
    assert distance_to_torch(folder) < 1e-5
    assert OnnxEncoder(folder, "", Precision.FP32).dimension == 16


def test_a_layer_norm_is_torchs(build: Build) -> None:
    norm = LayerNorm(32)
    with torch.no_grad():
        norm.norm.weight.copy_(torch.linspace(0.5, 2, 32))
        norm.norm.bias.copy_(torch.linspace(-1, 1, 32))
    assert distance_to_torch(build(Pooling(32), norm)) < 1e-5


@pytest.mark.parametrize("document_name", ["document", "passage"])
def test_queries_and_documents_get_their_prompts(build: Build, document_name: str) -> None:
    folder = build(Pooling(32), prompts={"query": "shoes for: ", document_name: "product: "})
    architecture = read_architecture(folder)
    assert (architecture.prompt(Role.QUERY), architecture.prompt(Role.DOCUMENT)) == ("shoes for: ", "product: ")
    assert distance_to_torch(folder, Role.QUERY) < 1e-5
    assert distance_to_torch(folder, Role.DOCUMENT) < 1e-5
    encoder = OnnxEncoder(folder, "", Precision.FP32)
    bare = OnnxEncoder(build_bare(folder), "", Precision.FP32)
    np.testing.assert_allclose(encoder.encode(["red"]), bare.encode(["product: red"]), atol=1e-5)


def build_bare(folder: Path) -> Path:
    bare = shutil.copytree(folder, folder.parent / "bare")
    edit(bare / "config_sentence_transformers.json", prompts={})
    return bare


def test_what_older_versions_wrote_is_read(build: Build) -> None:
    folder = build(Pooling(32, ("max", "mean")), Normalize())
    kinds = ["Transformer", "Pooling", "Normalize"]
    modules = json.loads((folder / "modules.json").read_text())
    for module, kind in zip(modules, kinds, strict=True):
        module["type"] = f"sentence_transformers.models.{kind}"
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 16, "do_lower_case": false}')
    (folder / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 32, "pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true, '
        '"pooling_mode_max_tokens": true, "pooling_mode_mean_sqrt_len_tokens": false}'
    )
    assert read_architecture(folder).max_length == 16
    assert distance_to_torch(folder) < 1e-5


def test_the_sequence_length_never_passes_the_models_positions(build: Build) -> None:
    folder = build(Pooling(32))
    assert read_architecture(folder).max_length == 64
    edit(folder / "tokenizer_config.json", model_max_length=int(1e30))
    assert read_architecture(folder).max_length == 128


def test_a_model_that_lowers_its_input_is_served_so(build: Build) -> None:
    folder = build(Pooling(32))
    edit(folder / "sentence_bert_config.json", do_lower_case=True, max_seq_length=32)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["normalizer"] = None
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    encoder = OnnxEncoder(folder, "", Precision.FP32)
    np.testing.assert_allclose(encoder.encode(["Red SHOES"]), encoder.encode(["red shoes"]), atol=1e-6)


def test_a_module_that_needs_torch_is_refused(build: Build) -> None:
    folder = build(Pooling(32))
    modules = json.loads((folder / "modules.json").read_text())
    modules.append({"idx": 2, "name": "2", "path": "2_LSTM", "type": "sentence_transformers.models.LSTM"})
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadInput, match=r"LSTM.*runs on torch"):
        read_architecture(folder)


def test_code_of_others_is_refused(build: Build) -> None:
    folder = build(Pooling(32))
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["type"] = "custom_module.Transformer"
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BadInput, match=r"custom_module.*runs on torch"):
        read_architecture(folder)


def test_an_unknown_pooling_or_activation_is_refused(build: Build) -> None:
    folder = build(Pooling(32), Dense(32, 16))
    edit(folder / "2_Dense" / "config.json", activation_function="torch.nn.modules.activation.Softplus")
    with pytest.raises(BadInput, match=r"Softplus.*runs on torch"):
        read_architecture(folder)
    edit(folder / "1_Pooling" / "config.json", pooling_mode="attention")
    with pytest.raises(BadInput, match=r"attention.*runs on torch"):
        read_architecture(folder)


def test_a_prompt_that_pooling_leaves_out_is_refused(build: Build) -> None:
    folder = build(Pooling(32, include_prompt=False), prompts={"query": "shoes for: ", "document": ""})
    with pytest.raises(BadInput, match=r"prompt.*runs on torch"):
        read_architecture(folder)


@pytest.mark.parametrize(
    "missing", ["modules.json", "config.json", "1_Pooling/config.json", "2_Dense/model.safetensors"]
)
def test_a_missing_file_is_named(build: Build, missing: str) -> None:
    folder = build(Pooling(32), Dense(32, 16))
    (folder / missing).unlink()
    with pytest.raises(BadInput, match=Path(missing).name):
        read_architecture(folder)


def test_a_layer_of_numbers_that_numpy_does_not_have_runs_on_torch(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> None:
        raise TypeError("data type 'bfloat16' not understood")  # as it is, unless a library has taught it to numpy

    folder = build(Pooling(32), Dense(32, 32).to(torch.bfloat16))
    monkeypatch.setattr("recommender.embedding.architecture.load_file", fail)
    with pytest.raises(BadInput, match="runs on torch"):
        read_architecture(folder)
