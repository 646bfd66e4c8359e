"""Around every request: its id, time limit, line in the log, metrics, and headers that keep browsers safe.

Keys are checked in `access`. The limit of a body is in `request_limits`, the limits of a head in `http_protocol`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from recommender.errors import TYPE_PREFIX
from recommender.service.logs import AccessLog
from recommender.service.metrics import Metrics
from recommender.service.problems import REQUEST_ID, Problem, problem_response

CALLER = "recommender.caller"
"""Key of the caller's name in the ASGI scope."""

UNMATCHED = "none"
"""Route of a request that matched none, in log and metrics: paths that callers make up must not be labels."""

_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]
"""Headers of every answer that does not set its own, as the page does; a caller may keep the answer and ask again."""

UNEXPECTED = "something went wrong here; the log has the rest"

_log = logging.getLogger("recommender.service")


class RequestMiddleware:
    """The outermost layer: every answer gets its headers here, and every error its problem document.

    `cross_origin` is the layer that lets pages of other origins read an answer. A failure ends that layer as well, so
    the problem document gets a layer of its own.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Sequence[Route | Mount],
        access_log: AccessLog,
        metrics: Metrics,
        timeout_s: float,
        cross_origin: Callable[[ASGIApp], CORSMiddleware],
    ) -> None:
        self._app = app
        self._routes = routes
        self._access_log = access_log
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._cross_origin = cross_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        method = scope["method"]
        if method == "HEAD":  # answered like GET; the server, which has its own scope, leaves out the body
            scope = {**scope, "method": "GET"}
        # The caller's own id if it is harmless, otherwise a new one.
        given_ids = (value for name, value in scope["headers"] if name == b"x-request-id" and _ID.fullmatch(value))
        request_id = scope[REQUEST_ID] = next(given_ids, os.urandom(8).hex().encode()).decode()
        root_path = scope.get("root_path", "")  # a mount changes it
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message["headers"], (b"x-request-id", request_id.encode())]
                headers.append((b"server-timing", b"total;dur=%.2f" % ((time.perf_counter() - started) * 1000)))
                given = {name for name, _ in headers}
                message["headers"] = headers + [header for header in _HEADERS if header[0] not in given]
            await send(message)

        try:
            self._metrics.in_flight.inc()
            problem = await self._run(scope, receive, send_with_headers)
            if problem is not None and not status:
                answer = self._cross_origin(problem_response(problem, request_id))
                await answer.simple_response(scope, receive, send_with_headers, Headers(scope=scope))
        finally:
            self._metrics.in_flight.dec()
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", "")
            if not route:  # refused before the routing, or answered by a folder of files
                arrived = {**scope, "root_path": root_path}
                fits = (each.path for each in self._routes if each.matches(arrived)[0] is Match.FULL)
                route = next(fits, UNMATCHED)
            method = method if route != UNMATCHED else "OTHER"
            self._metrics.count_request(method, route, status, seconds)
            client = (scope.get("client") or ("",))[0]
            self._access_log.write(request_id, method, route, status, seconds, scope.get(CALLER, ""), client)

    async def _run(self, scope: Scope, receive: Receive, send: Send) -> Problem | None:
        """Run the application within the time limit; return the problem if it failed."""
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - an unforeseen error is a 500 that shows nothing, and is logged
            if not (isinstance(error, TimeoutError) and limit.expired()):
                _log.exception("unexpected %s", type(error).__name__, extra={"request": scope[REQUEST_ID]})
                return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, UNEXPECTED)
            reads = scope["method"] in ("GET", "HEAD")
            more = "" if reads else "; what it changes may still happen, and may be sent again"
            detail = f"no answer within {self._timeout_s:g} s{more}"
            return Problem(HTTPStatus.GATEWAY_TIMEOUT, detail, TYPE_PREFIX + "timeout")
        return None
