from __future__ import annotations

import dataclasses
import os
import zipfile
from pathlib import Path

import pytest

from recommender.errors import BadInput, UsageError
from recommender.models.bundle import public_files, unpack, write_bundle
from recommender.models.fingerprint import fingerprint
from recommender.models.manifest import Manifest, read_manifest, with_history


@pytest.fixture
def manifest(tiny_model: Path) -> Manifest:
    created = Manifest.create(tiny_model, name="shop", base="/home/someone/models/mini", kind="tuned")
    data = [{"name": "/home/someone/clicks.csv", "format": "queries"}]
    return dataclasses.replace(
        created,
        hyper_parameters={"loss": "mnrl", "data": data},
        metrics={"held_out": {"category_p10": 0.7}},
        verdict="better",
    )


@pytest.mark.parametrize("name", ["out", "deep/out", "out.zip"])
def test_a_bundle_is_the_model_with_card_and_manifest(
    tiny_model: Path, manifest: Manifest, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    write_bundle(public_files(tiny_model, manifest), target)
    folder = unpack(target, tmp_path / "unpacked") if name.endswith(".zip") else target
    assert fingerprint(folder) == manifest.fingerprint
    assert "someone" not in (folder / "manifest.json").read_text() + (folder / "README.md").read_text()
    found = read_manifest(folder)
    assert (found.base, found.metrics, found.hyper_parameters["data"][0]["name"]) == (
        "mini",
        manifest.metrics,
        "clicks.csv",
    )
    assert {path.name for path in tmp_path.iterdir()} <= {name.split("/")[0], "unpacked"}


def test_a_file_that_is_dated_before_1980_is_packed(tmp_path: Path) -> None:
    old = tmp_path / "config.json"
    old.write_text("{}")
    os.utime(old, (0, 0))
    write_bundle({"config.json": old}, tmp_path / "out.zip")
    assert (unpack(tmp_path / "out.zip", tmp_path / "unpacked") / "config.json").read_text() == "{}"


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_is_there_is_not_overwritten(tiny_model: Path, manifest: Manifest, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_bundle(public_files(tiny_model, manifest), tmp_path / name)
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_can_not_be_written_whole_leaves_nothing(manifest: Manifest, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="can't be written"):
        write_bundle({"a": b"first", "b": tmp_path / "gone"}, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_private_and_passing_files_are_kept_back(tiny_model: Path, manifest: Manifest, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    write_bundle(public_files(tiny_model, manifest), folder)
    for name in ("catalogue.npy", ".registering", "checkpoint-5/model.safetensors", "pytorch_model.bin", "code.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    assert set(public_files(folder, manifest)) == set(public_files(tiny_model, manifest))


def test_a_zip_file_with_one_folder_in_it_is_that_folder(tiny_model: Path, manifest: Manifest, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "hand.zip", "w") as packed:
        for name, source in public_files(tiny_model, manifest).items():
            packed.writestr(f"model-v2/{name}", source if isinstance(source, bytes) else source.read_bytes())
    assert fingerprint(unpack(tmp_path / "hand.zip", tmp_path / "unpacked")) == manifest.fingerprint


def test_a_zip_file_writes_nowhere_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as packed:
        packed.writestr("../outside.txt", "no")
        packed.writestr("/config.json", "no")
    unpack(tmp_path / "evil.zip", tmp_path / "deep" / "unpacked")
    assert not list(tmp_path.rglob("deep/outside.txt"))
    assert not Path("/config.json").exists()


def test_what_is_no_zip_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"no archive")
    with pytest.raises(BadInput, match="give a zip file"):
        unpack(tmp_path / "broken.zip", tmp_path / "unpacked")


def test_an_archive_that_would_unpack_to_far_more_than_it_is_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for number in range(3):
            packed.writestr(f"{number}.safetensors", bytes(16 << 20))
    with zipfile.ZipFile(tmp_path / "crowd.zip", "w") as packed:
        for number in range(10_001):
            packed.writestr(f"{number}", b"")
    for name in ("bomb.zip", "crowd.zip"):
        with pytest.raises(BadInput, match="a model has at most"):
            unpack(tmp_path / name, tmp_path / "unpacked")
        assert list((tmp_path / "unpacked").iterdir()) == []


def test_an_archive_whose_headers_lie_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "liar.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("model.safetensors", bytes(64 << 20))
    content = (tmp_path / "liar.zip").read_bytes()
    stated = (64 << 20).to_bytes(4, "little")
    (tmp_path / "liar.zip").write_bytes(content.replace(stated, (10).to_bytes(4, "little")))
    with pytest.raises(BadInput, match="can't be unpacked"):
        unpack(tmp_path / "liar.zip", tmp_path / "unpacked")
    assert sum(path.stat().st_size for path in (tmp_path / "unpacked").iterdir()) < 100


def test_the_record_that_came_with_a_model_is_kept_but_not_its_verdict(
    tiny_model: Path, manifest: Manifest, tmp_path: Path
) -> None:
    write_bundle(public_files(tiny_model, manifest), tmp_path / "out")
    here = Manifest.create(tmp_path / "out", name="ours", base="out", kind="base")
    found = with_history(here, tmp_path / "out")
    assert (found.name, found.kind, found.base, found.metrics) == ("ours", "tuned", "mini", manifest.metrics)
    assert found.verdict == ""


@pytest.mark.parametrize(
    "change",
    [{"fingerprint": "0" * 64}, {"metrics": 5}, {"metrics": {"held_out": {"p": "high"}}}, {"hyper_parameters": "none"}],
)
def test_a_record_of_another_model_or_form_is_passed_over(
    tiny_model: Path, manifest: Manifest, tmp_path: Path, change: dict[str, object]
) -> None:
    import json

    write_bundle(public_files(tiny_model, manifest), tmp_path / "out")
    path = tmp_path / "out" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    here = Manifest.create(tmp_path / "out", name="ours", base="out", kind="base")
    assert with_history(here, tmp_path / "out") == here
