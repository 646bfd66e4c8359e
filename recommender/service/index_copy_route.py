"""A copy of the index for a command of the same home, which can't open it while this process has it open."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from recommender.backup.index_copy import copy_live_index
from recommender.errors import TYPE_PREFIX
from recommender.service.authentication import LOCAL
from recommender.service.concurrency import Lanes
from recommender.service.problems import Problem
from recommender.service.request_middleware import CALLER
from recommender.service.service_file import COPIES_PATH

if TYPE_CHECKING:
    from recommender.api import Recommender


def router(recommender: Recommender, lanes: Lanes) -> APIRouter:
    """Return the route, for callers with the token in the home, who may read its files anyway."""
    routes = APIRouter()

    @routes.post(COPIES_PATH, include_in_schema=False)
    async def copy_index(request: Request) -> Response:
        if request.scope.get(CALLER) != LOCAL:
            detail = "copies of the index are for commands of this machine; `recommender backup` asks for one"
            raise Problem(HTTPStatus.FORBIDDEN, detail, TYPE_PREFIX + "scope")
        made = await lanes.catalogue.run(partial(copy_live_index, recommender.application))
        return JSONResponse({"generation": made.generation, "folder": str(made.folder)}, HTTPStatus.CREATED)

    return routes
