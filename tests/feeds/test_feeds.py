from __future__ import annotations

import codecs
import csv
import gzip
import json
import os
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from support.patience import PATIENCE_S

from recommender.errors import BadFeed, MissingExtra, UsageError
from recommender.feeds.columns import Field
from recommender.feeds.formats import FeedFormat, check_feed, feed_format_of, open_feed
from recommender.feeds.lines import MAX_LINE
from recommender.feeds.products import is_offered, product_of
from recommender.feeds.rejections import BadRow
from recommender.types import Availability, Product

Write = Callable[..., Path]


def _read(path: Path | str, **options: Any) -> list[Product]:
    with open_feed(path, **options) as feed:
        return [product_of(row) for row in feed.rows()]


def _outcomes(path: Path) -> dict[int, str]:
    """Read a feed: for each line the SKU, or the reason why it is rejected."""
    outcomes: dict[int, str] = {}
    with open_feed(path) as feed:
        for row in feed.rows():
            try:
                outcomes[row.line] = product_of(row).sku
            except BadRow as error:
                outcomes[row.line] = str(error)
    return outcomes


FULL = Product(
    "s1", "Red shoe", "Soft, light", "Acme", ("Apparel", "Shoes"), Decimal("1299.5"), "EUR",
    Availability.OUT_OF_STOCK, "https://s.example/1", "https://s.example/1.jpg", "g1", {"colour": "red", "size": "42"},
)  # fmt: skip


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
@pytest.mark.parametrize("name", ["feed.csv", "feed.csv.gz", "feed.txt", "no-suffix"])
def test_delimiter_and_compression_are_recognised(write: Write, delimiter: str, name: str) -> None:
    cells = [
        ["ID", "Product Name", "body_html", "Vendor", "product_type", "Price", "Stock", "Link", "image-link",
         "item_group_id", "attributes", "attr_size"],
        ["s1", " Red \t shoe ", "Soft, light", "Acme", "Apparel > Shoes", "€ 1.299,50", "0", "https://s.example/1",
         "https://s.example/1.jpg", "g1", '{"colour": "red"}', "42"],
    ]  # fmt: skip
    text = "".join(delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) + "\r\n" for line in cells)
    assert _read(write(text, name)) == [FULL]


def test_a_tsv_is_split_at_tabs_only(write: Write) -> None:
    path = write("sku\ttitle\na\tOne, two; three | four\n", "feed.tsv")
    assert _read(path, feed_format=FeedFormat.TSV)[0].title == "One, two; three | four"


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16", b""),
        ("utf-16-le", b""),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-32", b""),
        ("cp1252", b""),
    ],
)
def test_the_encoding_is_recognised(write: Write, encoding: str, mark: bytes) -> None:
    text = 'sku,title,price\na,"Käse für Mädchen, 20 Stück",5\nb,"Größe XL\r\nblau",6\n' * 1 + "c,Weiße Schuhe,7\n" * 1
    products = _read(write(mark + text.encode(encoding)))
    assert [product.title for product in products] == ["Käse für Mädchen, 20 Stück", "Größe XL blau", "Weiße Schuhe"]


def test_the_euro_sign_of_windows_is_understood(write: Write) -> None:
    (product,) = _read(write("sku;title;price\na;Weiße Schuhe – schön;19,99 €\n".encode("cp1252")))
    assert (product.title, product.price, product.currency) == ("Weiße Schuhe – schön", Decimal("19.99"), "EUR")


def test_line_ends_may_be_mixed_and_lines_are_counted_as_an_editor_does(write: Write) -> None:
    path = write('sku,title\r\na,One\rb,"Two\nlines"\n\n\r\nc,Three')
    assert _outcomes(path) == {2: "a", 3: "b", 7: "c"}


