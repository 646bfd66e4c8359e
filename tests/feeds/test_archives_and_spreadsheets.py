"""Feeds in ZIP archives, and tables in spreadsheets."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from recommender.errors import BadFeed
from recommender.feeds.formats import FeedFormat, open_feed
from recommender.feeds.products import product_of
from recommender.types import Product

Write = Callable[..., Path]

CSV = "sku,title\na,A\nb,B\n"


def _read(path: Path, **how: Any) -> list[Product]:
    with open_feed(path, **how) as feed:
        return [product_of(row) for row in feed.rows()]


def _archive(**files: bytes | str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _workbook(**sheets: Sequence[Sequence[Any]]) -> bytes:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    packed = io.BytesIO()
    workbook.save(packed)
    return packed.getvalue()


TABLE = [
    ["sku", "title", "price", "gtin", "attribute:added", "quantity"],
    ["00123", "Kettle", 19.99, 4006381333931, date(2026, 1, 31), 5],
    [100124, "Mug", 1.125, None, None, 0],
    [None, None, None],
    ["x-1", 'Pot; of "steel"\nand lid', "1.299,50 €", "", "", True],
]


@pytest.mark.parametrize("name", ["feed.xlsx", "feed", "feed.csv"])
@pytest.mark.parametrize(
    "wrap", [lambda packed: packed, gzip.compress, lambda packed: _archive(**{"a/t.xlsx": packed})]
)
@pytest.mark.parametrize("above", [[], [["Products of our shop"], []]])
def test_a_spreadsheet_is_read_with_its_values(write: Write, name: str, wrap: Any, above: list[Any]) -> None:
    kettle, mug, pot = _read(write(wrap(_workbook(Notes=[["nothing"], ["here"]], Products=above + TABLE)), name))
    assert (kettle.sku, kettle.price, kettle.attributes["added"]) == ("00123", Decimal("19.99"), "2026-01-31")
    assert kettle.gtin == "4006381333931"
    assert (mug.sku, mug.price) == ("100124", Decimal("1.125"))
    assert (pot.title, pot.price) == ('Pot; of "steel" and lid', Decimal("1299.50"))


def test_what_a_platform_exports_is_known_in_a_spreadsheet_too(write: Write) -> None:
    table = [["id", "title", "link", "image_link", "google_product_category", "price", "sale_price"]]
    table.append(["a", "A", "https://s.example/a", "https://s.example/a.jpg", "X > Y", "20 EUR", "15 EUR"])
    (product,) = _read(write(_workbook(S=table), "feed.xlsx"))
    assert (product.price, product.currency) == (Decimal(15), "EUR")


@pytest.mark.parametrize("how", [{}, {"feed_format": FeedFormat.CSV}])
def test_the_feed_of_an_archive_is_read(write: Write, how: dict[str, Any]) -> None:
    extras = {"__MACOSX/._feed.csv": b"\x00\x05", ".DS_Store": b"x", "README.txt": "Hello"}
    for files in ({"feed.csv": CSV}, {"export/2026/feed.csv": CSV} | extras, {"feed": gzip.compress(CSV.encode())}):
        assert [one.sku for one in _read(write(_archive(**files), "feed.zip"), **how)] == ["a", "b"]


def test_the_name_in_the_archive_tells_its_format(write: Write) -> None:
    lines = '{"sku": "a", "title": "A"}\n'
    assert [one.sku for one in _read(write(_archive(**{"feed.jsonl": lines}), "feed.zip"))] == ["a"]
    with pytest.raises(BadFeed, match=r"feed\.zip/wrong\.csv: no column"):
        _read(write(_archive(**{"wrong.csv": "x,y\n1,2\n"}), "feed.zip"))


def test_an_archive_that_can_not_be_read_is_refused_in_one_line(write: Write) -> None:
    bomb = _archive(**{"feed.csv": "sku,title\n" + "a" * (100 << 20)})
    whole = _archive(**{"feed.csv": CSV * 1000})
    damaged = bytearray(whole)
    damaged[60:90] = bytes(30)
    sheet = _workbook(S=TABLE)
    cases = {
        "unpacks to more than": bomb,
        "the archive has 2 files": _archive(**{"a.csv": CSV, "b.csv": CSV}),
        "the archive has 0 files": _archive(),
        "the archive is damaged|can't be read": bytes(damaged),
        "archive is damaged": whole[:-30],
        "is empty": _archive(**{"feed.csv": ""}),
        "is not a readable spreadsheet|damaged": sheet[: len(sheet) // 2] + sheet[len(sheet) // 2 + 40 :],
        "has no sheet with a table": _workbook(S=[]),
        "no column for the title": _workbook(S=[["sku", "name of it"], ["a", "A"]]),
        "not a readable spreadsheet": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    }
    for message, content in cases.items():
        with pytest.raises(BadFeed, match=message) as caught:
            _read(write(content, "feed.zip"))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("start", "line", "end"),
    [
        ("sku,title\n", "\n", "a,Boot\n"),
        ("sku,title\n", " ,\r\n", "a,Boot\n"),
        ("sku;title\n", ';""\n', "a;Boot\n"),
        ('{"sku":"a","title":"Boot"}\n', "\n", '{"sku":"b","title":"Boot"}\n'),
    ],
)
def test_a_gzipped_feed_of_hardly_anything_but_blank_lines_is_refused(
    tmp_path: Path, start: str, line: str, end: str
) -> None:
    file = tmp_path / "feed.gz"
    file.write_bytes(gzip.compress(f"{start}{line * 1_100_000}{end}".encode(), compresslevel=1))
    with pytest.raises(BadFeed, match="blank lines"), open_feed(file) as feed:
        list(feed.rows())


def test_a_gzipped_feed_that_unpacks_to_far_more_than_feeds_do_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "feed.csv.gz"
    file.write_bytes(gzip.compress(b"sku,title\na," + b"Boot" * (20 << 20), compresslevel=9))
    with pytest.raises(BadFeed, match="unpacks to more than"), open_feed(file) as feed:
        list(feed.rows())
