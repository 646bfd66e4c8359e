"""Feeds that are the whole catalogue: what goes, what stays, and when nothing may go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from recommender.catalogue.full_sync import DeactivationSummary, FeedEnd, FullSync
from recommender.catalogue.import_runs import ImportStopped
from recommender.catalogue.importer import import_feed
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.tables import OutboxRow, ProductRow, now
from recommender.types import Product

FullImport = Callable[..., DeactivationSummary]


def _feed(skus: Sequence[str], title: str = "Title") -> str:
    return "sku,title,price\n" + "".join(f"{sku},{title},5\n" for sku in skus)


def _skus(first: int, last: int) -> list[str]:
    return [f"p{number:04}" for number in range(first, last)]


def _active(catalogue: Catalogue) -> list[str]:
    return [stored.product.sku for stored in catalogue.products()]


def _queue(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {row.sku: row.revision for row in session.execute(select(OutboxRow.sku, OutboxRow.revision))}


@pytest.fixture
def full_import(catalogue: Catalogue, database: Database, write: Callable[..., Path]) -> FullImport:
    """Import feeds, given by their content, as the whole catalogue."""

    def _full_import(
        *contents: str | bytes, meanwhile: Callable[[], object] = lambda: None, **how: bool
    ) -> DeactivationSummary:
        whole = FullSync(catalogue)
        ends = []
        for number, content in enumerate(contents):
            feed = write(content, f"feed-{number}.csv")
            done = import_feed(catalogue, database, feed, batch=100, seen=whole.seen, until_break=True)
            ends.append(FeedEnd(done.source, done.good_rows, done.ended_early, done.unreadable))
        meanwhile()
        return whole.close(ends, **how)

    return _full_import


def test_what_the_feeds_together_lack_goes_and_is_queued_and_comes_back_with_a_feed_that_has_it(
    catalogue: Catalogue, database: Database, full_import: FullImport
) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 10)])
    done = full_import(_feed(_skus(0, 5)), _feed(_skus(5, 9)))
    assert done == DeactivationSummary(active=10, missing=1, deactivated=1, refused="")
    assert _active(catalogue) == _skus(0, 9)
    stored = catalogue.get("p0009")
    assert stored is not None
    assert _queue(database)["p0009"] == stored.revision == 2
    assert full_import(_feed(_skus(0, 9))).missing == 0
    assert full_import(_feed(_skus(0, 10))).deactivated == 0
    assert _active(catalogue) == _skus(0, 10)


def test_a_rejected_row_keeps_its_product_in_the_shop(catalogue: Catalogue, full_import: FullImport) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 10)])
    assert full_import(_feed(_skus(0, 9)) + "p0009,Title,dear\n").missing == 0


@pytest.mark.parametrize(("active", "allowed"), [(30, 20), (200, 20), (300, 30)])
def test_a_tenth_or_twenty_products_may_go_and_no_more(
    catalogue: Catalogue, full_import: FullImport, active: int, allowed: int
) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, active)])
    new = _skus(1_000, 1_200)  # what the feed adds does not count: it would hide that the shop's own products go
    done = full_import(_feed(_skus(allowed + 1, active) + new))
    assert (done.active, done.missing, done.deactivated) == (active, allowed + 1, 0)
    assert f"{allowed + 1} of {active} active products" in done.refused and "--force" in done.refused
    assert len(_active(catalogue)) == active + 200
    catalogue.deactivate(new)
    assert full_import(_feed(_skus(allowed, active))).deactivated == allowed


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (_feed(_skus(0, 9))[:-4], "may lack rows"),
        (_feed(_skus(0, 9)) + 'p0009,"Open', "may lack rows"),
        (_feed(_skus(0, 1_500)).encode("utf-16") + b"x", "may lack rows"),
        ("sku,title\nx,\ny,\n", "has no good row"),
    ],
)
def test_a_feed_that_looks_broken_takes_nothing_out_unless_forced(
    catalogue: Catalogue, full_import: FullImport, broken: str | bytes, reason: str
) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in (*_skus(0, 9), "gone")])
    whole = _feed(_skus(0, 9))
    done = full_import(whole, broken)
    assert (done.missing, done.deactivated) == (1, 0)
    assert "feed-1.csv" in done.refused and reason in done.refused
    assert "\n" not in done.refused
    assert "gone" in _active(catalogue)
    assert full_import(whole, broken, force=True).deactivated == 1
    assert "gone" not in _active(catalogue)


def test_one_stray_quote_takes_no_product_out(catalogue: Catalogue, full_import: FullImport) -> None:
    skus = _skus(0, 3_000)
    rows = [f"{sku},Title of {sku},{number}.50,Shoes > Boots\n" for number, sku in enumerate(skus)]
    catalogue.upsert([Product(sku, "Title") for sku in skus])
    for place, quoted in ((100, '"Title'), (2_998, '"Title'), (1_500, 'Title "')):
        broken = [row.replace("Title", quoted) if number == place else row for number, row in enumerate(rows)]
        done = full_import("sku,title,price,category\n" + "".join(broken))
        assert (done.missing, done.deactivated, done.refused) == (0, 0, "")


def test_rows_that_can_not_be_told_apart_take_no_product_out(catalogue: Catalogue, full_import: FullImport) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 10)])
    rows = [f"{sku},Title of {sku},5,Shoes > Boots\n" for sku in _skus(0, 8)]
    done = full_import("sku,title,price,category\n" + "".join(rows[:4]) + 'x,"T, wide\nand long\n' + "".join(rows[4:]))
    assert (done.missing, done.deactivated) == (2, 0)
    assert "rows can't be told apart" in done.refused


def test_a_damaged_row_whose_sku_can_not_be_read_takes_no_product_out(
    catalogue: Catalogue, full_import: FullImport
) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 10)])
    lines = [f'{{"sku": "{sku}", "title": "Title"}}\n' for sku in _skus(0, 10)]
    damaged = lines[9].replace("Title", 'Wide 19" rack')
    done = full_import("".join(lines[:9]) + damaged)
    assert (done.missing, done.deactivated) == (1, 0)
    assert "feed-0.csv has damaged rows whose SKU can't be read (1)" in done.refused
    assert full_import("".join(lines) + damaged).refused == ""
    nameless = '{"title": "A row without a SKU, which is nobody\'s"}\n'
    assert full_import("".join(lines[:9]) + nameless).deactivated == 1


def test_a_dry_run_counts_and_takes_nothing_out(catalogue: Catalogue, full_import: FullImport) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 10)])
    assert full_import(_feed(_skus(0, 9)), dry_run=True) == DeactivationSummary(10, 1, 0, "")
    assert full_import("sku,title\nx,\n", dry_run=True).refused != ""
    assert len(_active(catalogue)) == 10


def test_a_product_that_another_process_changed_since_the_feed_was_opened_stays(
    catalogue: Catalogue, database: Database, full_import: FullImport
) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 10)])
    other = Catalogue(database, lambda product: product.title)
    done = full_import(
        _feed(_skus(0, 8)), meanwhile=lambda: other.upsert([Product("p0008", "Newer"), Product("brand-new", "T")])
    )
    assert (done.missing, done.deactivated) == (1, 1)
    assert _active(catalogue) == [*_skus(0, 9), "brand-new"]


def test_a_clock_that_was_ahead_keeps_no_product_in_the_shop(
    catalogue: Catalogue, database: Database, full_import: FullImport
) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 10)])
    with database.writing() as session:
        session.execute(update(ProductRow).values(updated_at=now() + timedelta(hours=1)))
    done = full_import(_feed(_skus(0, 8)), meanwhile=lambda: catalogue.upsert([Product("p0008", "Newer")]))
    assert (done.missing, done.deactivated) == (1, 1)
    assert _active(catalogue) == _skus(0, 9)


def test_what_ends_it_halfway_leaves_nothing_unqueued_and_the_same_feed_does_the_rest(
    catalogue: Catalogue, database: Database
) -> None:
    catalogue.upsert([Product(sku, "Title") for sku in _skus(0, 5_000)])
    answers = iter([False, True])
    with pytest.raises(ImportStopped):
        FullSync(catalogue).close([], force=True, stopped=lambda: next(answers))
    with database.reading() as session:
        gone = select(ProductRow.sku, ProductRow.revision).where(ProductRow.active.is_(False))
        off = {row.sku: row.revision for row in session.execute(gone)}
    assert 0 < len(off) < 5_000
    assert off.items() <= _queue(database).items()
    assert FullSync(catalogue).close([], force=True).deactivated == 5_000 - len(off)
    assert catalogue.count() == 0
