"""The main job as a person runs it, each command a process of its own, in a home that the tests share."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]
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


@pytest.fixture(scope="module")
def shop(recommender: Command, feed: Path) -> Command:
    """The command line over a home that holds the feed."""
    recommender("ingest", feed)
    return recommender


def _write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_query_before_the_first_feed_says_what_to_do(recommender: Command, tmp_path: Path) -> None:
    done = recommender("similar", "boot-1", code=5, RECOMMENDER_HOME=str(tmp_path))
    assert "recommender ingest" in done.err
    assert done.out == ""


def test_ingest_takes_a_feed_into_catalogue_and_index(recommender: Command, feed: Path, tmp_path: Path) -> None:
    done = recommender("ingest", feed, "--json", RECOMMENDER_HOME=str(tmp_path)).json
    assert (done["imports"][0]["created"], done["imports"][0]["rejected"]) == (60, 0)
    assert (done["index"]["encoded"], done["waiting"]) == (60, 0)


def test_the_same_feed_again_encodes_nothing(shop: Command, feed: Path) -> None:
    done = shop("ingest", feed, "--json").json
    assert (done["imports"][0]["unchanged"], done["index"]["applied"]) == (60, 0)


def test_similar_answers_with_a_table_of_80_columns(shop: Command) -> None:
    done = shop("similar", "boot-1", "-k", "5")
    lines = [line for line in done.out.splitlines() if line.strip()]
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines[-5:]] == ["1", "2", "3", "4", "5"]
    assert done.err == ""


def test_similar_as_json_is_one_document(shop: Command) -> None:
    hits = shop("similar", "boot-1", "-k", "3", "--mode", "lexical", "--json").json["hits"]
    assert len(hits) == 3
    assert hits[0]["category"] in (["Shoes", "Boots"], ["Shoes", "Sandals"], ["Home", "Lamps"])
    assert hits[0]["price"] > 0
    assert "boot-1" not in {hit["sku"] for hit in hits}


def test_search_finds_by_words(shop: Command) -> None:
    assert shop("search", "lamp", "-k", "1", "--json").json["hits"][0]["sku"].startswith("lamp-")


def test_filters_hold_together_on_the_command_line(shop: Command) -> None:
    arguments = ("--category", "shoes > boots", "--brand", "alta", "--price", "12..20", "--in-stock", "-k", "50")
    found = {hit["sku"] for hit in shop("search", "fine boot", *arguments, "--json").json["hits"]}
    assert found == {"boot-5", "boot-7"}


def test_an_unknown_sku_exits_3_and_offers_the_nearest(shop: Command) -> None:
    done = shop("similar", "boot-199", code=3)
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
        (("evaluate", "--pairs", "p.csv", "--slices"), 2),
        (("finetune", "--force", "--no-promote"), 2),
        (("finetune", "--queries", "q.csv"), 2),
        (("finetune", "--seed", str(2**32)), 2),
        (("similar", "boot-1", "-k", "1001"), 2),
        (("worker", "--json"), 2),
    ],
)
def test_bad_input_gets_its_exit_code_and_no_traceback(shop: Command, arguments: tuple[str, ...], code: int) -> None:
    done = shop(*arguments, code=code)
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_price_change_reaches_the_index_without_encoding(shop: Command, home: Path) -> None:
    changed = _write(home / "price.csv", [ROWS[1] | {"price": "99.00"}])
    done = shop("ingest", changed, "--json").json
    assert (done["index"]["payloads"], done["index"]["encoded"]) == (1, 0)
    found = shop("search", "boot", "--price", "98..100", "--json").json["hits"]
    assert [(hit["sku"], hit["price"]) for hit in found] == [("boot-1", 99.0)]


def test_rejected_rows_are_named_with_line_and_reason_and_the_rest_goes_in(shop: Command, home: Path) -> None:
    rows = [
        _row(30, "boot", "Shoes > Boots"),
        _row(31, "boot", "Shoes > Boots", title=""),
        _row(32, "boot", "Shoes > Boots", price="-4"),
    ]
    rejects = home / "rejects.csv"
    done = shop("ingest", _write(home / "bad.csv", rows), "--rejects", rejects, "--json").json
    assert (done["imports"][0]["created"], done["imports"][0]["rejected"]) == (2, 1)  # a price costs itself alone
    with rejects.open(encoding="utf-8", newline="") as file:
        assert [(row["line"], row["sku"]) for row in csv.DictReader(file)] == [("3", "boot-31")]
    assert shop("similar", "boot-30", "--json").json["hits"]


def test_what_is_only_queued_is_answered_on_the_fly_and_taken_in_later(shop: Command, home: Path) -> None:
    queued = _write(home / "queued.csv", [_row(40, "boot", "Shoes > Boots")])
    assert shop("ingest", queued, "--queue-only", "--json").json["waiting"] == 1
    assert shop("similar", "boot-40", "--json").json["hits"]
    assert shop("worker", "--once", "--json").json["encoded"] == 1
    assert shop("queue", "status", "--json").json["waiting"] == 0


def test_verify_finds_and_repairs_what_differs(shop: Command, home: Path) -> None:
    assert shop("index", "verify", "--json").json["clean"] is True
    with sqlite3.connect(home / "catalogue.db") as connection:
        connection.execute("UPDATE product SET active = 0, revision = revision + 1 WHERE sku = 'lamp-3'")
    found = shop("index", "verify", "--json", code=1).json
    assert (found["orphaned"], found["clean"], found["repaired"]) == (["lamp-3"], False, 0)
    repaired = shop("index", "verify", "--repair", "--json").json
    assert (repaired["orphaned"], repaired["clean"], repaired["repaired"]) == ([], True, 1)
    assert "agree" in shop("index", "verify").out


def test_a_rebuild_goes_live_and_the_way_back_is_open(shop: Command) -> None:
    before = shop("status", "--json").json["generation"]
    built = shop("index", "rebuild", "--json").json
    assert built["generation"] != before
    assert shop("status", "--json").json["generation"] == built["generation"]
    shop("models", "rollback")
    assert shop("status", "--json").json["generation"] == before
    assert shop("similar", "boot-1", "--json").json["hits"]


def test_status_and_doctor_report_a_healthy_installation(shop: Command) -> None:
    status = shop("status", "--json").json
    assert status["products"] >= 60
    assert status["waiting"] == 0
    findings = shop("doctor", "--json").json["findings"]
    assert all(finding["ok"] for finding in findings)


def test_doctor_reports_schema_drift(shop: Command, home: Path) -> None:
    with sqlite3.connect(home / "catalogue.db") as connection:
        connection.execute("ALTER TABLE import_run ADD COLUMN extra TEXT")
    done = shop("doctor", code=1)
    assert "extra" in done.out
    with sqlite3.connect(home / "catalogue.db") as connection:
        connection.execute("ALTER TABLE import_run DROP COLUMN extra")


@pytest.mark.training
def test_finetune_registers_measures_and_goes_through_the_gate(shop: Command) -> None:
    arguments = ("finetune", "--epochs", "1", "--batch-size", "8", "--name", "tuned", "--no-promote", "--json")
    done = shop(*arguments).json
    assert done["model"] == "tuned"
    assert not done["promoted"]
    assert {report["model"] for report in done["reports"]} >= {"tuned"}
    listed = {model["name"]: model for model in shop("models", "list", "--json").json["models"]}
    assert listed["tuned"]["metrics"]["category_p10"] >= 0
    shown = json.loads(shop("models", "show", "tuned").out)
    assert shown["export"]["int8_mean_cosine"] > 0.9
    shop("models", "promote", "tuned", "--force")
    assert shop("status", "--json").json["model"] == "tuned"
    assert shop("similar", "boot-1", "--json").json["hits"]


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["search", "boot"], {"sqlalchemy"}),
        (["similar", "boot-1"], {"onnxruntime", "recommender.models.registry", "recommender.ingestion.worker"}),
        (["similar", "boot-1", "--json"], {"onnxruntime", "rich.table", "sqlalchemy"}),
    ],
)
def test_the_query_path_imports_no_training_library(
    shop: Command, home: Path, arguments: list[str], unwanted: set[str]
) -> None:
    code = (
        "import sys\nfrom recommender.cli.app import main\n"
        f"sys.argv = ['recommender', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'sentence_transformers', 'transformers', 'datasets', 'qdrant_client', 'alembic'}\n"
        f"heavy |= {unwanted!r}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"RECOMMENDER_HOME": str(home)})


def test_an_index_that_is_gone_is_said_so_and_made_anew_by_the_next_ingest(
    recommender: Command, feed: Path, tmp_path: Path
) -> None:
    here = {"RECOMMENDER_HOME": str(tmp_path)}
    recommender("ingest", feed, **here)
    shutil.rmtree(tmp_path / "index")
    assert "index rebuild" in recommender("similar", "boot-1", code=5, **here).err
    recommender("ingest", feed, **here)
    assert recommender("similar", "boot-1", "--json", **here).json["hits"]
    assert recommender("index", "verify", "--json", **here).json["missing"] == []


def test_a_query_while_another_process_holds_the_index_is_one_clear_line(shop: Command, home: Path) -> None:
    code = (
        "import sys\nfrom recommender.application.composition import open_application\n"
        "with open_application() as application:\n"
        "    application.index(application.generations.live())\n"
        "    print('held', flush=True)\n    sys.stdin.read()"
    )
    environment = os.environ | {"RECOMMENDER_HOME": str(home)}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        done = shop("similar", "boot-1", code=5)
        generations = shop("index", "status", "--json").json["generations"]
        queued = shop("ingest", _write(home / "held.csv", [_row(50, "lamp", "Home > Lamps")]), "--json").json
        holder.stdin.close()
    assert len(done.err.strip().splitlines()) == 1
    assert {row["live"]: row["condition"] for row in generations}[True] == "held"
    assert (queued["index"], queued["waiting"]) == (None, 1)
    assert shop("worker", "--once", "--json").json["applied"] == 1


def test_the_same_commands_run_on_postgresql(
    recommender: Command, feed: Path, tmp_path: Path, postgres_url: str
) -> None:
    here = {"RECOMMENDER_HOME": str(tmp_path), "DATABASE_URL": postgres_url}
    assert recommender("ingest", feed, "--json", **here).json["imports"][0]["created"] == 60
    assert recommender("ingest", feed, "--json", **here).json["imports"][0]["unchanged"] == 60
    assert recommender("similar", "boot-1", "--json", **here).json["hits"]
    recommender("index", "rebuild", **here)
    assert recommender("index", "verify", "--json", **here).json["missing"] == []
    assert recommender("doctor", "--json", **here).json["findings"]


STACKS = """
import json, sys
from pathlib import Path
import recommender
from recommender.cli.app import main

