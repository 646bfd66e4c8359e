"""`GET /v1/map`: the catalogue in the plane, laid out once for each generation, in a thread of its own."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from recommender.errors import Unavailable
from recommender.forms import STRICT
from recommender.query.limits import OptionalText, parameter
from recommender.query.request import OTHER_MODEL
from recommender.service.openapi import KEYS, problems
from recommender.service.strict_route import Address, StrictRoute, conditional_response
from recommender.serving.embedding_map import embedding_map, sample
from recommender.serving.live_model import LiveModels

if TYPE_CHECKING:
    from recommender.api import Recommender

KEPT = 4
"""Maps kept in memory, one for each generation: half a megabyte each at 5,000 products."""

FRESH_S = 900.0
"""Age after which a request has the map laid out again. The old one is the answer meanwhile."""

RETRY_S = 1

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MapRequest:
    """Which map to return."""

    __pydantic_config__: ClassVar = STRICT

    model: OptionalText = parameter("", OTHER_MODEL)


class CatalogueMap(BaseModel):
    """Up to 5,000 products in the plane: `[x, y, index into departments, sku, title]` each, x and y from -1 to 1."""

    model: str
    generation: str
    products: int
    departments: list[str]
    points: list[Annotated[list[float | str], Field(min_length=5, max_length=5)]]


class MapPending(BaseModel):
    """The map is being laid out."""

    status: Literal["drawing"]


class MapCache:
    """The maps of the generations that were asked for, as JSON. One is laid out at a time. Thread-safe."""

    def __init__(self, models: LiveModels) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._maps: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._failures: dict[str, Exception] = {}
        self._in_work = False

    def get(self, model: str = "") -> bytes | None:
        """Return the map of a model's generation; None while its first one is laid out.

        Raises as queries do for a model that can't be asked, and `Unavailable` once for each attempt that failed: the
        next request starts another.
        """
        with self._models.lease(model) as live:
            generation = live.generation
        with self._lock:
            if failure := self._failures.pop(generation, None):
                raise Unavailable(f"the map could not be drawn ({failure}); ask again, or see the log") from failure
            body, made_at = self._maps.get(generation, (None, 0.0))
            if not self._in_work and (body is None or time.monotonic() - made_at > FRESH_S):
                self._in_work = True
                threading.Thread(target=self._make, args=(model, generation), name="embedding-map", daemon=True).start()
        return body

    def _make(self, model: str, generation: str) -> None:
        try:
            # The lease ends before the layout, which takes seconds.
            live, products, points = self._models.ask(
                lambda live: (live, live.index.count(), sample(live.index)), model
            )
            drawn = embedding_map(points)
            members = {
                "model": live.model,
                "generation": live.generation,
                "products": products,
                "departments": drawn.departments,
                # Lists instead of objects halve the size.
                "points": [[round(at.x, 4), round(at.y, 4), at.department, at.sku, at.title] for at in drawn.points],
            }
            # In ASCII, as the problems are: a title may have half of a surrogate pair, which UTF-8 can't encode.
            body = json.dumps(members, separators=(",", ":")).encode()
            with self._lock:
                self._maps[live.generation] = body, time.monotonic()
                self._maps.move_to_end(live.generation)
                while len(self._maps) > KEPT:
                    self._maps.popitem(last=False)
        except Exception as error:  # noqa: BLE001 - a thread has no caller: it is logged, and raised by the next request
            _log.warning("the map of generation %s could not be drawn: %s", generation, error, exc_info=True)
            with self._lock:
                self._failures[generation] = error
        finally:
            with self._lock:
                self._in_work = False


def router(recommender: Recommender) -> APIRouter:
    """Return the route. It answers 202 with Retry-After until the map is there."""
    routes = APIRouter(tags=["explorer"], route_class=StrictRoute, dependencies=KEYS)
    maps = MapCache(recommender.live_models)
    pending: dict[str, Any] = {
        "model": MapPending,
        "description": "It is being drawn; ask again after `Retry-After` seconds.",
    }

    @routes.get(
        "/v1/map",
        summary="The products in the plane, near where they are alike",
        response_model=CatalogueMap,
        response_description="The map.",
        responses=problems(404) | {202: pending},
    )
    async def get_map(request: Request, asked: Annotated[MapRequest, Depends(Address(MapRequest))]) -> Response:
        """Answer with the map of a generation; while the first one is laid out, with a 202 that says when to return."""
        body = await run_in_threadpool(maps.get, asked.model)
        if body is None:
            return JSONResponse({"status": "drawing"}, 202, headers={"Retry-After": str(RETRY_S)})
        return conditional_response(request, body)

    return routes
