from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from service.conftest import Service, serving, settings_of
from support.patience import PATIENCE_S

from recommender.application.composition import Application
from recommender.errors import NotFound, Unavailable, UsageError
from recommender.service.access import Access
from recommender.service.api_keys import ApiKey, ApiKeys
from recommender.service.authentication import FRESH_S, KeyCache
from recommender.service.concurrency import InlineLane, ThreadLane
from recommender.service.request_limits import Limits
from recommender.types import Scope

WRITES = [
    ("PUT", "/v1/products/x", {"title": "X"}),
    ("DELETE", "/v1/products/x", None),
    ("POST", "/v1/products:batch", {"upsert": []}),
    ("POST", "/v1/rules", {"action": "ban", "sku": "x"}),
    ("PUT", "/v1/rules/1", {"action": "ban", "sku": "x"}),
    ("DELETE", "/v1/rules/1", None),
]
READS = [
    ("GET", "/v1/similar?sku=SKU-0001", None),
    ("GET", "/v1/products/SKU-0001", None),
    ("GET", "/v1/rules", None),
    ("GET", "/v1/status", None),
    ("GET", "/metrics", None),
    ("GET", "/openapi.json", None),
    ("POST", "/v1/search", {"query": "shirt"}),
    ("POST", "/v1/recommendations", {"like": ["SKU-0001"]}),
]
OPEN = ["/livez", "/readyz", "/", "/explorer/index.html"]


@pytest.fixture
def keyed(home: Path) -> Iterator[Service]:
    """A service that other machines can reach."""
    application = Application(settings_of(home))
    keys = ApiKeys(application.database)
    access = Access(keys.list, loopback=False, local_token="of-this-start", note_use=keys.note_use)
    with serving(application, follow=False, access=access) as opened:
        yield opened


def _status(service: Service, method: str, path: str, body: object, headers: dict[str, str] | None = None) -> int:
    return service.client.request(method, path, json=body, headers=headers).status_code


def test_without_a_key_only_the_probes_and_the_page_answer(keyed: Service) -> None:
    for method, path, body in (*READS, *WRITES):
        assert _status(keyed, method, path, body) == 401, path
    for path in OPEN:
        assert _status(keyed, "GET", path, None) == 200, path


def test_a_copy_of_the_index_is_for_the_token_of_this_start_alone(keyed: Service) -> None:
    path, writer = "/v1/index-copies", keyed.keys.create("writer", Scope.WRITE)
    assert _status(keyed, "POST", path, None) == 401
    assert _status(keyed, "POST", path, None, {"authorization": f"Bearer {writer}"}) == 403
    made = keyed.client.post(path, headers={"authorization": "Bearer of-this-start"})
    assert made.status_code == 201, made.text
    assert Path(made.json()["folder"], "segments").is_dir()


def test_an_open_service_gives_no_copy_of_its_index_without_the_token(service: Service) -> None:
    assert _status(service, "POST", "/v1/index-copies", None) == 403


def test_a_key_that_reads_does_not_write_and_one_that_writes_does_both(keyed: Service) -> None:
    reader = {"authorization": f"Bearer {keyed.keys.create('reader', Scope.READ)}"}
    writer = {"x-api-key": keyed.keys.create("writer", Scope.WRITE)}
    for method, path, body in READS:
        assert _status(keyed, method, path, body, reader) == 200, path
        assert _status(keyed, method, path, body, writer) == 200, path
    for method, path, body in WRITES:
        assert _status(keyed, method, path, body, reader) == 403, path
        assert _status(keyed, method, path, body, writer) in (200, 201), path


def test_the_token_of_this_start_reads(keyed: Service) -> None:
    local = {"authorization": "Bearer of-this-start"}
    assert _status(keyed, *READS[0], local) == 200
    assert _status(keyed, *WRITES[0], local) == 403


@pytest.mark.parametrize("key", ["", "rk_", "rk__", "rk_x_y", "x" * 5000, "rk_\u00e4_\u00e4", "of-this-star"])
def test_what_is_no_key_opens_nothing(keyed: Service, key: str) -> None:
    headers = {"authorization": f"Bearer {key}".encode()}
    assert keyed.client.get("/v1/status", headers=headers).status_code == 401


def test_one_wrong_character_in_a_secret_opens_nothing(keyed: Service) -> None:
    key = keyed.keys.create("almost", Scope.READ)
    wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
    assert _status(keyed, *READS[0], {"x-api-key": key}) == 200
    assert _status(keyed, *READS[0], {"x-api-key": wrong}) == 401


def test_a_refusal_says_how_to_ask(keyed: Service) -> None:
    reply = keyed.client.get("/v1/status")
    assert reply.headers["www-authenticate"].startswith("Bearer")
    assert "recommender keys create" in reply.json()["detail"]


