from __future__ import annotations

import csv
import gzip
import io
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from recommender.catalogue.importer import ImportSummary, import_feed
from recommender.catalogue.outbox import Outbox
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.tables import ImportRunRow
from recommender.errors import BadFeed, BadInput, UsageError
from recommender.feeds.rejections import RejectsFile
from recommender.plain_text import clean, repair

Ingest = Callable[..., ImportSummary]

SHARED = Path(__file__).resolve().parents[3] / "shared" / "catalogues"


def _counts(summary: ImportSummary) -> tuple[int, int, int, int]:
    return summary.created, summary.updated, summary.unchanged, summary.rejected


def _runs(database: Database) -> list[tuple[str, int, int, str]]:
    with database.reading() as session:
        rows = session.scalars(select(ImportRunRow).order_by(ImportRunRow.id)).all()
    return [(row.status, row.created, row.rejected, row.error) for row in rows]


def _feed(rows: int, title: str = "Title") -> str:
    return "sku,title,price\n" + "".join(f"p{number},{title} {number},{number}.50\n" for number in range(rows))


def test_a_feed_goes_in_and_a_second_reading_changes_nothing(
    ingest: Ingest, catalogue: Catalogue, outbox: Outbox
) -> None:
    assert _counts(ingest(_feed(250), batch=100)) == (250, 0, 0, 0)
    assert (catalogue.count(), outbox.depth().waiting) == (250, 250)
    assert _counts(ingest(_feed(250), batch=70)) == (0, 0, 250, 0)
    assert _counts(ingest(_feed(250).replace(",7.50", ",8"), batch=100)) == (0, 1, 249, 0)


def test_rejected_rows_are_counted_and_written_with_line_sku_and_reason(
    ingest: Ingest, catalogue: Catalogue, tmp_path: Path
) -> None:
    rejects = tmp_path / "reports" / "rejects.csv"
    summary = ingest("sku,title,price,colour\na,A,1,red\nb,,1,\n,C,1,\n", rejects=rejects)
    assert _counts(summary) == (1, 0, 0, 2)
    assert summary.ignored_columns == ("colour",)
    with rejects.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["line"], row["sku"], row["reason"], row["raw"]) for row in rows] == [
        ("3", "b", "no title", "b,,1,"),
        ("4", "", "no SKU", ",C,1,"),
    ]
    assert [path.name for path in rejects.parent.iterdir()] == ["rejects.csv"]


def test_several_feeds_can_share_one_file_of_rejects(
    catalogue: Catalogue, database: Database, write: Callable[..., Path], tmp_path: Path
) -> None:
    with RejectsFile(tmp_path / "rejects.csv") as rejects:
        for name in ("one.csv", "two.csv"):
            import_feed(catalogue, database, write("sku,title\n,T\n", name), rejects=rejects)
    with (tmp_path / "rejects.csv").open(newline="", encoding="utf-8") as stream:
        assert [Path(row["source"]).name for row in csv.DictReader(stream)] == ["one.csv", "two.csv"]


def _listing(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir() if path.is_file()}


