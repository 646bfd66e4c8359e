"""What a worker does while something that it depends on is away, and when it is back."""

from __future__ import annotations

import errno
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from httpx import Headers
from qdrant_client import QdrantClient
from qdrant_client.http.exceptions import UnexpectedResponse
from sqlalchemy import event, text
from support.catalogue_doubles import Clock
from support.faults import Fault, FaultyEncoder, FaultyIndex
from support.patience import PATIENCE_S, wait_until
from support.shop import Shop

from recommender.catalogue.outbox import LONGEST_RETRY, MAX_ATTEMPTS, QueueDepth
from recommender.database.engine import Database
from recommender.errors import NotFound, Unavailable
from recommender.index.server.engine import ServerEngine
from recommender.ingestion.loop import HELD, follow
from recommender.ingestion.targets import UnopenedTarget
from recommender.ingestion.verification import verify
from recommender.ingestion.worker import DrainSummary, Worker
from recommender.types import Product

PRODUCTS = [Product(f"lamp-{number}", f"Lamp number {number}") for number in range(300)]
AWAY = Unavailable("the engine is away")
FULL = OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Shop(tmp_path) as opened:
        yield opened


@contextmanager
def _following(drain: Callable[[Callable[[], bool]], DrainSummary | None]) -> Iterator[list[str]]:
    """Have a worker follow the queue in a thread; gives what it says."""
    said: list[str] = []
    stopped = threading.Event()
    thread = threading.Thread(target=follow, args=(drain, 0.02, stopped, said.append))
    thread.start()
    try:
        yield said
    finally:
        stopped.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def _in_order(shop: Shop) -> None:
    wait_until(lambda: shop.outbox.depth() == QueueDepth(0, 0, 0, 0.0))
    assert shop.outbox.failing() == []
    assert verify(shop.index, shop.catalogue).clean


@pytest.mark.parametrize("error", [AWAY, FULL, NotFound("no such collection"), MemoryError()])
def test_an_engine_that_is_away_pauses_the_worker_and_no_change_is_blamed(shop: Shop, error: Exception) -> None:
    shop.targets[0] = replace(shop.targets[0], index=FaultyIndex(shop.index, Fault(error, error)))
    shop.catalogue.upsert(PRODUCTS)
    with _following(lambda stopped: shop.worker.drain(stopped=stopped)) as said:
        _in_order(shop)
        wait_until(lambda: "300 applied" in said[-1])
    assert [line.split(":")[1].strip() for line in said[:3]] == ["waiting for changes", "paused", "continuing"]
    assert len(said) == 4


@pytest.mark.parametrize(
    ("status", "refused", "failed"),
    [
        (400, lambda skus: "lamp-7" in skus, ["lamp-7"]),  # whatever it is that the server doesn't like
        (422, lambda skus: "lamp-7" in skus, ["lamp-7"]),
        (413, lambda skus: len(skus) > 30, []),  # a proxy that accepts small requests only
        (400, lambda skus: len(skus) > 100, []),  # the server's `upsert_max_batchsize`
    ],
)
def test_what_a_server_refuses_to_write_is_cut_until_one_product_is_to_blame(
    shop: Shop, status: int, refused: Callable[[list[str]], bool], failed: list[str]
) -> None:
    def check(written: list[str]) -> None:
        if refused(written):
            raise UnexpectedResponse(status, "", b"larger than allowed", Headers())

    class Refusing(QdrantClient):
        def upsert(self, name: str, points: Any, **more: Any) -> Any:
            check([point.payload["sku"] for point in points])
            return super().upsert(name, points, **more)

        def batch_update_points(self, name: str, operations: Any, **more: Any) -> Any:
            check([each.overwrite_payload.payload["sku"] for each in operations])
            return super().batch_update_points(name, operations, **more)

    with closing(Refusing(":memory:")) as client:
        shop.index.close()
        index = ServerEngine(client).create("g1", shop.encoder.dimension)
        shop.targets[0] = replace(shop.targets[0], index=index)
        for price in ("1", "2"):
            shop.catalogue.upsert([replace(product, price=Decimal(price)) for product in PRODUCTS])
            assert shop.worker.drain().applied == len(PRODUCTS) - len(failed)
            assert [each.sku for each in shop.outbox.failing()] == failed
            written = {point.payload["sku"] for point in index.scroll() if point.payload["price"] == float(price)}
            assert written == {product.sku for product in PRODUCTS} - {*failed}


