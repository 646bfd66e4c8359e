"""When a service does not answer as it should: what is tried again, for how long, and which error is raised."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from recommender.client import AsyncClient, Client
from recommender.errors import RecommenderError, Unavailable, UsageError
from recommender.query import Rule, RuleAction
from recommender.types import Product

ANSWER = {"hits": [], "model": "m", "generation": "g", "facets": None}
URL = "http://service.test"
BUSY = {"type": "urn:recommender:unavailable", "title": "Service Unavailable", "status": 503, "detail": "one moment"}


class Troubled:
    """A transport whose service fails a few times before it answers."""

    def __init__(self, *troubles: Callable[[httpx.Request], httpx.Response]) -> None:
        self.troubles = list(troubles)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.troubles:
            return self.troubles.pop(0)(request)
        return httpx.Response(200, json=ANSWER)

    def client(self, **more: float) -> Client:
        return Client(URL, transport=httpx.MockTransport(self), **more)  # type: ignore[arg-type]


def _busy(retry_after: str = "0") -> Callable[[httpx.Request], httpx.Response]:
    headers = {"retry-after": retry_after, "content-type": "application/problem+json"}
    return lambda _: httpx.Response(503, content=json.dumps(BUSY), headers=headers)


def _refusing(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused", request=request)


def _breaking(request: httpx.Request) -> httpx.Response:
    raise httpx.RemoteProtocolError("server disconnected", request=request)


def test_what_may_arrive_twice_is_tried_again() -> None:
    service = Troubled(_busy(), _breaking)
    with service.client() as client:
        assert client.search("x").model == "m"
    assert len(service.requests) == 3


def test_the_tries_are_counted() -> None:
    service = Troubled(*[_refusing] * 9)
    with service.client(retries=1) as client, pytest.raises(Unavailable, match="no service answers at"):
        client.search("x")
    assert len(service.requests) == 2


def test_a_rule_is_never_sent_twice() -> None:
    service = Troubled(_busy(), _busy())
    with service.client() as client, pytest.raises(Unavailable, match="one moment"):
        client.add_rule(Rule(RuleAction.BAN, "s"))
    assert len(service.requests) == 1


def test_a_write_of_products_is_tried_again() -> None:
    items = {"items": [{"sku": "s", "status": "created"}]}
    service = Troubled(_breaking, lambda _: httpx.Response(200, json=items))
    with service.client() as client:
        assert client.upsert([Product("s", "t")]).created == ("s",)


def test_the_wait_that_the_service_asks_for_is_kept() -> None:
    service = Troubled(_busy("1"))
    started = time.monotonic()
    with service.client() as client:
        client.search("x")
    assert time.monotonic() - started >= 1.0


def test_a_wait_beyond_the_time_for_the_call_is_not_begun() -> None:
    service = Troubled(_busy("30"))
    started = time.monotonic()
    with service.client(timeout=20) as client, pytest.raises(Unavailable, match="one moment"):
        client.search("x")
    assert time.monotonic() - started < 15


def test_the_asynchronous_client_has_the_same_patience() -> None:
    service = Troubled(_busy(), _refusing)

    async def ask() -> None:
        async with AsyncClient(URL, transport=httpx.MockTransport(service)) as client:
            assert (await client.search("x")).model == "m"

    asyncio.run(ask())
    assert len(service.requests) == 3


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_service_that_says_nothing_is_given_up_in_time(silent: str) -> None:
    started = time.monotonic()
    with Client(silent, timeout=0.2) as client, pytest.raises(Unavailable, match=r"did not answer within 0\.2 s"):
        client.search("x")
    assert time.monotonic() - started < 60


@pytest.mark.parametrize(
    ("reply", "kind", "complaint"),
    [
        (httpx.Response(200, html="<h1>hello</h1>"), Unavailable, "answered with text/html, which is not from"),
        (httpx.Response(200, json={"hits": [{}]}), Unavailable, "lacks 'sku'"),
        (httpx.Response(200), Unavailable, "check the address"),
        (httpx.Response(404, html="<h1>no</h1>"), Unavailable, "answered 404 Not Found without a reason"),
        (httpx.Response(301, headers={"location": "/x"}), Unavailable, "answered 301 Moved Permanently"),
        (httpx.Response(502, text="bad gateway"), Unavailable, "answered 502 Bad Gateway"),
        (httpx.Response(500, json={"detail": "it broke", "status": 500}), RecommenderError, "it broke"),
        (httpx.Response(413, json={"detail": "too large", "status": 413}), UsageError, "too large"),
    ],
)
def test_answers_that_are_none_are_told_in_one_line(
    reply: httpx.Response, kind: type[RecommenderError], complaint: str
) -> None:
    with Troubled(lambda _: reply).client(retries=0) as client, pytest.raises(kind) as told:
        client.search("x")
    assert complaint in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "more"), [("127.0.0.1:8000", {}), ("http://", {}), (URL, {"timeout": 0}), (URL, {"retries": -1})]
)
def test_a_client_that_could_never_ask_is_not_made(url: str, more: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        Client(url, **more)  # type: ignore[arg-type]


def test_a_backend_that_only_asks_needs_httpx_and_pydantic_alone() -> None:
    code = f"""
import sys, httpx
from recommender import Filters, Options, Product
from recommender.client import Client
assert "pydantic.type_adapter" not in sys.modules, "what makes schemas is imported by the first call"
replies = {{"/v1/search": {ANSWER!r}, "/v1/products:batch": {{"items": [{{"sku": "s", "status": "created"}}]}}}}
transport = httpx.MockTransport(lambda request: httpx.Response(200, json=replies[request.url.path]))
with Client("{URL}", transport=transport) as client:
    assert client.search("x", 3, Filters(in_stock=True), Options(diversity=0.3)).model == "m"
    assert client.upsert([Product("s", "t")]).created == ("s",)
absent = ("sqlalchemy", "qdrant_client", "qdrant_edge", "numpy", "torch", "onnxruntime", "typer", "fastapi")
print([name for name in (*absent, "pydantic_settings", "tokenizers") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_httpx_its_extra_is_named() -> None:
    code = "import sys; sys.modules['httpx'] = None; import recommender.client"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "MissingExtra: recommender.client needs the extra 'client': pip install" in done.stderr