def test_a_key_that_opens_nothing_is_told_apart_from_none(keyed: Service) -> None:
    for headers in ({"x-api-key": "rk_x_y"}, {"authorization": "Bearer mistyped"}):
        reply = keyed.client.get("/v1/status", headers=headers)
        assert reply.status_code == 401
        assert "revoked" in reply.json()["detail"]
    assert "this needs a key" in keyed.client.get("/v1/status", headers={"authorization": "Bearer "}).json()["detail"]


def test_the_secret_is_nowhere_in_the_database(keyed: Service, home: Path) -> None:
    secret = keyed.keys.create("hidden", Scope.READ).rsplit("_", 1)[1]
    assert not any(secret.encode() in file.read_bytes() for file in home.glob("catalogue.db*"))


def test_a_name_stands_for_one_key_that_opens(keyed: Service) -> None:
    keyed.keys.create("twice", Scope.READ)
    with pytest.raises(UsageError, match="exists"):
        keyed.keys.create(" twice ", Scope.WRITE)
    keyed.keys.revoke("twice")
    keyed.keys.create("twice", Scope.WRITE)
    with pytest.raises(NotFound, match="keys list"):
        keyed.keys.revoke("nobody")


def test_a_service_of_this_machine_is_open_until_there_is_a_key(tmp_path: Path) -> None:
    with serving(Application(settings_of(tmp_path)), follow=False) as opened:
        assert _status(opened, "GET", "/v1/status", None) == 200
        key = opened.keys.create("first", Scope.READ)
        opened.client.portal.call(_later)  # type: ignore[union-attr]
        assert _status(opened, "GET", "/v1/status", None) == 401
        assert _status(opened, "GET", "/v1/status", None, {"x-api-key": key}) == 200


async def _later() -> None:
    import asyncio

    await asyncio.sleep(FRESH_S)


@pytest.mark.parametrize("asked_meanwhile", [False, True])
def test_a_service_whose_last_key_is_revoked_or_expired_stays_closed(tmp_path: Path, asked_meanwhile: bool) -> None:
    application = Application(settings_of(tmp_path))
    keys = ApiKeys(application.database)
    with serving(application, follow=False, access=Access(keys.list)) as opened:
        key = keys.create("only", Scope.WRITE)
        brief = keys.create("brief", Scope.WRITE, timedelta(milliseconds=1))
        if asked_meanwhile:
            assert _status(opened, "GET", "/v1/status", None, {"x-api-key": key}) == 200
        keys.revoke("only")
        opened.client.portal.call(_later)  # type: ignore[union-attr]
        for headers in ({}, {"x-api-key": key}, {"x-api-key": brief}):
            for method, path, body in (READS[3], WRITES[0]):
                assert _status(opened, method, path, body, headers) == 401
    with serving(Application(settings_of(tmp_path)), follow=False, access=Access(keys.list)) as again:
        assert _status(again, "GET", "/v1/status", None) == 401, "also after a start"


def test_a_proxy_that_passes_on_a_local_host_does_not_open_a_service_without_keys(service: Service) -> None:
    for name in (
        "Forwarded", "X-Forwarded-For", "X_Forwarded_Host", "X-Forwarded-Tls-Client-Cert", "X-Original-Forwarded-For",
        "X-Real-IP", "Via", "CF-Connecting-IP", "Fastly-Client-IP", "X-Envoy-External-Address", "X-Amzn-Trace-Id",
    ):  # fmt: skip
        reply = service.client.get("/v1/status", headers={"host": "127.0.0.1", name: "203.0.113.9"})
        assert reply.status_code == 401, name
        assert "proxy" in reply.json()["detail"]
        assert service.client.get("/livez", headers={name: "203.0.113.9"}).status_code == 200


def test_two_hosts_are_refused(service: Service) -> None:
    reply = service.client.get("/v1/status", headers=[("host", "localhost"), ("host", "evil.example")])
    assert reply.status_code == 400


def test_a_key_may_be_for_some_routes_alone_and_knows_when_it_was_last_used(keyed: Service) -> None:
    key = {"x-api-key": keyed.keys.create("scraper", Scope.READ, routes=["/metrics", "/v1/products"])}
    assert [known.used_at for known in keyed.keys.list()] == [None]
    for path, status in (
        ("/metrics", 200),
        ("/v1/products/SKU-0001", 200),
        ("/v1/status", 403),
        ("/v1/productsandmore", 403),
    ):
        assert _status(keyed, "GET", path, None, key) == status, path
    deadline = time.monotonic() + PATIENCE_S
    while keyed.keys.list()[0].used_at is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert keyed.keys.list()[0].used_at is not None
    with pytest.raises(UsageError, match="no path"):
        keyed.keys.create("other", Scope.READ, routes=["metrics"])