def test_json_lines_may_nest_and_differ_in_shape(write: Write) -> None:
    objects: list[dict[str, Any]] = [
        {"id": 12345, "name": "Shoe", "categories": ["Apparel", "Shoes"], "price": 19.99, "in_stock": True,
         "images": ["1.jpg", "2.jpg"], "attributes": {"sizes": [41, 42], "none": None, "wide": False}},
        {"sku": "b", "title": "Boot", "category": [["A", "B"], ["C"]], "price": {"value": "5", "currency": "eur"},
         "description": ["One.", "Two."], "attributes": [{"name": "colour", "value": "red"}], "extra": {"x": 1}},
        {"sku": "c", "title": "Cap", "category": "A/B", "price": None, "quantity": 0},
    ]  # fmt: skip
    path = write("\n".join(map(json.dumps, objects)), "feed.jsonl.gz")
    with open_feed(path) as feed:
        shoe, boot, cap = (product_of(row) for row in feed.rows())
        assert feed.leftover_columns == ("extra",)
    assert (shoe.sku, shoe.title, shoe.category, shoe.price) == (
        "12345",
        "Shoe",
        ("Apparel", "Shoes"),
        Decimal("19.99"),
    )
    assert (shoe.image, dict(shoe.attributes)) == ("1.jpg", {"sizes": "41, 42", "wide": "false"})
    assert (boot.category, boot.price, boot.currency) == (("A", "B"), Decimal(5), "EUR")
    assert (boot.description, boot.attributes) == ("One.\nTwo.", {"colour": "red"})
    assert (cap.category, cap.price, cap.availability) == (("A", "B"), None, Availability.OUT_OF_STOCK)


def test_bad_json_lines_are_rejected_one_by_one(write: Write) -> None:
    lines = [
        '{"sku": "a", "title": "A"}', '{"sku": "b", "title"', "[1]", '{"sku": ["b", "c"], "title": "B"}',
        '{"sku": "d", "title": "D", "price": NaN}', '{"sku": "e", "title": "\\ud800"}', "[" * 50_000,
        '{"sku": "f", "title": "F", "price": ' + "9" * 5_000 + "}", '{"sku": "g", "title": "G", "attributes": "{"}',
        '{"sku": "h", "title": "H"}',
    ]  # fmt: skip
    reasons = _outcomes(write("\n".join(lines), "feed.jsonl"))
    assert (reasons[1], reasons[10]) == ("a", "h")
    expected = {
        2: "not JSON", 3: "not a JSON object but a list", 4: "sku is a list", 5: "d", 6: "no title",
        7: "not JSON that can be read", 8: "f", 9: "g",
    }  # fmt: skip
    assert {line: reasons[line][: len(start)] for line, start in expected.items()} == expected


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "sku": pa.array([1.0, None]),
            "title": ["Shoe", "Boot"],
            "category": [["Apparel", "Shoes"], None],
            "price": pa.array([Decimal("19.99"), None], pa.decimal128(9, 2)),
            "attributes": pa.array([[("colour", "red")], None], pa.map_(pa.string(), pa.string())),
            "unused": [1, 2],
        }
    )
    parquet.write_table(table, tmp_path / "feed.parquet")
    with open_feed(tmp_path / "feed.parquet") as feed:
        assert feed.leftover_columns == ("unused",)
        first, second = feed.rows()
    product = product_of(first)
    assert (product.sku, product.category, product.price) == ("1", ("Apparel", "Shoes"), Decimal("19.99"))
    assert product.attributes == {"colour": "red"}
    assert second.line == 2
    with pytest.raises(BadRow, match="no SKU"):
        product_of(second)


def test_without_pyarrow_a_parquet_feed_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet.write_table(pa.table({"sku": ["a"], "title": ["A"]}), tmp_path / "feed.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"pip install 'recommender\[parquet\]'"):
        _read(tmp_path / "feed.parquet")


def test_a_parquet_text_that_is_no_utf8_rejects_its_row(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff\xfe", b"fine"], pa.binary())
    titles = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    parquet.write_table(pa.table({"sku": ["a", "b", "c"], "title": titles}), tmp_path / "feed.parquet")
    assert _outcomes(tmp_path / "feed.parquet") == {1: "a", 2: "no title", 3: "c"}


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        ("A > B > C", ("A", "B", "C")),
        ("A>B", ("A", "B")),
        ("Home > TV/Video > Sets", ("Home", "TV/Video", "Sets")),
        ("Home &gt; TV | Video", ("Home", "TV | Video")),
        ("A | B/C", ("A", "B/C")),
        ("A / TV/Video", ("A", "TV/Video")),
        ("A/B/C", ("A", "B", "C")),
        ("  Shoes  ", ("Shoes",)),
        ('["A", "B/C"]', ("A", "B/C")),
        ("['A', \"Men's\"]", ("A", "Men's")),
        ('["A >> B >> C"]', ("A", "B", "C")),
        ('["A > B", "A > C"]', ("A", "B")),
        ("[sale] shoes", ("[sale] shoes",)),
        ("", ()),
    ],
)
def test_categories_are_read_in_every_notation(write: Write, cell: str, path: tuple[str, ...]) -> None:
    quoted = cell.replace('"', '""')
    assert _read(write(f'sku,title,category\na,A,"{quoted}"\n'))[0].category == path


