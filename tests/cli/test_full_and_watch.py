"""Full feeds, dry runs and a watched folder, as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from support.patience import PATIENCE_S, wait_until

Command = Callable[..., Any]


def _feed(path: Path, rows: int, title: str = "Leather boot number") -> Path:
    lines = (f"boot-{number},{title} {number},Shoes > Boots,{number}.50\n" for number in range(rows))
    path.write_text("sku,title,category,price\n" + "".join(lines), encoding="utf-8")
    return path


def _one(home: Path, query: str) -> Any:
    with closing(sqlite3.connect(home / "catalogue.db")) as connection:
        return connection.execute(query).fetchone()[0]


def test_a_full_feed_that_lacks_too_much_is_told_by_a_dry_run_refused_and_can_be_forced(
    recommender: Command, home: Path
) -> None:
    recommender("ingest", _feed(home / "all.csv", 60), "--queue-only")
    few = _feed(home / "few.csv", 36, title="Suede boot")
    dry = recommender("ingest", few, "--full", "--dry-run", "--json").json
    assert (dry["dry_run"], dry["imports"][0]["updated"], dry["imports"][0]["to_encode"]) == (True, 36, 36)
    assert (dry["full"]["missing"], dry["full"]["deactivated"]) == (24, 0)
    assert "40.0%" in dry["full"]["refused"]
    assert (_one(home, "SELECT count(*) FROM import_run"), _one(home, "SELECT max(revision) FROM product")) == (1, 1)

    refused = recommender("ingest", few, "--full", "--queue-only", code=6)
    assert refused.err.splitlines()[-1].startswith("error: --full: 24 of 60 active products (40.0%)")
    assert "36 updated" in refused.out
    assert _one(home, "SELECT count(*) FROM product WHERE active") == 60

    forced = recommender("ingest", few, "--full", "--force", "--queue-only", "--json").json
    assert forced["full"] == {"active": 60, "missing": 24, "deactivated": 24, "refused": ""}
    assert forced["waiting"] == 60
    assert recommender("ingest", few, "--force", code=2).err.count("\n") == 1


def test_a_worker_takes_feeds_from_a_folder_and_drains_them(recommender: Command, home: Path) -> None:
    folder = home / "feeds"
    folder.mkdir()
    _feed(folder / "good.csv", 12)
    (folder / "bad.csv").write_text("no,header\n", encoding="utf-8")
    done = recommender("worker", "--watch", folder, "--once", "--json", code=4).json
    assert {feed["feed"]: bool(feed["error"]) for feed in done["feeds"]} == {"good.csv": False, "bad.csv": True}
    assert done["applied"] > 0
    assert (folder / "done" / "good.csv").exists() and (folder / "failed" / "bad.csv.report.json").exists()
    assert recommender("worker", "--once", "--full", code=2).err.count("\n") == 1


def test_a_worker_that_is_told_to_stop_during_a_long_import_ends_soon_and_leaves_the_feed(
    tmp_path: Path, tiny_model: Path
) -> None:
    home, folder = tmp_path / "home", tmp_path / "feeds"
    folder.mkdir()
    feed = _feed(folder / "long.csv", 150_000)
    environment = os.environ | {"RECOMMENDER_HOME": str(home), "RECOMMENDER_MODEL": str(tiny_model)}
    code = "from recommender.cli.app import main; main()"
    command = [sys.executable, "-c", code, "worker", "--watch", str(folder), "--poll", "0.2"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as worker:
        try:
            wait_until(lambda: (home / "catalogue.db").exists() and _rows(home) > 0)
            worker.send_signal(signal.SIGTERM)
            told = time.monotonic()
            assert worker.wait(PATIENCE_S) == 0
        finally:
            worker.kill()
    assert time.monotonic() - told < 10
    assert feed.exists()
    assert 0 < _rows(home) < 150_000
    assert _one(home, "SELECT status FROM import_run") == "interrupted"


def test_a_worker_that_is_told_to_stop_before_the_queue_is_empty_says_what_it_did_and_that_it_was_stopped(
    recommender: Command, home: Path, tiny_model: Path
) -> None:
    recommender("ingest", _feed(home / "many.csv", 20_000), "--queue-only")
    queued = _rows(home, "outbox")
    environment = os.environ | {"RECOMMENDER_HOME": str(home), "RECOMMENDER_MODEL": str(tiny_model)}
    command = [sys.executable, "-c", "from recommender.cli.app import main; main()", "worker", "--once", "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as worker:
        try:
            wait_until(lambda: _rows(home, "outbox") < queued)
            worker.send_signal(signal.SIGTERM)
            out, _ = worker.communicate(timeout=PATIENCE_S)
        finally:
            worker.kill()
    assert worker.returncode == 128 + signal.SIGTERM
    assert json.loads(out)["applied"] + _rows(home, "outbox") == queued


def _rows(home: Path, table: str = "product") -> int:
    try:
        return int(_one(home, f"SELECT count(*) FROM {table}"))
    except sqlite3.OperationalError:
        return 0  # the tables are not there yet