def test_a_key_expires(keyed: Service) -> None:
    expires_at = time.monotonic() + 6
    key = {"x-api-key": keyed.keys.create("brief", Scope.READ, timedelta(seconds=6))}
    assert _status(keyed, "GET", "/v1/status", None, key) == 200
    time.sleep(expires_at + 0.2 - time.monotonic())
    assert _status(keyed, "GET", "/v1/status", None, key) == 401
    keyed.keys.create("brief", Scope.READ)  # its name is free again


def test_a_page_of_elsewhere_that_points_its_name_at_this_machine_is_refused(service: Service) -> None:
    for host in (
        "evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost:80@evil.example",
        "[127.0.0.1].evil.example", "[localhost]evil", "localhost,evil.example", "[::1", "localhost:x",
    ):  # fmt: skip
        reply = service.client.get("/v1/status", headers={"host": host})
        assert reply.status_code == 421, host
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST."):
        assert service.client.get("/v1/status", headers={"host": host}).status_code == 200, host


class _Keys:
    """Keys whose database can go away, and a clock."""

    def __init__(self, keys: ApiKeys) -> None:
        self.keys = keys
        self.away = False
        self.now = 100.0

    def read(self) -> list[object]:
        if self.away:
            raise Unavailable("the database is away")
        return self.keys.active()  # type: ignore[return-value]

    def cache(self) -> KeyCache:
        return KeyCache(self.read, InlineLane(9), clock=lambda: self.now)  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_a_revoked_key_opens_nothing_within_a_second(tmp_path: Path) -> None:
    with Application(settings_of(tmp_path)) as application:
        known = _Keys(ApiKeys(application.database))
        key = known.keys.create("short", Scope.READ)
        cache = known.cache()
        await cache.refresh()
        assert cache.caller(key).scope is Scope.READ
        known.keys.revoke("short")
        known.now += 1.0
        await cache.refresh()
        assert cache.caller(key).scope is None


@pytest.mark.anyio
async def test_known_keys_open_on_while_the_database_is_away_and_unknown_ones_never_do(tmp_path: Path) -> None:
    with Application(settings_of(tmp_path)) as application:
        known = _Keys(ApiKeys(application.database))
        key = known.keys.create("kept", Scope.WRITE)
        cache = known.cache()
        known.away = True
        with pytest.raises(Unavailable):
            await cache.refresh()
        known.away = False
        await cache.refresh()
        known.away = True
        known.now += 60.0
        await cache.refresh()
        assert cache.caller(key).scope is Scope.WRITE


@pytest.mark.anyio
async def test_keys_are_read_once_for_all_who_wait_and_whoever_gives_up_takes_nobody_along() -> None:
    let, reads = threading.Event(), list[int]()

    def read() -> list[ApiKey]:
        reads.append(1)
        let.wait(PATIENCE_S)
        return []

    lane = ThreadLane("keys", 2, 1)
    cache = KeyCache(read, lane)
    waiting = [asyncio.create_task(cache.refresh()) for _ in range(50)]
    await asyncio.sleep(0.05)
    waiting[0].cancel()
    let.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [asyncio.CancelledError, *[type(None)] * 49]
    assert len(reads) == 1
    lane.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def test_pages_of_the_named_origins_alone_may_call_from_a_browser(home: Path) -> None:
    with serving(Application(settings_of(home)), follow=False, cors_origins=["https://shop.example"]) as opened:
        opened.keys.create("shop", Scope.READ)
        sent = "Authorization, Mcp-Protocol-Version, X-Request-Id"
        asking = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": sent}
        for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
            asked = opened.client.options("/v1/search", headers=asking | {"Origin": origin})
            assert asked.headers.get("access-control-allow-origin") == allowed
            assert asked.is_success == bool(allowed)
            refused = opened.client.get("/v1/search?q=x", headers={"Origin": origin})
            assert refused.status_code == 401  # allowed to ask is not allowed to read
            assert refused.headers.get("access-control-allow-origin") == allowed
    with serving(Application(settings_of(home)), follow=False) as closed:
        reply = closed.client.get("/v1/search?q=x", headers={"Origin": "https://shop.example"})
        assert "access-control-allow-origin" not in reply.headers


def test_a_page_of_another_origin_can_read_that_something_failed_or_took_too_long(home: Path) -> None:
    page = {"Origin": "https://shop.example"}
    limits = Limits(timeout_s=0.5)
    with serving(Application(settings_of(home)), False, limits=limits, cors_origins=[page["Origin"]]) as opened:

        @opened.app.get("/v1/broken")
        async def broken() -> None:
            raise LookupError

        @opened.app.get("/v1/slow")
        async def slow() -> None:
            await asyncio.sleep(PATIENCE_S)

        for path, status in (("/v1/broken", 500), ("/v1/slow", 504)):
            failed = opened.client.get(path, headers=page)
            assert (failed.status_code, failed.headers["x-content-type-options"]) == (status, "nosniff")
            assert failed.headers["access-control-allow-origin"] == page["Origin"]
            assert "X-Request-Id" in failed.headers["access-control-expose-headers"]
