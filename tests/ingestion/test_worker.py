from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from support.fake_encoder import WordEncoder
from support.shop import Shop

from recommender.catalogue.lease_owner import this_host
from recommender.embedding.encoder import Role, Vectors
from recommender.errors import Unavailable
from recommender.index.protocol import point_id
from recommender.ingestion.backfill import backfill
from recommender.ingestion.verification import verify
from recommender.ingestion.worker import BATCH, Ahead, Worker
from recommender.types import Product

LAMP = Product("lamp", "Brass desk lamp", "A lamp for a desk", "Lumo", ("Home", "Lamps"), Decimal("19.90"), "EUR")
BOOT = Product("boot", "Leather walking boot", "Waterproof", "Alta", ("Shoes", "Boots"), Decimal("120"), "EUR")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as opened:
        yield opened


def _payload(shop: Shop, sku: str) -> dict[str, object]:
    return next(point.payload for point in shop.index.scroll() if point.payload["sku"] == sku)


def test_what_was_upserted_is_in_the_index_after_a_drain(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP, BOOT])
    drained = shop.worker.drain()
    assert (drained.applied, drained.counts.encoded) == (2, 2)
    assert shop.outbox.depth().waiting == 0
    assert verify(shop.index, shop.catalogue).clean


def test_a_price_change_updates_the_payload_and_encodes_nothing(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP])
    shop.worker.drain()
    shop.encoder.encoded.clear()
    shop.catalogue.upsert([replace(LAMP, price=Decimal("14.90"))])
    drained = shop.worker.drain()
    assert (drained.counts.payloads, drained.counts.encoded) == (1, 0)
    assert shop.encoder.encoded == []
    assert _payload(shop, "lamp")["price"] == 14.9


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (replace(LAMP, price=Decimal("14.90"), url="https://shop.example/lamp"), False),
        (replace(LAMP, attributes={"colour": "brass"}), True),
        (replace(LAMP, category=("Home", "Desk lamps")), True),
        (replace(LAMP, other_categories=(("Office",),)), True),
        (replace(LAMP, title="Copper desk lamp"), True),
    ],
)
def test_a_change_tells_whether_it_changes_words_of_searches(shop: Shop, changed: Product, expected: bool) -> None:
    shop.catalogue.upsert([LAMP])
    shop.worker.drain()
    shop.catalogue.upsert([changed])
    assert shop.worker.drain().counts.changes_words is expected


def test_a_text_change_encodes_that_product_alone(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP, BOOT])
    shop.worker.drain()
    shop.encoder.encoded.clear()
    shop.catalogue.upsert([replace(LAMP, title="Copper desk lamp"), BOOT])
    shop.worker.drain()
    assert len(shop.encoder.encoded) == 1
    assert _payload(shop, "lamp")["title"] == "Copper desk lamp"


def test_identical_texts_are_encoded_once(shop: Shop) -> None:
    shop.catalogue.upsert([replace(LAMP, sku=f"lamp-{number}") for number in range(5)])
    drained = shop.worker.drain()
    assert drained.counts.encoded == 5
    assert len(shop.encoder.encoded) == 1
    assert shop.index.count() == 5


def test_a_deactivated_product_leaves_the_index_and_can_come_back(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP, BOOT])
    shop.worker.drain()
    shop.catalogue.deactivate(["lamp"])
    assert shop.worker.drain().counts.deleted == 1
    assert [point.payload["sku"] for point in shop.index.scroll()] == ["boot"]
    shop.catalogue.upsert([LAMP])
    shop.worker.drain()
    assert shop.index.count() == 2


def test_an_unchanged_feed_leaves_nothing_to_do(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP, BOOT])
    shop.worker.drain()
    counts = shop.catalogue.upsert([LAMP, BOOT])
    assert counts.unchanged == 2
    assert shop.worker.drain().applied == 0


def test_one_bad_item_is_put_off_with_its_error_and_the_others_go_in(shop: Shop) -> None:
    shop.encoder.failing.add("cursed")
    shop.catalogue.upsert([replace(LAMP, sku=str(number), title=f"Lamp {number}") for number in range(20)])
    shop.catalogue.upsert([replace(BOOT, title="cursed boot")])
    drained = shop.worker.drain()
    assert (drained.applied, drained.failed) == (20, 1)
    assert shop.index.count() == 20
    assert shop.outbox.depth().waiting == 1


def test_a_change_gives_an_item_that_failed_another_try(shop: Shop) -> None:
    shop.encoder.failing.add("cursed")
    shop.catalogue.upsert([replace(BOOT, title="cursed boot")])
    assert shop.worker.drain().failed == 1
    shop.catalogue.upsert([replace(BOOT, title="blessed boot")])
    assert shop.worker.drain().applied == 1
    assert shop.index.count() == 1


