"""A shop, and the service for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.served import PATIENT, listening, opened, stocked_catalogue

from recommender.api import Recommender
from recommender.client import Client
from recommender.service.access import Access
from recommender.service.app import create_app


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Recommender]:
    """The shop in this process."""
    with opened(tmp_path_factory.mktemp("shop") / "home", tiny_model, stocked_catalogue()) as recommender:
        yield recommender


@pytest.fixture(scope="module")
def address(shop: Recommender) -> Iterator[str]:
    """The address of the service."""
    with listening(create_app(shop, Access(keys=list), PATIENT)) as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Client]:
    """A client of that service."""
    with Client(address, retries=0) as asked:
        yield asked
