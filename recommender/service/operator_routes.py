"""What whoever runs the service asks: whether it lives, whether it is ready, what it holds, and its figures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from recommender.errors import Unavailable
from recommender.query import Answer, Options, Status
from recommender.query.serialization import status_json
from recommender.service import metrics, schemas
from recommender.service.concurrency import Lanes
from recommender.service.metrics import Metrics, State
from recommender.service.openapi import route

if TYPE_CHECKING:
    from recommender.api import Recommender

TAG = "operation"

CHECK_S = 1.0
"""How long a look at the live pair is good for: many may ask whether the service is ready."""

PROBE = "ready?"
"""What is searched for to see whether the live pair answers. It is encoded once; its vector is kept."""


class Readiness:
    """Whether queries are answered: a search is tried, which needs index and model. Two threads may look at once."""

    def __init__(self, search: Callable[[str, int], Answer], clock: Callable[[], float] = time.monotonic) -> None:
        self._search = search
        self._clock = clock
        self._answer: Answer | None = None
        self._at = 0.0

    def look(self) -> Answer:
        """Return the answer of the live pair, one that is a second old at most. Raises what keeps it from answering."""
        answer = self._answer
        if answer is None or self._clock() - self._at > CHECK_S:
            self._answer = None
            answer = self._answer = self._search(PROBE, 1)
            self._at = self._clock()
        return answer


def router(recommender: Recommender, lanes: Lanes, figures: Metrics) -> APIRouter:
    """Return the operator's routes; they have lanes of their own, so that they answer while queries hang."""
    routes, lane = APIRouter(), lanes.operations
    plain = Options(rules=False)
    readiness = Readiness(lambda text, k: recommender.search(text, k, options=plain))

    @routes.get("/livez", **route(TAG, "Whether the process lives", {200: (schemas.Alive, "It does.")}))
    async def alive() -> Response:
        return JSONResponse({"status": "alive"})

    ready_answer = {200: (schemas.Ready, "Queries are answered.")}

    @routes.get("/readyz", **route(TAG, "Whether queries are answered; 503 says what is missing", ready_answer))
    async def ready() -> Response:
        answer = await lanes.readiness.run(readiness.look)
        return JSONResponse({"status": "ready", "model": answer.model, "generation": answer.generation})

    state = {200: (schemas.Status, "What is here, and what waits.")}

    @routes.get("/v1/status", **route(TAG, "What the installation holds and does", state))
    async def status() -> Response:
        return JSONResponse(status_json(await lane.run(recommender.status)))

    figures_route = route(TAG, "The figures of this process for Prometheus", {200: (schemas.Alive, "Figures.")})
    figures_route["responses"][200] = {
        "description": "The figures in Prometheus's text form.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }

    @routes.get("/metrics", response_class=Response, **figures_route)
    async def measured() -> Response:
        return Response(await lane.run(lambda: figures.text(_state(recommender))), media_type=metrics.MEDIA_TYPE)

    return routes


def _state(recommender: Recommender) -> State:
    worker = recommender.worker
    return State(_status(recommender), recommender.cache_info(), None if worker is None else worker.alive)


def _status(recommender: Recommender) -> Status | None:
    try:
        return recommender.status()
    except Unavailable:
        return None  # told by a gauge; the figures of this process are good all the same
