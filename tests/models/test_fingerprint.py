from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from recommender.embedding.pretrained import load_pretrained
from recommender.errors import BadInput
from recommender.models.fingerprint import fingerprint
from recommender.models.manifest import Manifest

ModelCopy = Callable[[str], Path]


def test_the_same_files_have_the_same_fingerprint_wherever_they_lie(model_copy: ModelCopy) -> None:
    assert fingerprint(model_copy("a")) == fingerprint(model_copy("b"))


@pytest.mark.parametrize(
    "name", ["onnx/model.onnx", "README.md", "manifest.json", "data_config.json", ".cache/config.json", "notes.txt"]
)
def test_what_does_not_decide_a_vector_has_no_part_in_it(model_copy: ModelCopy, name: str) -> None:
    folder = model_copy("a")
    before = fingerprint(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("anything")
    assert fingerprint(folder) == before


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    ],
)
def test_a_change_of_one_byte_changes_it(model_copy: ModelCopy, name: str) -> None:
    folder = model_copy("a")
    before = fingerprint(folder)
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)
    assert fingerprint(folder) != before


@pytest.mark.parametrize("name", ["3_Dense/model.safetensors", "vocab.txt", "sentencepiece.bpe.model"])
def test_a_further_part_changes_it(model_copy: ModelCopy, name: str) -> None:
    folder = model_copy("a")
    before = fingerprint(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"more")
    assert fingerprint(folder) != before


def test_a_renamed_part_changes_it(model_copy: ModelCopy) -> None:
    folder = model_copy("a")
    before = fingerprint(folder)
    (folder / "1_Pooling").rename(folder / "1_pooling")
    assert fingerprint(folder) != before


def test_a_prompt_changes_it_and_a_library_version_does_not(model_copy: ModelCopy) -> None:
    folder = model_copy("a")
    before = fingerprint(folder)
    path = folder / "config_sentence_transformers.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps(config | {"__version__": {"torch": "99"}}))
    assert fingerprint(folder) == before
    path.write_text(json.dumps(config | {"prompts": {"query": "query: "}}))
    assert fingerprint(folder) != before


def test_pickled_weights_are_refused(model_copy: ModelCopy) -> None:
    folder = model_copy("a")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BadInput, match="pickled"):
        fingerprint(folder)


def test_a_pickled_part_beside_good_ones_is_refused(model_copy: ModelCopy) -> None:
    folder = model_copy("a")
    (folder / "2_Dense").mkdir()
    (folder / "2_Dense" / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(BadInput, match="2_Dense"):
        fingerprint(folder)


def test_pickles_that_duplicate_safetensors_have_no_part_in_it(model_copy: ModelCopy) -> None:
    folder = model_copy("a")
    before = fingerprint(folder)
    (folder / "pytorch_model.bin").write_bytes(b"pickle")
    assert fingerprint(folder) == before


def test_a_folder_without_weights_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no \.safetensors weights"):
        fingerprint(tmp_path)
    with pytest.raises(BadInput, match="no model folder"):
        fingerprint(tmp_path / "absent")


@pytest.mark.parametrize(
    ("entry", "config", "complaint"),
    [
        ({"type": "custom_module.Transformer"}, {}, "custom_module"),
        ({"type": "own.Pooling"}, {}, "own.Pooling"),
        ({"type": "sentence_transformers.models.Router"}, {}, "Router"),
        ({"type": "sentence_transformers.models.Pooling", "path": "../elsewhere"}, {}, "outside of the model"),
        ({"type": "sentence_transformers.models.Dense"}, {"activation_function": "os.system"}, "os.system"),
        ({"type": "sentence_transformers.models.Dense"}, {"activation_function": "torch.hub.load"}, "torch.hub"),
    ],
)
def test_a_model_that_names_code_is_refused_before_a_library_sees_it(
    tiny_model: Path, tmp_path: Path, entry: dict[str, object], config: dict[str, object], complaint: str
) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    (folder / "custom_module.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Transformer: ...\n")
    modules = json.loads((folder / "modules.json").read_text())
    last = {"idx": len(modules), "name": "x", "path": "9_Last"} | entry
    (folder / "9_Last").mkdir()
    (folder / "9_Last" / "config.json").write_text(json.dumps(config))
    (folder / "modules.json").write_text(json.dumps([*modules, last]))
    for read in (lambda model: Manifest.create(model, name="x", base="x", kind="base"), load_pretrained):
        with pytest.raises(BadInput, match=complaint) as caught:
            read(folder)
        assert len(str(caught.value).splitlines()) == 1
    assert not (tmp_path / "ran").exists()
