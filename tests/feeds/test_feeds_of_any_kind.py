"""Tables as programs write them, and files as nobody should: what goes in comes out, or is told.

`make fuzz` runs these again and again, on other examples each time. What failed once stands in `SEEDS`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import string
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.catalogue.importer import import_feed
from recommender.catalogue.staged_product import StagedProduct, UpsertCounts
from recommender.errors import RecommenderError
from recommender.feeds.columns import Field
from recommender.feeds.formats import FeedFormat, open_feed
from recommender.feeds.products import product_of
from recommender.feeds.rejections import BadRow, RejectsFile
from recommender.types import ProductPatch

FEW = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

WORDS = st.text(string.ascii_letters + string.digits + " -.,;|\t\"'/ÄÖÜäöüßéèçñ", min_size=1, max_size=30)
TITLES = WORDS.filter(lambda text: any(map(str.isalnum, text)))
CELLS = st.one_of(WORDS, st.just(""), st.text(string.ascii_letters + ' ,;"\n', max_size=60))
TABLES = st.lists(st.tuples(TITLES, CELLS, CELLS), min_size=1, max_size=25)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
ABOVE = st.sampled_from(["", "Products of the shop\n", "# made by a program\n#\n", "\n\n", "Stock on Monday;;;\n"])
BELOW = st.sampled_from(["", "\n\n", "Total\n", "   \n"])


def _read(path: Path, **how: Any) -> tuple[dict[str, str], int, int]:
    """Return the title of each SKU as the feed has it, and how many rows are rejected or have a remark."""
    found: dict[str, str] = {}
    rejected = remarked = 0
    with open_feed(path, **how) as feed:
        for row in feed.rows():
            remarked += bool(row.remark)
            try:
                found[product_of(row).sku] = str(row.cells[Field.TITLE])
            except BadRow:
                rejected += 1
    return found, rejected, remarked


def _rows(table: list[tuple[str, str, str]]) -> list[list[str]]:
    return [[f"sku-{place}", title, other, text] for place, (title, other, text) in enumerate(table)]


HEADER = ["sku", "title", "material", "attribute:text"]


@FEW
@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=ENCODINGS,
    above=ABOVE,
    below=BELOW,
    states_delimiter=st.booleans(),
)
def test_every_product_that_csv_writes_comes_back_or_is_told(
    tmp_path: Path,
    table: list[tuple[str, str, str]],
    delimiter: str,
    quoting: Any,
    line_end: str,
    encoding: str,
    above: str,
    below: str,
    states_delimiter: bool,
) -> None:
    text = io.StringIO(newline="")
    if states_delimiter:
        text.write(f"sep={delimiter}{line_end}")
    text.write(above.replace("\n", line_end))
    writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=line_end)
    writer.writerow(HEADER)
    writer.writerows(_rows(table))
    text.write(below.replace("\n", line_end))
    path = tmp_path / "feed.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    _expect_all(path, table)


@FEW
@given(table=TABLES, kind=st.sampled_from(["csv", "tsv", "json", "lines", "parquet", "gzip", "zip", "xlsx"]))
def test_every_product_that_pandas_writes_comes_back_or_is_told(
    tmp_path: Path, table: list[tuple[str, str, str]], kind: str
) -> None:
    frame = pd.DataFrame(_rows(table), columns=HEADER)
    path = tmp_path / f"feed.{kind}"
    if kind in ("csv", "gzip", "zip"):
        frame.to_csv(path, index=kind == "zip", compression=None if kind == "csv" else kind)
    elif kind == "tsv":
        frame.to_csv(path, sep="\t", index=False)
    elif kind == "parquet":
        frame.to_parquet(path)
    elif kind == "xlsx":
        frame.to_excel(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=kind == "lines")
    _expect_all(path, table)


def _expect_all(path: Path, table: list[tuple[str, str, str]]) -> None:
    found, rejected, remarked = _read(path)
    missing = [place for place in range(len(table)) if f"sku-{place}" not in found]
    assert not missing or rejected + remarked >= 1, (missing, found)
    if not remarked and not rejected:
        assert {sku: " ".join(title.split()) for sku, title in found.items()} == {
            f"sku-{place}": " ".join(title.split()) for place, (title, _, _) in enumerate(table)
        }, path.read_bytes()


LINES = st.lists(
    st.one_of(
        st.builds(",".join, st.lists(st.text(string.ascii_letters + '" ', max_size=8), min_size=1, max_size=6)),
        st.builds(lambda n: f"sku-{n},Title {n},{n}.50", st.integers(0, 50)),
        st.text(max_size=40),
    ),
    max_size=40,
).map("\n".join)
NAMES = st.sampled_from(["sku", "title", "price", "category", "products", "x"]) | st.text()
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=40,
)
CUT = st.builds(lambda value, cut: json.dumps({"products": [value] * 3})[:cut], JSON, st.integers(0, 300))
TAGS = "<rss> <channel> </channel> </rss> <item> </item> <g:id> </g:id> <title> </title> a &amp; &#0; &x; <![CDATA[ ]]>"
MARKUP = st.lists(
    st.sampled_from([*TAGS.split(), "<!--", "-->", '<rss xmlns:g="http://base.google.com/ns/1.0">', "\n"]), max_size=60
).map("".join)
TEXTS = st.one_of(
    LINES.map(lambda text: "sku,title,price\n" + text),
    LINES,
    JSON.map(json.dumps),
    JSON.map(lambda value: json.dumps([value, {"sku": "a", "title": "A"}], indent=1)),
    st.lists(JSON.map(json.dumps), max_size=5).map("\n".join),
    CUT,
    MARKUP,
)
WIDE = st.sampled_from(["utf-16", "cp1252", "gb18030", "utf-32"])
FILES = st.one_of(
    TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.builds(lambda text, name: text.encode(name, "replace"), TEXTS, WIDE),
    st.binary(max_size=400),
    st.builds(
        lambda text, place, byte: text[:place] + byte + text[place + 1 :],
        TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.integers(0, 300),
        st.binary(min_size=1, max_size=4),
    ),
)


def _packed(content: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(content, mtime=0)
    packed = io.BytesIO()
    if how == "zip":
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("feed", content)
        return packed.getvalue()
    return content


class _Nowhere:
    """A place for products that keeps none."""

    def upsert_staged(self, staged: Sequence[StagedProduct]) -> UpsertCounts:
        return UpsertCounts(created=len(staged))

    def patch_counted(self, patches: Sequence[ProductPatch]) -> UpsertCounts:
        return UpsertCounts(updated=len(patches))

    def deactivate(self, skus: Sequence[str]) -> int:
        return len(skus)


SEEDS: list[tuple[bytes, str, str]] = [
    (b'{"a":', "json", "auto"),
    (b"5", "json", "auto"),
]


@FEW
@given(
    content=FILES,
    suffix=st.sampled_from(["csv", "tsv", "json", "jsonl", "xml", "txt", "xlsx", "parquet"]),
    how=st.sampled_from(["plain", "gzip", "zip"]),
    damage=st.none() | st.tuples(st.integers(0, 400), st.integers(0, 255)),
    asked=st.sampled_from([FeedFormat.AUTO] * 4 + [one for one in FeedFormat if one is not FeedFormat.HF]),
)
def test_no_file_ends_in_a_traceback(
    tmp_path: Path,
    content: bytes,
    suffix: str,
    how: str,
    damage: tuple[int, int] | None,
    asked: FeedFormat,
) -> None:
    packed = bytearray(_packed(content, how))
    if damage and damage[0] < len(packed):
        packed[damage[0]] = damage[1]
    _import(tmp_path, bytes(packed), suffix, asked)


def _import(tmp_path: Path, content: bytes, suffix: str, asked: FeedFormat) -> None:
    path = tmp_path / f"feed.{suffix}"
    path.write_bytes(content)
    try:
        with RejectsFile(tmp_path / "rejects.csv") as rejects:
            import_feed(_Nowhere(), None, path, format=asked, rejects=rejects, until_break=True)
    except RecommenderError as error:
        assert "\n" not in str(error), str(error)


@pytest.mark.parametrize(("content", "suffix", "asked"), SEEDS)
def test_what_failed_once_fails_no_more(tmp_path: Path, content: bytes, suffix: str, asked: str) -> None:
    _import(tmp_path, content, suffix, FeedFormat(asked))
