"""What an operator sees: what went wrong, what remains, and one document or one line of it."""

from __future__ import annotations

import csv
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.patience import PATIENCE_S, wait_until

from recommender.catalogue.import_runs import record_run
from recommender.database.engine import Database
from recommender.query import MAX_RESULTS

Command = Callable[..., Any]


def _write(path: Path, header: str, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header.split(","), *rows])
    return path


@pytest.fixture(scope="module")
def feed(home: Path) -> Path:
    rows = [(f"boot-{number}", f"Leather boot number {number}", "Shoes > Boots") for number in range(12)]
    return _write(home / "feed.csv", "sku,title,category", rows)


@pytest.fixture(scope="module")
def shop(recommender: Command, feed: Path) -> Command:
    """The command line over a home that holds the feed."""
    recommender("ingest", feed)
    return recommender


def _execute(home: Path, statement: str) -> None:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("command", [("similar", "boot-1"), ("index", "audit")])
def test_a_command_admits_as_many_results_as_a_query_does(shop: Command, command: tuple[str, ...]) -> None:
    shop(*command, "-k", MAX_RESULTS)
    assert "1000" in shop(*command, "-k", MAX_RESULTS + 1, code=2).err


@pytest.mark.parametrize(
    ("url", "code"), [("postgresql://shop:hidden@127.0.0.1:1/db", 5), ("postgresql://shop:hidden@host:port/db", 4)]
)
def test_a_database_that_cannot_be_had_is_one_line_without_the_password(
    recommender: Command, url: str, code: int
) -> None:
    done = recommender("status", code=code, DATABASE_URL=url)
    assert len(done.err.strip().splitlines()) == 1
    assert "hidden" not in done.err


def test_what_was_imported_is_told_though_the_index_failed(recommender: Command, feed: Path, tmp_path: Path) -> None:
    here = {"RECOMMENDER_HOME": str(tmp_path / "home"), "RECOMMENDER_MODEL": str(tmp_path / "no-model")}
    done = recommender("ingest", feed, "--json", code=3, **here)
    assert (done.json["imports"][0]["created"], done.json["index"]) == (12, None)
    assert "no-model" in done.json["error"]
    again = recommender("ingest", feed, code=3, **here)
    assert "12 unchanged" in again.out
    assert "error:" in again.err.splitlines()[-1]


def test_status_tells_of_the_last_import(shop: Command) -> None:
    last = shop("status", "--json").json["last_import"]
    assert (last["status"], last["created"], Path(last["source"]).name) == ("done", 12, "feed.csv")
    assert "feed.csv: done, 12 created" in shop("status").out


def test_status_names_the_process_of_a_running_import_and_calls_it_no_error(shop: Command, home: Path) -> None:
    with Database(f"sqlite:///{home / 'catalogue.db'}") as database, record_run(database, "running.csv"):
        last = shop("status", "--json").json["last_import"]
        assert (last["status"], last["error"]) == ("running", "")
        assert f"running.csv: running (by process {last['holder']})" in shop("status").out


def test_status_does_not_count_what_a_killed_import_did(shop: Command, home: Path) -> None:
    _execute(home, "UPDATE import_run SET status = 'running', holder = 'elsewhere-1-abc', created = 0")
    assert shop("status", "--json").json["last_import"]["created"] is None
    assert "running.csv: running (by process elsewhere-1-abc), counts unknown" in shop("status").out
    _execute(home, "UPDATE import_run SET status = 'done', holder = '', created = 12")


def test_what_is_no_utf_8_is_a_file_as_any_other_and_a_sku_that_is_not_there(shop: Command, home: Path) -> None:
    feed = _write(home / os.fsdecode(b"caf\xe9.csv"), "sku,title", [("cafe", "Coffee cup")])
    assert "1 created" in shop("ingest", feed).out
    assert "caf" in shop("status").out
    assert shop("queue", "retry", os.fsdecode(b"S\xe9"), "--json").json == {"retried": 0}


def test_a_list_is_no_longer_than_a_database_can_count(recommender: Command) -> None:
    assert "--limit" in recommender("queue", "failed", "--limit", 99999999999999999999, code=2).err


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_stream_that_was_closed_keeps_no_work_from_being_done(
    closed: str, home: Path, tmp_path: Path, exported_model: Path
) -> None:
    _write(tmp_path / "feed.csv", "sku,title", [("a", "Boot"), ("b", "Shoe")])
    _as_shell(f"ingest feed.csv {closed}", tmp_path, exported_model)
    assert _waiting(tmp_path) == 0


