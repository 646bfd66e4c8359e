"""Exported models that several embedding tests share; exporting costs seconds, so each is made once a session."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.tiny_model import DEFAULT_TEXTS

from recommender.embedding.export import export
from recommender.embedding.network_check import ExportReport


@pytest.fixture(scope="session")
def exported(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExportReport]:
    """The tiny model with its ONNX networks, and what the export measured."""
    folder = shutil.copytree(tiny_model, tmp_path_factory.mktemp("exported") / "tiny")
    return folder, export(folder, DEFAULT_TEXTS)


@pytest.fixture(scope="session")
def exported_model(exported: tuple[Path, ExportReport]) -> Path:
    return exported[0]
