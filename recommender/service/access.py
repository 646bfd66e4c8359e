"""Which requests are let in: by their key, the host that they name, and their size."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.errors import TYPE_PREFIX, RecommenderError
from recommender.service.api_keys import ApiKey
from recommender.service.authentication import KeyCache, minimum_scope, token_of
from recommender.service.problems import REQUEST_ID, Problem, problem_response
from recommender.service.request_middleware import CALLER

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""What a browser on this machine calls it. Other names are refused: a foreign page may have its host name resolve to
this machine (DNS rebinding)."""

NO_KEY = "this needs a key: send `Authorization: Bearer KEY`, made by `recommender keys create`"
_UNKNOWN_KEY = "this key opens nothing: it is mistyped, revoked or expired; see `recommender keys list`, or make one"

_FORWARDED = frozenset(
    (
        b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port",
        b"x-forwarded-server", b"x-forwarded-scheme", b"x-forwarded-prefix", b"x-forwarded-by", b"x-forwarded-user",
        b"x-original-forwarded-for", b"x-original-host", b"x-original-url", b"x-real-ip", b"x-client-ip",
        b"x-cluster-client-ip", b"x-envoy-external-address", b"x-envoy-original-path", b"x-proxyuser-ip",
        b"true-client-ip", b"cf-connecting-ip", b"cf-ray", b"fastly-client-ip", b"x-azure-clientip", b"x-amzn-trace-id",
    )
)  # fmt: skip
"""What proxies add. Whoever stands before them is not this machine, whatever `Host` they pass on."""

