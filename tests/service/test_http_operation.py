from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client.parser import text_string_to_metric_families
from service.conftest import Service, serving, settings_of
from starlette.testclient import TestClient
from support.patience import PATIENCE_S, wait_until

from recommender.api import Recommender
from recommender.application.composition import Application, ModelFolder
from recommender.catalogue.repository import Catalogue
from recommender.embedding.encoder import Encoder
from recommender.errors import Unavailable
from recommender.models.registry import RegisteredModel
from recommender.query import Answer
from recommender.service.access import Access
from recommender.service.api_keys import ApiKeys
from recommender.service.app import create_app
from recommender.service.concurrency import InlineLane, ThreadLane
from recommender.service.logs import ServiceLog
from recommender.service.operator_routes import Readiness
from recommender.service.problems import Problem
from recommender.service.request_limits import Limits
from recommender.service.tracing import observe_spans, trace_requests
from recommender.types import Scope
from recommender.version import __version__


def _figures(service: Service) -> dict[tuple[str, str], float]:
    reply = service.client.get("/metrics")
    assert reply.headers["content-type"].startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(reply.text) for sample in family.samples]
    return {(sample.name, ",".join(sorted(sample.labels.values()))): sample.value for sample in samples}


def test_a_service_without_a_live_pair_lives_and_is_not_ready(tmp_path: Path) -> None:
    with serving(Application(settings_of(tmp_path))) as opened:
        assert opened.get("/livez") == {"status": "alive"}
        reply = opened.client.get("/readyz")
        assert reply.status_code == 503
        assert "ingest" in reply.json()["detail"]
        assert opened.client.get("/v1/search?q=x").status_code == 503


def test_a_service_with_a_live_pair_is_ready_and_names_it(service: Service) -> None:
    status = service.get("/v1/status")
    assert service.get("/readyz") == {"status": "ready", "model": "words", "generation": status["generation"]}


def test_probes_are_answered_to_head_as_to_get(service: Service, tmp_path: Path) -> None:
    for path in ("/livez", "/readyz"):
        assert service.client.head(path).status_code == 200
    with serving(Application(settings_of(tmp_path))) as empty:
        assert empty.client.head("/readyz").status_code == 503


def test_figures_count_requests_by_route_and_tell_of_the_pair_the_queue_and_the_cache(service: Service) -> None:
    before = _figures(service)
    for _ in range(3):
        service.get("/v1/search", q="a text that was not asked before")
    service.client.get("/v1/products/SKU-0001")
    service.client.get("/made/up/by/a/caller")
    service.client.get("/explorer/icon.svg")
    refused = service.client.get("/v1/status", headers={"host": "attacker.example"})
    assert refused.status_code == 421, refused.text
    after = _figures(service)

    def more(name: str, labels: str) -> float:
        return after[name, labels] - before.get((name, labels), 0)

    assert more("recommender_request_seconds_count", "/v1/search,200,GET") == 3
    assert more("recommender_request_seconds_count", "/v1/products/{sku:path},200,GET") == 1
    assert more("recommender_request_seconds_count", "404,OTHER,none") == 1
    assert more("recommender_request_seconds_count", "/explorer,200,GET") == 1
    assert more("recommender_request_seconds_count", "/v1/status,421,GET") == 1  # refused before the routing
    assert after["recommender_requests_in_flight", ""] == 1  # this look
    assert after["process_resident_memory_bytes", ""] > 0
    assert any(name == "recommender_build_info" and __version__ in labels for name, labels in after)
    assert not [name for name, _ in after if name.endswith("_created")]
    assert more("recommender_query_stage_seconds_count", "encode") == 1
    assert more("recommender_query_stage_seconds_count", "index") == 3
    assert more("recommender_query_cache_total", "hit") == 2
    assert more("recommender_query_cache_total", "miss") == 1
    assert after["recommender_queue", "waiting"] == 0
    assert after["recommender_worker_up", ""] == 1
    assert any(name == "recommender_live_info" and "words" in labels for name, labels in after)


@pytest.fixture
def own_log() -> Iterator[None]:
    """A test whose logs take over those of the process."""
    handlers, hook = logging.getLogger().handlers[:], threading.excepthook
    yield
    logging.getLogger().handlers[:], threading.excepthook = handlers, hook


def test_each_request_is_a_line_of_json_that_says_how_it_went(home: Path) -> None:
    log = io.StringIO()
    with serving(Application(settings_of(home)), follow=False, log=ServiceLog(log)) as opened:
        opened.client.get("/v1/similar?sku=SKU-0001", headers={"x-request-id": "mine"})
        opened.client.get("/v1/similar?sku=none-of-these")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["status"] for line in lines] == [200, 404]
    assert lines[0] | {"time": "", "ms": 0} == {
        "time": "", "level": "info", "logger": "access", "request": "mine", "method": "GET",
        "route": "/v1/similar", "status": 200, "ms": 0, "client": "testclient",
    }  # fmt: skip
    assert lines[0]["ms"] > 0


