"""A shop that never rests: while a generation is compared with the catalogue, the catalogue has changed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from support.shop import Shop

from recommender.catalogue.product_statements import ProductStates
from recommender.catalogue.repository import Catalogue
from recommender.errors import RecommenderError, Unavailable
from recommender.ingestion.backfill import backfill
from recommender.ingestion.targets import UnopenedTarget
from recommender.ingestion.verification import verify
from recommender.ingestion.worker import Worker
from recommender.types import Product


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as opened:
        opened.catalogue.upsert([_lamp(number) for number in range(20)])
        opened.worker.drain()
        yield opened


def _lamp(number: int, price: int = 1) -> Product:
    return Product(f"lamp-{number}", f"Desk lamp {number}", price=Decimal(price))


class Restless(Catalogue):
    """A catalogue in which a price changes whenever it is counted: each comparison begins with that."""

    def __init__(self, shop: Shop, then: Callable[[], object] = lambda: None) -> None:
        super().__init__(shop.database, shop.text.hash)
        self._then = then
        self._prices = count(2)

    def count(self) -> int:
        price = next(self._prices)
        self.upsert([_lamp(price % 20, price)])
        self._then()
        return super().count()


def test_a_backfill_ends_while_changes_come_in_and_the_next_drain_has_the_last_of_them(shop: Shop) -> None:
    building = shop.add_target("g2", live=False)
    backfill(building, Restless(shop), shop.writer, states=ProductStates(shop.database))
    assert len(verify(building.index, shop.catalogue).differing) == 1
    shop.worker.drain()
    assert verify(building.index, shop.catalogue).clean


def test_a_backfill_ends_while_a_worker_that_can_not_open_it_follows_the_changes(shop: Shop) -> None:
    noted: set[str] = set()
    live, building = shop.targets[0], shop.add_target("g2", live=False)
    held = UnopenedTarget(building.name, Unavailable("it is being built"))
    worker = Worker(
        shop.catalogue,
        shop.outbox,
        shop.writer,
        lambda: [live, held],
        missed=lambda _name, skus: noted.update(skus) is None,
    )
    restless = Restless(shop, worker.drain)
    backfill(building, restless, shop.writer, states=ProductStates(shop.database), missed=lambda: noted)
    assert shop.outbox.depth().waiting == 0
    assert set(verify(building.index, shop.catalogue).differing) <= noted


def test_a_change_that_would_never_reach_the_new_generation_is_not_passed_over(shop: Shop) -> None:
    live, building = shop.targets[0], shop.add_target("g2", live=False)
    forgetful = Worker(shop.catalogue, shop.outbox, shop.writer, lambda: [live])
    with pytest.raises(RecommenderError, match="did not catch up"):
        backfill(building, Restless(shop, forgetful.drain), shop.writer, states=ProductStates(shop.database))


def test_a_drain_with_a_limit_ends_though_changes_never_stop(shop: Shop) -> None:
    prices = count(2)

    def another(*_: object) -> None:
        price = next(prices)
        assert price < 5_000, "the drain goes on and on"
        shop.catalogue.upsert([_lamp(price % 20, price)])

    another()
    drained = shop.worker.drain(another, longest=0.3)
    assert drained.applied >= 2
    assert shop.outbox.depth().waiting
    shop.worker.drain()
    assert verify(shop.index, shop.catalogue).clean
