from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import datasets
import pytest

from recommender.errors import BadFeed, BadInput, MissingExtra, RecommenderError, Unavailable, UsageError
from recommender.feeds.formats import FeedFormat, check_feed, open_feed
from recommender.feeds.products import product_of
from recommender.types import Product

ROWS = [
    {"code": "a", "name": "Shoe", "price": 19.99, "tags": ["x", "y"], "category": "Apparel > Shoes", "note": "n"},
    {"code": "b", "name": "Boot", "price": None, "tags": [], "category": "Apparel > Boots", "note": "n"},
]
MAPPING = {"sku": "code"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set as the Hub lays it out: a folder with a file for each split."""
    path = tmp_path / "shop"
    path.mkdir()
    (path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    (path / "test.jsonl").write_text(json.dumps(ROWS[1]) + "\n", encoding="utf-8")
    return path


def _read(source: str, mapping: Mapping[str, str] = MAPPING, **options: FeedFormat) -> list[Product]:
    with open_feed(source, mapping=mapping, **options) as feed:
        return [product_of(row) for row in feed.rows()]


def test_a_data_set_is_a_feed_with_its_columns_mapped(folder: Path) -> None:
    check_feed(f"hf:{folder}", mapping=MAPPING)
    with open_feed(f"hf:{folder}", mapping=MAPPING) as feed:
        shoe, boot = (product_of(row) for row in feed.rows())
        assert (feed.leftover_columns, feed.early_end, feed.withdrawn) == (("tags", "note"), "", ())
        assert [row.line for row in feed.rows()] == [1, 2]
    assert shoe == Product("a", "Shoe", category=("Apparel", "Shoes"), price=Decimal("19.99"))
    assert boot.price is None
    assert [product.sku for product in _read(f"hf:{folder}::test")] == ["b"]
    assert len(_read(str(folder), feed_format=FeedFormat.HF)) == 2


def test_labels_have_their_names_and_pictures_are_left_alone(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "sku": datasets.Value("int64"),
            "title": datasets.Value("string"),
            "category": datasets.ClassLabel(names=["Shoes", "Hats"]),
            "image": datasets.Image(),
        }
    )
    rows: dict[str, Sequence[object]] = {
        "sku": [7, 8], "title": ["A", "B"], "category": [1, -1], "image": [{"bytes": b"no picture", "path": None}] * 2,
    }  # fmt: skip
    datasets.Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "train.parquet")
    with open_feed(f"hf:{tmp_path}") as feed:
        first, second = (product_of(row) for row in feed.rows())
        assert feed.leftover_columns == ("image",)
    assert (first.sku, first.category, first.image) == ("7", ("Hats",), "")
    assert second.category == ("-1",)


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("hf:some-owner/some-data", Unavailable, "the Hub can't be reached"),
        ("hf:", UsageError, "'hf:' is no data set of the Hub; write hf:NAME"),
        ("hf:a:b:c:d", UsageError, "is no data set of the Hub"),
    ],
)
def test_what_the_hub_can_not_give_is_one_clear_line(source: str, error: type[RecommenderError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        _read(source)
    assert "\n" not in str(caught.value)
    assert "--data" not in str(caught.value)


def test_a_split_or_a_column_that_is_not_there_is_one_clear_line(folder: Path) -> None:
    with pytest.raises(BadInput, match="can't be loaded"):
        _read(f"hf:{folder}::dev")
    with pytest.raises(BadFeed, match="no column for the sku among 'code', 'name'"):
        _read(f"hf:{folder}", mapping={"sku": ""})


@pytest.mark.parametrize("more", [{}, {"id": 7}])
def test_a_data_set_that_is_damaged_on_the_way_says_where(tmp_path: Path, more: dict[str, int]) -> None:
    good = "".join(json.dumps(ROWS[0] | more) + "\n" for _ in range(10))
    (tmp_path / "train-1.jsonl").write_text(good, encoding="utf-8")
    (tmp_path / "train-2.jsonl").write_text('{"code": "z", "na', encoding="utf-8")
    with open_feed(f"hf:{tmp_path}", mapping=MAPPING) as feed:
        rows = feed.rows()
        assert [next(rows).line for _ in range(10)] == list(range(1, 11))
        with pytest.raises(Unavailable, match="can't be read beyond row 10"):
            next(rows)
        assert feed.early_end.startswith("beyond row 10")


def test_without_the_library_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"pip install 'recommender\[train\]'"):
        _read(f"hf:{folder}")
