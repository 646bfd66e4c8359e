"""`ingest` says what it understood; `--strict`, `--explain` and a watched folder act on it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]

ROWS = "".join(f"A-{n};Kettle {n};{n},90 €;Home > Leaf {n % 5};lagernd\n" for n in range(1, 21))
GOOD = "Artikelnummer;Bezeichnung;Preis;Kategorie;Lagerstatus\n" + ROWS


def test_ingest_tells_what_it_read_and_strict_fails_on_a_doubt(recommender: Command, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text(GOOD, encoding="utf-8")
    clean = recommender("ingest", feed, "--strict", "--queue-only")
    assert "read as csv" in clean.out
    assert "price from 'Preis' (1.90 EUR)" in clean.out
    assert "warning" not in clean.out

    feed.write_text(GOOD.replace("A-7;Kettle 7;7,90 €", "A-7;Kettle 7;auf Anfrage"), encoding="utf-8")
    doubtful = recommender("ingest", feed, "--strict", "--queue-only", code=4)
    assert "lost: price can't be read and is left unknown: 1, first 'auf Anfrage' (line 8, SKU A-7)" in doubtful.out
    assert doubtful.err.splitlines()[-1].startswith("error: --strict:")
    document = recommender("ingest", feed, "--queue-only", "--json").json["imports"][0]
    assert document["warnings"] == []
    assert document["understood"]["fields"][0] == {
        "field": "sku", "column": "Artikelnummer", "example": "A-1", "filled": 20,
    }  # fmt: skip
    assert document["understood"]["remarks"][0]["count"] == 1


def test_a_column_that_may_say_what_is_on_sale_is_pointed_out(recommender: Command, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    for name, words, told in (
        ("Webshop-Aktivstatus", ("ja", "nein"), True),
        ("Etappe", ("fertig", "Entwurf"), True),
        ("Zerbrechlich", ("ja", "nein"), False),
    ):
        rows = "".join(f"A-{n};Kettle;{n},90 €;Home;lagernd;{words[n % 2]}\n" for n in range(4))
        feed.write_text(f"Artikelnummer;Bezeichnung;Preis;Kategorie;Lagerstatus;{name}\n{rows}", encoding="utf-8")
        explained = recommender("ingest", "--explain", feed)
        assert (f"--map offered={name}" in explained.out) is told


def test_rows_that_are_not_on_sale_are_counted(recommender: Command, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text(
        "sku,title,price,published,parent_sku\nT,Tee,9,1,\nT-R,Tee red,9,1,T\nM,Mug,5,0,\n", encoding="utf-8"
    )
    told = recommender("ingest", feed, "--queue-only")
    assert "1 created, 0 updated, 0 unchanged, 0 rejected, 2 not offered in" in told.out


def test_a_feed_of_which_every_row_is_rejected_is_bad_input(recommender: Command, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text("sku,title\na,\nb,\n", encoding="utf-8")
    for how in ([], ["--dry-run"], ["--full"]):
        failed = recommender("ingest", feed, "--queue-only", *how, code=4)
        assert "all 2 rows are rejected; the first, line 2: no title" in failed.err


def test_explain_shows_the_first_rows_and_opens_no_catalogue(recommender: Command, home: Path, tmp_path: Path) -> None:
    feed = tmp_path / "feed.csv"
    feed.write_text(GOOD + "A-99;;1;;\n", encoding="utf-8")
    before = sorted(home.rglob("*"))
    told = recommender("ingest", "--explain", feed)
    assert "the first 21 rows give 20 products, 1 rejected" in told.out
    assert "rejected: line 22: no title" in told.out
    assert sorted(home.rglob("*")) == before
    document = recommender("ingest", "--explain", feed, "--json").json["feeds"][0]
    assert (document["rows"], document["products"]) == (21, 20)
    feed.write_text("sku,title\n", encoding="utf-8")
    assert "a header without rows" in recommender("ingest", "--explain", "--strict", feed, code=4).err


def test_a_watched_folder_keeps_the_reasons_beside_a_feed_that_failed(recommender: Command, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    folder.mkdir()
    (folder / "bad.csv").write_text("sku,title\na,\nb,\n", encoding="utf-8")
    (folder / "partly.csv").write_text(GOOD + "A-99;;1;;\n", encoding="utf-8")
    (folder / "good.csv").write_text(GOOD, encoding="utf-8")
    (folder / "doubtful.csv").write_text("sku,title\nz,Z\n", encoding="utf-8")
    feeds = recommender("worker", "--watch", folder, "--once", "--strict", "--json", code=4).json["feeds"]
    errors = {feed["feed"]: feed["error"] for feed in feeds}
    assert {feed for feed, error in errors.items() if not error} == {"partly.csv", "good.csv"}
    assert "no category was found" in errors["doubtful.csv"]
    assert sorted(path.name for path in (folder / "failed").iterdir()) == [
        "bad.csv", "bad.csv.rejects.csv", "bad.csv.report.json", "doubtful.csv", "doubtful.csv.report.json",
    ]  # fmt: skip
    with (folder / "failed" / "bad.csv.rejects.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["reason"] for row in csv.DictReader(stream)] == ["no title", "no title"]
    assert (folder / "done" / "partly.csv.rejects.csv").exists()
    assert not (folder / "done" / "good.csv.rejects.csv").exists()
    report = json.loads((folder / "done" / "good.csv.report.json").read_text(encoding="utf-8"))
    assert report["understood"]["fields"][2]["column"] == "Kategorie"
    assert sorted(path.name for path in folder.iterdir()) == ["done", "failed"]