@pytest.mark.parametrize(
    "limit",
    ["Max points count limit of 100", "Max payload storage size limit of 0.5MB"],  # as Qdrant words them
)
def test_a_collection_that_is_full_pauses_the_worker_and_no_product_is_blamed(shop: Shop, limit: str) -> None:
    said = json.dumps({"status": {"error": f"Bad request: {limit} reached!"}, "time": 0.0}).encode()
    full = True

    class Full(QdrantClient):
        def upsert(self, *names: Any, **more: Any) -> Any:
            if full:
                raise UnexpectedResponse(400, "Bad Request", said, Headers())
            return super().upsert(*names, **more)

    with closing(Full(":memory:")) as client:
        shop.index.close()
        shop.targets[0] = replace(shop.targets[0], index=ServerEngine(client).create("g1", shop.encoder.dimension))
        shop.catalogue.upsert(PRODUCTS)
        for _ in range(MAX_ATTEMPTS):
            with pytest.raises(Unavailable, match=f"{limit} reached.*strict mode"):
                shop.worker.drain()
        full = False
        assert shop.worker.drain().applied == len(PRODUCTS)
        _in_order(shop)


@pytest.mark.parametrize("error", [RuntimeError("CUDA error"), FULL, AWAY])
def test_an_encoder_that_fails_on_any_text_is_away_and_no_text_is_blamed(shop: Shop, error: Exception) -> None:
    fault = Fault(*[error] * 4)
    shop.targets[0] = replace(shop.targets[0], encoder=lambda: FaultyEncoder(fault))
    shop.catalogue.upsert(PRODUCTS[:1])
    with _following(lambda stopped: shop.worker.drain(stopped=stopped)) as said:
        _in_order(shop)
    assert sum("paused" in line for line in said) == 1


def test_a_text_that_can_not_be_encoded_is_put_off_though_it_is_the_only_one(shop: Shop) -> None:
    shop.encoder.failing.add("cursed")
    shop.catalogue.upsert([Product("x", "cursed lamp")])
    assert shop.worker.drain().failed == 1
    assert "cursed" in shop.outbox.failing()[0].error


def test_bad_items_are_put_off_until_they_are_put_aside_and_the_others_go_in(tmp_path: Path) -> None:
    clock = Clock()
    bad = [replace(product, title=f"cursed {product.sku}") for product in PRODUCTS[::100]]
    with Shop(tmp_path, clock=clock) as shop:
        shop.encoder.failing.add("cursed")
        shop.catalogue.upsert([*PRODUCTS, *bad])
        drained = shop.worker.drain()
        assert (drained.applied, drained.failed, shop.index.count()) == (297, 3, 297)
        for _ in range(MAX_ATTEMPTS - 1):
            assert shop.worker.drain().failed == 0
            clock.advance(LONGEST_RETRY.total_seconds())
            assert shop.worker.drain().failed == 3
        aside = {failure.sku for failure in shop.outbox.failing() if failure.parked}
    assert aside == {product.sku for product in bad}


