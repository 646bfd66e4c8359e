"""Fixtures that every part of the suite shares."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from filelock import FileLock
from sqlalchemy import make_url, text
from support.tiny_model import DEFAULT_TEXTS, build_tiny_model

from recommender.database.engine import Database
from recommender.database.tables import Base
from recommender.embedding.export import export
from recommender.embedding.network_check import ExportReport

os.environ.setdefault("HF_HUB_OFFLINE", "1")

LONGEST = (
    "test_real_catalogue",
    "test_crashes",
    "test_model_files",
    "test_evaluating",
    "test_judging",
    "test_http_contract",
    "test_random_histories",
    "test_finetune",
    "test_training_options",
    "test_resume",
    "test_serving_and_working",
)
"""Files that take minutes: begun first, or the end of a run by several processes waits for one of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the rest keeps its order."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


@pytest.fixture
def postgres_url() -> str:
    """A PostgreSQL database that the tests may empty. Without one they are skipped, but in CI they fail."""
    url = os.environ.get("TEST_POSTGRES_URL", "")
    if not url and os.environ.get("CI"):
        pytest.fail("TEST_POSTGRES_URL is not set; .ci/run starts a server and sets it")
    if not url:
        pytest.skip("TEST_POSTGRES_URL is not set")
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        url = _database_of_its_own(url, worker)
    with Database(url) as opened, opened.engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE IF EXISTS recommender_version"))
    return url


def _database_of_its_own(url: str, worker: str) -> str:
    """Make a database beside the named one for each process that runs tests, so that they do not empty each other's."""
    own = make_url(url).set(database=f"{make_url(url).database}_{worker}")
    with Database(url) as server, server.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        known = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": own.database})
        if known.first() is None:
            connection.execute(text(f'CREATE DATABASE "{own.database}"'))
    return own.render_as_string(hide_password=False)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database with every table."""
    with Database(f"sqlite:///{tmp_path / 'catalogue.db'}") as opened:
        Base.metadata.create_all(opened.engine)
        yield opened


@pytest.fixture(scope="session")
def of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of a run share, for what costs each of them seconds; what is in it stays as it is."""
    own = tmp_path_factory.getbasetemp()
    shared = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    shared.mkdir(exist_ok=True)
    return shared


@pytest.fixture(scope="session")
def tiny_model(of_the_run: Path) -> Path:
    """A sentence-transformers folder that loads in an instant; tests copy it before they write into it."""
    made = of_the_run / "tiny"
    with FileLock(f"{made}.lock"):
        return made if made.exists() else build_tiny_model(made)


@pytest.fixture(scope="session")
def exported(tiny_model: Path, of_the_run: Path) -> tuple[Path, ExportReport]:
    """The tiny model with its ONNX networks, and what the export measured."""
    folder, report = of_the_run / "exported" / "tiny", of_the_run / "exported.json"  # it is registered by this name
    with FileLock(f"{folder}.lock"):
        if not report.exists():
            shutil.copytree(tiny_model, folder)
            report.write_text(json.dumps(asdict(export(folder, DEFAULT_TEXTS))), encoding="utf-8")
    return folder, ExportReport(**json.loads(report.read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def exported_model(exported: tuple[Path, ExportReport]) -> Path:
    return exported[0]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a feed file; a name that ends in .gz is gzipped."""

    def _write(content: str | bytes, name: str = "feed.csv") -> Path:
        data = content.encode() if isinstance(content, str) else content
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return _write