package, stacks = str(Path(recommender.__file__).parent), []

def note(frame, event, called):
    # The engine is compiled: its query is a call from Python to C.
    if event == "c_call" and getattr(called, "__name__", "") == "query_batch" and "EdgeShard" in repr(called):
        names = []
        while frame is not None:
            if frame.f_code.co_filename.startswith(package):
                names.insert(0, frame.f_code.co_qualname)
            frame = frame.f_back
        stacks.append(names)

sys.argv = ["recommender", "similar", "boot-1"]
sys.setprofile(note)
try:
    main()
finally:
    sys.setprofile(None)
    print(json.dumps(stacks), file=sys.stderr)
"""


def test_nine_frames_at_most_lie_between_the_command_line_and_the_engine(shop: Command, home: Path) -> None:
    environment = os.environ | {"RECOMMENDER_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, "-c", STACKS], env=environment, capture_output=True, text=True, check=True)
    stacks = json.loads(done.stderr.splitlines()[-1])
    assert stacks
    assert all(stack[0] == "main" and len(stack) <= 9 for stack in stacks), stacks


CORE_ALONE = """
import sys
for name in ("pyarrow", "qdrant_client", "grpc", "torch", "sentence_transformers", "transformers", "datasets"):
    sys.modules[name] = None  # importing it fails as if it were not installed
