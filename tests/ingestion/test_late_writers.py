"""Two workers, one of which comes late: its lease ran out while it stood still, and the other has written since."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from support.catalogue_doubles import Clock
from support.faults import FaultyEncoder, FaultyIndex, Gate
from support.patience import PATIENCE_S
from support.shop import Shop

from recommender.catalogue.outbox import Claim, Outbox
from recommender.index.protocol import VectorIndex
from recommender.ingestion.leases import LEASE
from recommender.ingestion.targets import Target
from recommender.ingestion.verification import verify
from recommender.ingestion.worker import DrainSummary, Worker
from recommender.types import Product

OLD = Product("lamp", "Brass desk lamp")
NEW = replace(OLD, title="Copper floor lamp")
OTHER = Product("boot", "Leather boot")


class _Looking(Outbox):
    """A queue that knows when a worker, standing still with one batch, has looked for the next one."""

    def __init__(self, shop: Shop, clock: Clock) -> None:
        super().__init__(shop.database, clock)
        self.looked_again = threading.Event()

    def claim(self, owner: str, limit: int, lease: timedelta) -> list[Claim]:
        claims = super().claim(owner, limit, lease)
        if not claims:
            self.looked_again.set()
        return claims


def _worker(shop: Shop, target: Target, outbox: Outbox | None = None) -> Worker:
    return Worker(shop.catalogue, outbox or shop.outbox, shop.writer, lambda: [target])


def _title(index: VectorIndex, sku: str = "lamp") -> str:
    return next(str(point.payload["title"]) for point in index.scroll() if point.payload["sku"] == sku)


@contextmanager
def _stalled(shop: Shop, target: Target, clock: Clock, gate: Gate) -> Iterator[list[DrainSummary]]:
    """Have a worker drain until it stands at the gate; it goes on at the end of the block, to its end."""
    results: list[DrainSummary] = []
    outbox = _Looking(shop, clock)
    worker = _worker(shop, target, outbox)
    gate.close()
    with ThreadPoolExecutor(1) as pool:
        drained = pool.submit(worker.drain)
        try:
            gate.wait_until_reached()
            assert outbox.looked_again.wait(PATIENCE_S)
            yield results
        finally:
            gate.open()
        results.append(drained.result())


def test_a_worker_that_was_slow_to_encode_writes_nothing_that_went_to_another(any_shop: Shop, clock: Clock) -> None:
    shop, gate = any_shop, Gate()
    slow = replace(shop.targets[0], encoder=lambda: FaultyEncoder(gate.pass_through))
    shop.catalogue.upsert([OLD])
    with _stalled(shop, slow, clock, gate) as late:
        clock.advance(LEASE.total_seconds() + 1)
        shop.catalogue.upsert([NEW])
        assert shop.worker.drain().applied == 1
    assert late[0].applied == late[0].failed == 0
    assert _title(shop.index) == NEW.title
    assert verify(shop.index, shop.catalogue).clean
    assert shop.outbox.depth().waiting == 0


def test_what_is_still_held_of_a_batch_goes_in(any_shop: Shop, clock: Clock) -> None:
    shop, gate = any_shop, Gate()
    slow = replace(shop.targets[0], encoder=lambda: FaultyEncoder(gate.pass_through))
    shop.catalogue.upsert([OLD, OTHER])
    with _stalled(shop, slow, clock, gate) as late:
        clock.advance(LEASE.total_seconds() + 1)
        taken = shop.outbox.claim("another", 1, LEASE)
    assert late[0].applied == 1
    assert shop.index.count() == 1
    shop.outbox.release("another", taken)
    assert shop.worker.drain().applied == 1
    assert verify(shop.index, shop.catalogue).clean


def test_an_older_state_that_was_written_over_a_newer_one_is_put_right(any_shop: Shop, clock: Clock) -> None:
    shop, gate = any_shop, Gate()
    slow = replace(shop.targets[0], index=FaultyIndex(shop.index, gate.pass_through))
    shop.catalogue.upsert([OLD])
    with _stalled(shop, slow, clock, gate):
        clock.advance(LEASE.total_seconds() + 1)
        shop.catalogue.upsert([NEW])
        assert shop.worker.drain().applied == 1
        assert _title(shop.index) == NEW.title
    # The late write stood in the index until the same drain found it queued again.
    assert verify(shop.index, shop.catalogue).clean
    assert _title(shop.index) == NEW.title


def test_workers_that_share_a_queue_apply_each_change_once(any_shop: Shop) -> None:
    shop = any_shop
    shop.catalogue.upsert([replace(OLD, sku=f"lamp-{n}", title=f"Lamp {n}") for n in range(3_000)])
    workers = [_worker(shop, shop.targets[0]) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        drained = [future.result() for future in [pool.submit(worker.drain) for worker in workers]]
    assert sum(one.applied for one in drained) == 3_000
    assert len(shop.encoder.encoded) == 3_000
    assert verify(shop.index, shop.catalogue).clean