@pytest.mark.parametrize(
    ("cell", "availability"),
    [
        ("in stock", Availability.IN_STOCK), ("instock", Availability.IN_STOCK), ("TRUE", Availability.IN_STOCK),
        ("7", Availability.IN_STOCK), ("", Availability.IN_STOCK),
        ("https://schema.org/InStock", Availability.IN_STOCK),
        ("out_of_stock", Availability.OUT_OF_STOCK), ("Sold out", Availability.OUT_OF_STOCK),
        ("0", Availability.OUT_OF_STOCK), ("-1", Availability.OUT_OF_STOCK), ("0,0", Availability.OUT_OF_STOCK),
        ("pre-order", Availability.PREORDER), ("backorder", Availability.BACKORDER),
    ],
)  # fmt: skip
def test_availability_is_read_in_every_notation(write: Write, cell: str, availability: Availability) -> None:
    assert _read(write(f'sku;title;stock\na;A;"{cell}"\n'))[0].availability is availability


def test_a_mapping_wins_over_what_is_recognised(write: Write) -> None:
    path = write("sku,title,Long Name,code\na,Short,A longer name,c-1\n")
    (product,) = _read(path, mapping={"title": "long name", "sku": "code"})
    assert (product.sku, product.title) == ("c-1", "A longer name")


def test_a_column_is_mapped_to_an_attribute(write: Write) -> None:
    path = write("sku,title,Shade,brand,attribute:fit\na,A,Dark red,Alder,wide\n")
    (product,) = _read(path, mapping={"attribute:colour": "shade", "Attribute:maker": "brand", "attribute:fit": ""})
    assert product.attributes == {"colour": "Dark red", "maker": "Alder"}
    assert product.brand == ""


def test_a_mapping_that_fits_nothing_is_refused_in_one_line(write: Write) -> None:
    path = write("sku,title\na,A\n")
    with pytest.raises(UsageError, match="no field 'colour'; the fields are sku, title"):
        _read(path, mapping={"colour": "x"})
    with pytest.raises(UsageError, match="or attribute:NAME"):
        _read(path, mapping={"attribute:": "title"})
    with pytest.raises(BadFeed, match="no column 'x' for --map attribute:colour=x; it has 'sku', 'title'"):
        _read(path, mapping={"attribute:colour": "x"})
    with pytest.raises(BadFeed, match="no column 'x' for --map brand=x; it has 'sku', 'title'"):
        _read(path, mapping={"brand": "x"})


def test_a_format_that_is_not_known_is_refused() -> None:
    assert feed_format_of("CSV") is FeedFormat.CSV
    with pytest.raises(UsageError, match="'xls' is not known; use auto, csv, tsv, jsonl, parquet"):
        feed_format_of("xls")