@contextmanager
def _locked(shop: Shop, path: Path) -> Iterator[None]:
    """Keep the database locked from outside, for a worker that waits a tenth of a second for it."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def _impatient(shop: Shop, pragma: Callable[[], str]) -> None:
    @event.listens_for(shop.database.engine, "checkout")
    def _set(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(pragma())


def test_a_locked_database_pauses_the_worker(shop: Shop, tmp_path: Path) -> None:
    _impatient(shop, lambda: "PRAGMA busy_timeout=50")
    shop.catalogue.upsert(PRODUCTS)
    with _following(lambda stopped: shop.worker.drain(stopped=stopped)) as said:
        with _locked(shop, tmp_path / "catalogue.db"):
            shop.database.engine.dispose()
            wait_until(lambda: any("locked" in line for line in said) or "applied" in said[-1])
        _in_order(shop)


def test_a_database_that_is_locked_between_write_and_acknowledgement_leaves_no_lease_behind(
    shop: Shop, tmp_path: Path
) -> None:
    _impatient(shop, lambda: "PRAGMA busy_timeout=50")
    shop.catalogue.upsert(PRODUCTS)
    index = shop.index
    with ExitStack() as lock:

        def written() -> None:
            lock.enter_context(_locked(shop, tmp_path / "catalogue.db"))

        shop.targets[0] = replace(shop.targets[0], index=FaultyIndex(index, written))
        with pytest.raises(Unavailable, match="locked"):
            shop.worker.drain()
    shop.targets[0] = replace(shop.targets[0], index=index)
    assert shop.outbox.depth().leased == len(PRODUCTS)
    assert shop.worker.drain().applied == len(PRODUCTS)
    assert verify(index, shop.catalogue).clean


def test_a_full_disk_of_the_database_pauses_the_worker(shop: Shop) -> None:
    shop.catalogue.upsert(PRODUCTS)
    pages = [1]  # no page more than there are
    _impatient(shop, lambda: f"PRAGMA max_page_count={pages[0]}")
    with pytest.raises(Unavailable, match="full"):
        shop.worker.drain()
    pages[0] = 1_000_000
    assert shop.worker.drain().applied == len(PRODUCTS)
    _in_order(shop)


def test_a_postgres_that_ends_every_connection_again_and_again_costs_nothing(tmp_path: Path, postgres_url: str) -> None:
    with Shop(tmp_path, postgres_url) as shop, Database(postgres_url) as operator:
        shop.catalogue.upsert(PRODUCTS)
        with _following(lambda stopped: shop.worker.drain(stopped=stopped)):
            for _ in range(10):
                _end_connections(operator)
                time.sleep(0.02)
            _in_order(shop)


def _end_connections(operator: Database) -> None:
    ours = "datname = current_database() AND pid <> pg_backend_pid()"
    with operator.writing() as session:
        session.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"))


def test_a_clock_that_jumps_back_a_day_stalls_nothing(tmp_path: Path) -> None:
    clock = Clock()
    with Shop(tmp_path, clock=clock) as shop:
        clock.advance(-24 * 3600)
        shop.catalogue.upsert(PRODUCTS)
        assert shop.worker.drain().applied == len(PRODUCTS)
        shop.catalogue.upsert([replace(PRODUCTS[0], title="cursed")])
        shop.encoder.failing.add("cursed")
        assert shop.worker.drain().failed == 1
        shop.encoder.failing.clear()
        clock.advance(-24 * 3600)
        assert shop.worker.drain().applied == 1


def test_another_process_that_holds_the_index_is_told_of_once(shop: Shop) -> None:
    answers = iter([None, None, DrainSummary()])
    with _following(lambda stopped: next(answers, DrainSummary())) as said:
        wait_until(lambda: "continuing" in said[-1])
    assert said == ["worker: waiting for changes", f"worker: paused: {HELD}", "worker: continuing"]


def test_an_idle_worker_opens_no_index_and_sees_what_a_killed_one_held(tmp_path: Path) -> None:
    with Shop(tmp_path) as shop:
        opened: list[None] = []

        def targets() -> list[object]:
            opened.append(None)
            return list(shop.targets)

        worker = Worker(shop.catalogue, shop.outbox, shop.writer, targets)  # type: ignore[arg-type]
        assert worker.has_work()  # the first look is always followed by a drain
        assert not worker.has_work()
        assert worker.drain().applied == 0
        assert opened == []
        shop.catalogue.upsert(PRODUCTS[:1])
        assert worker.has_work()
        shop.outbox.claim("elsewhere", 1, timedelta(minutes=1))
        assert not worker.has_work()


def test_what_a_generation_that_is_not_live_does_not_take_is_noted_before_it_is_acknowledged(shop: Shop) -> None:
    noted: list[tuple[str, int, int]] = []

    def missed(name: str, skus: object) -> bool:
        noted.append((name, len(skus), shop.outbox.depth().leased))  # type: ignore[arg-type]
        return True

    broken = replace(shop.add_target("g2", live=False), index=FaultyIndex(shop.index, Fault(AWAY)))
    targets = [shop.targets[0], broken, UnopenedTarget("g3", AWAY)]
    worker = Worker(shop.catalogue, shop.outbox, shop.writer, lambda: targets, missed=missed)
    shop.catalogue.upsert(PRODUCTS)
    assert worker.drain().applied == len(PRODUCTS)
    assert sorted(noted) == [("g2", 300, 300), ("g3", 300, 300)]


def test_a_generation_that_went_live_meanwhile_must_take_what_it_missed(shop: Shop) -> None:
    broken = replace(shop.add_target("g2", live=False), index=FaultyIndex(shop.index, Fault(AWAY)))
    worker = Worker(
        shop.catalogue, shop.outbox, shop.writer, lambda: [shop.targets[0], broken], missed=lambda name, skus: False
    )
    shop.catalogue.upsert(PRODUCTS)
    with pytest.raises(Unavailable):
        worker.drain()
    assert shop.outbox.depth().waiting == len(PRODUCTS)
    assert worker.drain().applied == len(PRODUCTS)


def test_a_text_is_encoded_once_for_all_generations_of_a_model(shop: Shop) -> None:
    shop.add_target("g2", live=False)
    shop.catalogue.upsert(PRODUCTS)
    assert shop.worker.drain().counts.encoded == 600
    assert len(shop.encoder.encoded) == 300
