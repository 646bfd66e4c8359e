"""What only the server engine must stand: a server that is away, or answers with an error."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from recommender.errors import BadInput, NotFound, Unavailable
from recommender.index.server.engine import ServerEngine, connect


class _Answer(BaseHTTPRequestHandler):
    """A server that has one answer to everything: the status that its path starts with is set on the class."""

    status = 500

    def do_GET(self) -> None:
        body = json.dumps({"status": {"error": "said\nso"}, "time": 0.0}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the base class names them so

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(params=[401, 403, 404, 500, 503])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, str]]:
    handler = type("Answer", (_Answer,), {"status": request.param})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield request.param, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_error_of_the_server_is_one_line_that_names_it(answering: tuple[int, str]) -> None:
    status, url = answering
    engine = connect(url)
    with pytest.raises(NotFound if status == 404 else Unavailable) as caught:
        engine.names()
    engine.close()
    message = str(caught.value)
    assert url in message
    assert "\n" not in message
    assert ("QDRANT_API_KEY" in message) == (status in (401, 403))


@pytest.mark.filterwarnings("ignore:Api key is used with an insecure connection")
def test_a_server_that_is_away_is_named_without_secrets() -> None:
    engine = connect("http://someone:secret@127.0.0.1:1", api_key="key-123")
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:1 does not answer.*QDRANT_URL") as caught:
        engine.open("g0001")
    assert "secret" not in str(caught.value)
    assert "key-123" not in str(caught.value)
    engine.close()


@pytest.mark.parametrize(
    "url",
    ["localhost:6333", "http://", "nonsense", "ftp://host", "http://host:port", "http://host:99999", "http://[::1"],
)
def test_what_is_no_url_of_a_server_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(BadInput, match="http://localhost:6333"):
        connect(url)


def test_engines_with_different_prefixes_do_not_see_each_other() -> None:
    from qdrant_client import QdrantClient

    client = QdrantClient(":memory:")
    ours, theirs = ServerEngine(client, "shop"), ServerEngine(client, "other")
    ours.create("g0001", 4)
    assert (ours.names(), theirs.names()) == (["g0001"], [])
    theirs.drop("g0001")
    assert ours.names() == ["g0001"]
    client.close()


def test_a_collection_of_somebody_else_is_not_taken_for_ours() -> None:
    from qdrant_client import QdrantClient, models

    client = QdrantClient(":memory:")
    client.create_collection("shop_g1", vectors_config=models.VectorParams(size=4, distance=models.Distance.DOT))
    with pytest.raises(BadInput, match="RECOMMENDER_COLLECTION_PREFIX"):
        ServerEngine(client, "shop").open("g1")
    client.close()


def test_without_the_client_a_server_is_refused_with_the_command_that_installs_it(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules['qdrant_client'] = None\n"  # as where it is not installed
        "from recommender.application.composition import open_application\n"
        "from recommender.errors import MissingExtra\n"
        "with open_application(home=sys.argv[1]) as application:\n"
        "    print(application.engine.names())\n"  # the embedded engine does without
        "with open_application(home=sys.argv[1], qdrant_url='http://localhost:6333') as application:\n"
        "    try: application.engine\n"
        "    except MissingExtra as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    names, complaint = done.stdout.splitlines()
    assert names == "[]"
    assert "pip install 'recommender[server]'" in complaint
