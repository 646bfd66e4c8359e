"""A dry run: it says what the import will say, and writes nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.catalogue_doubles import Texts

from recommender.catalogue.dry_run import DryRun
from recommender.catalogue.repository import Catalogue
from recommender.catalogue.staged_product import UpsertCounts, stage
from recommender.database.engine import Database
from recommender.database.tables import Base
from recommender.types import Product

BATCHES = st.lists(
    st.lists(
        st.builds(
            Product,
            sku=st.sampled_from(["a", "b", "c", "d"]),
            title=st.sampled_from(["One", "Two"]),
            category=st.sampled_from([(), ("X", " Y")]),
            price=st.sampled_from([None, Decimal("1.50")]),
        ),
        max_size=5,
    ),
    min_size=1,
    max_size=4,
)


def _rows(database: Database) -> dict[str, list[Any]]:
    with database.reading() as session:
        return {table.name: list(session.execute(table.select())) for table in Base.metadata.sorted_tables}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(before=BATCHES, gone=st.sets(st.sampled_from(["a", "b"])), batches=BATCHES)
def test_a_dry_run_counts_what_the_import_then_counts_and_writes_nothing(
    before: list[list[Product]], gone: set[str], batches: list[list[Product]]
) -> None:
    with Database("sqlite://") as database:
        Base.metadata.create_all(database.engine)
        catalogue = Catalogue(database, Texts())
        for products in before:
            catalogue.upsert(products)
        catalogue.deactivate(sorted(gone))
        stood = _rows(database)
        dry_run = DryRun(database, Texts(), feeds=2)
        expected = [dry_run.upsert_staged([stage(product) for product in batch]) for batch in batches]
        assert _rows(database) == stood
        assert [catalogue.upsert(batch) for batch in batches] == expected


def test_only_a_text_that_is_new_or_comes_back_counts_as_one_to_encode(catalogue: Catalogue) -> None:
    catalogue.upsert([Product("a", "A"), Product("b", "B"), Product("c", "C")])
    catalogue.deactivate(["c"])
    changes = [Product("a", "A", price=Decimal(1)), Product("b", "Other"), Product("c", "C"), Product("d", "D")]
    assert catalogue.upsert(changes) == UpsertCounts(created=1, updated=3, unchanged=0, retexted=2)
