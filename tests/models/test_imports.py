"""Models that are imported: under a name that is known already, damaged or changed meanwhile, and what comes along."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file
from support.installation import settings_of

from recommender.application.composition import Application
from recommender.errors import BadInput
from recommender.jobs.models import ModelShape, prepare_base
from recommender.models.checksums import damaged_files


@pytest.fixture
def folder(exported_model: Path, tmp_path: Path) -> Path:
    """The folder `shop` of a model."""
    return Path(shutil.copytree(exported_model, tmp_path / "shop"))


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with Application(settings_of(tmp_path / "home")) as opened:
        yield opened


def test_what_training_leaves_beside_a_model_is_not_imported(application: Application, folder: Path) -> None:
    clean = {path.name for path in prepare_base(application, str(folder)).folder.iterdir()}
    application.registry.remove("shop")
    for name in ("checkpoint-5", "runs", "eval", "openvino"):
        (folder / name).mkdir()
        (folder / name / "optimizer.safetensors").write_bytes(b"large")
    for name in ("optimizer.pt", "rng_state.pth", "training_args.pkl"):
        (folder / name).write_bytes(b"pickled")
    assert {path.name for path in prepare_base(application, str(folder)).folder.iterdir()} == clean


def test_a_folder_whose_weights_changed_is_another_model_also_under_a_name_that_is_known(
    application: Application, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    first = prepare_base(application, "shop")
    assert prepare_base(application, "shop") == first
    weights = {name: weight * 1.5 for name, weight in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    second = prepare_base(application, "shop")
    assert (second.name, second.fingerprint != first.fingerprint) == ("shop-2", True)


def test_a_damaged_model_is_mended_from_what_it_was_imported_from(application: Application, folder: Path) -> None:
    model = prepare_base(application, str(folder))
    (model.folder / "tokenizer.json").unlink()
    assert prepare_base(application, model.name) == model
    assert damaged_files(model.folder) == []


def test_a_damaged_model_that_can_not_be_made_again_is_named(application: Application, folder: Path) -> None:
    shaped = prepare_base(application, str(folder), ModelShape(max_seq_length=16))
    (shaped.folder / "tokenizer.json").unlink()
    with pytest.raises(BadInput, match=f"{shaped.folder} is damaged, and {folder} is another model"):
        prepare_base(application, shaped.name)
    assert application.registry.list() == [shaped]
