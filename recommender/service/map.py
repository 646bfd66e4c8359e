"""`GET /v1/map`: the catalogue in the plane, laid out once a generation by a thread of its own."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from recommender.errors import Unavailable
from recommender.index.protocol import StoredPoint
from recommender.service.openapi import route
from recommender.serving.embedding_map import embedding_map, sample
from recommender.serving.live_model import LiveModel, LiveModels

if TYPE_CHECKING:
    from recommender.api import Recommender

KEPT = 4
"""Maps kept in memory, one a generation: half a megabyte each at 5,000 products."""

FRESH_S = 900.0
"""Age from which a map is made anew when it is asked for; the old one is answered meanwhile."""

RETRY_S = 1

_log = logging.getLogger(__name__)


class DrawnMap(BaseModel):
    """Up to 5,000 products in the plane: `[x, y, place in departments, sku, title]` each, x and y from -1 to 1."""

    model: str
    generation: str
    products: int
    departments: list[str]
    points: list[Annotated[list[float | str], Field(min_length=5, max_length=5)]]


class MapToCome(BaseModel):
    """The map is being drawn."""

    status: Literal["drawing"]


@dataclass(frozen=True, slots=True)
class _Drawn:
    body: bytes
    at: float


class Maps:
    """The maps of the generations that were asked for; one is drawn at a time. Thread-safe."""

    def __init__(self, models: LiveModels) -> None:
        self._models = models
        self._lock = threading.Lock()
        self._drawn: OrderedDict[str, _Drawn] = OrderedDict()
        self._failed: dict[str, Exception] = {}
        self._drawing = ""

    def ask(self, model: str = "") -> bytes | None:
        """Return the map of a model's generation as JSON; None while its first one is being drawn.

        Raises as queries do for a model that can't be asked, and `Unavailable` once for each try that failed: the next
        request tries again.
        """
        with self._models.lease(model) as live:
            generation = live.generation
        with self._lock:
            if failure := self._failed.pop(generation, None):
                raise Unavailable(f"the map could not be drawn ({failure}); ask again, or see the log") from failure
            drawn = self._drawn.get(generation)
            stale = drawn is None or time.monotonic() - drawn.at > FRESH_S
            if stale and not self._drawing:
                self._drawing = generation
                threading.Thread(target=self._draw, args=(model, generation), name="embedding-map", daemon=True).start()
        return drawn.body if drawn else None

    def _draw(self, model: str, generation: str) -> None:
        try:
            taken = self._models.ask(_take, model)  # its lease ends before the layout, which takes seconds
            self._keep(taken.generation, _Drawn(map_json(taken), time.monotonic()))
        except Exception as error:  # noqa: BLE001 - a thread has no caller: noted, and told to the next request
            _log.warning("the map of generation %s could not be drawn: %s", generation, error, exc_info=True)
            with self._lock:
                self._failed[generation] = error
        finally:
            with self._lock:
                self._drawing = ""

    def _keep(self, generation: str, drawn: _Drawn) -> None:
        with self._lock:
            self._drawn[generation] = drawn
            self._drawn.move_to_end(generation)
            while len(self._drawn) > KEPT:
                self._drawn.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Taken:
    model: str
    generation: str
    products: int
    points: list[StoredPoint]


def _take(live: LiveModel) -> _Taken:
    return _Taken(live.model, live.generation, live.index.count(), sample(live.index))


def map_json(taken: _Taken) -> bytes:
    """Draw the map and return its JSON form: points as `[x, y, department, sku, title]`, which halves its size."""
    drawn = embedding_map(taken.points)
    members = {
        "model": taken.model,
        "generation": taken.generation,
        "products": taken.products,
        "departments": drawn.departments,
        "points": [[round(one.x, 4), round(one.y, 4), one.department, one.sku, one.title] for one in drawn.points],
    }
    # In ASCII, as the problems are: a title may hold half of a surrogate pair, which has no UTF-8.
    return json.dumps(members, separators=(",", ":")).encode()


def router(recommender: Recommender) -> APIRouter:
    """Return the route. It answers 202 with Retry-After until the map is there."""
    routes = APIRouter()
    maps = Maps(recommender.live_models)

    answers: dict[int, tuple[type[BaseModel], str]] = {
        200: (DrawnMap, "The map."),
        202: (MapToCome, "It is being drawn; ask again after `Retry-After` seconds."),
    }

    @routes.get("/v1/map", **route("explorer", "The products in the plane, near where they are alike", answers, (404,)))
    def embedding_map_of(model: str = Query("", description="Another model than the live one.")) -> Response:
        body = maps.ask(model)
        if body is None:
            return JSONResponse({"status": "drawing"}, 202, headers={"Retry-After": str(RETRY_S)})
        return Response(body, media_type="application/json")

    return routes