from recommender.cli.app import main
main()
"""


def test_the_core_alone_ingests_and_answers_and_names_the_extra_for_the_rest(
    shop: Command, home: Path, tmp_path: Path
) -> None:
    environment = os.environ | {"RECOMMENDER_HOME": str(home), "HF_HUB_OFFLINE": "1"}

    def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", CORE_ALONE, *map(str, arguments)]
        return subprocess.run(command, env=environment | more, capture_output=True, text=True, check=False)

    feed = tmp_path / "core.jsonl"
    feed.write_text('{"sku": "core-1", "title": "Leather boot of the core"}\n', encoding="utf-8")
    done = run("ingest", feed, "--json")
    assert json.loads(done.stdout)["index"]["applied"] == 1, done.stderr
    assert "core-1" in run("search", "boot of the core", "-k", "3").stdout
    assert len(json.loads(run("similar", "core-1", "--json").stdout)["hits"]) == 10
    (tmp_path / "feed.parquet").write_bytes(b"PAR1")
    refused = run("ingest", tmp_path / "feed.parquet")
    assert (refused.returncode, "pip install 'recommender[parquet]'" in refused.stderr) == (5, True)
    refused = run("similar", "core-1", QDRANT_URL="http://127.0.0.1:1")
    assert (refused.returncode, "pip install 'recommender[server]'" in refused.stderr) == (5, True)
