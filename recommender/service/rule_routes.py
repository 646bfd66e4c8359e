"""The pins, bans and synonyms of the shop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import APIRouter, Depends, Path

from recommender.errors import UsageError
from recommender.query import LoggedSearches, LoggedSearchesRequest, Rule
from recommender.query.rule import Rules
from recommender.service.concurrency import Lanes
from recommender.service.openapi import KEYS, problems
from recommender.service.strict_route import Address, StrictRoute

if TYPE_CHECKING:
    from recommender.api import Recommender

_LONGEST_ID = 9
"""Most digits of an id: any nine fit the column."""

RuleId = Annotated[str, Path(description="The rule's id.", pattern=r"^[1-9][0-9]{0,8}$", examples=["1"])]


@dataclass(frozen=True, slots=True)
class RuleRemoved:
    """The rule that is gone."""

    id: int
    status: Literal["deleted"] = "deleted"


def router(recommender: Recommender, lanes: Lanes) -> APIRouter:
    """Return the routes of rules."""
    routes = APIRouter(prefix="/v1", tags=["rules"], route_class=StrictRoute, dependencies=KEYS)

    @routes.get(
        "/searches",
        summary="The most frequent searches, if they are logged",
        response_description="The searches, the most frequent first.",
    )
    async def searches(
        asked: Annotated[LoggedSearchesRequest, Depends(Address(LoggedSearchesRequest))],
    ) -> LoggedSearches:
        """Answer with what was searched for, if the setting `keep_searches` keeps it."""
        found = await lanes.catalogue.run(partial(recommender.searches, asked.weak, asked.limit))
        return LoggedSearches(tuple(found))

    @routes.get("/rules", summary="All pins, bans and synonyms", response_description="The rules, oldest first.")
    async def list_rules() -> Rules:
        """Answer with all rules: past, present and future ones."""
        return Rules(tuple(await lanes.catalogue.run(recommender.rules)))

    @routes.post(
        "/rules",
        summary="Add a pin, a ban or a synonym",
        status_code=201,
        response_description="The rule with its id; it holds from the next query on.",
        responses=problems(413, 415, 422),
    )
    async def add_rule(rule: Rule) -> Rule:
        """Add a rule. Sent twice, it exists twice."""
        return await lanes.catalogue.run(partial(recommender.add_rule, rule))

    @routes.put(
        "/rules/{id}",
        summary="Change a rule",
        response_description="The rule as it is now; it holds from the next query on.",
        responses=problems(404, 413, 415, 422),
    )
    async def update_rule(id: RuleId, rule: Rule) -> Rule:  # noqa: A002 - the name of the part of the path
        """Replace the rule with this id, whatever id the body has. Fields that the body leaves out are not kept."""
        return await lanes.catalogue.run(partial(recommender.update_rule, replace(rule, id=_identity(id))))

    @routes.delete(
        "/rules/{id}", summary="Remove a rule", response_description="The rule is gone.", responses=problems(404)
    )
    async def remove_rule(id: RuleId) -> RuleRemoved:  # noqa: A002 - the name of the part of the path
        """Remove a rule by the id that it was given."""
        identity = _identity(id)
        await lanes.catalogue.run(partial(recommender.remove_rule, identity))
        return RuleRemoved(identity)

    return routes


def _identity(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _LONGEST_ID or text.startswith("0"):
        raise UsageError(f"a rule's id is a whole number from 1; got {text[:60]!r}")
    return int(text)
