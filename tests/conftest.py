"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from support.tiny_model import build_tiny_model

from recommender.database.engine import Database
from recommender.database.tables import Base

os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture
def postgres_url() -> str:
    """A PostgreSQL database that the tests may empty. Without one they are skipped, but in CI they fail."""
    url = os.environ.get("TEST_POSTGRES_URL", "")
    if not url and os.environ.get("CI"):
        pytest.fail("TEST_POSTGRES_URL is not set; .ci/run starts a server and sets it")
    if not url:
        pytest.skip("TEST_POSTGRES_URL is not set")
    with Database(url) as opened, opened.engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))
    return url


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
