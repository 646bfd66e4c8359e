"""Models that are imported: under a name that is known already, damaged or changed meanwhile, and what comes along."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.installation import settings_of

from recommender.application.composition import Application
from recommender.jobs.models import prepare_base


@pytest.fixture
def folder(exported_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `shop` of a model, in the current one."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(exported_model, tmp_path / "shop"))


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with Application(settings_of(tmp_path / "home")) as opened:
        yield opened


def test_what_training_leaves_beside_a_model_is_not_imported(application: Application, folder: Path) -> None:
    clean = {path.name for path in prepare_base(application, "shop").folder.iterdir()}
    application.registry.remove("shop")
    for name in ("checkpoint-5", "runs", "eval", "openvino"):
        (folder / name).mkdir()
        (folder / name / "optimizer.safetensors").write_bytes(b"large")
    for name in ("optimizer.pt", "rng_state.pth", "training_args.pkl"):
        (folder / name).write_bytes(b"pickled")
    assert {path.name for path in prepare_base(application, "shop").folder.iterdir()} == clean