def test_an_engine_that_is_away_gives_the_batch_back(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP])

    def away() -> object:
        raise Unavailable("the engine is away")

    worker = type(shop.worker)(shop.catalogue, shop.outbox, shop.writer, away)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        worker.drain()
    assert shop.worker.drain().applied == 1


def test_every_following_generation_receives_a_change(shop: Shop) -> None:
    second = shop.add_target("g2")
    shop.catalogue.upsert([LAMP, BOOT])
    shop.worker.drain()
    shop.catalogue.deactivate(["boot"])
    shop.worker.drain()
    assert [point.payload["sku"] for point in second.index.scroll()] == ["lamp"]


def test_a_backfill_takes_up_where_it_stopped(shop: Shop) -> None:
    shop.catalogue.upsert([replace(LAMP, sku=str(number), title=f"Lamp {number}") for number in range(30)])
    half = list(shop.catalogue.products())[:15]
    target = shop.targets[0]
    shop.writer.write(target, half)
    shop.encoder.encoded.clear()
    stages: list[str] = []
    counts = backfill(target, shop.catalogue, shop.writer, lambda stage, *_: stages.append(stage))
    assert counts.encoded == 15
    assert list(dict.fromkeys(stages)) == ["indexing", "building graphs"]
    assert verify(target.index, shop.catalogue).clean


def test_a_backfill_leaves_no_point_of_a_product_that_is_gone(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP, BOOT])
    shop.worker.drain()
    shop.catalogue.deactivate(["boot"])
    backfill(shop.targets[0], shop.catalogue, shop.writer)
    assert [point.payload["sku"] for point in shop.index.scroll()] == ["lamp"]


def test_verify_names_what_is_missing_stale_and_orphaned(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP, BOOT, replace(LAMP, sku="third", title="Third lamp")])
    shop.worker.drain()
    shop.index.delete([point_id("third")])
    shop.catalogue.upsert([replace(LAMP, price=Decimal("1"))])
    shop.catalogue.deactivate(["boot"])
    found = verify(shop.index, shop.catalogue)
    assert (found.missing, found.stale, found.orphaned) == (("third",), ("lamp",), ("boot",))
    shop.catalogue.enqueue(found.differing)
    shop.worker.drain()
    assert verify(shop.index, shop.catalogue).clean


class _BrokenEncoder(WordEncoder):
    """One whose model is gone."""

    fingerprint = "gone"

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        raise Unavailable("the model is gone")


def test_a_generation_being_built_that_fails_does_not_hold_up_the_live_one(shop: Shop) -> None:
    building = shop.add_target("g2", live=False)
    shop.targets[1] = replace(building, encoder=_BrokenEncoder)
    shop.catalogue.upsert([LAMP, BOOT])
    assert shop.worker.drain().applied == 2
    assert verify(shop.index, shop.catalogue).clean
    assert building.index.count() == 0
    backfill(building, shop.catalogue, shop.writer)
    assert verify(building.index, shop.catalogue).clean


def test_what_a_killed_worker_had_claimed_is_taken_up_at_once(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP])
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    assert shop.outbox.claim(f"{this_host()}-{dead.pid}-0badc0de", 10, timedelta(hours=1))
    assert shop.worker.drain().applied == 1


class _SlowEncoder(WordEncoder):
    """Takes longer for a batch than a drain that is cut short has."""

    def encode(self, texts: Sequence[str], role: Role = Role.DOCUMENT) -> Vectors:
        time.sleep(0.2)
        return super().encode(texts, role)


@pytest.mark.parametrize(("longest", "last"), [(math.inf, Ahead.NOTHING), (0.1, Ahead.LATER)])
def test_who_builds_graphs_is_told_what_is_ahead(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, longest: float, last: Ahead
) -> None:
    """Graphs that are built while more is coming are built again soon."""
    monkeypatch.setattr("recommender.ingestion.worker.OPTIMIZE_EVERY", 1)
    told: list[Ahead] = []
    worker = Worker(
        shop.catalogue,
        shop.outbox,
        shop.writer,
        lambda: shop.targets,
        optimize=lambda _target, _counts, ahead, _stopped: told.append(ahead),
    )
    if longest < math.inf:
        shop.encoder = _SlowEncoder(32)
    shop.catalogue.upsert([Product(f"s{number}", f"title {number}") for number in range(6 * BATCH)])
    worker.drain(longest=longest)
    assert told[-1] is last
    if last is Ahead.NOTHING:
        assert len(told) > 1
        assert set(told[:-1]) == {Ahead.MORE}
