from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest
from support.catalogue_doubles import Clock

from recommender.catalogue.lease_owner import is_alive, lease_owner, process_of, this_host
from recommender.catalogue.outbox import LONGEST_LEASE, MAX_ATTEMPTS, Claim, FailedChange, Outbox, QueueDepth
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.errors import UsageError
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


def test_an_expired_lease_is_claimed_again_and_its_former_owner_can_do_nothing_with_it(
    outbox: Outbox, clock: Clock, three: list[Product]
) -> None:
    first = outbox.claim("one", 10, MINUTE)
    clock.advance(61)
    second = outbox.claim("two", 10, MINUTE)
    assert second == first
    outbox.fail("one", first, "late")
    outbox.release("one", first)
    outbox.release_all("one")
    assert outbox.renew("one", first, MINUTE) == set()
    assert outbox.claim("three", 10, MINUTE) == []
    assert outbox.acknowledge("two", second) == 3


def test_what_was_written_under_a_lost_lease_is_queued_again_whoever_has_it_now(
    outbox: Outbox, clock: Clock, three: list[Product]
) -> None:
    late = outbox.claim("one", 2, MINUTE)
    clock.advance(61)
    now_held = outbox.claim("two", 1, MINUTE)
    assert outbox.acknowledge("two", outbox.claim("two", 1, MINUTE)) == 1
    assert outbox.acknowledge("one", late) == 0
    assert outbox.acknowledge("two", now_held) == 0  # "one" may have written its older state over that of "two"
    assert sorted(_skus(outbox.claim("three", 10, MINUTE))) == ["a", "b", "c"]


def test_a_renewed_lease_begins_anew_for_what_is_still_held(outbox: Outbox, clock: Clock, three: list[Product]) -> None:
    claims = outbox.claim("one", 10, MINUTE)
    outbox.release("one", claims[:1])
    outbox.claim("two", 1, MINUTE)
    clock.advance(59)
    assert outbox.renew("one", claims, MINUTE) == {"b", "c"}
    clock.advance(59)
    assert _skus(outbox.claim("three", 10, MINUTE)) == ["a"]
    with pytest.raises(UsageError, match="at most"):
        outbox.renew("one", claims, LONGEST_LEASE + MINUTE)


def test_everything_that_an_owner_holds_goes_back_known_to_it_or_not(outbox: Outbox, three: list[Product]) -> None:
    outbox.claim("one", 2, MINUTE)
    outbox.claim("two", 1, MINUTE)
    outbox.release_all("one")
    assert _skus(outbox.claim("three", 10, MINUTE)) == ["a", "b"]


def test_a_clock_that_jumps_back_neither_hides_changes_nor_keeps_leases(
    outbox: Outbox, clock: Clock, three: list[Product]
) -> None:
    clock.advance(-24 * 3600)
    outbox.fail("one", outbox.claim("one", 1, MINUTE), "no")
    outbox.claim("one", 1, LONGEST_LEASE)
    assert _skus(outbox.claim("two", 10, MINUTE)) == ["c"]
    assert not outbox.anything_due()
    clock.advance(-24 * 3600)
    assert outbox.anything_due()
    assert sorted(_skus(outbox.claim("three", 10, MINUTE))) == ["a", "b", "c"]


def test_anything_is_due_while_a_claim_would_find_something(outbox: Outbox, clock: Clock, three: list[Product]) -> None:
    assert outbox.anything_due()
    claims = outbox.claim("one", 10, MINUTE)
    assert not outbox.anything_due()
    outbox.fail("one", claims[:1], "no")
    assert not outbox.anything_due()
    outbox.acknowledge("one", claims[1:])
    clock.advance(2)
    assert outbox.anything_due()
    for _ in range(MAX_ATTEMPTS):
        outbox.fail("one", outbox.claim("one", 1, MINUTE), "no")
        clock.advance(1_000)
    assert not outbox.anything_due()


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
    assert outbox.failing() == [FailedChange("a", "engine said no", MAX_ATTEMPTS, parked=True, next_try=None)]
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
    assert [failure.sku for failure in outbox.failing()] == ["c"]
    assert outbox.retry() == 1
    assert outbox.failing() == []


