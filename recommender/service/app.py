"""The service as one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from recommender.errors import RecommenderError
from recommender.service import index_copy_route as copy_route
from recommender.service import map as map_route
from recommender.service import operator_routes, page, product_routes, rule_routes
from recommender.service import query_routes as asking_routes
from recommender.service.access import LOCAL_HOSTS, Gate
from recommender.service.api_keys import ApiKey
from recommender.service.authentication import KeyRing
from recommender.service.concurrency import lanes_of
from recommender.service.logs import AccessLog
from recommender.service.metrics import Metrics
from recommender.service.openapi import document_of
from recommender.service.problems import REQUEST_ID, Problem, Stopped, problem_of, problem_response
from recommender.service.request_middleware import Exchange
from recommender.version import __version__

if TYPE_CHECKING:
    from recommender.api import Recommender

DESCRIPTION = """\
Similar products, searches and recommendations from a shop's own catalogue.

Every error is a problem document (RFC 9457, `application/problem+json`). A 503 carries `Retry-After`. What is written
is durable when it is answered, and in answers about a second later; while the index is away it is queued.
Writes may be sent again without harm, except `POST /v1/rules`.
"""

TAGS = [
    {"name": "queries", "description": "What is asked."},
    {"name": "products", "description": "The catalogue, product by product."},
    {"name": "rules", "description": "Pins and bans."},
    {"name": "operation", "description": "For whoever runs the service."},
    {"name": "explorer", "description": "For the page at `/`."},
]


@dataclass(frozen=True, slots=True)
class Limits:
    """Ceilings. `waiting` is how many requests of one kind may wait for their turn before more are sent away."""

    body_bytes: int = 16 * 1024 * 1024
    batch: int = 1000
    timeout_s: float = 10.0
    waiting: int = 256


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask. `loopback`: the service is bound to this machine alone, so it is open while no key exists.

    `hosts` are names beside localhost that it may be asked under then. `local_token` is good for reading.
    """

    keys: Callable[[], Sequence[ApiKey]]
    loopback: bool = True
    hosts: tuple[str, ...] = ()
    local_token: str = ""


def create_app(
    recommender: Recommender,
    access: Access,
    limits: Limits = Limits(),
    metrics: Metrics | None = None,
    query_threads: int = 0,
    log: TextIO | None = None,
    on_close: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Make the application over an open `Recommender`, which stays open until `on_close` is called at the end.

    `query_threads` threads ask the index; 0 asks it in the event loop, for the embedded engine.
    `metrics` are those that `recommender` tells of its queries. Access is logged to `log`, if there is one.
    """
    figures = metrics or Metrics()
    lanes = lanes_of(limits.waiting, query_threads)
    access_log = AccessLog(log)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        lanes.close()
        access_log.flush()
        on_close()

    app = _framework(lifespan)
    routers = (
        asking_routes.router(recommender, lanes),
        product_routes.router(recommender, lanes, limits.batch),
        rule_routes.router(recommender, lanes),
        map_route.router(recommender),
        operator_routes.router(recommender, lanes, figures),
        copy_route.router(recommender, lanes),
    )
    for routes in routers:
        app.include_router(routes)
    page.mount(app)
    _add_problems(app, [route for routes in routers for route in routes.routes if isinstance(route, APIRoute)])
    keys = KeyRing(access.keys, lanes.operations, access.loopback, access.local_token)
    hosts = LOCAL_HOSTS | {host.lower() for host in access.hosts}
    app.add_middleware(Gate, keys=keys, hosts=hosts, body_bytes=limits.body_bytes)
    app.add_middleware(Exchange, access=access_log, metrics=figures, timeout_s=limits.timeout_s)
    return app


def _framework(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    app = FastAPI(
        title="recommender",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        docs_url=None,  # its scripts lie on other hosts, and this service names none
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.openapi = document_of(app)  # type: ignore[method-assign] # FastAPI's own way to complete its document
    return app


def _add_problems(app: FastAPI, routes: Sequence[APIRoute]) -> None:
    @app.exception_handler(RecommenderError)
    async def of_ours(request: Request, error: RecommenderError) -> Response:
        return problem_response(problem_of(error), request.scope[REQUEST_ID])

    @app.exception_handler(Stopped)
    async def stopped(request: Request, error: Stopped) -> Response:
        return problem_response(error.problem, request.scope[REQUEST_ID])

    @app.exception_handler(HTTPException)
    async def of_routing(request: Request, error: HTTPException) -> Response:
        detail, headers = error.detail, dict(error.headers or {})
        if error.status_code == 404:
            detail = f"there is nothing at {request.url.path[:200]!r}; /openapi.json lists what there is"
        if error.status_code == 405:
            detail = f"{request.method[:20]} is not for {request.url.path[:200]!r}; see the header Allow"
            # Several routes share a path, one a method; the framework names those of the first.
            path = request.url.path
            methods = {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}
            methods |= {"HEAD"} if "GET" in methods else set()
            headers["Allow"] = ", ".join(sorted(methods)) or headers.get("Allow", "GET, HEAD")
        problem = Problem(error.status_code, detail, headers=headers)
        return problem_response(problem, request.scope[REQUEST_ID])
