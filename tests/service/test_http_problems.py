from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service.conftest import Service, listening, serving, settings_of

from recommender.application.composition import Application
from recommender.service.request_limits import Limits


@pytest.fixture
def small(home: Path) -> Iterator[Service]:
    """A service with low limits."""
    with serving(Application(settings_of(home)), limits=Limits(body_bytes=2000, batch=3)) as opened:
        yield opened


def _problem(reply: Any, status: int) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = reply.json()
    assert problem["status"] == status
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert problem["detail"]
    assert {"type", "title"} <= problem.keys()
    return problem


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("sku=SKU-0001&kk=3", "kk"),
        ("sku=SKU-0001&k=0", "k is 0"),
        ("sku=SKU-0001&k=1001", "1000"),
        ("sku=SKU-0001&k=ten", "k is 'ten'"),
        ("sku=SKU-0001&k=" + "9" * 5000, "whole number"),
        ("sku=SKU-0001&k=3&k=4", "twice"),
        ("k=3", "'sku' is missing"),
        ("sku=SKU-0001&offset=1000&k=10", "at most 999"),
        ("sku=SKU-0001&min_score=NaN", "min_score"),
        ("sku=SKU-0001&price_min=Infinity", "price_min"),
        ("sku=SKU-0001&price_min=5&price_max=1", "price_min"),
        ("sku=SKU-0001&in_stock=yes", "true or false"),
        ("sku=SKU-0001&mode=psychic", "hybrid"),
        ("sku=SKU-0001&boost=brand", "in-stock=0.2"),
        ("sku=SKU-0001&attribute=red", "colour:red"),
        ("sku=SKU-0001&category=%3E", "A > B"),
        ("sku=%FF", "UTF-8"),
        ("sku=%00", "NUL"),
        ("sku=", "empty"),
    ],
)
def test_what_a_query_string_can_not_say_is_named_in_a_problem(service: Service, query: str, named: str) -> None:
    assert named in _problem(service.client.get(f"/v1/similar?{query}"), 400)["detail"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("", "not JSON"),
        ("[]", "the body is a list; an object is expected"),
        ("null", "the body is null; an object is expected"),
        ('{"query": "x", "k": NaN}', "k is nan; a whole number"),
        ('{"query": "x", "k": 1e999}', "k is"),
        ('{"query": "x", "k": ' + "9" * 5000 + "}", "number too long"),
        ('{"query": "\\ud800"}', "surrogate"),
        ('{"query": 5}', "text"),
        ('{"query": "x", "filter": {}}', "filters"),
        ('{"query": "x", "filters": {"brand": "A"}}', "brands"),
        ('{"query": "x", "filters": {"min_score": -Infinity}}', "min_score is -inf; a finite number"),
        ('{"query": "' + "x" * 100_001 + '"}', "100,000"),
        ("[" * 100_000, "too deep"),
        (b'{"query": "\xff"}', "UTF-8"),
    ],
)
def test_what_a_body_can_not_say_is_named_in_a_problem(service: Service, body: str | bytes, named: str) -> None:
    reply = service.client.post("/v1/search", content=body, headers={"content-type": "application/json"})
    assert named in _problem(reply, 400)["detail"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"content-type": "text/plain"}, "text/plain"),  # a page of elsewhere can send it without asking
        ({"content-type": "application/json", "content-encoding": "GZip"}, "compressed"),
    ],
)
def test_a_body_that_is_not_said_to_be_plain_json_is_refused(
    service: Service, headers: dict[str, str], said: str
) -> None:
    body = gzip.compress(json.dumps({"upsert": [{"sku": "x", "title": "x"}]}).encode())
    reply = service.client.post("/v1/products:batch", content=body, headers=headers)
    assert said in _problem(reply, 415)["detail"]
    _problem(service.client.get("/v1/products/x"), 404)


