"""Around every request: its id, time limit, line in the log and figures, and headers that keep browsers safe."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.query.problems import TYPE_PREFIX
from recommender.service.logs import AccessLog
from recommender.service.metrics import Metrics
from recommender.service.problems import REQUEST_ID, Problem, problem_response

CALLER = "recommender.caller"
"""Key of the caller's name in the ASGI scope."""

UNMATCHED = "none"
"""Route of a request that met none, in log and figures: paths that callers make up are no labels."""

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_POLICY = b"content-security-policy"
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (_POLICY, b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
"""Of every answer but the page's, which brings a policy of its own."""

_log = logging.getLogger("recommender.service")


class Exchange:
    """The outermost layer: nothing gets past it, so that every answer has its headers and every error its problem."""

    def __init__(self, app: ASGIApp, access: AccessLog, metrics: Metrics, timeout_s: float) -> None:
        self._app = app
        self._access = access
        self._metrics = metrics
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        asked = scope["method"]
        if asked == "HEAD":  # as GET is answered; the server, whose own scope this is not, leaves out the body
            scope = {**scope, "method": "GET"}
        scope[REQUEST_ID] = _request_id(scope)
        answer = _Answer(scope, send)
        try:
            await self._answered(scope, receive, answer)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", UNMATCHED)
            method = asked if route != UNMATCHED else "OTHER"
            self._metrics.answered(method, route, answer.status, seconds)
            self._access.write(scope[REQUEST_ID], method, route, answer.status, seconds, scope.get(CALLER, ""))

    async def _answered(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                await self._app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - what nobody foresaw is a 500 that shows nothing, and is logged
            if isinstance(error, TimeoutError) and limit.expired():
                problem = self._late(scope)
            else:
                _log.exception("unexpected %s", type(error).__name__, extra={"request": scope[REQUEST_ID]})
                problem = Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something went wrong here; the log has the rest")
            if not answer.status:
                await problem_response(problem, scope[REQUEST_ID])(scope, receive, answer)

    def _late(self, scope: Scope) -> Problem:
        changes = scope["method"] not in ("GET", "HEAD")
        more = "; what it changes may still come to pass, and may be sent again" if changes else ""
        detail = f"no answer within {self._timeout_s:g} s{more}"
        return Problem(HTTPStatus.GATEWAY_TIMEOUT, detail, TYPE_PREFIX + "timeout")


class _Answer:
    """What is sent back, with the headers of every answer; remembers its status, 0 before there is one."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message["headers"], (b"x-request-id", self._scope[REQUEST_ID].encode())]
            own = any(name == _POLICY for name, _ in headers)
            message["headers"] = headers if own else headers + _HEADERS
        await self._send(message)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value):
            given: str = value.decode()
            return given
    return os.urandom(8).hex()