@pytest.mark.usefixtures("own_log")
def test_an_error_that_ends_a_thread_is_a_line_of_json() -> None:
    log = io.StringIO()
    ServiceLog(log).take_over()
    thread = threading.Thread(target=int, args=("one",), name="warm-up")
    thread.start()
    thread.join()
    line = json.loads(log.getvalue())
    assert (line["level"], line["message"]) == ("error", "the thread warm-up ended")
    assert "ValueError: invalid literal" in line["traceback"]


@pytest.mark.usefixtures("own_log")
def test_on_a_terminal_the_log_is_read_by_people_and_searches_are_in_it_where_that_is_wanted(home: Path) -> None:
    log, untold = io.StringIO(), io.StringIO()
    for stream, searches in ((log, True), (untold, False)):
        how = ServiceLog(stream, as_json=False, searches=searches)
        how.take_over()
        with serving(Application(settings_of(home)), follow=False, log=how) as opened:
            opened.get("/v1/search", q="red shirt")
    *_, told, answered = log.getvalue().splitlines()
    assert told.endswith("INFO    recommender.searches: red shirt")
    assert re.fullmatch(r"[\d:]{8} INFO    GET /v1/search 200 \d+\.\d\d ms testclient", answered)
    assert "red shirt" not in untold.getvalue()


def test_what_a_caller_has_already_is_answered_304_and_what_is_long_compressed(service: Service) -> None:
    asked = "/v1/search?q=shirt&k=3"
    first = service.client.get(asked)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert float(first.headers["server-timing"].removeprefix("total;dur=")) > 0
    again = service.client.get(asked, headers={"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for path in (asked, "/widget.js"):  # what the caller has is as good as any (RFC 9110, 13.1.2)
        assert service.client.get(path, headers={"if-none-match": "*"}).status_code == 304
    assert service.client.get(asked + "&offset=1", headers={"if-none-match": tag}).status_code == 200
    assert service.client.post("/v1/search", json={"query": "shirt"}).headers["cache-control"] == "no-store"
    document = service.client.get("/openapi.json")
    assert document.headers["content-encoding"] == "gzip"
    stated = {
        f"{verb} {path}"
        for path, operations in document.json()["paths"].items()
        for verb, operation in operations.items()
        if "304" in operation["responses"]
    }
    assert {"get /v1/search", "get /v1/products/{sku}", "get /v1/status"} <= stated
    assert stated.isdisjoint({"post /v1/search", "get /metrics"})
    assert len(document.json()["paths"]) > 10
    plain = service.client.get("/openapi.json", headers={"accept-encoding": "identity"})
    assert ("content-encoding" in plain.headers, plain.json()) == (False, document.json())


def test_whoever_asks_more_often_than_the_shop_allows_is_told_when_to_come_back(home: Path) -> None:
    with serving(Application(settings_of(home)), follow=False, limits=Limits(rate="3/minute")) as opened:
        keys = [opened.keys.create(name, Scope.READ) for name in ("one", "two")]
        time.sleep(0.6)  # until the service knows them
        codes = [
            [opened.client.get("/v1/status", headers={"x-api-key": key}).status_code for _ in range(4)] for key in keys
        ]
        assert codes == [[200, 200, 200, 429]] * 2
        refused = opened.client.get("/v1/status", headers={"x-api-key": keys[0]})
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["type"] == "urn:recommender:too-many"
        assert opened.client.get("/livez").status_code == 200


def test_each_request_and_each_stage_of_it_is_a_span(home: Path) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with Recommender(Application(settings_of(home)), observe_spans(provider, lambda *_: None), follow=False) as opened:
        app = create_app(opened, Access(list))
        trace_requests(app, provider)
        with TestClient(app, base_url="http://localhost") as client:
            for path in ("/v1/search?q=red+shirt", "/v1/products/SKU-0001", "/livez"):
                assert client.get(path).status_code == 200
    found = {span.name: span for span in spans.get_finished_spans()}
    assert found.keys() == {"GET /v1/search", "GET /v1/products/{sku:path}", "encode", "index"}
    request = found["GET /v1/search"].context
    assert {(each.parent or request).span_id for each in (found["encode"], found["index"])} == {request.span_id}


@pytest.mark.usefixtures("own_log")
def test_a_refusal_names_neither_the_database_nor_the_engine_but_the_log_does(home: Path) -> None:
    log = io.StringIO()
    settings = settings_of(home).model_copy(update={"qdrant_url": "http://127.0.0.1:9/secret"})
    how = ServiceLog(log)
    how.take_over()
    with serving(Application(settings), follow=False, log=how) as opened:
        reply = opened.client.get("/v1/search?q=shirt")
    assert (reply.status_code, reply.json()["detail"]) == (503, "the index is not available; the log has the rest")
    assert "127.0.0.1" in log.getvalue()


def test_a_service_that_is_ready_and_applies_no_changes_says_so_and_names_no_server(home: Path) -> None:
    def has_work() -> bool:
        raise Unavailable('connection to server at "127.0.0.1", port 5432 failed')

    application = Application(settings_of(home))
    application.worker.has_work = has_work  # type: ignore[method-assign]
    with serving(application) as opened:
        wait_until(lambda: opened.get("/readyz")["paused"])
        assert opened.get("/readyz")["paused"] == "changes wait in the queue; the log says why"


class _SlowCatalogue(Application):
    """An installation whose catalogue answers when the test allows it."""

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self.let = threading.Event()
        plain = self.catalogue.get
        self.catalogue.get = lambda sku: self.let.wait(PATIENCE_S) and plain(sku)  # type: ignore[method-assign, assignment, return-value]


def test_what_takes_too_long_is_answered_504_and_what_would_wait_too_long_503(home: Path) -> None:
    application = _SlowCatalogue(settings_of(home))
    assert isinstance(application.catalogue, Catalogue)
    # Five seconds, so that all twelve have come before the first of them is given up.
    with serving(application, follow=False, limits=Limits(timeout_s=5.0, waiting=2)) as opened:
        with ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: opened.client.get("/v1/products/SKU-0001"), range(12)))
        codes = sorted(reply.status_code for reply in replies)
        assert codes == [503] * 6 + [504] * 6  # four threads and two that wait are stuck
        assert all(reply.headers["retry-after"] for reply in replies if reply.status_code == 503)
        assert opened.client.get("/v1/similar?sku=SKU-0001").status_code == 200, "queries have a lane of their own"
        assert opened.client.get("/readyz").status_code == 200
        application.let.set()
        until = time.monotonic() + PATIENCE_S
        while opened.client.get("/v1/products/SKU-0001").status_code != 200:
            assert time.monotonic() < until, "the lane stays full after what was stuck has ended"


