from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.models.catalogue_snapshot import (
    CatalogueChange,
    change_since,
    read_snapshot,
    snapshot_of,
    write_snapshot,
)

Catalogue = dict[str, str]
CATALOGUES = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=30)


@given(CATALOGUES, CATALOGUES)
def test_every_difference_is_counted_and_nothing_else(before: Catalogue, now: Catalogue) -> None:
    change = change_since(snapshot_of(before.items()), snapshot_of(now.items()))
    assert change == CatalogueChange(
        products=len(now),
        added=len(now.keys() - before.keys()),
        removed=len(before.keys() - now.keys()),
        changed=sum(now[sku] != before[sku] for sku in now.keys() & before.keys()),
    )


@pytest.mark.parametrize(
    ("change", "share"),
    [
        (CatalogueChange(10, added=1, removed=1, changed=1), 0.3),
        (CatalogueChange(10, added=0, removed=0, changed=0), 0),
        (CatalogueChange(1, added=0, removed=9, changed=0), 1),
        (CatalogueChange(0, added=0, removed=9, changed=0), 1),
        (CatalogueChange(0, added=0, removed=0, changed=0), 0),
    ],
)
def test_the_share_is_of_the_products_there_are_now(change: CatalogueChange, share: float) -> None:
    assert change.share == pytest.approx(share)


def test_without_a_snapshot_everything_changed() -> None:
    assert change_since(None, snapshot_of([("a", "1"), ("b", "2")])).share == 1


def test_a_snapshot_comes_back_and_takes_16_bytes_a_product(tmp_path: Path) -> None:
    rows = snapshot_of((f"sku-{number}", "text") for number in range(1000))
    write_snapshot(tmp_path, rows)
    found = read_snapshot(tmp_path)
    assert found is not None and found.tolist() == rows.tolist()
    assert [path.name for path in tmp_path.iterdir()] == ["catalogue.npy"]
    assert (tmp_path / "catalogue.npy").stat().st_size <= 16 * 1000 + 128


def test_a_snapshot_that_is_broken_counts_as_none(tmp_path: Path) -> None:
    assert read_snapshot(tmp_path) is None
    (tmp_path / "catalogue.npy").write_bytes(b"broken")
    assert read_snapshot(tmp_path) is None
