"""`recommender serve` and `recommender keys` as processes, as an operator runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from support.patience import PATIENCE_S, wait_until

COMMAND = [sys.executable, "-c", "from recommender.cli.app import main; main()"]
READY = "recommender serves "


def _environment(home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RECOMMENDER_", "QDRANT_"))}
    return kept | {"RECOMMENDER_HOME": str(home), "RECOMMENDER_ENCODER": "onnx", "HF_HUB_OFFLINE": "1"} | more


def _run(home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=_environment(home, **more),
        cwd=home.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def _get(url: str, **how: Any) -> httpx.Response:
    return httpx.get(url, timeout=PATIENCE_S, **how)


@contextmanager
def _served(home: Path, *arguments: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start a service, wait until it answers, and give its process and address."""
    log = (home / "log").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0", *arguments],
        env=_environment(home, **more),
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(READY), (home / "log").read_text()
        yield process, line.removeprefix(READY).strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
        log.close()


def test_a_service_says_where_it_is_answers_and_ends_in_good_order_with_a_request_in_hand(home: Path) -> None:
    with _served(home) as (process, url), httpx.Client(timeout=PATIENCE_S) as client:
        said = json.loads((home / "service.json").read_text())
        assert (said["url"], said["pid"]) == (url, process.pid)
        assert stat.S_IMODE((home / "service.json").stat().st_mode) == 0o600
        assert _get(f"{url}/readyz").status_code == 200
        batch = {"upsert": [{"sku": f"many-{n}", "title": f"Boot {n}"} for n in range(900)]}
        replies: list[httpx.Response] = []
        asking = Thread(target=lambda: replies.append(client.post(f"{url}/v1/products:batch", json=batch)))
        asking.start()
        while "requests_in_flight 2.0" not in client.get(f"{url}/metrics").text and not replies:
            pass  # until the service has it in hand, beside the request for this figure
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
        asking.join()
        assert [reply.status_code for reply in replies] == [200], "a request in hand is finished"
        assert not (home / "service.json").exists()
        lines = [json.loads(line) for line in (home / "log").read_text().splitlines()]
        assert {"route": "/v1/products:batch", "status": 200}.items() <= lines[-1].items() or any(
            line.get("route") == "/v1/products:batch" and line["status"] == 200 for line in lines
        )
    with _served(home) as (_, url):
        assert _get(f"{url}/v1/products/many-899").status_code == 200, "what was acknowledged is there"


def test_a_port_in_use_and_an_index_in_use_are_told_in_one_line(home: Path) -> None:
    with _served(home) as (_, url):
        port = url.rsplit(":", 1)[1]
        taken = _run(home, "serve", "--port", port)
        assert (taken.returncode, taken.stdout) == (5, "")
        assert taken.stderr.strip().splitlines()[-1].startswith(f"error: port {port} of 127.0.0.1 is in use")
        second = _run(home, "serve", "--port", "0")
        assert (second.returncode, second.stdout) == (5, "")
        assert f"a service of this home is already running, at {url};" in second.stderr
        assert json.loads((home / "service.json").read_text())["url"] == url, "the first one is still announced"


def test_a_backup_beside_a_service_holds_its_index_and_leaves_nothing_behind(home: Path, tmp_path: Path) -> None:
    saved, other = tmp_path / "shop.tar", tmp_path / "other"
    with _served(home) as (_, url):
        made = _run(home, "backup", str(saved), "--json")
        assert made.returncode == 0, made.stderr
        products = _get(f"{url}/v1/status").json()["products"]
        assert json.loads(made.stdout)["index"]["points"] == products
        assert list((home / "copies").iterdir()) == []
        assert _get(f"{url}/readyz").status_code == 200
    assert _run(other, "restore", str(saved)).returncode == 0
    verified = _run(other, "index", "verify", "--json")
    assert verified.returncode == 0, verified.stdout


def test_a_service_that_gives_no_copy_is_told_with_the_way_out(home: Path, tmp_path: Path) -> None:
    with _served(home) as (_, url):
        (home / "copies").write_text("in the way")
        refused = _run(home, "backup", str(tmp_path / "shop.tar"))
        (home / "copies").unlink()
        assert (refused.returncode, refused.stdout) == (5, "")
        told = refused.stderr.strip().splitlines()[-1]
        assert url in told
        assert "--without-index" in told
        made = _run(home, "backup", str(tmp_path / "shop.tar"), "--without-index", "--json")
        assert json.loads(made.stdout)["index"] is None


