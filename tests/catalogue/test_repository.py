from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import event, func, select
from sqlalchemy.exc import IntegrityError
from support.catalogue_doubles import Texts

from recommender.catalogue.repository import Catalogue, UpsertCounts
from recommender.catalogue.staged_product import content_hash
from recommender.database.engine import Database
from recommender.database.tables import Base, CategoryRow, OutboxRow, ProductRow
from recommender.types import Availability, Product

SHOE = Product(
    "shoe-1",
    "Red shoe",
    "A <b>red</b> shoe",
    "Acme",
    ("Apparel", "Shoes"),
    Decimal("19.99"),
    "EUR",
    Availability.PREORDER,
    "https://shop.example/1",
    "https://shop.example/1.jpg",
    "shoe",
    {"colour": "red"},
)


def _queue(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {row.sku: row.revision for row in session.execute(select(OutboxRow.sku, OutboxRow.revision))}


def test_a_product_comes_back_as_it_was_given(catalogue: Catalogue) -> None:
    assert catalogue.upsert([SHOE]) == UpsertCounts(created=1)
    stored = catalogue.get("shoe-1")
    assert stored is not None
    assert (stored.product, stored.active, stored.revision) == (SHOE, True, 1)
    assert catalogue.get("shoe-2") is None


def test_a_barcode_and_a_part_number_are_kept(catalogue: Catalogue) -> None:
    numbered = replace(SHOE, gtin="4006381333931", mpn="RS-19")
    catalogue.upsert([numbered])
    stored = catalogue.get(SHOE.sku)
    assert stored is not None
    assert stored.product == numbered


def test_every_field_counts_as_content() -> None:
    others: dict[str, Any] = {
        "sku": "b", "title": "b", "description": "b", "brand": "b", "category": ("b",), "price": Decimal(1),
        "currency": "USD", "availability": Availability.IN_STOCK, "url": "b", "image": "b", "group_id": "b",
        "attributes": {"b": "b"}, "gtin": "b", "mpn": "b", "other_categories": (("b",),),
    }  # fmt: skip
    assert set(others) == {each.name for each in fields(Product)}
    changed = {content_hash(replace(SHOE, **{name: value})) for name, value in others.items()}
    assert len(changed | {content_hash(SHOE)}) == len(others) + 1
    assert content_hash(replace(SHOE, price=Decimal("19.9900"))) == content_hash(SHOE)


def test_an_unchanged_product_is_neither_written_nor_queued_nor_hashed(
    catalogue: Catalogue, database: Database, texts: Texts
) -> None:
    catalogue.upsert([SHOE])
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    texts.hashed.clear()
    assert catalogue.upsert([SHOE]) == UpsertCounts(unchanged=1)
    assert {statement.split()[0] for statement in statements} <= {"BEGIN", "SELECT"}
    assert texts.hashed == []


def test_a_change_raises_the_revision_and_is_queued(catalogue: Catalogue, database: Database) -> None:
    catalogue.upsert([SHOE])
    assert catalogue.upsert([replace(SHOE, price=Decimal(5))]) == UpsertCounts(updated=1)
    stored = catalogue.get("shoe-1")
    assert stored is not None
    assert (stored.product.price, stored.revision) == (Decimal(5), 2)
    assert _queue(database) == {"shoe-1": 2}


def test_a_batch_is_one_transaction(catalogue: Catalogue, database: Database) -> None:
    bad = Product("bad", "Bad", price=Decimal(-1))
    with pytest.raises(IntegrityError):
        catalogue.upsert([SHOE, bad])
    assert catalogue.count() == 0
    assert _queue(database) == {}
    assert catalogue.upsert([SHOE]).created == 1  # no category is remembered from the transaction that was lost
    assert catalogue.category_sizes() == {("Apparel", "Shoes"): 1}


def test_of_a_sku_given_twice_the_last_stands(catalogue: Catalogue) -> None:
    assert catalogue.upsert([SHOE, replace(SHOE, title="Last")]) == UpsertCounts(created=1)
    stored = catalogue.get("shoe-1")
    assert stored is not None and stored.product.title == "Last"


def test_a_deactivated_product_leaves_the_shop_and_can_come_back(catalogue: Catalogue, database: Database) -> None:
    catalogue.upsert([SHOE])
    assert catalogue.deactivate(["shoe-1", "unknown"]) == 1
    assert catalogue.deactivate(["shoe-1"]) == 0
    stored = catalogue.get("shoe-1")
    assert stored is not None and not stored.active
    assert (catalogue.count(), catalogue.category_sizes(), list(catalogue.products())) == (0, {}, [])
    assert [item.active for item in catalogue.products(active_only=False)] == [False]
    assert _queue(database) == {"shoe-1": 2}
    assert catalogue.upsert([SHOE]) == UpsertCounts(updated=1, retexted=1)
    assert catalogue.count() == 1


def test_products_can_be_queued_again_even_unknown_ones(catalogue: Catalogue, database: Database) -> None:
    catalogue.upsert([SHOE])
    assert catalogue.enqueue(["shoe-1", "orphan", "orphan"]) == 2
    assert set(_queue(database)) == {"shoe-1", "orphan"}


def test_categories_are_shared_nodes_with_parents(catalogue: Catalogue, database: Database) -> None:
    catalogue.upsert([Product("a", "A", category=("X", "Y", "Z")), Product("b", "B", category=("X", "Y"))])
    catalogue.upsert([Product("c", "C", category=("X", "Q"))])
    with database.reading() as session:
        parents = dict(session.execute(select(CategoryRow.path, CategoryRow.parent_id)).all())  # type: ignore[arg-type]
        ids = dict(session.execute(select(CategoryRow.path, CategoryRow.id)).all())  # type: ignore[arg-type]
    assert parents == {"X": None, "X > Y": ids["X"], "X > Y > Z": ids["X > Y"], "X > Q": ids["X"]}
    assert catalogue.category_sizes() == {("X", "Y", "Z"): 1, ("X", "Y"): 1, ("X", "Q"): 1}


def test_a_product_counts_in_each_of_its_categories(catalogue: Catalogue) -> None:
    others = ((" Sale",), ("Apparel",), ("apparel", "SHOES"), ("Outdoor", "Boots"), ("Sale",))
    catalogue.upsert([replace(SHOE, other_categories=others), Product("b", "B", category=("Sale",))])
    stored = catalogue.get(SHOE.sku)
    assert stored is not None
    assert stored.product.categories == (("Apparel", "Shoes"), ("Sale",), ("Outdoor", "Boots"))
    assert catalogue.category_sizes() == {("Apparel", "Shoes"): 1, ("Sale",): 2, ("Outdoor", "Boots"): 1}
    catalogue.upsert([SHOE])
    assert catalogue.category_sizes() == {("Apparel", "Shoes"): 1, ("Sale",): 1}


def test_paths_that_differ_in_case_are_one_category(catalogue: Catalogue) -> None:
    paths = [("SHOES", "Boots"), ("Shoes", "Boots"), ("Shoes", "boots"), ("Shoes", "Boots"), ("shoes", "Sandals")]
    catalogue.upsert([Product(f"p{number}", "P", category=path) for number, path in enumerate(paths)])
    assert catalogue.category_sizes() == {("Shoes", "Boots"): 4, ("Shoes", "Sandals"): 1}
    assert catalogue.upsert([Product("p0", "P", category=("shoes", "BOOTS"))]).unchanged == 1


def test_category_names_are_tidied_and_never_look_like_a_path(catalogue: Catalogue) -> None:
    product = Product("a", "A", category=(" Home  &\tLiving ", "", "Cups > Mugs"))
    catalogue.upsert([product])
    stored = catalogue.get("a")
    assert stored is not None
    assert stored.product.category == ("Home & Living", "Cups / Mugs")
    assert catalogue.upsert([product]) == UpsertCounts(unchanged=1)


def test_walking_sees_every_product_once_and_in_order(catalogue: Catalogue) -> None:
    catalogue.upsert([Product(f"p{number:03}", "T") for number in range(250)])
    assert [item.product.sku for item in catalogue.products(batch=7)] == [f"p{number:03}" for number in range(250)]


def test_many_skus_are_fetched_in_the_order_asked_for(catalogue: Catalogue) -> None:
    skus = [f"p{number:04}" for number in range(2_500)]
    catalogue.upsert([Product(sku, "T") for sku in skus])
    assert list(catalogue.get_many([*reversed(skus), "unknown"])) == skus[::-1]


@pytest.mark.parametrize("typed", ["prd-01234", "PRD-01243", "PRD-1234", "PRD-012345", "XRD-01234", "PRD01234"])
def test_a_slip_in_a_sku_finds_the_one_that_was_meant(catalogue: Catalogue, typed: str) -> None:
    catalogue.upsert([Product(f"PRD-{number:05}", "T") for number in range(0, 3_000, 6)] + [Product("PRD-01234", "T")])
    assert "PRD-01234" in catalogue.nearest_skus(typed, limit=3)


def test_nothing_is_suggested_for_what_resembles_nothing(catalogue: Catalogue) -> None:
    catalogue.upsert([SHOE])
    catalogue.deactivate(["shoe-1"])
    assert catalogue.nearest_skus("shoe-2") == []
    catalogue.upsert([SHOE])
    assert catalogue.nearest_skus("shoe-2") == ["shoe-1"]
    assert catalogue.nearest_skus("!" * 300) == []


def test_rehash_queues_what_reads_differently_now(catalogue: Catalogue, database: Database, texts: Texts) -> None:
    catalogue.upsert([SHOE])
    assert catalogue.rehash() == 0
    texts.version = "2"
    assert catalogue.rehash() == 1
    stored = catalogue.get("shoe-1")
    assert stored is not None
    assert (stored.text_hash, stored.revision) == ("2:Red shoe", 2)
    assert _queue(database) == {"shoe-1": 2}


PRODUCTS = st.builds(
    Product,
    sku=st.sampled_from(["a", "b", "c", "d"]),
    title=st.sampled_from(["One", "Two"]),
    category=st.sampled_from([(), ("X",), ("X", "Y"), ("Z", "Y")]),
    price=st.sampled_from([None, Decimal("1.50"), Decimal(2)]),
    attributes=st.dictionaries(st.sampled_from(["colour", "size"]), st.sampled_from(["1", "2"])),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(PRODUCTS, max_size=8))
def test_writing_twice_is_writing_once(catalogue: Catalogue, products: list[Product]) -> None:
    catalogue.upsert(products)
    before = list(catalogue.products())
    again = catalogue.upsert(products)
    assert (again.created, again.updated) == (0, 0)
    assert list(catalogue.products()) == before


class CatalogueAgainstDict(RuleBasedStateMachine):
    """Any sequence of changes leaves what a plain dict would hold, and a queue entry for whatever changed."""

    def __init__(self) -> None:
        super().__init__()
        self.database = Database("sqlite://")
        Base.metadata.create_all(self.database.engine)
        self.catalogue = Catalogue(self.database, lambda product: product.title)
        self.active: dict[str, Product] = {}
        self.changed: set[str] = set()

    @rule(products=st.lists(PRODUCTS, max_size=5))
    def upsert(self, products: list[Product]) -> None:
        wanted = {product.sku: product for product in products}
        different = {sku for sku, product in wanted.items() if self.active.get(sku) != product}
        counts = self.catalogue.upsert(products)
        assert (counts.created + counts.updated, counts.unchanged) == (len(different), len(wanted) - len(different))
        self.changed |= different
        self.active |= wanted

    @rule(skus=st.sets(st.sampled_from(["a", "b", "c", "unknown"])))
    def deactivate(self, skus: set[str]) -> None:
        gone = skus & self.active.keys()
        assert self.catalogue.deactivate(sorted(skus)) == len(gone)
        self.changed |= gone
        self.active = {sku: product for sku, product in self.active.items() if sku not in gone}

    @invariant()
    def holds_what_the_dict_holds(self) -> None:
        assert {item.product.sku: item.product for item in self.catalogue.products()} == self.active
        assert self.catalogue.count() == len(self.active)

    @invariant()
    def queue_names_the_newest_revision_of_all_that_changed(self) -> None:
        with self.database.reading() as session:
            revisions = {row.sku: row.revision for row in session.execute(select(ProductRow.sku, ProductRow.revision))}
            assert session.scalar(select(func.count()).select_from(OutboxRow)) == len(self.changed)
        queued = _queue(self.database)
        assert all(queued[sku] == revisions[sku] for sku in self.changed)

    def teardown(self) -> None:
        self.database.close()


TestCatalogueAgainstDict = CatalogueAgainstDict.TestCase
TestCatalogueAgainstDict.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
