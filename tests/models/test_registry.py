from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from recommender.database.engine import Database
from recommender.database.tables import GenerationRow, LiveRow
from recommender.errors import BadInput, NotFound, UnknownModel, UsageError
from recommender.models.fingerprint import fingerprint
from recommender.models.manifest import Manifest, read_manifest
from recommender.models.registry import RegisteredModel, Registry

ModelCopy = Callable[[str], Path]


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def registry(database: Database, models_dir: Path) -> Registry:
    return Registry(database, models_dir)


def _different(folder: Path) -> Path:
    """Make a copy of the tiny model another model."""
    (folder / "vocab.txt").write_text(folder.name)
    return folder


def _manifest(folder: Path, name: str) -> Manifest:
    return Manifest.create(folder, name=name, base="org/base", kind="base")


def _register(registry: Registry, folder: Path, name: str, copy: bool = False) -> RegisteredModel:
    return registry.register(folder, _manifest(folder, name), copy=copy)


def test_a_registered_folder_is_moved_under_its_name(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    folder = model_copy("a")
    model = _register(registry, folder, "first")
    assert model.folder == models_dir / "first"
    assert (model.dimension, model.base, model.live) == (32, "org/base", False)
    assert fingerprint(model.folder) == model.fingerprint
    assert read_manifest(model.folder).name == "first"
    assert not folder.exists()
    assert [path.name for path in models_dir.iterdir()] == ["first"]
    assert not list(model.folder.glob(".*"))


def test_a_copied_folder_stays_as_it_was(registry: Registry, model_copy: ModelCopy) -> None:
    folder = model_copy("a")
    before = sorted(path.name for path in folder.iterdir())
    model = _register(registry, folder, "first", copy=True)
    assert sorted(path.name for path in folder.iterdir()) == before
    assert fingerprint(model.folder) == fingerprint(folder)


def test_a_model_is_found_by_name_id_and_fingerprint(registry: Registry, model_copy: ModelCopy) -> None:
    model = _register(registry, model_copy("a"), "first")
    assert registry.get("first") == registry.by_id(model.id) == registry.find(model.fingerprint) == model
    assert registry.list() == [model]
    assert registry.find("0" * 64) is None


def test_an_unknown_model_names_the_known_ones(registry: Registry, model_copy: ModelCopy) -> None:
    _register(registry, model_copy("a"), "first")
    with pytest.raises(UnknownModel, match="registered: first"):
        registry.get("second")
    with pytest.raises(NotFound, match="id 7"):
        registry.by_id(7)


def test_the_same_model_is_registered_once(registry: Registry, model_copy: ModelCopy) -> None:
    first = _register(registry, model_copy("a"), "first")
    again = model_copy("b")
    assert _register(registry, again, "second") == first
    assert registry.list() == [first]
    assert again.exists()


def test_a_name_in_use_is_refused_and_the_folder_given_back(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    first = _register(registry, model_copy("a"), "first")
    other = _different(model_copy("b"))
    manifest = _manifest(other, "first")
    with pytest.raises(UsageError, match="'first' already"):
        registry.register(other, manifest)
    assert fingerprint(other) == manifest.fingerprint
    assert fingerprint(first.folder) == first.fingerprint
    assert [path.name for path in models_dir.iterdir()] == ["first"]


def test_a_folder_in_the_way_is_left_alone(registry: Registry, models_dir: Path, model_copy: ModelCopy) -> None:
    (models_dir / "first").mkdir(parents=True)
    (models_dir / "first" / "precious.txt").write_text("mine")
    folder = model_copy("a")
    with pytest.raises(UsageError, match="in the way"):
        _register(registry, folder, "first")
    assert (models_dir / "first" / "precious.txt").read_text() == "mine"
    assert folder.exists()
    assert registry.list() == []


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "ä", "a b", "x" * 101])
def test_a_name_that_is_no_folder_name_is_refused(registry: Registry, model_copy: ModelCopy, name: str) -> None:
    folder = model_copy("a")
    with pytest.raises(UsageError, match="can't name a model"):
        _register(registry, folder, name)
    assert folder.exists()


def test_a_folder_that_changed_since_its_manifest_is_refused(registry: Registry, model_copy: ModelCopy) -> None:
    folder = model_copy("a")
    manifest = _manifest(folder, "first")
    with pytest.raises(BadInput, match="files changed"):
        registry.register(_different(folder), manifest)


