"""A shop with two models that answer queries, one product that tries to break the page, and a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from crash.word_model import build_word_model
from playwright.sync_api import Browser, Page
from support.chromium import Watch, chromium, watched
from support.served import PATIENT, listening, stocked_catalogue

from recommender.api import Recommender
from recommender.application.composition import Application
from recommender.jobs.rebuild import start_generation
from recommender.models.manifest import Manifest
from recommender.query import SearchLogging
from recommender.service.access import Access
from recommender.service.app import create_app
from recommender.settings import Settings
from recommender.types import EncoderChoice, Product

EVIL = "window.broken = true"

HOSTILE = Product(
    sku=f"x/\"><'&?#%25 {{{{1}}}}<img src=x onerror={EVIL!r}>",
    title=f"<script>{EVIL}</script> \"quoted\" <img src=x onerror='{EVIL}'> معطف واق",
    description=f"<p>Kept &amp; read</p><script>{EVIL}</script><iframe src=javascript:{EVIL}></iframe> {'w' * 400}",
    brand=f'"><svg onload={EVIL}>',
    category=("<b>Evil</b>", f"<script>{EVIL}</script>", "long" * 60),
    price=Decimal("13.37"),
    currency="<EUR>",
    url=f"javascript:{EVIL}",
    image=f"javascript:{EVIL}",
    attributes={f"a:b <img src=x onerror={EVIL}>": f'"<script>{EVIL}</script> | :'},
)

PRODUCTS = [*stocked_catalogue(), HOSTILE]


def settings_of(home: Path) -> Settings:
    """Return the settings of a home, independent of the environment."""
    return Settings(
        home=home, database_url="", qdrant_url="", encoder=EncoderChoice.ONNX, keep_searches=SearchLogging.WEAK
    )


def install(home: Path) -> Application:
    """Make an installation: the model `first` is live, `second` answers queries too."""
    words = sorted({word for one in PRODUCTS for word in f"{one.title} {one.brand} {one.description}".lower().split()})
    application = Application(settings_of(home))
    for seed, name in enumerate(("first", "second")):
        folder = build_word_model(home / name, words, seed)
        manifest = Manifest.create(folder, name=name, base="org/base", kind="base")
        generation = start_generation(application, application.registry.register(folder, manifest, copy=True))
        application.generations.ready(generation)
        if seed == 0:
            application.generations.switch(generation)
    application.catalogue.upsert(PRODUCTS)
    application.worker.drain()
    application.vocabulary.refresh(changed=True)
    return application


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recommender]:
    """The shop."""
    with Recommender(install(tmp_path_factory.mktemp("explorer") / "home")) as recommender:
        yield recommender


@pytest.fixture(scope="module")
def address(shop: Recommender) -> Iterator[str]:
    """The address of the service."""
    with listening(create_app(shop, Access(keys=list), PATIENT)) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a file: its event loop must not meet those of other tests."""
    with chromium() as opened:
        yield opened


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[tuple[Page, Watch]]:
    """A page of the service, and the errors that it reports."""
    with watched(browser, address) as opened:
        yield opened


@pytest.fixture
def page(visit: tuple[Page, Watch]) -> Page:
    """A page of the service; the test fails if it reports an error."""
    return visit[0]


@contextmanager
def empty_service(home: Path) -> Iterator[str]:
    """Serve an installation in which nothing was indexed."""
    with (
        Recommender(Application(settings_of(home))) as recommender,
        listening(create_app(recommender, Access(keys=list), PATIENT)) as url,
    ):
        yield url