def test_what_failed_once_is_listed_with_its_next_try_and_comes_at_once_by_retry(
    outbox: Outbox, clock: Clock, three: list[Product]
) -> None:
    assert outbox.failing() == []
    assert outbox.retry() == 0
    claims = outbox.claim("one", 10, MINUTE)
    outbox.fail("one", claims[:2], "no")
    outbox.release("one", claims[2:])
    later = clock() + timedelta(seconds=2)
    assert outbox.failing() == [FailedChange(sku, "no", 1, parked=False, next_try=later) for sku in "ab"]
    assert outbox.failing(limit=1) == [FailedChange("a", "no", 1, parked=False, next_try=later)]
    assert _skus(outbox.claim("one", 10, MINUTE)) == ["c"]
    assert outbox.retry(["b", "c"]) == 1  # c is in hand, and has not failed
    assert outbox.claim("one", 10, MINUTE) == [Claim("b", 1, 0)]
    assert [failure.sku for failure in outbox.failing()] == ["a"]
    assert outbox.retry() == 1
    assert _skus(outbox.claim("one", 10, MINUTE)) == ["a"]


def test_what_was_put_aside_is_listed_before_what_is_put_off(
    outbox: Outbox, clock: Clock, three: list[Product]
) -> None:
    first, second, third = outbox.claim("one", 10, MINUTE)
    outbox.fail("one", [first], "no")
    outbox.fail("one", [replace(third, attempts=MAX_ATTEMPTS - 1)], "never")
    outbox.release("one", [second])
    assert [(failure.sku, failure.parked) for failure in outbox.failing()] == [("c", True), ("a", False)]
    assert outbox.retry() == 2
    assert sorted(_skus(outbox.claim("one", 10, MINUTE))) == ["a", "b", "c"]


def test_only_leases_of_dead_processes_of_this_host_are_freed(outbox: Outbox, three: list[Product]) -> None:
    outbox.claim("web-1-41-aaaaaaaa", 1, MINUTE)
    outbox.claim("web-1-42-bbbbbbbb", 1, MINUTE)
    outbox.claim("web-41-cccccccc", 1, MINUTE)  # the same process id on the host `web`
    asked: list[int] = []

    def alive(process: int) -> bool:
        asked.append(process)
        return process == 42

    assert outbox.release_dead("web-1", alive) == 1
    assert sorted(asked) == [41, 42]
    assert _skus(outbox.claim("two", 10, MINUTE)) == ["a"]
    assert outbox.release_dead("web-1", alive) == 0


def test_a_killed_process_gives_back_what_it_held_and_a_living_one_keeps_it(
    outbox: Outbox, three: list[Product]
) -> None:
    killed = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    held_by_killed = f"{this_host()}-{killed.pid}-0badc0de"
    outbox.claim(held_by_killed, 2, MINUTE)
    mine = lease_owner()
    outbox.claim(mine, 1, MINUTE)
    assert outbox.release_dead() == 0
    killed.kill()
    killed.communicate()
    assert outbox.release_dead() == 2
    assert _skus(outbox.claim("two", 10, MINUTE)) == ["a", "b"]
    assert outbox.acknowledge(held_by_killed, [Claim("a", 1, 0)]) == 0
    assert outbox.acknowledge(mine, [Claim("c", 1, 0)]) == 1


def test_an_owner_names_its_process_and_no_other_name_does() -> None:
    owner = lease_owner()
    assert len(owner) <= 64  # what the column holds
    process = process_of(owner, this_host())
    assert process is not None and is_alive(process)
    assert process_of("a-b-c-7-0badc0de", "a-b-c") == 7
    for name in ("", "one", "web-7", "web-x-0badc0de", "web--7-0badc0de", "web-\u0667-0badc0de", "other-7-0badc0de"):
        assert process_of(name, "web") is None
    assert all(map(is_alive, (0, -1, 10**30)))


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