def _leftover(folder: Path, age_s: float) -> Path:
    """A folder as a registration leaves it that was cut off."""
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"half")
    mark = folder / ".registering"
    mark.touch()
    os.utime(mark, (time.time() - age_s,) * 2)
    return folder


def test_what_crashes_left_is_removed_by_the_next_registration(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    staged = _leftover(models_dir / ".incoming-abc", age_s=7200)
    renamed = _leftover(models_dir / "tuned-1", age_s=7200)
    _register(registry, model_copy("a"), "first")
    assert not staged.exists()
    assert not renamed.exists()


def test_a_registration_that_may_still_run_is_not_disturbed(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    running = _leftover(models_dir / ".incoming-abc", age_s=60)
    _register(registry, model_copy("a"), "first")
    assert running.exists()


def test_a_crash_before_the_commit_leaves_the_name_free(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    _leftover(models_dir / "first", age_s=0)
    model = _register(registry, model_copy("a"), "first")
    assert fingerprint(model.folder) == model.fingerprint


def test_a_crash_after_the_commit_leaves_a_whole_model(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    first = _register(registry, model_copy("a"), "first")
    mark = first.folder / ".registering"
    mark.touch()
    os.utime(mark, (0, 0))
    _register(registry, _different(model_copy("b")), "second")
    assert fingerprint(first.folder) == first.fingerprint
    assert not mark.exists()


def test_other_work_beside_the_models_is_left_alone(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    work = models_dir / ".work-abc"
    work.mkdir(parents=True)
    os.utime(work, (0, 0))
    _register(registry, model_copy("a"), "first")
    assert work.exists()


def test_no_generation_no_live_model(registry: Registry, model_copy: ModelCopy) -> None:
    _register(registry, model_copy("a"), "first")
    assert registry.live() is None


def test_the_model_of_the_live_generation_is_live(
    registry: Registry, database: Database, model_copy: ModelCopy
) -> None:
    first = _register(registry, model_copy("a"), "first")
    second = _register(registry, _different(model_copy("b")), "second")
    with database.writing() as session:
        row = GenerationRow(name="g1", model_id=second.id, fingerprint=second.fingerprint, dimension=32)
        session.add(row)
        session.flush()
        session.add(LiveRow(generation_id=row.id))
    live = registry.live()
    assert live == dataclasses.replace(second, live=True) == registry.get("second") == registry.by_id(second.id)
    assert [model.live for model in registry.list()] == [False, True]
    assert not registry.get(first.name).live


def test_what_is_recorded_stands_in_row_manifest_and_card(registry: Registry, model_copy: ModelCopy) -> None:
    model = _register(registry, model_copy("a"), "first")
    registry.record("first", metrics={"category_p10": 0.6}, suite="held_out_base")
    registry.record("first", metrics={"category_p10": 0.75})
    registry.record("first", verdict="better")
    found = registry.get("first")
    assert (found.metrics, found.verdict) == ({"category_p10": 0.75}, "better")
    manifest = registry.manifest("first")
    assert manifest.metrics == {"held_out": {"category_p10": 0.75}, "held_out_base": {"category_p10": 0.6}}
    assert manifest.verdict == "better"
    assert "0.6000 | 0.7500 | +0.1500" in (model.folder / "README.md").read_text()
    assert fingerprint(model.folder) == model.fingerprint
    with pytest.raises(UnknownModel):
        registry.record("second", verdict="lost")


def test_an_unused_name_is_a_folder_name_that_nothing_has(
    registry: Registry, models_dir: Path, model_copy: ModelCopy
) -> None:
    assert registry.free_name("tuned-20261121") == "tuned-20261121"
    _register(registry, model_copy("a"), "tuned-20261121")
    assert registry.free_name("tuned-20261121") == "tuned-20261121-2"
    (models_dir / "tuned-20261121-2").mkdir()
    assert registry.free_name("tuned-20261121") == "tuned-20261121-3"
    assert registry.free_name("../Modèle du jour/") == "Mod-le-du-jour"
    assert registry.free_name("///") == "model"
    assert len(registry.free_name("x" * 300)) <= 100
