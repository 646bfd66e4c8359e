"""Feeds as they should not be: what can be read goes in, the rest is told in one line."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import resource
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from recommender.catalogue.importer import ImportSummary
from recommender.catalogue.repository import Catalogue
from recommender.errors import BadFeed
from recommender.feeds.formats import open_feed

Write = Callable[..., Path]
Ingest = Callable[..., ImportSummary]

HEADER = "sku,title,price\n"
GOOD = "".join(f"s{n},Titel ä {n},{n}\n" for n in range(12_000))  # more than the sample that the encoding is told from


def _nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = [value]
    return value


BAD = [
    (b"n\x00,AB,1\n", "sku holds a NUL character"),
    ("l,Größe,1\n".encode("cp1252"), "holds bytes that are not utf-8"),
    (b"x" * 50_000_000 + b"\n", "is longer than 4 MiB"),
    (b"w,W,1" + b",x" * 1_000_000 + b"\n", "1000003 cells where the header has 3"),
    (b"v,V\n", "2 cells where the header has 3"),
    (b'q,"Q\n', "one row whose quoted cell is not closed"),
]


def _rejected(path: Path) -> list[list[str]]:
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))[1:]


def test_a_bad_line_deep_in_a_file_costs_itself_alone(ingest: Ingest, catalogue: Catalogue, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rejects = tmp_path / "rejects.csv"
    lines = b"".join(b"g%d,Good,1\n" % number + bad for number, (bad, _) in enumerate(BAD))
    summary = ingest((HEADER + GOOD).encode() + lines, rejects=rejects)
    assert (summary.created, summary.rejected) == (12_000 + len(BAD), len(BAD))
    assert catalogue.count() == summary.created
    for number, (row, (_, reason)) in enumerate(zip(_rejected(rejects), BAD, strict=True)):
        assert int(row[1]) == 12_003 + 2 * number
        assert reason in row[3]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


def test_a_formula_is_a_text_and_no_spreadsheet_runs_it(ingest: Ingest, catalogue: Catalogue, tmp_path: Path) -> None:
    link = '=HYPERLINK("http://evil.example","x")'
    quoted = '"' + link.replace('"', '""') + '"'
    rejects = tmp_path / "rejects.csv"
    ingest(f"sku,title,price\na,{quoted},1\n-5+3,,@SUM(A1)\n{quoted},,1\n\t+1,,1\n", rejects=rejects)
    stored = catalogue.get("a")
    assert stored is not None
    assert stored.product.title == link
    rows = _rejected(rejects)
    assert [row[2] for row in rows] == ["'-5+3", f"'{link}", "'+1"]
    assert rows[0][4] == "'-5+3,,@SUM(A1)"
    assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for row in rows for cell in row)


def test_mixed_line_ends_and_a_mark_are_no_fault(ingest: Ingest) -> None:
    summary = ingest(codecs.BOM_UTF8 + b"sku,title\r\na,A\rb,B\nc,C\r\r\nd,D")
    assert (summary.created, summary.rejected) == (4, 0)


@pytest.mark.parametrize(
    ("content", "name", "early_end"),
    [
        ("sku,title,price\na,A,1\n", "feed.csv", ""),
        ("sku,title,price\na,A,1", "feed.csv", ""),
        ("sku,title,price\na,A,1\nb\n", "feed.csv", ""),
        ("sku,title,price\na,A,1\nb,B", "feed.csv", "its last line, 3, breaks off: 2 cells where the header has 3"),
        ('sku,title,price\na,A,1\nb,"B', "feed.csv", "rows can't be told apart: line 3 is one row whose quoted"),
        ('{"sku": "a", "title": "A"}\n{"sku": "b", "title": "B"}', "feed.jsonl", ""),
        ('{"sku": "a", "title": "A"}\n{"sku"\n', "feed.jsonl", ""),
        ('{"sku": "a", "title": "A"}\n{"sku": "b", "ti', "feed.jsonl", "its last line, 2, breaks off: not JSON"),
        ('[\n{"sku": "a", "title": "A"},\n{"sku": "b", "title": "B"}\n]', "feed.json", ""),
        ('[\n{"sku": "a", "title": "A"},\n{"sku":\n]', "feed.json", ""),
        ('[\n{"sku": "a", "title": "A"},\n', "feed.json", "its list is not closed with ]"),
    ],
)
def test_a_feed_tells_when_it_seems_cut_off(write: Write, content: str, name: str, early_end: str) -> None:
    with open_feed(write(content, name)) as feed:
        for _ in range(2):  # it can be read twice, and says the same each time
            list(feed.rows())
            assert feed.early_end.startswith(early_end)
            assert bool(feed.early_end) is bool(early_end)


def test_a_gzip_that_is_cut_off_or_damaged_takes_nothing_in(ingest: Ingest, catalogue: Catalogue) -> None:
    packed = gzip.compress((HEADER + GOOD).encode(), mtime=0)
    for content in (packed[:-10], packed[:9], packed[:5000] + b"\x00" * 50 + packed[5050:]):
        with pytest.raises(BadFeed, match=r"gzip file is (cut off|damaged)") as caught:
            ingest(content)
        assert "\n" not in str(caught.value)
    assert catalogue.count() == 0


POISON: list[dict[str, object]] = [
    {"title": "&#" + "1" * 4_301 + ";"},
    {"brand": "&#x" + "f" * 5_000 + ";", "description": "&#" + "9" * 4_301},
    {"attributes": "[" * 480 + "]" * 480},
    {"attributes": {"colour": _nested(480)}},
    {"category": _nested(480), "image": _nested(300), "price": _nested(200)},
    {"price": 10**30, "gtin": 10**400},
    {"price": "9" * 5_000, "availability": "9" * 5_000},
    {"price": "1e999999999", "currency": "\ud800"},
    {"title": "A\udfff", "brand": "\x00", "url": "http://[", "image": "http://\ud800"},
    {"attributes": {"\ud800": "\udc00", "": "x", "y": "\x00"}},
    {"category": ["\ud800", None, 5, {"name": {"name": []}}], "group_id": [[]]},
    {"sku": _nested(900), "title": _nested(900)},
    {"sku": {"name": {}}, "title": {"x": 1}},
    {"sku": True, "title": False, "price": [], "availability": {}},
]


@pytest.mark.parametrize("indent", [None, 1])
def test_whatever_one_row_holds_the_others_go_in(ingest: Ingest, catalogue: Catalogue, indent: int | None) -> None:
    good = [{"sku": f"good-{number}", "title": "Good"} for number in range(len(POISON))]
    bad = [{"sku": f"bad-{number}", "title": "Bad"} | poison for number, poison in enumerate(POISON)]
    items = [item for pair in zip(good, bad, strict=True) for item in pair]
    text = json.dumps(items, indent=indent) if indent else "\n".join(map(json.dumps, items))
    summary = ingest(text, name="feed.json")
    assert summary.created + summary.rejected == len(items)
    skus = {stored.product.sku for stored in catalogue.products()}
    assert {item["sku"] for item in good} <= skus
    assert summary.rejected <= 4  # those whose SKU or title is none


def test_a_date_that_is_none_costs_its_cell_alone(ingest: Ingest, catalogue: Catalogue, tmp_path: Path) -> None:
    days = pa.array([0, 2**62, 5], pa.timestamp("us"))
    table = pa.table({"sku": ["a", "b", "c"], "title": ["A", "B", "C"], "attribute:added": days})
    parquet.write_table(table, tmp_path / "feed.parquet")
    assert ingest((tmp_path / "feed.parquet").read_bytes(), name="feed.parquet").created == 3
    parquet.write_table(table.rename_columns(["sku", "title", "naXXme"]), tmp_path / "feed.parquet")
    with pytest.raises(BadFeed, match="the name of a column is not UTF-8"):
        ingest((tmp_path / "feed.parquet").read_bytes().replace(b"naXXme", b"na\xff\xfeme"), name="names.parquet")
