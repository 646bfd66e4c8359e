"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.tiny_model import build_tiny_model

from recommender.database.engine import Database
from recommender.database.tables import Base

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database with every table."""
    with Database(f"sqlite:///{tmp_path / 'catalogue.db'}") as opened:
        Base.metadata.create_all(opened.engine)
        yield opened


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers folder that loads in an instant; tests copy it before they write into it."""
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")
