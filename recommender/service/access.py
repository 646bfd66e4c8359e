"""Who and what is let in: the host that was asked for, the key, and the size of the body."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.errors import Unavailable
from recommender.query.problems import TYPE_PREFIX
from recommender.service.authentication import KeyRing, gives_key, needed_scope
from recommender.service.problems import REQUEST_ID, Problem, Stopped, problem_of, problem_response
from recommender.service.request_middleware import CALLER

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""What a browser on this machine calls it. A page of elsewhere that has its own name point here is refused by it."""

_NO_KEY = "this needs a key: send `Authorization: Bearer KEY`, made by `recommender keys create`"
_CLOSED = "this key opens nothing: it is mistyped or revoked; see `recommender keys list`, or make one"

CHALLENGE = {"www-authenticate": 'Bearer realm="recommender"'}


class Gate:
    """Refuses before any work is done: 401 and 403 by the keys, 421 by the host, 413 by the size."""

    def __init__(self, app: ASGIApp, keys: KeyRing, hosts: frozenset[str], body_bytes: int) -> None:
        self._app = app
        self._keys = keys
        self._hosts = hosts
        self._body_bytes = body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        problem = await self._refusal(scope, headers) or self._size_refusal(scope, headers)
        if problem is not None:
            await problem_response(problem, scope[REQUEST_ID])(scope, receive, send)
            return
        if b"transfer-encoding" in headers:
            receive = _Counted(receive, self._body_bytes)
        await self._app(scope, receive, send)

    async def _refusal(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Problem | None:
        needed = needed_scope(scope["method"], scope["path"])
        if needed is None:
            return None
        try:
            await self._keys.refresh()
        except Unavailable as error:
            return problem_of(error)
        except Stopped as stopped:
            return stopped.problem
        caller = self._keys.caller(headers)
        scope[CALLER] = caller.name
        if self._keys.open:
            return self._host_refusal(headers)
        if caller.scope is None:
            detail = _CLOSED if gives_key(headers) else _NO_KEY
            return Problem(HTTPStatus.UNAUTHORIZED, detail, TYPE_PREFIX + "no-key", CHALLENGE)
        if not caller.scope.covers(needed):
            detail = f"this key may {caller.scope}; {scope['method']} here needs one that may {needed}"
            return Problem(HTTPStatus.FORBIDDEN, detail, TYPE_PREFIX + "scope")
        return None

    def _host_refusal(self, headers: Mapping[bytes, bytes]) -> Problem | None:
        host = host_name(headers.get(b"host", b"").decode("latin-1"))
        if host in self._hosts:
            return None
        detail = f"this service, open without a key, is not {host[:100]!r}; ask localhost, or name it in allowed_hosts"
        return Problem(HTTPStatus.MISDIRECTED_REQUEST, detail, TYPE_PREFIX + "host")

    def _size_refusal(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Problem | None:
        if len(scope["query_string"]) > self._body_bytes:
            return Problem(HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long; send the text in a POST")
        length = headers.get(b"content-length", b"0")
        return too_large(self._body_bytes) if length.isdigit() and int(length) > self._body_bytes else None


class _Counted:
    """A body of unknown length, refused where it goes beyond what is taken."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._read = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._most:
            raise Stopped(too_large(self._most))
        return message


def too_large(most: int) -> Problem:
    """Return the problem of a body that is larger than what is taken."""
    detail = f"the body is larger than {most:,} bytes; send fewer products at a time"
    # The rest of the body is not read, so nothing else can be asked over this connection.
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, TYPE_PREFIX + "too-large", {"connection": "close"})


def host_name(host: str) -> str:
    """Return the name in a `Host` header, in small letters and without the port."""
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    return name.lower().removesuffix(".")
