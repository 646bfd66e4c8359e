"""The main job as a person runs it, each command a process of its own. The tests follow each other in one home."""

from __future__ import annotations

import csv
import json
import sqlite3
from pathlib import Path

import pytest

SEED = Path(__file__).resolve().parents[2] / "seed" / "catalogue.csv.gz"
FIELDS = ["sku", "title", "description", "brand", "category", "price", "currency", "availability", "group_id"]


def _row(number: int, kind: str, category: str, **fields: str) -> dict[str, str]:
    return {
        "sku": f"{kind}-{number}",
        "title": f"{kind.title()} number {number}",
        "description": f"A fine {kind} of our own workshop, the {number}th of its kind, made to last",
        "brand": "Alta" if number % 2 else "Lumo",
        "category": category,
        "price": f"{10 + number}.50",
        "currency": "EUR",
        "availability": "in_stock" if number % 3 else "out_of_stock",
        "group_id": "",
    } | fields


ROWS = [
    *(_row(number, "boot", "Shoes > Boots") for number in range(20)),
    *(_row(number, "sandal", "Shoes > Sandals") for number in range(20)),
    *(_row(number, "lamp", "Home > Lamps") for number in range(20)),
]


@pytest.fixture(scope="module")
def feed(home: Path) -> Path:
    return _write(home / "feed.csv", ROWS)


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_query_before_the_first_feed_says_what_to_do(recommender) -> None:
    done = recommender("similar", "boot-1", code=5)
    assert "recommender ingest" in done.err
    assert done.out == ""


def test_ingest_takes_a_feed_into_catalogue_and_index(recommender, feed: Path) -> None:
    done = recommender("ingest", feed, "--json").json
    assert (done["imports"][0]["created"], done["imports"][0]["rejected"]) == (60, 0)
    assert (done["index"]["encoded"], done["waiting"]) == (60, 0)


def test_the_same_feed_again_encodes_nothing(recommender, feed: Path) -> None:
    done = recommender("ingest", feed, "--json").json
    assert (done["imports"][0]["unchanged"], done["index"]["applied"]) == (60, 0)


def test_similar_answers_with_a_table_of_80_columns(recommender) -> None:
    done = recommender("similar", "boot-1", "-k", "5")
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[-5:]] == ["1", "2", "3", "4", "5"]
    assert done.err == ""


def test_similar_as_json_is_one_document(recommender) -> None:
    hits = recommender("similar", "boot-1", "-k", "3", "--json").json["hits"]
    assert len(hits) == 3
    assert hits[0]["category"] == ["Shoes", "Boots"]
    assert "boot-1" not in {hit["sku"] for hit in hits}


def test_search_finds_by_words(recommender) -> None:
    assert recommender("search", "lamp", "-k", "1", "--json").json["hits"][0]["sku"].startswith("lamp-")


def test_filters_hold_together_on_the_command_line(recommender) -> None:
    arguments = ("--category", "shoes > boots", "--brand", "alta", "--price", "10..20", "--in-stock", "-k", "50")
    found = {hit["sku"] for hit in recommender("search", "fine boot", *arguments, "--json").json["hits"]}
    assert found == {"boot-1", "boot-5", "boot-7"}


def test_an_unknown_sku_exits_3_and_offers_the_nearest(recommender) -> None:
    done = recommender("similar", "boot-199", code=3)
    assert "boot-19" in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("similar",), 2),
        (("similar", "boot-1", "--price", "cheap"), 2),
        (("search", "   "), 2),
        (("similar", "boot-1", "--mode", "psychic"), 2),
        (("ingest", "missing.csv"), 4),
        (("ingest", "feed.csv", "--map", "title"), 2),
        (("models", "promote", "nobody"), 3),
        (("finetune", "--budget", "soon"), 2),
        (("finetune", "--loss", "magic"), 2),
        (("evaluate", "--queries", "q.csv"), 2),
    ],
)
def test_bad_input_gets_its_exit_code_and_no_traceback(recommender, arguments: tuple[str, ...], code: int) -> None:
    done = recommender(*arguments, code=code)
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_price_change_reaches_the_index_without_encoding(recommender, home: Path) -> None:
    changed = _write(home / "price.csv", [ROWS[1] | {"price": "99.00"}])
    done = recommender("ingest", changed, "--json").json
    assert (done["index"]["payloads"], done["index"]["encoded"]) == (1, 0)
    found = recommender("search", "boot", "--price", "98..100", "--json").json["hits"]
    assert [(hit["sku"], hit["price"]) for hit in found] == [("boot-1", 99.0)]