TRUNCATED = gzip.compress(b"sku,title\n" + b"".join(b"%d,T\n" % number for number in range(20_000)), mtime=0)[:-400]
DAMAGED = bytes(byte ^ 0xFF if 200 < place < 210 else byte for place, byte in enumerate(TRUNCATED))


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "feed.csv", "is empty"),
        (b"\xef\xbb\xbf \r\n", "feed.csv", "is empty"),
        (gzip.compress(b"", mtime=0), "feed.csv.gz", "is empty"),
        (TRUNCATED, "feed.csv.gz", "gzip file is cut off"),
        (DAMAGED, "feed.csv.gz", "gzip file is damaged"),
        (b"sku,title\na,A\x00B\n", "feed.csv", "holds NUL bytes"),
        (bytes(range(1, 256)) * 40, "feed.csv", "is not a text file"),
        (b"PK\x03\x04 spreadsheet", "feed.csv", "the archive is damaged"),
        (b"sku,title,Title\na,A,B\n", "feed.csv", "'title' and 'Title' have one name"),
        (b"sku,title,x,x\na,A,B,C\n", "feed.csv", "'x' and 'x' have one name"),
        (
            b"nr,title\na,A\n",
            "feed.csv",
            "no column for the sku among 'nr', 'title'; name it with --map sku=COLUMN",
        ),
        (b"sku,label\na,A\n", "feed.csv", "no column for the title"),
        (b"sku,title," + b"x," * 1_000_000 + b"\n", "feed.csv", "the header has 1,000,002 columns"),
        (
            b"sku,title," + b"x," * 3_000_000 + b"\n",
            "feed.csv",
            "the header can't be read: line 1 is longer than 4 MiB",
        ),
        (b"PAR1 but no more", "feed.parquet", "not a readable Parquet file"),
        (b'["a", "b"]', "feed.json", "holds no JSON objects; line 1: .* expected a list of them"),
        (b'{"total": 0, "products": []}', "feed.json", "no column for the sku among 'total', 'products'"),
        (b'[{"sku": "a", "title": "A"', "feed.json", "can't be read beyond line 1"),
        (b'{"nr": 1}\n', "feed.jsonl", "no column for the sku"),
    ],
)
def test_a_file_that_is_no_feed_is_refused_in_one_line(tmp_path: Path, content: bytes, name: str, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadFeed, match=message) as caught, open_feed(path) as feed:
        list(feed.rows())
    with pytest.raises(BadFeed, match=message):
        check_feed(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_list_with_one_object_a_line_reads_as_what_it_lists(write: Write) -> None:
    path = write('[\n  {"sku": "a", "title": "A"},\n  {"sku": "b", "title": "B"}\n]\n', "feed.json")
    assert _outcomes(path) == {2: "a", 3: "b"}


def test_a_file_that_is_away_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(BadFeed, match="can't be read"), open_feed(path):
            pass
        with pytest.raises(BadFeed, match="can't be read"):
            check_feed(path)
    with pytest.raises(BadFeed, match="it is a directory; name the feed files in it") as caught, open_feed(tmp_path):
        pass
    assert "\n" not in str(caught.value)


def test_a_feed_that_is_checked_can_still_be_changed_or_removed(write: Write) -> None:
    path = write("sku,title\na,A\n")
    check_feed(path, FeedFormat.CSV, {"title": "title"})
    with pytest.raises(UsageError, match="no field 'colour'"):
        check_feed(path, mapping={"colour": "x"})
    with pytest.raises(BadFeed, match="no column 'x'"):
        check_feed(path, mapping={"brand": "x"})
    path.unlink()
    with pytest.raises(BadFeed, match="can't be read"):
        check_feed(path)


def _pipe(content: bytes) -> tuple[int, str]:
    reading, writing = os.pipe()
    os.write(writing, content)  # less than a pipe holds
    os.close(writing)
    return reading, f"/dev/fd/{reading}"


@pytest.mark.parametrize("packed", [False, True])
def test_a_feed_can_come_through_a_pipe_which_a_check_leaves_full(packed: bool) -> None:
    lines = b"".join(b'{"sku": "%d", "title": "T"}\n' % number for number in range(500))
    reading, path = _pipe(gzip.compress(lines, mtime=0) if packed else lines)
    try:
        check_feed(path)
        with pytest.raises(UsageError, match="no field 'colour'"):
            check_feed(path, mapping={"colour": "x"})
        assert len(_read(path)) == 500
    finally:
        os.close(reading)


def test_an_empty_pipe_is_refused_by_its_name() -> None:
    reading, path = _pipe(b"")
    try:
        with pytest.raises(BadFeed, match=f"{path}: is empty"):
            _read(path)
    finally:
        os.close(reading)


def test_a_named_pipe_is_read_once_and_goes_by_its_suffix(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    os.mkfifo(path)
    content = b"".join(b'{"sku": "%d", "title": "T"}\n' % number for number in range(10_000))  # more than it holds
    writer = threading.Thread(target=path.write_bytes, args=(content,), daemon=True)
    writer.start()
    assert len(_read(path)) == 10_000
    writer.join(PATIENCE_S)


@pytest.mark.parametrize(
    ("number", "sku"),
    [
        ("12345.0", "12345"), ("12345", "12345"), ("1e3", "1000"), ("-0.0", "0"), ("12345.5", "12345.5"),
        ("999999999999999.0", "999999999999999"), ("1000000000000000.0", "1000000000000000"),
    ],
)  # fmt: skip
def test_a_whole_json_number_is_the_same_sku_with_and_without_its_point(write: Write, number: str, sku: str) -> None:
    assert _read(write(f'{{"sku": {number}, "title": "T"}}\n', "feed.jsonl"))[0].sku == sku


def test_json_and_parquet_give_the_same_sku_for_the_same_number(write: Write, tmp_path: Path) -> None:
    numbers = [12345.0, 1e15, 0.5]
    parquet.write_table(pa.table({"sku": numbers, "title": ["T"] * 3}), tmp_path / "feed.parquet")
    lines = "".join(json.dumps({"sku": number, "title": "T"}) + "\n" for number in numbers)
    assert [product.sku for product in _read(write(lines, "feed.jsonl"))] == [
        product.sku for product in _read(tmp_path / "feed.parquet")
    ]


@pytest.mark.parametrize(
    ("header", "cells", "gtin", "mpn"),
    [
        ("EAN,Manufacturer Part Number", "4006381333931,FX-20", "4006381333931", "FX-20"),
        ("g:gtin,g:mpn", "0012345678905,A 7", "0012345678905", "A 7"),
        ("attribute:isbn,attribute:MPN", "0-306-40615-2,B7", "0-306-40615-2", "B7"),
        ("barcode,partnumber", "96385074,P/1", "96385074", "P/1"),
        ("ean,attribute:ean", ",4006381333931", "4006381333931", ""),
        ("attribute:바코드", "4006381333931", "4006381333931", ""),
        ("ean,mpn", "9" * 201 + ",1", "", "1"),
    ],
)
def test_barcodes_and_part_numbers_are_read_from_columns_and_attributes(
    write: Write, header: str, cells: str, gtin: str, mpn: str
) -> None:
    (product,) = _read(write(f"sku,title,{header}\na,A lamp,{cells}\n"))
    assert (product.gtin, product.mpn) == (gtin, mpn)


def test_several_barcodes_of_one_product_are_all_kept(write: Write) -> None:
    (product,) = _read(write('{"sku": "a", "title": "A lamp", "gtin": ["4006381333931", 96385074]}\n', "feed.jsonl"))
    assert product.gtin == "4006381333931, 96385074"


def test_a_parent_of_zero_is_no_group(write: Write) -> None:
    csv_products = _read(write("sku,title,parent_id\na,A,0\nb,B,10\nc,C, 0 \nd,D,00\n"))
    assert [product.group_id for product in csv_products] == ["", "10", "", "00"]
    lines = '{"sku": "a", "title": "A", "group_id": 0}\n{"sku": "b", "title": "B", "group_id": 0.0}\n'
    assert [product.group_id for product in _read(write(lines, "feed.jsonl"))] == ["", ""]


def test_a_damaged_parquet_page_is_found_before_the_first_row(tmp_path: Path) -> None:
    path = tmp_path / "feed.parquet"
    titles = [f"title {number * 7919 % 10_007}" for number in range(20_000)]
    parquet.write_table(pa.table({"sku": [str(n) for n in range(20_000)], "title": titles}), path, compression="gzip")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(BadFeed, match="not a readable Parquet file"), open_feed(path):
        pass


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b",No SKU,,", "no SKU"),
        (b"  ,No SKU,,", "no SKU"),
        (b"x,,,", "no title"),
        (b"NULL,T,,", "no SKU"),
        (b"x,n/a,,", "no title"),
        (b'"4,00638E+12",T,,', "a spreadsheet makes of a long number"),
        (b"x" * 201 + b",T,1,", "sku has 201 characters; at most 200 are kept"),
        (b"x,T\xff,1,", "holds bytes that are not utf-8"),
        (b"x\x07y,T,1,", "the SKU holds a control or invisible character"),
        (b"x,T", "2 cells where the header has 4"),
        (b"x,T,1,d,more", "5 cells where the header has 4"),
        (b"x,T,1," + b"d" * MAX_LINE, "line 3 is longer than 4 MiB"),
        (b'x,T,1,"' + b"d" * MAX_LINE + b'"', "line 3 is longer than 4 MiB"),
    ],
)
def test_a_bad_row_is_rejected_with_its_reason_and_the_rest_goes_in(write: Write, row: bytes, reason: str) -> None:
    path = write("sku,title,price,description\na,Ä,1,\n".encode() + row + "\nb,Ü,2,\n".encode())
    outcomes = _outcomes(path)
    assert (outcomes.pop(2), outcomes.pop(4)) == ("a", "b")
    assert list(outcomes) == [3]
    assert reason in outcomes[3]