class _HangingModel(Application):
    """An installation whose model hangs, as an engine behind a network may."""

    def __init__(self, *how: object) -> None:
        super().__init__(*how)  # type: ignore[arg-type]
        self.let = threading.Event()

    def encoder(self, model: RegisteredModel | ModelFolder, runtime: str = "") -> Encoder:
        self.let.wait(PATIENCE_S)
        return super().encoder(model)


def test_probes_that_hang_keep_neither_keys_nor_figures_nor_writes_from_their_turn(home: Path) -> None:
    application = _HangingModel(settings_of(home))
    key = ApiKeys(application.database).create("shop", Scope.WRITE)
    with serving(application, follow=False, limits=Limits(timeout_s=5.0)) as opened:
        opened.client.headers["x-api-key"] = key
        with ThreadPoolExecutor(4) as pool:
            assert {reply.status_code for reply in pool.map(lambda _: opened.client.get("/readyz"), range(4))} == {504}
        time.sleep(0.6)  # the keys are old by now
        for path in ("/v1/status", "/metrics", "/v1/products/SKU-0001"):
            assert opened.client.get(path).status_code == 200
        application.let.set()


def test_readiness_that_is_lost_while_somebody_looks_is_what_it_was() -> None:
    answers, now, meanwhile = [Answer((), "one", "g1")], [0.0], list[Callable[[], None]]()

    def clock() -> float:
        if meanwhile:
            meanwhile.pop()()
        return now[0]

    def look_in_vain() -> None:
        now[0] = 9.0
        with pytest.raises(IndexError):
            readiness.check()
        now[0] = 0.5

    readiness = Readiness(lambda _text, _k: answers.pop(), clock=clock)
    first = readiness.check()
    meanwhile.append(look_in_vain)
    assert readiness.check() is first


@pytest.mark.parametrize("lane", [InlineLane(3), ThreadLane("test", 1, 2)], ids=["inline", "threads"])
def test_a_lane_runs_what_has_room_and_sends_the_rest_away(lane: InlineLane | ThreadLane) -> None:
    async def run() -> list[object]:
        let = threading.Event()

        def work(number: int) -> int:
            assert let.wait(PATIENCE_S)
            return number

        pieces = [asyncio.create_task(lane.run(partial(work, number))) for number in range(5)]
        await asyncio.sleep(0)  # each has come
        let.set()
        return await asyncio.gather(*pieces, return_exceptions=True)

    done = asyncio.run(run())
    assert done[:3] == [0, 1, 2]
    assert [type(result) for result in done[3:]] == [Problem, Problem]
    lane.close()


def test_many_questions_at_once_are_each_answered_as_asked(service: Service) -> None:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return list(await asyncio.gather(*(client.get(f"/v1/products/SKU-{n % 48:04}") for n in range(200))))

    assert [reply.json()["sku"] for reply in asyncio.run(ask())] == [f"SKU-{n % 48:04}" for n in range(200)]