def test_a_reader_that_went_away_does_not_keep_the_index_from_being_filled(
    tmp_path: Path, exported_model: Path
) -> None:
    _write(tmp_path / "feed.csv", "sku,title", [("a", "Boot"), ("b", "Shoe")])
    reading, writing = os.pipe()
    os.close(reading)
    _as_shell("ingest feed.csv", tmp_path, exported_model, stdout=writing)
    os.close(writing)
    assert _waiting(tmp_path) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_an_answer_that_finds_the_disk_full_ends_with_what_to_do(home: Path) -> None:
    environment = os.environ | {"RECOMMENDER_HOME": str(home)}
    command = [sys.executable, "-m", "recommender", "status"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 5
    assert "free some space" in ended.stderr


def test_an_import_that_is_told_to_stop_leaves_no_file_behind(home: Path, tmp_path: Path) -> None:
    environment = os.environ | {"RECOMMENDER_HOME": str(home), "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "recommender", "ingest", "-"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as importing:
        wait_until(lambda: any(tmp_path.glob("recommender-feed-*")))
        importing.send_signal(signal.SIGTERM)
        assert importing.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert list(tmp_path.glob("recommender-feed-*")) == []


def _as_shell(arguments: str, folder: Path, model: Path, stdout: int | None = None) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}
    environment = kept | {"RECOMMENDER_MODEL": str(model), "HF_HUB_OFFLINE": "1"}
    command = f"{sys.executable} -m recommender {arguments}"
    subprocess.run(command, shell=True, cwd=folder, env=environment, stdout=stdout, timeout=PATIENCE_S, check=False)


def _waiting(folder: Path) -> int:
    with closing(sqlite3.connect(folder / ".recommender" / "catalogue.db")) as connection:
        (live,) = connection.execute("SELECT count(*) FROM live").fetchone()
        (waiting,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
    return int(waiting) if live else -1


def test_every_answer_has_a_json_form(shop: Command) -> None:
    live = shop("status", "--json").json
    assert shop("models", "show", live["model"], "--json").json["name"] == live["model"]
    promoted = shop("models", "promote", live["model"], "--json").json
    assert promoted == {"live": {"model": live["model"], "generation": live["generation"]}, "built": False}
    assert shop("index", "optimize", "--json").json == {"optimized": live["generation"]}


def test_verify_reports_what_a_repair_could_not_reach(shop: Command, home: Path) -> None:
    _execute(home, "UPDATE product SET revision = revision + 1 WHERE sku IN ('boot-1', 'boot-2')")
    _execute(
        home,
        "INSERT INTO outbox VALUES"
        " ('boot-1', 2, '2026-01-01', '2026-01-01', 'elsewhere-1-a', datetime('now', '+5 minutes'), 0, 0, '')",
    )
    done = shop("index", "verify", "--repair", "--json", code=1).json
    assert (done["stale"], done["repaired"], done["clean"]) == (["boot-1"], 1, False)
    _execute(home, "UPDATE outbox SET lease_owner = '', lease_until = NULL")
    assert shop("index", "verify", "--repair", "--json").json["clean"]


def test_failed_changes_are_listed_whether_put_aside_or_put_off(shop: Command, home: Path) -> None:
    _execute(
        home,
        "INSERT INTO outbox VALUES ('aside', 1, '2026-01-01', '2026-01-01', '', NULL, 5, 1, 'engine said no'),"
        " ('off', 1, '2026-01-01', '2999-01-01', '', NULL, 1, 0, 'engine said later')",
    )
    failed = {row["sku"]: row for row in shop("queue", "failed", "--json").json["failed"]}
    assert (failed["aside"]["parked"], failed["aside"]["next_try"]) == (True, None)
    assert (failed["off"]["parked"], failed["off"]["attempts"]) == (False, 1)
    assert failed["off"]["next_try"].startswith("2999-01-01")
    assert "engine said later" in shop("queue", "failed").out
    assert len(shop("queue", "failed", "--limit", "1", "--json").json["failed"]) == 1
    _execute(home, "DELETE FROM outbox")


def test_searches_and_pairs_are_measured_in_one_run(shop: Command, tmp_path: Path) -> None:
    arguments = (
        *("--queries", _write(tmp_path / "queries.csv", "query_id,query", [("1", "boot number 3")])),
        *("--qrels", _write(tmp_path / "qrels.csv", "query_id,sku,grade", [("1", "boot-3", "2")])),
        *("--pairs", _write(tmp_path / "pairs.csv", "sku_a,sku_b", [("boot-1", "boot-2"), ("boot-1", "gone")])),
    )
    search, pairs = shop("evaluate", *arguments, "--mode", "lexical", "--json").json["reports"]
    assert "ndcg@10" in search["metrics"]
    assert "hit@1" in pairs["metrics"]
    assert (search["left_out"], pairs["left_out"]) == (0, 1)
    assert search["encoder"] == pairs["encoder"] != ""
    done = shop("evaluate", *arguments, "--mode", "lexical")
    assert "1 left out" in done.out
    assert "ndcg@10" in done.out
    assert "hit@1" in done.out


def test_whoever_revokes_the_last_key_is_told_that_nothing_is_open_now(recommender: Command) -> None:
    recommender("keys", "create", "one", "--scope", "read")
    recommender("keys", "create", "other", "--scope", "write")
    assert "no key is left" not in recommender("keys", "revoke", "one").err
    assert "the service answers nobody" in recommender("keys", "revoke", "other").err


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (("queue", "status"), "waiting "),
        (("queue", "failed"), "nothing has failed"),
        (("queue", "retry"), "queued again"),
        (("rules", "list"), "there are no rules"),
        (("index", "verify"), "index and catalogue agree"),
        (("index", "status"), "live"),
        (("index", "optimize"), "optimised"),
        (("models", "list"), "tiny"),
        (("keys", "list"), "scope"),
        (("status",), "products"),
        (("doctor",), "ok"),
    ],
)
def test_an_answer_goes_to_stdout_and_progress_does_not(shop: Command, arguments: tuple[str, ...], answer: str) -> None:
    done = shop(*arguments)
    assert answer in done.out
    assert answer not in done.err


