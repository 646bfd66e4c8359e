from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from recommender.embedding.architecture import dimension
from recommender.errors import BadInput
from recommender.models.fingerprint import fingerprint
from recommender.models.manifest import Export, Manifest, read_manifest, write_manifest

FULL = Manifest(
    name="tuned-1",
    base="org/model",
    fingerprint="f" * 64,
    dimension=384,
    kind="tuned",
    max_seq_length=256,
    created_at=datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
    catalogue_hash="c" * 64,
    hyper_parameters={"learning_rate": 4e-5, "loss": "mnrl"},
    training={"steps": 100, "losses": [[1, 2.5], [100, 0.5]]},
    metrics={"held_out": {"category_p10": 0.75}},
    export=Export(1e-6, 0.99, 0.98),
    verdict="promoted",
    library_versions={"torch": "2"},
)


def test_a_manifest_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_manifest(tmp_path, FULL)
    assert read_manifest(tmp_path) == FULL


def test_fields_of_another_version_are_left_out(tmp_path: Path) -> None:
    write_manifest(tmp_path, FULL)
    path = tmp_path / "manifest.json"
    stored = json.loads(path.read_text())
    stored["export"]["int4_mean_cosine"] = 0.5
    path.write_text(json.dumps(stored | {"colour": "blue"}))
    assert read_manifest(tmp_path) == FULL


def test_an_older_manifest_gets_defaults_for_what_it_lacks(tmp_path: Path) -> None:
    old = {"name": "m", "base": "b", "fingerprint": "f", "dimension": 3}
    (tmp_path / "manifest.json").write_text(json.dumps(old))
    manifest = read_manifest(tmp_path)
    assert (manifest.name, manifest.kind, manifest.metrics, manifest.export) == ("m", "base", {}, Export())


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"name": "m", "created_at": "yesterday"}', "\udcff"])
def test_a_broken_manifest_is_one_clear_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(BadInput, match="import the model again"):
        read_manifest(tmp_path)


def test_a_manifest_with_a_field_of_the_wrong_type_is_refused_and_names_the_field(tmp_path: Path) -> None:
    stored = {"name": "m", "base": "b", "fingerprint": "f", "dimension": 3, "metrics": {"held_out": {"ndcg": "high"}}}
    (tmp_path / "manifest.json").write_text(json.dumps(stored))
    with pytest.raises(BadInput, match=r"metrics\.held_out\.ndcg"):
        read_manifest(tmp_path)


def test_a_missing_manifest_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_what_can_not_be_written_leaves_the_old_manifest_and_nothing_else(tmp_path: Path) -> None:
    write_manifest(tmp_path, FULL)
    with pytest.raises(TypeError):
        write_manifest(tmp_path, dataclasses.replace(FULL, training={"device": object()}))
    assert read_manifest(tmp_path) == FULL
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_new_manifest_says_what_the_folder_says(tiny_model: Path) -> None:
    manifest = Manifest.create(tiny_model, name="tiny", base="here", kind="base")
    assert (manifest.dimension, manifest.max_seq_length) == (32, 64)
    assert manifest.fingerprint == fingerprint(tiny_model)
    assert {"python", "numpy"} <= set(manifest.library_versions)


def _folder(path: Path, *modules: dict[str, object]) -> Path:
    entries = [{"idx": number, "path": f"{number}_Module"} for number in range(len(modules))]
    for entry, config in zip(entries, modules, strict=True):
        (path / str(entry["path"])).mkdir()
        (path / str(entry["path"]) / "config.json").write_text(json.dumps(config))
    (path / "modules.json").write_text(json.dumps(entries))
    return path


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        ([{}, {"embedding_dimension": 8, "pooling_mode": ["cls", "mean"]}, {}], 16),
        ([{}, {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True}], 8),
        ([{}, {"word_embedding_dimension": 8, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": True}], 16),
        ([{}, {"embedding_dimension": 8, "pooling_mode": "mean"}, {"in_features": 8, "out_features": 5}, {}], 5),
    ],
)
def test_the_dimension_is_that_of_the_last_module_that_states_one(
    tmp_path: Path, modules: list[dict[str, object]], expected: int
) -> None:
    assert dimension(_folder(tmp_path, *modules)) == expected


def test_a_model_that_states_no_dimension_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="states the size"):
        dimension(_folder(tmp_path, {}, {}))
