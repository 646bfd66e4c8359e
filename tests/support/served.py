"""A service over a whole installation: on a port of this machine, by a thread of this process, with a quick encoder."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from support.fake_encoder import WordEncoder
from support.installation import install, settings_of
from support.patience import PATIENCE_S, wait_until
from support.toy_catalogue import toy_catalogue

from recommender.api import Recommender
from recommender.application.composition import Application, ModelFolder
from recommender.embedding.encoder import Encoder
from recommender.models.registry import RegisteredModel
from recommender.service.request_limits import Limits
from recommender.types import Availability, Product

PATIENT = Limits(timeout_s=PATIENCE_S)
"""For services of tests: on a busy machine an answer may take longer than a shop waits for it."""

COLOURS = ("red", "blue", "dark green")


def stocked_catalogue() -> list[Product]:
    """Make a small catalogue that every filter has something to do in: prices, stock, variants and attributes."""
    return [_stocked(number, product) for number, product in enumerate(toy_catalogue(products_per_leaf=8))]


def _stocked(number: int, product: Product) -> Product:
    return replace(
        product,
        price=Decimal(499 + 250 * number) / 100,
        currency="EUR",
        availability=Availability.OUT_OF_STOCK if number % 4 == 0 else Availability.IN_STOCK,
        group_id=f"G{number // 2}" if number % 6 < 2 else "",
        attributes={"colour": COLOURS[number % 3], "popularity": str(number)},
    )


class QuickApplication(Application):
    """The application as it is, but for the encoder: the one that `install` fills the index by."""

    def encoder(self, model: RegisteredModel | ModelFolder, runtime: str = "") -> Encoder:
        """Return the quick encoder."""
        return WordEncoder()


@contextmanager
def opened(home: Path, model: Path, products: Sequence[Product]) -> Iterator[Recommender]:
    """Make an installation with these products in `home`, and open it."""
    install(settings_of(home), model, products)
    with Recommender(QuickApplication(settings_of(home))) as recommender:
        yield recommender


@contextmanager
def listening(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve an application on a port, or on a free one; yields its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
