"""The pins and bans of the shop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Request
from starlette.responses import Response

from recommender.errors import UsageError
from recommender.query import Rule
from recommender.query.rule import Rules
from recommender.query.serialization import to_json
from recommender.service.bodies import read_body
from recommender.service.concurrency import Lanes
from recommender.service.openapi import StrictRoute, path_parameter, route

if TYPE_CHECKING:
    from recommender.api import Recommender

_LONGEST_ID = 9
"""Digits of an id: any nine fit the column."""

_ID = path_parameter("id", "The rule's id.", {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}, "1")


@dataclass(frozen=True, slots=True)
class RuleRemoved:
    """The rule that is gone."""

    id: int
    status: Literal["deleted"] = "deleted"


def router(recommender: Recommender, lanes: Lanes) -> APIRouter:
    """Return the routes of rules."""
    routes = APIRouter(prefix="/v1/rules", route_class=StrictRoute)
    described = partial(route, "rules")

    @routes.get("", **described("All pins and bans", {200: (Rules, "The rules, oldest first.")}))
    async def list_rules() -> Response:
        return _json(Rules(tuple(await lanes.catalogue.run(recommender.rules))))

    added = {201: (Rule, "The rule with its id; it holds from the next query on.")}

    @routes.post("", **described("Add a pin or a ban", added, (422,), Rule))
    async def add(request: Request) -> Response:
        rule = await read_body(request, Rule)
        return _json(await lanes.catalogue.run(partial(recommender.add_rule, rule)), 201)

    removed = {200: (RuleRemoved, "The rule is gone.")}

    @routes.delete("/{id}", **described("Remove a pin or a ban", removed, (404,), parameters=[_ID]))
    async def remove(request: Request) -> Response:
        text = request.path_params["id"]
        if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_ID or text.startswith("0"):
            raise UsageError(f"a rule's id is a whole number from 1; got {text[:60]!r}")
        await lanes.catalogue.run(partial(recommender.remove_rule, int(text)))
        return _json(RuleRemoved(int(text)))

    return routes


def _json(value: object, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json")
