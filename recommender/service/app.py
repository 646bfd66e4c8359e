"""The service as one ASGI application."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import Mount, Route

from recommender.errors import MissingExtra, RecommenderError, Unavailable
from recommender.service import (
    index_copy_route,
    map_route,
    operator_routes,
    page,
    product_routes,
    query_routes,
    rule_routes,
    webhook_routes,
)
from recommender.service.access import Access, AccessMiddleware, OriginMiddleware
from recommender.service.authentication import KeyCache
from recommender.service.concurrency import Lanes
from recommender.service.logs import AccessLog, ServiceLog
from recommender.service.metrics import Metrics
from recommender.service.openapi import EVERYWHERE, document_of
from recommender.service.problems import REQUEST_ID, Problem, problem_response
from recommender.service.request_limits import DEFAULT_LIMITS, Limits, RateLimit
from recommender.service.request_middleware import RequestMiddleware
from recommender.version import __version__

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

    from recommender.api import Recommender

DESCRIPTION = """\
Similar products, searches and recommendations from a shop's own catalogue.

Every error is a problem document (RFC 9457, `application/problem+json`). A 503 carries `Retry-After`. A write is
durable when it is answered, and appears in answers about a second later; while the index is away it is queued.
Writes may be sent again without harm, except `POST /v1/rules`.
"""

TAGS = [
    {"name": "queries", "description": "Similar products, searches and recommendations."},
    {"name": "products", "description": "The catalogue, product by product."},
    {"name": "rules", "description": "Pins and bans."},
    {"name": "operation", "description": "For those who run the service."},
    {"name": "explorer", "description": "For the page at `/`."},
]


ABOUT: dict[str, Any] = {
    "title": "recommender",
    "version": __version__,
    "description": DESCRIPTION,
    "openapi_tags": TAGS,
    "contact": {"name": "Whoever runs this service"},
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "servers": [{"url": ".", "description": "The service that gave this document."}],
    "generate_unique_id_function": attrgetter("name"),  # clients' methods have the names of the routes' functions
    "docs_url": None,  # its scripts are on other hosts, and this service names none
    "redoc_url": None,
}

COMPRESSED_FROM = 8 << 10
"""Smallest answer that is compressed, in bytes, for clients that accept it: ten hits have half of it, and take 0.1 ms
to compress."""


_log = logging.getLogger("recommender.service")


def create_app(
    recommender: Recommender,
    access: Access,
    limits: Limits = DEFAULT_LIMITS,
    metrics: Metrics | None = None,
    query_threads: int = 0,
    log: ServiceLog | None = None,
    on_close: Callable[[], None] = lambda: None,
    cors_origins: Sequence[str] = (),
    agents: bool = False,
    webhook_secrets: Mapping[str, str] = MappingProxyType({}),
) -> FastAPI:
    """Make the application over an open `Recommender`, which stays open until `on_close` is called at the end.

    `query_threads` threads query the index; 0 queries it in the event loop, for the embedded engine. `metrics` are
    those that observe the queries of `recommender`. Requests are logged to `log`, if there is one. Pages of
    `cors_origins` may call it. With `agents` it answers them at `/mcp`. Webhooks are signed with `webhook_secrets`.
    """
    metrics, lanes, access_log = metrics or Metrics(), Lanes.create(limits.waiting, query_threads), AccessLog(log)
    server = _agents_server(recommender, lanes) if agents else None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with server.session_manager.run() if server else nullcontext():
            yield
        lanes.close()
        access_log.flush()
        on_close()

    app = FastAPI(**ABOUT, responses=EVERYWHERE, redirect_slashes=False, lifespan=lifespan)
    app.openapi = document_of(app)  # type: ignore[method-assign] # FastAPI's own way to complete its document
    routers = (
        query_routes.router(recommender, lanes, log is not None and log.searches),
        product_routes.router(recommender, lanes, limits.batch),
        rule_routes.router(recommender, lanes),
        map_route.router(recommender),
        operator_routes.router(recommender, lanes, metrics),
        index_copy_route.router(recommender, lanes),
        webhook_routes.router(recommender, lanes, webhook_secrets),
    )
    for router in routers:
        app.include_router(router)
    page.mount(app)
    if server:
        # Without a check of the host: `AccessMiddleware` does that. A stream of events, by GET, would never have one.
        agents_app = server.streamable_http_app(stateless_http=True, json_response=True, host="")
        (route,) = (each for each in agents_app.routes if isinstance(each, Route))
        app.router.routes.append(Route(route.path, route.endpoint, methods=["POST"]))
    own = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    _add_problem_handlers(app, own)
    keys = KeyCache(access.keys, lanes.operations, access.local_token, note_use=access.note_use)
    rate = RateLimit(limits.rate) if limits.rate else None
    app.add_middleware(AccessMiddleware, access=access, keys=keys, body_bytes=limits.body_bytes, rate=rate)
    app.add_middleware(GZipMiddleware, minimum_size=COMPRESSED_FROM, compresslevel=5)
    cross_origin = partial(OriginMiddleware, keys=keys, origins=cors_origins)
    app.add_middleware(cross_origin)  # outside the keys: a browser's preflight request has none
    routes = [*own, *(route for route in app.routes if isinstance(route, Route | Mount))]
    observed = partial(RequestMiddleware, routes=routes, access_log=access_log, metrics=metrics)
    app.add_middleware(observed, timeout_s=limits.timeout_s, cross_origin=cross_origin)
    return app


def _agents_server(recommender: Recommender, lanes: Lanes) -> MCPServer[Any]:
    """Return the tools for agents, whose queries wait in the lane of searches. Raises `MissingExtra`."""
    try:
        from recommender.agents import agents_server
    except ModuleNotFoundError as error:
        raise MissingExtra("mcp", "the Model Context Protocol") from error

    async def ask(question: Callable[..., Any], *arguments: Any) -> Any:
        return await lanes.encoding.run(partial(getattr(recommender, question.__name__), *arguments))

    return agents_server(ask)


def _add_problem_handlers(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    """Answer every error with a problem document."""

    @app.exception_handler(RecommenderError)
    @app.exception_handler(Problem)
    async def recommender_error(request: Request, error: RecommenderError | Problem) -> Response:
        if isinstance(error, Unavailable) and error.public:
            _log.warning("%s", error, extra={"request": request.scope[REQUEST_ID]})
        return problem_response(error, request.scope[REQUEST_ID])

    @app.exception_handler(HTTPException)
    async def routing_error(request: Request, error: HTTPException) -> Response:
        detail, headers, path = error.detail, dict(error.headers or {}), request.url.path
        if error.status_code == 404:
            detail = f"there is nothing at {path[:200]!r}; /openapi.json lists what there is"
        if error.status_code == 405:
            detail = f"{request.method[:20]} is not for {path[:200]!r}; see the header Allow"
            # Several routes share a path, one for each method; the framework names only the methods of the first.
            methods = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
            methods |= {"HEAD"} if "GET" in methods else set()
            headers["Allow"] = ", ".join(sorted(methods)) or headers.get("Allow", "GET, HEAD")
        return problem_response(Problem(error.status_code, detail, headers=headers), request.scope[REQUEST_ID])