def test_an_unknown_sku_is_a_problem_that_names_those_which_look_like_it(service: Service) -> None:
    problem = _problem(service.client.get("/v1/similar?sku=SKU-00011"), 404)
    assert problem["type"] == "urn:recommender:unknown-sku"
    assert problem["sku"] == "SKU-00011"
    assert "SKU-0001" in problem["nearest"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/similar?sku=SKU-0001&colour=red"),
        ("GET", "/v1/products?colour=red"),
        ("GET", "/v1/products/a%2Fb%201?colour=red"),
        ("GET", "/v1/map?colour=red"),
        ("GET", "/v1/status?colour=red"),
        ("GET", "/v1/rules?colour=red"),
        ("GET", "/livez?colour=red"),
        ("GET", "/readyz?colour=red"),
        ("GET", "/metrics?colour=red"),
        ("POST", "/v1/search?colour=red"),
        ("DELETE", "/v1/rules/1?colour=red"),
    ],
)
def test_a_query_parameter_that_a_route_does_not_know_is_refused_on_every_route(
    service: Service, method: str, path: str
) -> None:
    reply = service.client.request(method, path, json={"query": "x"} if method == "POST" else None)
    assert "no field 'colour'" in _problem(reply, 400)["detail"]


def test_an_unknown_route_and_method_are_problems_too(service: Service) -> None:
    assert "/openapi.json" in _problem(service.client.get("/v2/nothing"), 404)["detail"]
    reply = service.client.delete("/v1/similar")
    _problem(reply, 405)
    assert reply.headers["allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/v1/search?q=red", "/v1/similar?sku=none", "/", "/openapi.json"]
)
def test_head_is_answered_as_get_is_without_the_body(service: Service, path: str) -> None:
    got, head = service.client.get(path), service.client.head(path)
    assert (head.status_code, head.headers["content-type"]) == (got.status_code, got.headers["content-type"])
    assert not head.content


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_ceiling_is_refused_whether_or_not_it_says_its_length(small: Service, chunked: bool) -> None:
    body = json.dumps({"query": "x" * 3000}).encode()
    content: Any = iter([body[:1500], body[1500:]]) if chunked else body
    reply = small.client.post("/v1/search", content=content, headers={"content-type": "application/json"})
    assert "2,000" in _problem(reply, 413)["detail"]


def test_a_batch_beyond_the_ceiling_is_refused_whole(small: Service) -> None:
    items = [{"sku": f"n{number}", "title": "New"} for number in range(4)]
    assert "at most 3" in _problem(small.client.post("/v1/products:batch", json={"upsert": items}), 400)["detail"]
    _problem(small.client.get("/v1/products/n0"), 404)


def test_an_unforeseen_error_shows_nothing_of_itself(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    @service.app.get("/v1/broken")
    async def broken() -> None:
        raise LookupError("secret of the house")

    problem = _problem(service.client.get("/v1/broken"), 500)
    assert "secret" not in json.dumps(problem)
    assert "secret of the house" in caplog.text


@pytest.mark.parametrize("path", ["/v1/status", "/livez", "/v1/rules"])
def test_a_query_string_that_names_no_parameter_is_as_good_as_none(service: Service, path: str) -> None:
    assert service.client.get(f"{path}?&").status_code == 200
    assert "'k'" in _problem(service.client.get(f"{path}?&k=1"), 400)["detail"]


def test_the_request_id_of_a_caller_is_kept_and_a_strange_one_is_not(service: Service) -> None:
    asked = {"x-request-id": "order-17.a"}
    assert service.client.get("/livez", headers=asked).headers["x-request-id"] == "order-17.a"
    strange = service.client.get("/livez", headers={"x-request-id": 'a"b'}).headers["x-request-id"]
    assert len(strange) == 16


def test_every_answer_carries_the_headers_that_keep_a_browser_safe(service: Service) -> None:
    for path in ("/v1/status", "/nowhere", "/"):
        headers = service.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ["/", "/docs", "/widget.js", "/explorer/main.js"])
def test_a_page_that_has_not_changed_keeps_its_headers(service: Service, path: str) -> None:
    whole = service.client.get(path)
    known = service.client.get(path, headers={"if-none-match": whole.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    for name in ("content-security-policy", "cache-control", "etag"):
        assert known.headers[name] == whole.headers[name]


@pytest.mark.parametrize(
    "request_line",
    [b"GET / HTTP/9", b"GET /" + b"x" * 70_000 + b" HTTP/1.1", "GET /v1/search?q=K\u00fcche HTTP/1.1".encode()],
    ids=["version", "too-long", "umlaut"],
)
def test_what_is_no_http_is_answered_by_a_problem_too(service: Service, request_line: bytes) -> None:
    with listening(service.app) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(request_line + b"\r\n\r\n")
            reply = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"application/problem+json" in reply
    problem = json.loads(reply.split(b"\r\n\r\n", 1)[1])
    assert problem["status"] == 400
    assert "%XX" in problem["detail"]
