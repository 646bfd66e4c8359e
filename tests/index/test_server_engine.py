"""What only the server engine must stand: a server that is away, or answers with an error."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar
from uuid import UUID

import pytest
from support.patience import PATIENCE_S
from support.points import DIMENSION, by_sku, point_of, unit, words
from typer.testing import CliRunner

from recommender.application.composition import open_application
from recommender.cli.app import app
from recommender.database.tables import ModelRow
from recommender.errors import BadInput, RecommenderError, Unavailable, public_message
from recommender.index.audit import audit
from recommender.index.protocol import IndexQuery
from recommender.index.server.engine import CollectionLayout, ServerEngine, connect
from recommender.jobs.diagnose import Checks
from recommender.jobs.rebuild import ensure_live
from recommender.models.manifest import Manifest
from recommender.query import Filters
from recommender.types import JsonObject, Product, Quantization, silent


class _Answer(BaseHTTPRequestHandler):
    """A server that has one answer to everything, which is set on the class."""

    status = 500
    body = b""
    more: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(self.status)
        for name, value in (self.more | {"Content-Length": str(len(self.body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.body)

    do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815 - the base class names them so

    def log_message(self, *_: object) -> None:
        pass


def _error(said: str) -> bytes:
    return json.dumps({"status": {"error": said}, "time": 0.0}).encode()


@contextmanager
def _answering(
    status: int, body: bytes = _error("said\nso"), headers: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    handler = type("Answer", (_Answer,), {"status": status, "body": body, "more": dict(headers)})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_an_error_of_the_server_is_one_line_that_names_it(status: int) -> None:
    with _answering(status) as url:
        engine = connect(url)
        with pytest.raises(Unavailable) as caught:
            engine.names()
        engine.close()
    message = str(caught.value)
    assert url in message
    assert url not in public_message(caught.value)
    assert "\n" not in message
    assert ("QDRANT_API_KEY" in message) == (status in (401, 403))
    assert ("said" in message) == (status != 401)  # what a key may not do is in the answer


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"{}", b'{"result": []}'])
def test_what_no_qdrant_server_answers_is_one_line_that_says_so(body: bytes) -> None:
    with _answering(200, body) as url:
        engine = connect(url)
        for ask in (engine.names, lambda: engine.open("g0001")):
            with pytest.raises(
                Unavailable, match=f"{url} does not answer as a Qdrant server does .*QDRANT_URL"
            ) as caught:
                ask()
            assert "\n" not in str(caught.value)
        engine.close()


@pytest.mark.parametrize("wait", ["3", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_server_that_limits_requests_is_not_available(wait: str) -> None:
    with _answering(429, headers={"Retry-After": wait}) as url:
        engine = connect(url)
        with pytest.raises(Unavailable, match="takes no more requests for now"):
            engine.names()
        engine.close()


def test_a_node_of_a_cluster_that_is_away_is_said_with_what_keeps_queries_going() -> None:
    said = "Service internal error: Tonic status error: status: Unavailable, message: tcp connect error"
    with _answering(500, _error(said)) as url:
        engine = connect(url)
        with pytest.raises(Unavailable, match="a node of the cluster does not answer") as caught:
            engine.names()
        engine.close()
    assert "RECOMMENDER_QDRANT_REPLICAS=2" in str(caught.value)


def test_a_server_that_is_away_is_named_without_secrets() -> None:
    engine = connect("http://someone:secret@127.0.0.1:1", api_key="key-123")
    with pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:1 does not answer.*QDRANT_URL") as caught:
        engine.open("g0001")
    assert "secret" not in str(caught.value)
    assert "key-123" not in str(caught.value)
    engine.close()


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6333", "http://", "nonsense", "ftp://host", "http://host:port", "http://host:99999", "http://[::1",
        "http://host name", "",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_server_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(BadInput, match="http://localhost:6333"):
        connect(url)


@pytest.mark.parametrize("key", ["“key-123”", "clé-123", "key\n123"])
def test_what_is_no_key_is_refused_without_naming_it(key: str) -> None:
    with pytest.raises(BadInput, match="QDRANT_API_KEY") as caught:
        connect("http://127.0.0.1:1", key)
    assert "123" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://127.0.0.1:1\n", "http://127.0.0.1:1 "),
        (" http://[::1]:1 ", "http://[::1]:1 "),
        ("https://127.0.0.1", "https://127.0.0.1:6333 "),
    ],
)
def test_blanks_around_settings_are_no_part_of_them_and_the_port_that_is_asked_is_named(url: str, named: str) -> None:
    with closing(connect(url, " key-123\n")) as engine, pytest.raises(Unavailable) as caught:
        engine.names()
    assert named in str(caught.value)


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


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
@pytest.mark.parametrize(
    ("identity", "payload"),
    [(5, {"foo": 1}), (5, {}), (str(UUID(int=5)), {"foo": 1}), (str(UUID(int=5)), {"sku": "lamp"})],
)
def test_points_that_others_wrote_are_in_no_answer_and_can_be_removed(
    identity: int | str, payload: dict[str, object]
) -> None:
    from qdrant_client import QdrantClient, models

    with closing(QdrantClient(":memory:")) as client:
        index = ServerEngine(client).create("g0001", DIMENSION)
        index.upsert([point_of(Product(f"p{seed}", "A lamp"), unit(seed), words(seed)) for seed in range(3)])
        vectors = {"dense": unit(1).tolist(), "lexical": models.SparseVector(indices=[1], values=[9.0])}
        client.upsert("recommender_g0001", [models.PointStruct(id=identity, vector=vectors, payload=payload)])
        everything = IndexQuery(9, dense=unit(1), lexical=words(1))
        for query in (everything, replace(everything, dense=None), replace(everything, lexical=None)):
            assert next(iter(by_sku(index, index.query(query)))) == "p1"
        skus = {"p0", "p1", "p2"}
        assert {point.payload["sku"] for point in index.scroll(2, with_vectors=True)} == skus
        assert {point.payload["sku"] for point in index.select(Filters(), 9)} == skus
        assert audit(index)[0].recall == 1
        assert (index.count(), index.foreign(), index.foreign(remove=True)) == (4, (str(identity),), (str(identity),))
        assert (index.count(), index.foreign()) == (3, ())


@pytest.mark.parametrize("answers", [[], [{"points": []}], [{"points": []}] * 5])
def test_too_few_answers_or_too_many_to_a_batch_of_searches_are_not_those_of_a_server(answers: list[object]) -> None:
    with _serving(answers=answers) as (url, _), closing(connect(url)) as engine:
        index = engine.create("g0001", DIMENSION)
        with pytest.raises(Unavailable, match=r"does not answer as a Qdrant server does.*answers to 3 searches"):
            index.query(IndexQuery(9, dense=unit(1), lexical=words(1)))


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
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    names, complaint = done.stdout.splitlines()
    assert names == "[]"
    assert "pip install 'recommender[server]'" in complaint


class _Collection(BaseHTTPRequestHandler):
    """A server with one collection, which needs a second look to be green; it notes what is asked of it."""

    version = "1.19.1"
    asked: ClassVar[list[tuple[str, str, JsonObject]]] = []
    answers: ClassVar[list[object]] = []
    status: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or "{}")
        self.asked.append((self.command, self.path, body))
        answer: JsonObject = {"result": True, "status": "ok", "time": 0.0}
        if self.path == "/":
            answer = {"title": "qdrant", "version": self.version}
        elif self.path == "/collections":
            answer["result"] = {"collections": [{"name": name} for name in self.names()]}
        elif "/points/count" in self.path:
            answer["result"] = {"count": 0}
        elif "/points/query/batch" in self.path:
            answer["result"] = self.answers
        elif self.path.endswith("/cluster"):
            answer["result"] = self.cluster()
        elif self.path.endswith("/exists"):
            answer["result"] = {"exists": True}
        elif self.command == "GET":
            answer["result"] = self.collection()
        elif self.path.partition("?")[0].endswith("/index"):
            answer["result"] = {"operation_id": 1, "status": "completed"}
        elif self.command == "PATCH":
            self.status[:] = ["yellow", "green"]
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def cluster(self) -> JsonObject:
        """Every copy that is wanted, but of the last shard only one that answers."""
        params = self.collection()["config"]["params"]
        last = params.get("shard_number", 1) - 1
        copies = [(shard, peer) for shard in range(last + 1) for peer in range(params["replication_factor"])]
        remote = [
            {"shard_id": shard, "peer_id": peer, "state": "Dead" if shard == last else "Active"}
            for shard, peer in copies
            if peer
        ]
        local = [{"shard_id": shard, "points_count": 0, "state": "Active"} for shard, peer in copies if not peer]
        shards = {"local_shards": local, "remote_shards": remote, "shard_transfers": []}
        return {"peer_id": 0, "shard_count": last + 1} | shards

    def names(self) -> list[str]:
        return [path.rpartition("/")[2] for command, path, _ in self.asked if command == "PUT" and path.count("/") == 2]

    def collection(self) -> JsonObject:
        made = next(body for command, path, body in self.asked if command == "PUT" and path.startswith("/collections/"))
        threshold = 10_000 if any(command == "PATCH" for command, _, _ in self.asked) else 0
        optimizers = {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0}
        return {
            "status": self.status.pop(0) if self.status else "green",
            "optimizer_status": "ok",
            "segments_count": 1,
            "payload_schema": {},
            "config": {
                "params": {name: made[name] for name in made if name in ("vectors", "shard_number")}
                | {"replication_factor": made["replication_factor"]},
                "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000},
                "optimizer_config": optimizers | {"flush_interval_sec": 5, "indexing_threshold": threshold},
                "quantization_config": made.get("quantization_config"),
            },
        }

    do_PUT = do_POST = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the base class names them so

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _serving(
    version: str = "1.19.1", states: list[str] | None = None, answers: Sequence[object] = ()
) -> Iterator[tuple[str, list[tuple[str, str, JsonObject]]]]:
    """Serve; `states` are those that the collection has in turn before it is green, `answers` those to any searches."""
    status = [] if states is None else states
    own = {"version": version, "asked": [], "status": status, "answers": list(answers)}
    handler = type("Collection", (_Collection,), own)
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", handler.asked
        finally:
            server.shutdown()
            thread.join()


def test_a_new_collection_is_laid_out_as_set_and_says_so() -> None:
    layout = CollectionLayout(shards=3, replicas=2, write_consistency=2, quantization=Quantization.INT8)
    with _serving() as (url, asked):
        engine = connect(url, layout=layout)
        engine.create("g0001", 4)
        said = engine.layout("g0001")
        engine.close()
    made = next(body for command, path, body in asked if (command, path) == ("PUT", "/collections/recommender_g0001"))
    assert (made["shard_number"], made["replication_factor"], made["write_consistency_factor"]) == (3, 2, 2)
    assert made["vectors"]["dense"]["on_disk"] is True  # what is rescored need not be in memory
    assert made["quantization_config"]["scalar"]["type"] == "int8"
    assert (said["shards"], said["quantization"], said["status"]) == (3, "int8", "green")
    assert (said["replicas"], said["active_replicas"]) == (2, 1)


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        (None, "none"),
        ({"scalar": {"type": "int8"}}, "int8"),
        ({"binary": {}}, "binary"),
        ({"product": {"compression": "x16"}}, "product"),  # which somebody set on the server
    ],
)
def test_the_quantisation_of_a_collection_is_named_whoever_set_it(kept: JsonObject | None, said: str) -> None:
    with _serving() as (url, asked):
        engine = connect(url)
        engine.create("g0001", 4)
        for command, path, body in asked:
            if command == "PUT" and path.startswith("/collections/"):
                body["quantization_config"] = kept
        assert engine.layout("g0001")["quantization"] == said
        engine.close()


def test_index_status_shows_how_the_server_keeps_a_generation(tmp_path: Path) -> None:
    with _serving() as (url, _):
        with open_application(home=tmp_path, qdrant_url=url, qdrant_shards=3, qdrant_replicas=2) as application:
            with application.database.writing() as session:
                session.add(ModelRow(name="base", base="a-base", fingerprint="f" * 64, dimension=4))
            generation = application.generations.start(1, "f" * 64, 4)
            application.create_index(generation)
            application.generations.ready(generation)
            application.generations.switch(generation)
            with pytest.raises(RecommenderError, match="only 1 of 2 copies are active; start the nodes"):
                Checks(application, silent).index()
        run = CliRunner().invoke(
            app, ["index", "status", "--json"], env={"RECOMMENDER_HOME": str(tmp_path), "QDRANT_URL": url}
        )
    assert run.exit_code == 0, run.output
    (found,) = json.loads(run.stdout)["generations"]
    assert found["points"] == 0
    assert (found["layout"]["status"], found["layout"]["shards"], found["layout"]["replicas"]) == ("green", 3, 2)


def test_graphs_of_a_new_collection_wait_for_the_end_of_the_load_and_the_switch_for_them() -> None:
    with _serving() as (url, asked):
        engine = connect(url)
        index = engine.create("g0001", 4)
        made = next(body for command, path, body in asked if command == "PUT" and "index" not in path)
        assert made["optimizers_config"]["indexing_threshold"] == 0
        index.optimize()
        before = len(asked)
        states = [path for command, path, _ in asked[-3:] if command == "GET"]
        index.optimize()
        engine.close()
    assert [body["optimizers_config"]["indexing_threshold"] > 0 for command, _, body in asked if command == "PATCH"]
    assert len(states) == 2  # yellow, then green
    assert len(asked) == before + 1  # later the server builds by itself, and nobody waits


def test_a_build_that_was_cut_off_is_waited_for_and_one_that_failed_is_told() -> None:
    states: list[str] = []
    with _serving(states=states) as (url, asked):
        engine = connect(url)
        index = engine.create("g0001", 4)
        index.optimize()
        states[:] = ["yellow", "green"]
        before = len(asked)
        index.optimize()
        assert [command for command, _, _ in asked[before:]] == ["GET", "GET"]
        states[:] = ["grey"]  # the server was started again, and does nothing until it is told something
        index.optimize()
        assert sum(command == "PATCH" for command, _, _ in asked) == 2
        states[:] = ["yellow", "grey"]  # as above, but while it is waited for
        index.optimize()
        assert sum(command == "PATCH" for command, _, _ in asked) == 3
        states[:] = ["yellow", "red"]
        with pytest.raises(Unavailable, match="can't build the graphs of recommender_g0001; see its log"):
            index.optimize()
        engine.close()


def test_the_server_builds_graphs_while_a_first_generation_is_filled(tmp_path: Path, tiny_model: Path) -> None:
    with (
        _serving() as (url, asked),
        open_application(home=tmp_path, qdrant_url=url, model="base", encoder="onnx") as application,
    ):
        manifest = Manifest.create(tiny_model, name="base", base="a-base", kind="base")
        application.registry.register(tiny_model, manifest, copy=True)
        assert ensure_live(application).name == application.generations.require_live().name
    (told,) = (body for command, _, body in asked if command == "PATCH")
    assert told["optimizers_config"]["indexing_threshold"] > 0


@pytest.mark.parametrize("version", ["1.16.3", "0.11.9", "unknown", ""])
def test_a_server_that_is_too_old_is_refused_before_anything_is_made_or_read(version: str) -> None:
    with _serving(version) as (url, asked):
        engine = connect(url)
        for refused in (lambda: engine.create("g0001", 4), lambda: engine.open("g0001")):
            with pytest.raises(BadInput, match=rf"Qdrant {version}; upgrade it to 1\.17"):
                refused()
        engine.close()
    assert {command for command, _, _ in asked} == {"GET"}


def test_a_key_without_tls_is_no_warning_of_the_client(recwarn: pytest.WarningsRecorder) -> None:
    connect("http://127.0.0.1:1", api_key="key-123").close()
    assert not recwarn.list


@pytest.mark.parametrize(
    ("version", "fine", "said"),
    [
        ("1.19.1", True, "1.19.1; the API key travels without TLS"),
        ("v1.20-rc1", True, "v1.20-rc1; the API key"),
        ("1.16.3", False, "upgrade it to 1.17"),
    ],
)
def test_doctor_tells_of_a_server_that_is_too_old_and_of_a_key_without_tls(
    tmp_path: Path, version: str, fine: bool, said: str
) -> None:
    with _serving(version) as (url, _):
        environment = {"RECOMMENDER_HOME": str(tmp_path), "QDRANT_URL": url, "QDRANT_API_KEY": "key-123"}
        run = CliRunner().invoke(app, ["doctor", "--json"], env=environment)
    (found,) = (each for each in json.loads(run.stdout)["findings"] if each["check"] == "engine")
    assert found["ok"] is fine
    assert said in found["detail"]
    assert "key-123" not in run.output