def test_rejected_rows_are_named_with_line_and_reason_and_the_rest_goes_in(recommender, home: Path) -> None:
    rows = [
        _row(30, "boot", "Shoes > Boots"),
        _row(31, "boot", "Shoes > Boots", title=""),
        _row(32, "boot", "Shoes > Boots", price="-4"),
    ]
    rejects = home / "rejects.csv"
    done = recommender("ingest", _write(home / "bad.csv", rows), "--rejects", rejects, "--json").json
    assert (done["imports"][0]["created"], done["imports"][0]["rejected"]) == (1, 2)
    with rejects.open(encoding="utf-8", newline="") as file:
        assert [(row["line"], row["sku"]) for row in csv.DictReader(file)] == [("3", "boot-31"), ("4", "boot-32")]
    assert recommender("similar", "boot-30", "--json").json["hits"]


def test_what_is_only_queued_is_answered_on_the_fly_and_taken_in_later(recommender, home: Path) -> None:
    queued = _write(home / "queued.csv", [_row(40, "boot", "Shoes > Boots")])
    assert recommender("ingest", queued, "--queue-only", "--json").json["waiting"] == 1
    assert recommender("similar", "boot-40", "--json").json["hits"]
    assert recommender("worker", "--once", "--json").json["encoded"] == 1
    assert recommender("queue", "status", "--json").json["waiting"] == 0


def test_verify_finds_and_repairs_what_differs(recommender, home: Path) -> None:
    assert recommender("index", "verify", "--json").json["missing"] == []
    with sqlite3.connect(home / "catalogue.db") as connection:
        connection.execute("UPDATE product SET active = 0, revision = revision + 1 WHERE sku = 'lamp-3'")
    assert recommender("index", "verify", "--json").json["orphaned"] == ["lamp-3"]
    recommender("index", "verify", "--repair")
    assert recommender("index", "verify", "--json").json["orphaned"] == []


def test_a_rebuild_goes_live_and_the_way_back_is_open(recommender) -> None:
    before = recommender("status", "--json").json["generation"]
    built = recommender("index", "rebuild", "--json").json
    assert built["generation"] != before
    assert recommender("status", "--json").json["generation"] == built["generation"]
    recommender("models", "rollback")
    assert recommender("status", "--json").json["generation"] == before
    assert recommender("similar", "boot-1", "--json").json["hits"]


def test_status_and_doctor_report_a_healthy_installation(recommender) -> None:
    status = recommender("status", "--json").json
    assert (status["products"], status["waiting"]) == (61, 0)
    findings = recommender("doctor", "--json").json["findings"]
    assert all(finding["ok"] for finding in findings)


def test_doctor_reports_schema_drift(recommender, home: Path) -> None:
    with sqlite3.connect(home / "catalogue.db") as connection:
        connection.execute("ALTER TABLE import_run ADD COLUMN extra TEXT")
    done = recommender("doctor", code=1)
    assert "extra" in done.out
    with sqlite3.connect(home / "catalogue.db") as connection:
        connection.execute("ALTER TABLE import_run DROP COLUMN extra")


@pytest.mark.training
def test_finetune_registers_measures_and_goes_through_the_gate(recommender) -> None:
    import subprocess  # noqa: F401 - the process below may end with either of the gate's codes

    arguments = ("finetune", "--epochs", "1", "--batch-size", "8", "--name", "tuned", "--no-promote", "--json")
    done = recommender(*arguments).json
    assert done["model"] == "tuned"
    assert not done["promoted"]
    assert {report["model"] for report in done["reports"]} >= {"tuned"}
    listed = {model["name"]: model for model in recommender("models", "list", "--json").json["models"]}
    assert listed["tuned"]["metrics"]["category_p10"] >= 0
    shown = json.loads(recommender("models", "show", "tuned").out)
    assert shown["export"]["int8_mean_cosine"] > 0.9
    recommender("models", "promote", "tuned")
    assert recommender("status", "--json").json["model"] == "tuned"
    assert recommender("similar", "boot-1", "--json").json["hits"]


def test_the_query_path_imports_no_training_library(recommender, home: Path) -> None:
    import os
    import subprocess
    import sys

    code = (
        "import sys\nfrom recommender.cli.app import main\n"
        "sys.argv = ['recommender', 'search', 'boot']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'datasets', 'qdrant_client', 'alembic'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"RECOMMENDER_HOME": str(home)})
