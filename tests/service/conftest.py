"""A small shop with a model that really runs, and the service for it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from crash.word_model import build_word_model
from fastapi import FastAPI
from starlette.testclient import TestClient
from support.patience import PATIENCE_S
from support.served import PATIENT
from support.toy_catalogue import toy_catalogue

from recommender.api import Recommender
from recommender.application.composition import Application
from recommender.jobs.rebuild import start_generation
from recommender.models.manifest import Manifest
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys
from recommender.service.app import create_app
from recommender.service.http_protocol import ProblemProtocol
from recommender.service.listener import listen
from recommender.service.metrics import Metrics
from recommender.settings import Settings
from recommender.types import EncoderChoice, Product

PRODUCTS = [
    Product("a/b 1", "Red cotton shirt", "Soft & light.", "Alder", ("Clothes", "Shirts"), Decimal("19.99"), "EUR"),
    *(
        replace(
            product, price=Decimal(5 + number), currency="EUR", attributes={"colour": "red" if number % 3 else "blue"}
        )
        for number, product in enumerate(toy_catalogue(4))
    ),
]


def settings_of(home: Path) -> Settings:
    """Return the settings of a home, independent of the environment."""
    return Settings(home=home, database_url="", qdrant_url="", encoder=EncoderChoice.ONNX)


def install(home: Path) -> Path:
    """Make an installation whose products are in the index."""
    words = sorted({word for product in PRODUCTS for word in f"{product.title} {product.brand}".lower().split()})
    home.mkdir()
    model = build_word_model(home / "words", words, seed=0)
    with Application(settings_of(home)) as application:
        manifest = Manifest.create(model, name="words", base="org/base", kind="base")
        registered = application.registry.register(model, manifest, copy=True)
        generation = start_generation(application, registered)
        application.generations.ready(generation)
        application.generations.switch(generation)
        application.catalogue.upsert(PRODUCTS)
        application.worker.drain()
    return home


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that tests copy and never open."""
    return install(tmp_path_factory.mktemp("installed") / "home")


@pytest.fixture(scope="module")
def shared_home(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation that the tests of one module share."""
    return shutil.copytree(installed, tmp_path_factory.mktemp("shared") / "home")


@pytest.fixture
def home(installed: Path, tmp_path: Path) -> Path:
    """An installation of one test."""
    return shutil.copytree(installed, tmp_path / "home")


@dataclass(frozen=True, slots=True)
class Service:
    """A service in this process."""

    recommender: Recommender
    app: FastAPI
    client: TestClient
    keys: ApiKeys

    def get(self, path: str, status: int = 200, **parameters: Any) -> Any:
        """Send a GET and return the JSON of the answer."""
        return _checked(self.client.get(path, params=parameters), status)

    def post(self, path: str, body: Any, status: int = 200) -> Any:
        """Send a POST and return the JSON of the answer."""
        return _checked(self.client.post(path, json=body), status)


def _checked(response: Any, status: int) -> Any:
    assert response.status_code == status, response.text
    return response.json()


Serving = Callable[..., AbstractContextManager[Service]]


@contextmanager
def serving(application: Application, follow: bool = True, **how: Any) -> Iterator[Service]:
    """Serve an installation in this process; `how` goes to `create_app`."""
    metrics = Metrics()
    with Recommender(application, metrics.observe, follow) as recommender:
        keys = ApiKeys(application.database)
        access = how.pop("access", Access(keys.list))
        app = create_app(recommender, access, how.pop("limits", PATIENT), metrics, **how)
        with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
            yield Service(recommender, app, client, keys)


@pytest.fixture(scope="module")
def service(shared_home: Path) -> Iterator[Service]:
    """A service that is open to this machine without a key."""
    with serving(Application(settings_of(shared_home))) as opened:
        yield opened


@contextmanager
def listening(app: FastAPI) -> Iterator[str]:
    """Run an application on a free port, in a thread and without its lifespan; give the address."""
    bound = listen("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, http=ProblemProtocol))
    thread = threading.Thread(target=server.run, args=([bound.socket],))
    thread.start()
    try:
        yield bound.url
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