CHALLENGE = {"www-authenticate": 'Bearer realm="recommender"'}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. With `loopback` the service is bound to this machine, and open until the first key is made.

    `keys` are all, those that were revoked too. `hosts` are names beside localhost that it may be asked under then.
    `local_token` may read. `note_use` stores that a key was used.
    """

    keys: Callable[[], Sequence[ApiKey]]
    loopback: bool = True
    hosts: tuple[str, ...] = ()
    local_token: str = ""
    note_use: Callable[[str], None] = lambda _id: None


class RateLimit:
    """How many requests each caller may send to this process: `100/second`, `600/minute`, by a sliding window."""

    def __init__(self, rate: str) -> None:
        from limits import parse  # 0.2 s of imports, for services that limit rates
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self._rate = parse(rate)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, caller: str) -> None:
        """Count a request. Raises a `Problem` of status 429 that says when to ask again."""
        if not self._windows.hit(self._rate, caller):
            wait_s = max(1, math.ceil(self._windows.get_window_stats(self._rate, caller).reset_time - time.time()))
            detail = f"more than {self._rate} came from this caller; wait {wait_s} s"
            headers = {"retry-after": str(wait_s)}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, TYPE_PREFIX + "too-many", headers)


class AccessMiddleware:
    """Refuses before any work is done: by the key (401, 403), the host (421), the size (413, 414) and the rate (429).

    Dependencies of FastAPI would come too late: it reads a body before them, and asks none of them for a path that has
    no route, for its own document, or for the files of the page.
    """

    def __init__(
        self, app: ASGIApp, access: Access, keys: KeyCache, body_bytes: int, rate: RateLimit | None = None
    ) -> None:
        self._app = app
        self._rate = rate
        self._open_without_keys = access.loopback
        self._hosts = LOCAL_HOSTS | {host.lower() for host in access.hosts}
        self._keys = keys
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            if len(headers) < len(scope["headers"]) and sum(name == b"host" for name, _ in scope["headers"]) > 1:
                # Two readers of such a request may take it to be for two hosts.
                raise Problem(HTTPStatus.BAD_REQUEST, "there are two Host headers; send one")
            if "\ufffd" in scope["path"]:
                self._require_utf8(scope)
            await self._check_caller(scope, headers)
            if len(scope["query_string"]) > self._body_bytes:
                detail = "the address is too long; send the text in a POST"
                raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, detail)
            length = headers.get(b"content-length", b"0")
            if length.isdigit() and int(length) > self._body_bytes:
                raise self._too_large()
        except (Problem, RecommenderError) as error:
            await problem_response(error, scope[REQUEST_ID])(scope, receive, send)
        else:
            await self._app(scope, self._limit_body(receive) if b"transfer-encoding" in headers else receive, send)

    def _require_utf8(self, scope: Scope) -> None:
        """Raise a 400 for a path whose bytes are no UTF-8: read with replacements it is the path of something else."""
        try:
            unquote_to_bytes(scope.get("raw_path") or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            detail = f"the path is not UTF-8 at byte {error.start:,}; write letters beyond ASCII as their UTF-8, as %XX"
            raise Problem(HTTPStatus.BAD_REQUEST, detail) from None

    async def _check_caller(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        needed = minimum_scope(scope["method"], scope["path"])
        if needed is None:
            return
        await self._keys.refresh()
        token = token_of(headers)
        caller = self._keys.caller(token)
        scope[CALLER] = caller.name
        if self._open_without_keys and self._keys.never_had_any:
            forwarded = _FORWARDED.intersection(headers)
            if forwarded and caller.scope is None:
                detail = f"this request came through a proxy ({min(forwarded).decode()}), and without a key this "
                detail += "service is open to this machine alone; make one with `recommender keys create`"
                raise Problem(HTTPStatus.UNAUTHORIZED, detail, TYPE_PREFIX + "no-key", CHALLENGE)
            host = host_name(headers.get(b"host", b"").decode("latin-1"))
            if host not in self._hosts:
                detail = f"this service is open without a key to localhost alone, not to {host[:100]!r}; "
                detail += "ask localhost, or name that host in allowed_hosts"
                raise Problem(HTTPStatus.MISDIRECTED_REQUEST, detail, TYPE_PREFIX + "host")
        elif caller.scope is None:
            detail = _UNKNOWN_KEY if token else NO_KEY
            raise Problem(HTTPStatus.UNAUTHORIZED, detail, TYPE_PREFIX + "no-key", CHALLENGE)
        elif not caller.scope.covers(needed):
            detail = f"this key may {caller.scope}; {scope['method']} here needs one that may {needed}"
            raise Problem(HTTPStatus.FORBIDDEN, detail, TYPE_PREFIX + "scope")
        elif not caller.reaches(scope["path"]):
            raise Problem(HTTPStatus.FORBIDDEN, "this key is for other routes", TYPE_PREFIX + "scope")
        elif not caller.may_come_from(headers):
            raise Problem(HTTPStatus.FORBIDDEN, "this key is for pages of other origins", TYPE_PREFIX + "origin")
        else:
            self._keys.note(caller)
        if self._rate:
            self._rate.take(caller.name or (scope.get("client") or ("",))[0])

    def _limit_body(self, receive: Receive) -> Receive:
        """Return a reader of a body of unknown length that stops at the limit."""
        size = 0

        async def receive_part() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._body_bytes:
                raise self._too_large()
            return message

        return receive_part

    def _too_large(self) -> Problem:
        detail = f"the body is larger than {self._body_bytes:,} bytes; send fewer products at a time"
        # The rest of the body is not read, so no other request can follow on this connection.
        headers = {"connection": "close"}
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, TYPE_PREFIX + "too-large", headers)


CROSS_ORIGIN: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "If-None-Match", "X-API-Key"],
    "expose_headers": ["ETag", "Retry-After", "Server-Timing", "X-Request-Id"],
}
"""What a page of an origin that is let in may send and see."""


class OriginMiddleware(CORSMiddleware):
    """Lets pages of other origins read answers: those of the settings, and those that have a key of their own."""

    def __init__(self, app: ASGIApp, keys: KeyCache, origins: Sequence[str]) -> None:
        super().__init__(app, allow_origins=origins, **CROSS_ORIGIN)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what a browser asks beforehand, and let everything else through."""
        if scope["type"] == "http" and any(name == b"origin" for name, _ in scope["headers"]):
            with suppress(RecommenderError, Problem):  # without the keys, those of the settings are let in
                await self._keys.refresh()
        await super().__call__(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        """Tell whether a page of this origin may read answers."""
        return super().is_allowed_origin(origin) or origin in self._keys.origins


def host_name(host: str) -> str:
    """Return the name in a `Host` header, in lower case and without the port."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")
