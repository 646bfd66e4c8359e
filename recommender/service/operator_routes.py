"""For operators of the service: whether it is alive and ready, what it holds, and its metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter
from starlette.responses import JSONResponse, PlainTextResponse, Response

from recommender.errors import Unavailable
from recommender.query import Answer, Options, Status
from recommender.query.serialization import to_value
from recommender.service import metrics as prometheus
from recommender.service.concurrency import Lanes
from recommender.service.metrics import InstallationState, Metrics
from recommender.service.openapi import KEYS
from recommender.service.strict_route import StrictRoute

if TYPE_CHECKING:
    from recommender.api import Recommender

CHECK_S = 1.0
"""How long the result of a readiness check is used: many may ask whether the service is ready."""

PROBE = "ready?"
"""The text that is searched for to see whether the live model answers. It is encoded once, and its vector is cached."""


@dataclass(frozen=True, slots=True)
class Alive:
    """The process answers."""

    status: Literal["alive"]


@dataclass(frozen=True, slots=True)
class Ready:
    """Queries are answered, by this pair; `paused` says that changes are not applied now, for example on a full disk.

    It does not say why: this answer needs no key, and a reason may name paths and addresses.
    """

    status: Literal["ready"]
    model: str
    generation: str
    paused: str | None = None


class Readiness:
    """Whether queries are answered: a search is tried, which needs index and model. Two threads may check at once.

    `require_whole` raises `Unavailable` for damage that no search shows.
    """

    def __init__(
        self,
        search: Callable[[str, int], Answer],
        require_whole: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._search = search
        self._require_whole = require_whole
        self._clock = clock
        self._answer: Answer | None = None
        self._at = 0.0

    def check(self) -> Answer:
        """Return an answer of the live model that is at most a second old. Raises what keeps it from answering."""
        self._require_whole()
        answer = self._answer
        if answer is None or self._clock() - self._at > CHECK_S:
            self._answer = None
            answer = self._answer = self._search(PROBE, 1)
            self._at = self._clock()
        return answer


def router(recommender: Recommender, lanes: Lanes, metrics: Metrics) -> APIRouter:
    """Return the operator's routes. They have lanes of their own, so that they answer while queries hang."""
    routes = APIRouter(tags=["operation"], route_class=StrictRoute)
    plain = Options(rules=False)
    readiness = Readiness(lambda text, k: recommender.search(text, k, options=plain), recommender.require_whole)

    @routes.get("/livez", summary="Whether the process lives", response_description="It does.")
    async def livez() -> Alive:
        """Answer at once, whatever the database and the index do: a supervisor restarts a process that does not."""
        return Alive("alive")

    @routes.get(
        "/readyz",
        summary="Whether queries are answered; 503 says what is missing",
        response_model=Ready,
        response_description="Queries are answered.",
    )
    async def readyz() -> Response:
        """Answer whether a search was answered within the last second: a balancer sends queries here if so."""
        answer = await lanes.readiness.run(readiness.check)
        worker = recommender.worker
        paused = "changes wait in the queue; the log says why" if worker and worker.paused_reason else None
        ready = Ready("ready", answer.model, answer.generation, paused)
        return JSONResponse(to_value(ready, changed=True))

    @routes.get(
        "/v1/status",
        summary="What the installation holds and does",
        response_description="What is here, and what waits.",
        dependencies=KEYS,
    )
    async def status() -> Status:
        """Answer with the live model and its generation, the products, and the changes that wait to be indexed."""
        return await lanes.operations.run(recommender.status)

    def metrics_text() -> bytes:
        try:
            current = recommender.status()
        except Unavailable:
            current = None  # a gauge says so; the metrics of this process are valid all the same
        worker = recommender.worker
        alive = None if worker is None else worker.alive
        return metrics.text(InstallationState(current, recommender.cache_info(), alive))

    @routes.get(
        "/metrics",
        summary="The metrics of this process for Prometheus",
        response_description="The metrics in Prometheus's text form.",
        response_class=PlainTextResponse,
        name="metrics",
        dependencies=KEYS,
    )
    async def metrics_page() -> Response:
        """Answer with requests, stages of queries, the queue and the process, as Prometheus scrapes them."""
        return Response(await lanes.operations.run(metrics_text), media_type=prometheus.MEDIA_TYPE)

    return routes
