"""What the catalogue's tests share: a catalogue, its outbox under a clock to set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.catalogue_doubles import Clock, Texts

from recommender.catalogue.importer import ImportSummary, import_feed
from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.tables import Base


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of each kind; PostgreSQL where TEST_POSTGRES_URL names one that may be emptied."""
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    with Database(url) as opened:
        Base.metadata.drop_all(opened.engine)
        Base.metadata.create_all(opened.engine)
        yield opened


@pytest.fixture
def texts() -> Texts:
    return Texts()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def catalogue(database: Database, texts: Texts) -> Catalogue:
    return Catalogue(database, texts)


@pytest.fixture
def outbox(database: Database, clock: Clock) -> Outbox:
    return Outbox(database, clock, jitter=lambda: 0.5)


@pytest.fixture
def ingest(catalogue: Catalogue, database: Database, write: Callable[..., Path]) -> Callable[..., ImportSummary]:
    """Write a feed file and import it."""

    def _ingest(content: str | bytes, name: str = "feed.csv", **options: Any) -> ImportSummary:
        return import_feed(catalogue, database, write(content, name), **options)

    return _ingest
