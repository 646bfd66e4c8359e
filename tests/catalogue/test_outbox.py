from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support.catalogue_doubles import Clock

from recommender.catalogue.outbox import MAX_ATTEMPTS, Claim, Outbox, QueueDepth
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.types import Product

MINUTE = timedelta(minutes=1)


@pytest.fixture
def three(catalogue: Catalogue) -> list[Product]:
    products = [Product(sku, "Title") for sku in "abc"]
    for product in products:
        catalogue.upsert([product])
    return products


def _skus(claims: list[Claim]) -> list[str]:
    return [claim.sku for claim in claims]


def test_claims_come_oldest_first_and_to_one_worker_only(outbox: Outbox, three: list[Product]) -> None:
    assert _skus(outbox.claim("one", 2, MINUTE)) == ["a", "b"]
    assert _skus(outbox.claim("two", 2, MINUTE)) == ["c"]
    assert outbox.claim("three", 2, MINUTE) == []


def test_what_is_acknowledged_is_gone(outbox: Outbox, three: list[Product]) -> None:
    assert outbox.acknowledge("one", outbox.claim("one", 10, MINUTE)) == 3
    assert outbox.depth() == QueueDepth(0, 0, 0, 0.0)
    assert outbox.acknowledge("one", []) == 0


def test_an_expired_lease_is_claimed_again_and_its_former_owner_acknowledges_nothing(
    outbox: Outbox, clock: Clock, three: list[Product]
) -> None:
    first = outbox.claim("one", 10, MINUTE)
    clock.advance(61)
    second = outbox.claim("two", 10, MINUTE)
    assert second == first
    assert outbox.acknowledge("one", first) == 0
    outbox.fail("one", first, "late")
    outbox.release("one", first)
    assert outbox.claim("three", 10, MINUTE) == []
    assert outbox.acknowledge("two", second) == 3


def test_a_change_while_leased_outlives_the_acknowledgement(
    catalogue: Catalogue, outbox: Outbox, three: list[Product]
) -> None:
    claims = outbox.claim("one", 10, MINUTE)
    catalogue.upsert([replace(three[1], title="Newer")])
    assert outbox.claim("two", 10, MINUTE) == []  # two hands on one SKU could write the older state last
    assert outbox.acknowledge("one", claims) == 2
    assert outbox.claim("two", 10, MINUTE) == [Claim("b", 2, 0)]


def test_a_repair_while_leased_outlives_the_acknowledgement(
    catalogue: Catalogue, outbox: Outbox, three: list[Product]
) -> None:
    claims = outbox.claim("one", 10, MINUTE)
    catalogue.enqueue(["a"])
    assert outbox.acknowledge("one", claims) == 2
    assert _skus(outbox.claim("two", 10, MINUTE)) == ["a"]


def test_a_product_that_appears_while_its_orphan_is_worked_on_stays_queued(
    catalogue: Catalogue, outbox: Outbox
) -> None:
    catalogue.enqueue(["x"])
    claims = outbox.claim("one", 1, MINUTE)
    catalogue.upsert([Product("x", "Now it exists")])
    assert outbox.acknowledge("one", claims) == 0
    assert _skus(outbox.claim("one", 1, MINUTE)) == ["x"]


def test_a_product_that_changes_all_the_time_keeps_its_place(
    catalogue: Catalogue, outbox: Outbox, three: list[Product]
) -> None:
    catalogue.upsert([replace(three[0], title="Newer")])
    assert _skus(outbox.claim("one", 1, MINUTE)) == ["a"]


def test_a_released_batch_is_claimable_at_once_and_counts_no_attempt(outbox: Outbox, three: list[Product]) -> None:
    claims = outbox.claim("one", 10, MINUTE)
    outbox.release("one", claims)
    assert outbox.claim("two", 10, MINUTE) == claims


def test_a_failure_is_retried_later_each_time_and_then_parked_with_its_error(
    catalogue: Catalogue, outbox: Outbox, clock: Clock
) -> None:
    catalogue.upsert([Product("a", "A"), Product("b", "B")])
    outbox.acknowledge("one", [claim for claim in outbox.claim("one", 2, MINUTE) if claim.sku == "b"])
    outbox.release("one", [Claim("a", 1, 0)])
    delays = []
    for attempt in range(MAX_ATTEMPTS):
        waited = 0
        while not (claims := outbox.claim("one", 1, MINUTE)):
            clock.advance(1)
            waited += 1
        delays.append(waited)
        assert claims[0].attempts == attempt
        outbox.fail("one", claims, "engine said no")
    assert delays == [0, 2, 8, 32, 128]
    clock.advance(100_000)
    assert outbox.claim("one", 1, MINUTE) == []
    assert outbox.parked() == [("a", "engine said no")]
    assert outbox.depth() == QueueDepth(0, 0, 1, 0.0)


def test_a_parked_change_returns_by_retry_or_by_a_new_change(
    catalogue: Catalogue, outbox: Outbox, clock: Clock, three: list[Product]
) -> None:
    for _ in range(MAX_ATTEMPTS):
        outbox.fail("one", outbox.claim("one", 10, MINUTE), "no")
        clock.advance(1_000)
    assert outbox.retry(["a", "unknown"]) == 1
    assert outbox.claim("one", 10, MINUTE) == [Claim("a", 1, 0)]
    catalogue.upsert([replace(three[1], title="Newer")])
    assert outbox.claim("one", 10, MINUTE) == [Claim("b", 2, 0)]
    assert [sku for sku, _ in outbox.parked()] == ["c"]
    assert outbox.retry() == 1
    assert outbox.parked() == []


def test_a_change_during_a_failing_attempt_is_not_put_off(
    catalogue: Catalogue, outbox: Outbox, three: list[Product]
) -> None:
    claims = outbox.claim("one", 1, MINUTE)
    catalogue.upsert([replace(three[0], title="Newer")])
    outbox.fail("one", claims, "the older state can't be encoded")
    assert outbox.claim("one", 1, MINUTE) == [Claim("a", 2, 0)]


def test_the_depth_counts_each_state(outbox: Outbox, clock: Clock, three: list[Product]) -> None:
    outbox.claim("one", 1, MINUTE)
    depth = outbox.depth()
    assert (depth.waiting, depth.leased, depth.parked) == (2, 1, 0)
    assert depth.oldest_seconds == pytest.approx(3600, abs=60)


def test_more_claims_than_one_list_of_variables_holds(catalogue: Catalogue, outbox: Outbox, database: Database) -> None:
    catalogue.upsert([Product(f"p{number}", "T") for number in range(2_000)])
    claims = outbox.claim("one", 5_000, MINUTE)
    assert outbox.acknowledge("one", claims) == 2_000
