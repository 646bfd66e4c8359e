"""An installation whose base model is the tiny one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.installation import settings_of

from recommender.models.manifest import Manifest
from recommender.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, tiny_model: Path) -> Settings:
    """Settings of an empty home; the first ingest registers the model."""
    folder = shutil.copytree(tiny_model, tmp_path / "tiny")
    Manifest.create(folder, name="tiny", base="org/base", kind="base")
    return settings_of(tmp_path / "home").model_copy(update={"model": str(folder)})
