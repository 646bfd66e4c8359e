"""A shop for each kind of database, under a clock to set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.catalogue_doubles import Clock
from support.shop import Shop


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_shop(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Shop]:
    """A shop on SQLite, then on the PostgreSQL that TEST_POSTGRES_URL names."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    with Shop(tmp_path, url, clock) as opened:
        yield opened
