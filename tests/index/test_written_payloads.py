"""What the worker writes of a product beside its text: enough to order by age and popularity."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from support.shop import Shop

from recommender.index.protocol import Order, point_id
from recommender.ingestion.point_writer import PointWriter
from recommender.query import Filters
from recommender.types import Product


def _selected(shop: Shop, order: Order) -> list[str]:
    return [point.payload["sku"] for point in shop.index.select(Filters(), 9, order)]


def test_a_product_stays_as_old_as_it_was_when_it_changes(tmp_path: Path) -> None:
    before = datetime.now(UTC).timestamp()
    with Shop(tmp_path) as shop:
        for sku in ("first", "second"):
            shop.catalogue.upsert([Product(sku, "Lamp", attributes={"popularity": str(len(sku))})])
        shop.worker.drain()
        created = shop.index.retrieve([point_id("first")])[0].payload["created"]
        assert before <= created <= datetime.now(UTC).timestamp()
        shop.catalogue.upsert([replace(Product("first", "Lamp"), brand="Other")])
        shop.worker.drain()
        assert shop.index.retrieve([point_id("first")])[0].payload["created"] == created
        assert _selected(shop, Order.NEWEST) == ["second", "first"]
        assert _selected(shop, Order.POPULAR) == ["second"]  # the other's popularity went with its attributes


def test_the_attribute_that_popularity_is_read_from_can_be_named(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert([Product("a", "Lamp", attributes={"sold": "3"}), Product("b", "Lamp")])
        writer = PointWriter(shop.text, "sold")
        writer.write(shop.targets[0], list(shop.catalogue.products()))
        assert _selected(shop, Order.POPULAR) == ["a"]