def test_trailing_empty_cells_are_no_fault(write: Write) -> None:
    assert _outcomes(write("sku,title\na,A,,\n")) == {2: "a"}


def test_a_quote_that_never_closes_is_a_character(write: Write) -> None:
    titles = [product.title for product in _read(write('sku,title\na,A\nb,"B\nc,C\nd,D\n'))]
    assert titles == ["A", '"B', "C", "D"]


def test_a_long_line_within_a_quoted_cell_keeps_the_reader_in_step(write: Write) -> None:
    path = write(b'sku,title\na,"A\n' + b"x" * (MAX_LINE + 9) + b'"\nb,B\n')
    outcomes = _outcomes(path)
    assert outcomes[4] == "b"
    assert "line 3 is longer" in outcomes[2]


def test_numbers_of_rows_that_span_lines_are_those_of_their_first_line(write: Write) -> None:
    assert _outcomes(write('sku,title\na,"A\nA"\nb,B\n')) == {2: "a", 4: "b"}


def test_the_csv_module_is_left_as_it_was(write: Write) -> None:
    before = csv.field_size_limit()
    _read(write("sku,title\na,A\n"))
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("content", "offered"),
    [
        ("sku,title,hide\na,A,0\nb,B,1\nc,C,\n", ["a", "c"]),
        ("sku,title,active,archived\na,A,1,FALSE\nb,B,1,TRUE\nc,C,0,FALSE\n", ["a"]),
        ("sku,title,deleted_at\na,A,\nb,B,2026-01-02 10:00:00\n", ["a"]),
        ("sku;title;Aktivní (0/1)\na;A;1\nb;B;0\n", ["a"]),
        ("id,title,link,image_link,gtin,hidden\na,A,x,y,,no\nb,B,x,y,,yes\n", ["a"]),
        ('[{"sku": "a", "title": "A", "disabled": false}, {"sku": "b", "title": "B", "disabled": true}]', ["a"]),
    ],
)
def test_columns_that_hide_or_show_a_product_are_known_by_either_meaning(
    write: Write, content: str, offered: list[str]
) -> None:
    with open_feed(write(content)) as feed:
        rows = list(feed.rows())
        assert [str(row.cells[Field.SKU]) for row in rows if is_offered(row)] == offered
        assert Field.OFFERED in feed.field_columns or feed.format == FeedFormat.GOOGLE


def test_the_id_of_linked_data_is_no_second_sku(write: Write) -> None:
    (product,) = _read(
        write(json.dumps([{"@id": "/products/7", "@type": "Product", "id": 7, "name": "Mug"}]), "a.json")
    )
    assert product.sku == "7"


def test_a_sale_price_may_be_an_object_beside_a_price_that_is_one(write: Write) -> None:
    prices = {"price": {"value": "12.00", "currency": "USD"}, "salePrice": {"value": "9.50", "currency": "USD"}}
    (product,) = _read(write(json.dumps([{"sku": "a", "title": "A", **prices}]), "feed.json"))
    assert (product.price, product.currency) == (Decimal("9.50"), "USD")
