"""The pins and bans of the shop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from recommender.errors import UsageError
from recommender.query.serialization import rule_from, rule_json
from recommender.service import schemas
from recommender.service.bodies import json_object
from recommender.service.concurrency import Lanes
from recommender.service.openapi import path_parameter, route

if TYPE_CHECKING:
    from recommender.api import Recommender

TAG = "rules"

_BODIES = (schemas.RuleForQuery, schemas.RuleForCategory, schemas.BanEverywhere)

_LONGEST_ID = 9
"""Digits of an id: any nine fit the column."""

_ID = path_parameter("id", "The rule's id.", {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"}, "1")


def router(recommender: Recommender, lanes: Lanes) -> APIRouter:
    """Return the routes of rules."""
    routes = APIRouter(prefix="/v1/rules")

    @routes.get("", **route(TAG, "All pins and bans", {200: (schemas.Rules, "The rules, oldest first.")}))
    async def listed() -> Response:
        found = await lanes.catalogue.run(recommender.rules)
        return JSONResponse({"rules": [rule_json(rule) for rule in found]})

    added = {201: (schemas.Rule, "The rule with its id; it holds from the next query on.")}

    @routes.post("", **route(TAG, "Add a pin or a ban", added, (422,), _BODIES))
    async def add(request: Request) -> Response:
        rule = rule_from(await json_object(request))
        return JSONResponse(rule_json(await lanes.catalogue.run(partial(recommender.add_rule, rule))), 201)

    gone = {200: (schemas.RuleRemoved, "The rule is gone.")}

    @routes.delete("/{id}", **route(TAG, "Remove a pin or a ban", gone, (404,), parameters=[_ID]))
    async def remove(request: Request) -> Response:
        identity = _identity(request.path_params["id"])
        await lanes.catalogue.run(partial(recommender.remove_rule, identity))
        return JSONResponse({"id": identity, "status": "deleted"})

    return routes


def _identity(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_ID or text.startswith("0"):
        raise UsageError(f"a rule's id is a whole number from 1; got {text[:60]!r}")
    return int(text)
