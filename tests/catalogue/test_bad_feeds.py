"""Feeds as they should not be: what can be read goes in, the rest is told in one line."""

from __future__ import annotations

import codecs
import csv
import gzip
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from recommender.catalogue.importer import ImportSummary
from recommender.catalogue.repository import Catalogue
from recommender.errors import BadFeed
from recommender.feeds.formats import open_feed

Write = Callable[..., Path]
Ingest = Callable[..., ImportSummary]

HEADER = "sku,title,price\n"
GOOD = "".join(f"s{n},Title {n},{n}\n" for n in range(12_000))  # more than the sample that the encoding is told from

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