def test_beyond_this_machine_a_service_wants_a_key_that_is_made_shown_once_and_revoked_while_it_runs(
    home: Path,
) -> None:
    refused = _run(home, "serve", "--host", "0.0.0.0", "--port", "0")
    assert refused.returncode == 6
    assert "recommender keys create" in refused.stderr
    made = _run(home, "keys", "create", "shop", "--scope", "read")
    key = made.stdout.strip()
    assert key.startswith("rk_")
    listed = _run(home, "keys", "list", "--json")
    assert json.loads(listed.stdout)["keys"][0]["name"] == "shop"
    assert key.rsplit("_", 1)[1] not in listed.stdout
    with _served(home, "--host", "0.0.0.0") as (_, url):
        asked = {"authorization": f"Bearer {key}"}
        assert _get(f"{url}/v1/status").status_code == 401
        assert _get(f"{url}/v1/status", headers=asked).status_code == 200
        token = json.loads((home / "service.json").read_text())["token"]
        assert _get(f"{url}/v1/status", headers={"authorization": f"Bearer {token}"}).status_code == 200
        assert _run(home, "keys", "revoke", "shop").returncode == 0
        time.sleep(1.0)
        assert _get(f"{url}/v1/status", headers=asked).status_code == 401


def test_several_workers_want_a_server_engine(home: Path) -> None:
    refused = _run(home, "serve", "--workers", "2")
    assert refused.returncode == 2
    assert "QDRANT_URL" in refused.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_service_that_lacks_what_it_needs_ends_and_says_so(home: Path, tmp_path: Path, workers: str) -> None:
    (tmp_path / "mcp.py").write_text("raise ModuleNotFoundError('not installed')")
    more = {"PYTHONPATH": str(tmp_path), "RECOMMENDER_MCP": "true", "QDRANT_URL": "http://127.0.0.1:9"}
    ended = _run(home, "serve", "--port", "0", "--workers", workers, **more)
    assert (ended.returncode, ended.stdout) == (5, "")
    assert "pip install 'recommender[mcp]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_several_workers_start_and_take_writes_while_their_engine_is_away(home: Path) -> None:
    with _served(home, "--workers", "2", QDRANT_URL="http://127.0.0.1:9") as (process, url):
        reply = _get(f"{url}/v1/search?q=shirt")
        assert (reply.status_code, reply.headers["content-type"]) == (503, "application/problem+json")
        assert _get(f"{url}/livez").status_code == 200
        assert _get(f"{url}/readyz").status_code == 503
        assert httpx.put(f"{url}/v1/products/kept", json={"title": "Kept"}, timeout=PATIENCE_S).status_code == 201
        assert _get(f"{url}/v1/status").json()["waiting"] == 1
        for _ in range(20):  # on connections of their own, which either process may take
            assert _get(f"{url}/livez").status_code == 200
        counted = '_count{method="GET",route="/livez",status="200"} 21.0'
        # A process counts a request when its answer is out; the other one may be asked before that.
        wait_until(lambda: counted in _get(f"{url}/metrics").text)
        scraped = {_get(f"{url}/metrics").text for _ in range(4)}
        assert all(counted in each for each in scraped)
        pattern = r"^(?:process|recommender_query_cache)_.* .*$"  # these are of one process each
        of_one = [line for each in scraped for line in re.findall(pattern, each, re.MULTILINE)]
        assert any("cpu_seconds" in line for line in of_one)
        assert [line for line in of_one if "pid=" not in line] == []
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        assert not (home / "service.json").exists()


def test_a_service_lives_while_its_engine_takes_connections_and_never_answers(home: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        _served(home, QDRANT_URL=f"http://127.0.0.1:{silent.getsockname()[1]}") as (_, url),
    ):
        assert _get(f"{url}/livez").status_code == 200
        assert "not ready" not in (home / "log").read_text(), "it waited until the engine was given up"


def test_what_lies_in_a_home_is_for_its_owner_alone(home: Path, tmp_path: Path) -> None:
    saved, new = tmp_path / "shop.tar", tmp_path / "new"
    assert _run(home, "backup", str(saved)).returncode == 0
    assert _run(new, "restore", str(saved)).returncode == 0
    open_to_others = [path for path in (saved, new, *new.rglob("*")) if path.stat().st_mode & 0o077]
    assert open_to_others == []