def test_a_file_of_rejects_that_cannot_be_is_refused_before_anything_is_read(
    ingest: Ingest, catalogue: Catalogue, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    refused = {
        tmp_path / "folder": (UsageError, "is a directory"),
        Path(): (UsageError, "is a directory"),
        Path(os.devnull): (UsageError, "is a device or a pipe"),
        tmp_path / "file" / "rejects.csv": (BadInput, "can't be written: .*file is no directory; name another"),
        tmp_path / "file" / "deep" / "rejects.csv": (BadInput, "can't be written: .* is no directory; name another"),
        tmp_path / ("x" * 300): (BadInput, "can't be written: File name too long"),
    }
    for rejects, (kind, message) in refused.items():
        with pytest.raises(kind, match=message) as caught:
            ingest("sku,title\na,A\n", rejects=rejects)
        assert str(caught.value).startswith(f"--rejects {rejects}: ")
        assert "\n" not in str(caught.value)
    assert catalogue.count() == 0
    assert _runs(database) == []


@pytest.mark.parametrize("rejects", ["feed.csv", "sub/../feed.csv", "hard.csv", "soft.csv"])
def test_the_file_of_rejects_never_overwrites_a_feed(
    catalogue: Catalogue, database: Database, write: Callable[..., Path], tmp_path: Path, rejects: str
) -> None:
    feed = write("sku,title\n,T\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "hard.csv").hardlink_to(feed)
    (tmp_path / "soft.csv").symlink_to(feed)
    with pytest.raises(UsageError, match="would overwrite the feed"):
        import_feed(catalogue, database, feed, rejects=tmp_path / rejects)
    with pytest.raises(UsageError, match="would overwrite the feed"), RejectsFile(tmp_path / rejects, [feed]):
        pass
    assert feed.read_text(encoding="utf-8") == "sku,title\n,T\n"


def test_nor_does_what_is_written_of_the_rejects_until_they_are_whole(write: Callable[..., Path]) -> None:
    feed = write("sku,title\n,T\n", "rejects.csv.partial")
    other = write("sku,title\n,T\n", "other.csv")
    with (
        pytest.raises(UsageError, match="would overwrite the feed"),
        RejectsFile(feed.with_name("rejects.csv"), [other, feed]),
    ):
        pass
    assert feed.read_text(encoding="utf-8") == "sku,title\n,T\n"


def test_a_failed_run_leaves_the_rejects_of_the_last_good_one(
    ingest: Ingest, catalogue: Catalogue, database: Database, tmp_path: Path
) -> None:
    rejects = tmp_path / "reports" / "rejects.csv"
    ingest("sku,title\n,Last good\n", rejects=rejects)
    before = _listing(rejects.parent)
    assert "Last good" in before["rejects.csv"]
    for content in ("", "shade,title\n", "sku,title\n,T\n".encode("utf-16") + b"x"):
        with pytest.raises(BadFeed):
            ingest(content, rejects=rejects)
        assert _listing(rejects.parent) == before


def test_an_interrupted_run_leaves_the_rejects_of_what_it_read(ingest: Ingest, tmp_path: Path) -> None:
    def interrupt(rows: int) -> None:
        raise KeyboardInterrupt

    rejects = tmp_path / "reports" / "rejects.csv"
    with pytest.raises(KeyboardInterrupt):
        ingest("sku,title\n,First\n,Second\n", rejects=rejects, batch=1, progress=interrupt)
    ((name, text),) = _listing(rejects.parent).items()
    assert name == "rejects.csv"
    assert "First" in text and "Second" not in text


@pytest.mark.parametrize("batch", [1, 100])
def test_a_sku_repeated_with_other_content_is_rejected_and_an_identical_one_is_unchanged(
    ingest: Ingest, catalogue: Catalogue, batch: int
) -> None:
    assert _counts(ingest("sku,title\na,A\nb,B\na,Other\nb, B \n", batch=batch)) == (2, 0, 1, 1)
    stored = catalogue.get("a")
    assert stored is not None and stored.product.title == "A"


def test_a_feed_that_cannot_be_read_changes_nothing_and_is_on_record(
    ingest: Ingest, catalogue: Catalogue, database: Database, tmp_path: Path
) -> None:
    cut_off = tmp_path / "cut.csv.gz"
    cut_off.write_bytes(gzip.compress(_feed(50_000).encode())[:-1000])
    with pytest.raises(BadFeed, match="cut off"):
        import_feed(catalogue, database, cut_off)
    assert catalogue.count() == 0
    ((status, created, rejected, error),) = _runs(database)
    assert (status, created, rejected) == ("failed", 0, 0)
    assert "cut off" in error


def test_a_feed_that_breaks_on_the_way_keeps_what_was_committed_and_says_where(
    ingest: Ingest, catalogue: Catalogue, database: Database
) -> None:
    # Half a character at the end of a UTF-16 file can't be seen before that end is read.
    data = _feed(300).encode("utf-16") + b"x"
    with pytest.raises(BadFeed, match=r"can't be read beyond line \d+: it ends within a character"):
        ingest(data, batch=100)
    assert _runs(database)[0][:2] == ("failed", catalogue.count())
    assert _counts(ingest(_feed(300)))[3] == 0
    assert catalogue.count() == 300


def test_an_interrupted_run_is_on_record_and_the_same_command_finishes_it(
    ingest: Ingest, catalogue: Catalogue, database: Database
) -> None:
    def interrupt(rows: int) -> None:
        if rows >= 200:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(_feed(500), batch=100, progress=interrupt)
    assert catalogue.count() == 200
    assert _runs(database)[0][:2] == ("interrupted", 200)
    assert _counts(ingest(_feed(500), batch=100)) == (300, 0, 200, 0)
    assert [run[0] for run in _runs(database)] == ["interrupted", "done"]


def test_a_slash_is_part_of_a_name_in_a_feed_that_writes_arrows(ingest: Ingest, catalogue: Catalogue) -> None:
    ingest("sku,title,category\na,A,Portable A/V\nb,B,Audio > Hi-Fi\n")
    assert set(catalogue.category_sizes()) == {("Portable A/V",), ("Audio", "Hi-Fi")}


@pytest.mark.parametrize(
    ("prices", "read"),
    [
        (["1.299 €", "19,99 €", "1,299"], ["1299", "19.99", "1.299"]),
        (["1.299 €", "1.299,00"], ["1299", "1299"]),
        (["1.299", "19.99", "1,299"], ["1.299", "19.99", "1299"]),
        (["1.299", "19.99", "19,99"], ["1299", "19.99", "19.99"]),  # where both marks stand, each cell is for itself
        (["1.299", "5"], ["1299", "5"]),
        (["1.299", "0.750"], ["1.299", "0.75"]),
    ],
)
def test_a_dot_groups_thousands_in_a_feed_that_writes_decimal_commas(
    ingest: Ingest, catalogue: Catalogue, prices: list[str], read: list[str]
) -> None:
    ingest("sku;title;price\n" + "".join(f"{place};T;{price}\n" for place, price in enumerate(prices)))
    stored = [found.product.price for place in range(len(prices)) if (found := catalogue.get(str(place)))]
    assert stored == [Decimal(price) for price in read]


def test_a_number_keeps_its_point_in_a_feed_whose_texts_have_decimal_commas(
    ingest: Ingest, catalogue: Catalogue
) -> None:
    prices = ["1.299", '"1.299"', '"19,99"', '{"value": "1.299", "currency": "EUR"}', '{"value": 1.299}']
    lines = [f'{{"sku": "{place}", "title": "T", "price": {price}}}\n' for place, price in enumerate(prices)]
    ingest("".join(lines), "feed.jsonl")
    stored = [found.product.price for place in range(len(prices)) if (found := catalogue.get(str(place)))]
    assert stored == [Decimal(price) for price in ("1.299", "1299", "19.99", "1299", "1.299")]


def test_progress_tells_the_rows_read(ingest: Ingest) -> None:
    seen: list[int] = []
    ingest(_feed(5) + ",x,1\n", batch=2, progress=seen.append)
    assert seen == [2, 4, 6]


def test_a_feed_can_come_through_standard_input(
    catalogue: Catalogue, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(gzip.compress(_feed(3).encode())))
    monkeypatch.setattr(sys, "stdin", stream)
    assert _counts(import_feed(catalogue, database, Path("-"))) == (3, 0, 0, 0)


GROWTH = """
import resource, sys
from pathlib import Path
from recommender.catalogue.importer import import_feed
from recommender.catalogue.repository import Catalogue
from recommender.database.engine import Database
from recommender.database.tables import Base

with Database(f"sqlite:///{sys.argv[1]}/catalogue.db") as database:
    Base.metadata.create_all(database.engine)
    catalogue = Catalogue(database, lambda product: "h")
    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(import_feed(catalogue, database, Path(sys.argv[2])).created, peak())
    summary = import_feed(catalogue, database, Path(sys.argv[3]))
    print(summary.created, summary.rejected, peak())
"""


def test_memory_stays_bounded_however_long_the_feed_or_a_line_in_it(tmp_path: Path) -> None:
    small, large = tmp_path / "small.csv.gz", tmp_path / "large.csv.gz"
    text = "x" * 600
    for path, first, last in ((small, 0, 5_000), (large, 5_000, 45_000)):
        with gzip.open(path, "wt", encoding="utf-8", compresslevel=1) as stream:
            stream.write("sku,title,description\n")
            stream.writelines(f"p{number},T,{text}\n" for number in range(first, last))
            if path == large:
                stream.write('huge,T,"')
                stream.writelines("y" * 1_000_000 for _ in range(50))
                stream.write('"\nlast,T,\n')
    code = [sys.executable, "-c", GROWTH, str(tmp_path), str(small), str(large)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    done = subprocess.run(code, capture_output=True, text=True, check=True, env=environment)
    first_run, second_run = done.stdout.splitlines()
    assert first_run.split()[0] == "5000"
    created, rejected, peak = second_run.split()
    assert (created, rejected) == ("40001", "1")
    # The large feed holds 24 MB of rows and one line of 50 MB; the page cache of SQLite may grow meanwhile.
    assert float(peak) - float(first_run.split()[1]) < 60


@pytest.mark.real_catalogue
@pytest.mark.parametrize("name", ["electronics", "toys", "software", "industrial"])
def test_a_real_catalogue_goes_in_whole(catalogue: Catalogue, database: Database, name: str) -> None:
    path = SHARED / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip("the real catalogues are not beside the checkout")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        expected = {row["sku"]: row for row in csv.DictReader(stream)}
    summary = import_feed(catalogue, database, path)
    assert _counts(summary) == (len(expected), 0, 0, 0)
    for stored in catalogue.products():
        row = expected[stored.product.sku]
        assert stored.product.title == clean(repair(row["title"]))
        assert " > ".join(stored.product.category) == clean(repair(row["category"]))
    assert _counts(import_feed(catalogue, database, path)) == (0, 0, len(expected), 0)
