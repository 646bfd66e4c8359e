"""Index against catalogue while both are in use: what counts as a difference, and what is only on its way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
from support.points import point_of, unit
from support.shop import Shop

from recommender.catalogue.product_statements import ProductStates
from recommender.catalogue.repository import StoredProduct
from recommender.database.tables import OutboxRow
from recommender.embedding.encoder import Vectors
from recommender.index.protocol import StoredPoint, point_id
from recommender.ingestion.verification import Verification, verify
from recommender.types import Product

LAMP = Product("lamp", "Brass desk lamp", "A lamp for a desk", "Lumo", ("Home", "Lamps"), Decimal("19.90"), "EUR")
BOOT = Product("boot", "Leather walking boot", "Waterproof", "Alta", ("Shoes", "Boots"), Decimal("120"), "EUR")
SOCK = replace(BOOT, sku="sock", title="Woollen sock")


def _verified(shop: Shop) -> Verification:
    return verify(shop.index, shop.catalogue, ProductStates(shop.database))


class _Interrupted:
    """An index during whose walk something happens, once the points have been read."""

    def __init__(self, shop: Shop, meanwhile: Callable[[], object]) -> None:
        self._index = shop.index
        self._meanwhile = meanwhile

    def scroll(self, batch: int = 1000, with_vectors: bool = False) -> Iterator[StoredPoint]:
        points = list(self._index.scroll(batch, with_vectors))
        self._meanwhile()
        return iter(points)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._index, name)


def _filled(shop: Shop) -> None:
    shop.catalogue.upsert([LAMP, BOOT])
    shop.worker.drain()


def _everything_changes(shop: Shop) -> None:
    shop.catalogue.upsert([replace(LAMP, price=Decimal("1")), SOCK])
    shop.catalogue.deactivate(["boot"])


def test_changes_that_were_applied_while_it_ran_are_no_differences(any_shop: Shop) -> None:
    _filled(any_shop)

    def meanwhile() -> None:
        _everything_changes(any_shop)
        any_shop.worker.drain()

    states = ProductStates(any_shop.database)
    found = verify(_Interrupted(any_shop, meanwhile), any_shop.catalogue, states)  # type: ignore[arg-type]
    assert found.clean
    assert found.queued == ()


def test_without_a_second_look_they_would_be(any_shop: Shop) -> None:
    _filled(any_shop)

    def meanwhile() -> None:
        _everything_changes(any_shop)
        any_shop.worker.drain()

    found = verify(_Interrupted(any_shop, meanwhile), any_shop.catalogue)  # type: ignore[arg-type]
    assert (found.missing, found.stale, found.orphaned) == (("sock",), ("lamp",), ("boot",))


def test_what_waits_in_the_outbox_is_told_apart(any_shop: Shop) -> None:
    _filled(any_shop)
    any_shop.index.delete([point_id("boot")])
    _everything_changes(any_shop)
    any_shop.catalogue.upsert([BOOT])
    found = _verified(any_shop)
    assert sorted(found.queued) == ["boot", "lamp", "sock"]
    assert not found.clean
    assert found.without(found.queued).clean


def test_what_was_lost_is_a_difference_though_other_things_wait(any_shop: Shop) -> None:
    _filled(any_shop)
    any_shop.catalogue.upsert([SOCK])
    any_shop.index.delete([point_id("boot")])
    found = _verified(any_shop)
    assert (sorted(found.missing), found.queued) == (["boot", "sock"], ("sock",))
    assert found.without(found.queued).missing == ("boot",)


def test_what_was_put_aside_does_not_pass_for_waiting(any_shop: Shop) -> None:
    _filled(any_shop)
    any_shop.encoder.failing.add("cursed")
    any_shop.catalogue.upsert([replace(BOOT, title="cursed boot")])
    with any_shop.database.writing() as session:
        session.get_one(OutboxRow, "boot").parked = True
    found = _verified(any_shop)
    assert (found.stale, found.queued) == (("boot",), ())


def test_a_point_of_a_product_that_nobody_knows_is_orphaned(any_shop: Shop) -> None:
    _filled(any_shop)
    any_shop.index.upsert([point_of(replace(LAMP, sku="stray"), unit(1, any_shop.encoder.dimension))])
    found = _verified(any_shop)
    assert (found.orphaned, found.missing) == (("stray",), ())


def test_an_empty_index_lacks_every_active_product(any_shop: Shop) -> None:
    any_shop.catalogue.upsert([LAMP, BOOT, SOCK])
    any_shop.catalogue.deactivate(["sock"])
    found = verify(any_shop.index, any_shop.catalogue)
    assert (sorted(found.missing), found.checked) == (["boot", "lamp"], 2)


def test_a_vector_that_is_not_that_of_its_text_is_a_difference(any_shop: Shop) -> None:
    any_shop.catalogue.upsert([LAMP, BOOT, SOCK])
    any_shop.worker.drain()
    zero, other = np.zeros(any_shop.encoder.dimension, np.float32), unit(3, any_shop.encoder.dimension)
    (stored,) = any_shop.catalogue.get_many(["lamp"]).values()
    (another,) = any_shop.catalogue.get_many(["boot"]).values()
    payload = any_shop.writer.payload
    any_shop.index.upsert([replace(point_of(LAMP, zero), payload=payload(stored))])
    any_shop.index.upsert([replace(point_of(BOOT, other), payload=payload(another))])
    text = any_shop.text

    def encode(products: Sequence[StoredProduct]) -> Vectors:
        return any_shop.encoder.encode([text(one.product) for one in products])

    plain = verify(any_shop.index, any_shop.catalogue, encode=encode)
    assert (plain.damaged, plain.encoded, plain.clean) == (("lamp",), 1, False)
    deep = verify(any_shop.index, any_shop.catalogue, encode=encode, sample=10)
    assert (sorted(deep.damaged), deep.encoded) == (["boot", "lamp"], 3)


def test_a_text_whose_vector_is_zero_by_right_is_no_difference(any_shop: Shop) -> None:
    _filled(any_shop)
    (stored,) = any_shop.catalogue.get_many(["lamp"]).values()
    zero = np.zeros(any_shop.encoder.dimension, np.float32)
    any_shop.index.upsert([replace(point_of(LAMP, zero), payload=any_shop.writer.payload(stored))])
    assert verify(any_shop.index, any_shop.catalogue, encode=lambda products: np.stack([zero] * len(products))).clean