def test_debug_shows_the_traceback_before_and_behind_the_name_of_a_command(recommender: Command) -> None:
    plain = recommender("models", "show", "absent", code=3).err
    assert plain.startswith("error: no model is named 'absent'")
    assert "Traceback" not in plain
    for arguments in (("--debug", "models", "show", "absent"), ("models", "show", "absent", "--debug")):
        assert "Traceback" in recommender(*arguments, code=3).err


def test_what_follows_two_dashes_is_no_option(shop: Command) -> None:
    found = shop("search", "--json", "--", "--debug").json
    assert found["query"] == "--debug"


def test_an_index_that_is_lost_is_told(shop: Command, home: Path) -> None:
    (row,) = [each for each in shop("index", "status", "--json").json["generations"] if each["live"]]
    (home / "index" / row["generation"]).rename(home / "aside")
    done = shop("index", "status")
    assert "absent" in done.out
    assert row["generation"] in done.err
    (home / "aside").rename(home / "index" / row["generation"])


def test_groups_are_proposed_with_a_report_and_taken_on_when_told(recommender: Command, home: Path) -> None:
    rows = [(f"ridge-{colour}", f"Ridge gaiter {colour}", "Gaiters") for colour in ("red", "blue")]
    recommender("ingest", _write(home / "colours.csv", "sku,title,category", rows), "--queue-only")
    proposed = recommender("groups", "propose", "--report", home / "groups.csv", "--json").json
    (group,) = [each for each in proposed["groups"] if "Gaiters" in each["category"]]
    assert sorted(each["differs"] for each in group["variants"]) == ["blue", "red"]
    assert proposed["applied"] is None
    with (home / "groups.csv").open(encoding="utf-8", newline="") as file:
        assert {row["sku"] for row in csv.DictReader(file)} >= {"ridge-red", "ridge-blue"}
    assert "[red]" in recommender("groups", "propose").out
    assert recommender("groups", "propose", "--apply", "--json").json["applied"] >= 2
    assert "ridge-red" not in recommender("groups", "propose").out
    assert "named .pdf" in recommender("groups", "propose", "--report", home / "groups.pdf", code=2).err


def test_a_table_of_prices_is_taken_in_as_what_changes(shop: Command, home: Path) -> None:
    shop("worker", "--once")  # what other tests queued
    prices = _write(home / "prices.csv", "sku,price", [("boot-1", "19.99"), ("never-was", "5")])
    done = shop("ingest", prices, "--partial", "--json").json
    assert (done["imports"][0]["updated"], done["imports"][0]["unknown"]) == (1, 1)
    assert (done["index"]["encoded"], done["index"]["payloads"]) == (0, 1)
    assert "1 SKUs are not in the shop, the first 'never-was'" in shop("ingest", prices, "--partial").out
    assert "leave one out" in shop("ingest", prices, "--partial", "--full", code=2).err
