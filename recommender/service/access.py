"""Which requests are admitted: by their key, and by the host that they name.

How large they may be, and how many one caller may send, is in `request_limits`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from recommender.errors import TYPE_PREFIX, RecommenderError
from recommender.service.api_keys import ApiKey
from recommender.service.authentication import KeyCache, minimum_scope, token_of
from recommender.service.problems import REQUEST_ID, Problem, problem_response
from recommender.service.request_limits import RateLimit, check_size, limit_body
from recommender.service.request_middleware import CALLER

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""What a browser on this machine calls it. Other names are refused: a foreign page may let its host name resolve to
this machine (DNS rebinding)."""

NO_KEY = "this needs a key: send `Authorization: Bearer KEY`, made by `recommender keys create`"
_UNKNOWN_KEY = "this key is not valid: it is mistyped, revoked or expired; see `recommender keys list`, or make one"

_FORWARDED = re.compile(
    rb"forward|^via$|proxy|client-?ip|real-?ip|remote-?(addr|ip)|connecting-?ip|external-address|^cf-|^fly-|"
    rb"^x-(original|amzn|azure|envoy|request-start|edge|vercel|appengine|scheme$|host$)"
)
"""Headers that proxies add. Their clients are not on this machine, whatever `Host` they pass on."""

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\[\]:@/]*)(:[0-9]{0,5})?", re.IGNORECASE)

CHALLENGE = {"www-authenticate": 'Bearer realm="recommender"'}


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. With `loopback` the service is bound to this machine, and open until the first key is made.

    `keys` are all keys, also revoked ones. `hosts` are names beside localhost that an open service may be asked under.
    `local_token` may read. `note_use` stores that a key was used.
    """

    keys: Callable[[], Sequence[ApiKey]]
    loopback: bool = True
    hosts: tuple[str, ...] = ()
    local_token: str = ""
    note_use: Callable[[str], None] = lambda _id: None


class AccessMiddleware:
    """Refuses before any work is done: by key (401, 403), host (421), size (413, 414) and rate (429).

    Dependencies of FastAPI would come too late: it reads a body before them, and does not ask them for a path that has
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
        """Admit a request, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        try:
            if len(headers) < len(scope["headers"]) and sum(name == b"host" for name, _ in scope["headers"]) > 1:
                # Two readers of such a request may take it to be for different hosts.
                raise Problem(HTTPStatus.BAD_REQUEST, "there are two Host headers; send one")
            if "\ufffd" in scope["path"]:
                # Read with replacements, a path that is not UTF-8 would become another path.
                try:
                    unquote_to_bytes(scope.get("raw_path") or b"").decode("utf-8")
                except UnicodeDecodeError as error:
                    raise Problem(
                        HTTPStatus.BAD_REQUEST,
                        f"the path is not UTF-8 at byte {error.start:,}; write letters beyond ASCII as their UTF-8,"
                        " as %XX",
                    ) from None
            await self._check_caller(scope, headers)
            check_size(scope, headers, self._body_bytes)
        except (Problem, RecommenderError) as error:
            await problem_response(error, scope[REQUEST_ID])(scope, receive, send)
        else:
            if b"transfer-encoding" in headers:
                receive = limit_body(receive, self._body_bytes)
            await self._app(scope, receive, send)

    async def _check_caller(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        needed = minimum_scope(scope["method"], scope["path"])
        if needed is None:
            return
        await self._keys.refresh()
        token = token_of(headers)
        caller = self._keys.caller(token)
        scope[CALLER] = caller.name
        if self._open_without_keys and self._keys.never_had_any:
            forwarded = [name.decode() for name in headers if _FORWARDED.search(name.replace(b"_", b"-"))]
            if forwarded and caller.scope is None:
                detail = f"this request came through a proxy ({min(forwarded)[:40]}), and without a key this "
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


CROSS_ORIGIN: dict[str, Any] = {
    "allow_methods": ["GET", "POST", "PUT", "PATCH", "DELETE"],
    "allow_headers": [
        *("Authorization", "Content-Type", "If-None-Match", "X-API-Key", "X-Request-Id"),
        *("Mcp-Protocol-Version", "Mcp-Session-Id", "Mcp-Method", "Mcp-Name", "Last-Event-ID"),  # of agents
    ],
    "expose_headers": ["ETag", "Retry-After", "Server-Timing", "X-Request-Id"],
}
"""What a page of an admitted origin may send and see."""


class OriginMiddleware(CORSMiddleware):
    """Lets pages of other origins read answers: those of the settings, and those that have a key of their own."""

    def __init__(self, app: ASGIApp, keys: KeyCache, origins: Sequence[str]) -> None:
        super().__init__(app, allow_origins=origins, **CROSS_ORIGIN)
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a browser's preflight request, and let everything else through."""
        if scope["type"] == "http" and any(name == b"origin" for name, _ in scope["headers"]):
            with suppress(RecommenderError, Problem):  # without the keys, only those of the settings are admitted
                await self._keys.refresh()
        await super().__call__(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        """Tell whether a page of this origin may read answers."""
        return super().is_allowed_origin(origin) or origin in self._keys.origins


def host_name(host: str) -> str:
    """Return the name in a `Host` header, in lower case and without the port; of anything else, all of it."""
    found = _HOST.fullmatch(host)
    return (found[1].strip("[]") if found else host).lower().removesuffix(".")
