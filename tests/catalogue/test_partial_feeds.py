"""Feeds that only say what changes of products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from recommender.catalogue.importer import ImportSummary, import_feed
from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.errors import BadFeed
from recommender.types import Availability, Product

Partial = Callable[[str], ImportSummary]

LAMP = Product(
    "a", "Desk lamp", "Bright", "Alder", ("Light", "Desk"), Decimal("19.99"), "EUR", url="https://s.example/a",
    group_id="lamps", attributes={"colour": "red", "watts": "5"}, gtin="4006381333931", other_categories=(("Sale",),),
)  # fmt: skip
CHAIR = Product("b", "Chair", brand="Alder", price=Decimal(50), currency="EUR")


@pytest.fixture
def partial(catalogue: Catalogue, database: Database, tmp_path: Path) -> Partial:
    """Import a text as a feed of parts of the products `a` and `b`."""
    catalogue.upsert([LAMP, CHAIR])

    def read(text: str) -> ImportSummary:
        path = tmp_path / "feed.txt"
        path.write_text(text, encoding="utf-8")
        return import_feed(catalogue, database, path, partial=True)

    return read


def _stored(catalogue: Catalogue, sku: str) -> Product:
    found = catalogue.get(sku)
    assert found is not None
    return found.product


def test_only_what_a_row_gives_changes(partial: Partial, catalogue: Catalogue) -> None:
    summary = partial("sku,price,availability,attr_watts\na,9.99,,7\nb,null,out of stock,\n")
    assert (summary.updated, summary.to_encode, summary.warnings) == (2, 0, ())
    attributes = {"colour": "red", "watts": "7"}
    assert _stored(catalogue, "a") == replace(LAMP, price=Decimal("9.99"), attributes=attributes)
    chair = _stored(catalogue, "b")
    assert (chair.price, chair.currency, chair.availability) == (None, "EUR", Availability.OUT_OF_STOCK)
    assert partial("sku,price,availability\na,9.99,\n").unchanged == 1


def test_a_sku_that_is_not_in_the_shop_is_told_and_nothing_comes_back(partial: Partial, catalogue: Catalogue) -> None:
    catalogue.deactivate(["b"])
    summary = partial("sku;price\na;9,99\nb;1,00\nnever-was;2,00\n")
    assert (summary.updated, summary.unknown, summary.first_unknown, summary.failure) == (1, 2, "b", "")
    assert summary.warnings == ("2 SKUs are not in the shop, the first 'b': nothing is changed for them",)
    chair = catalogue.get("b")
    assert chair is not None
    assert (chair.active, chair.product.price) == (False, Decimal(50))
    assert "none of its 1 SKUs is in the shop" in partial("sku,price\nnever-was,2\n").failure


def test_a_new_title_is_encoded_again_and_a_price_is_not(
    partial: Partial, catalogue: Catalogue, database: Database
) -> None:
    before = catalogue.get("a")
    partial('{"sku": "a", "price": 7}\n{"sku": "b", "title": "Armchair"}\n')
    after = catalogue.get("a")
    assert before is not None
    assert after is not None
    assert (after.text_hash, after.revision) == (before.text_hash, before.revision + 1)
    assert partial('{"sku": "b", "title": "Stool"}\n').to_encode == 1
    assert Outbox(database).depth().waiting == 2


def test_a_row_that_can_not_be_read_is_rejected_and_the_rest_goes_in(partial: Partial, catalogue: Catalogue) -> None:
    summary = partial('{"sku": "a", "title": null, "price": 1}\n{"price": 3}\n{"sku": "b", "price": 60}\n')
    assert (summary.updated, summary.rejected) == (1, 2)
    assert summary.first_rejection is not None
    assert "title can't be removed" in summary.first_rejection.reason
    assert _stored(catalogue, "a") == LAMP
    with pytest.raises(BadFeed, match="no column for the sku"):
        partial("colour,price\nred,1\n")


def test_what_a_partial_feed_no_longer_offers_leaves_the_shop(partial: Partial, catalogue: Catalogue) -> None:
    summary = partial("sku,price,status\na,5,draft\nb,55,active\n")
    assert (summary.withdrawn, summary.updated, catalogue.count()) == (1, 1, 1)
