"""`similar`, `search`, `recommendations` and browsing."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends

from recommender.query import (
    Answer,
    QueryRequest,
    RecommendRequest,
    SearchRequest,
    SimilarRequest,
    Suggestions,
    SuggestRequest,
)
from recommender.service.concurrency import Lanes
from recommender.service.openapi import KEYS, problems
from recommender.service.strict_route import Address, StrictRoute

if TYPE_CHECKING:
    from recommender.api import Recommender

LONGEST_LOGGED = 300
"""Longest search text in the log, in characters."""


_searches = logging.getLogger("recommender.searches")


def router(recommender: Recommender, lanes: Lanes, log_searches: bool = False) -> APIRouter:
    """Return the routes that ask, each by an address or a body. What is searched for is logged if that is wanted."""
    routes = APIRouter(
        prefix="/v1", tags=["queries"], route_class=StrictRoute, dependencies=KEYS, responses=problems(404)
    )
    found: dict[str, Any] = {"response_description": "The hits, best first."}
    posted: dict[str, Any] = {"responses": problems(413, 415)}

    @routes.get("/similar", summary="The products most like one", **found)
    async def similar(asked: Annotated[SimilarRequest, Depends(Address(SimilarRequest))]) -> Answer:
        """Answer with the products that are most like a product of the catalogue, by its vector and its title."""
        lane = lanes.queries if asked.product is None else lanes.encoding
        product = asked.product or asked.sku or ""
        return await lane.run(partial(recommender.similar, product, asked.k, asked.filters, asked.options))

    @routes.post(
        "/similar", summary="The products most like one, also like one that is not in the catalogue", **found, **posted
    )
    async def post_similar(asked: SimilarRequest) -> Answer:
        """Answer as `GET` does, for a product of the catalogue or for one that is given by its fields."""
        return await similar(asked)

    @routes.get("/search", summary="The products that answer a text in plain words", **found)
    async def search(asked: Annotated[SearchRequest, Depends(Address(SearchRequest))]) -> Answer:
        """Answer with the products that a text asks for, by its words and by its meaning."""
        if log_searches:
            _searches.info("%s", asked.query[:LONGEST_LOGGED])
        work = partial(recommender.search, asked.query, asked.k, asked.filters, asked.options)
        return await lanes.encoding.run(work)

    @routes.post("/search", summary="The products that answer a text of any length", **found, **posted)
    async def post_search(asked: SearchRequest) -> Answer:
        """Answer as `GET` does; a body holds longer texts, and filters that an address can't say."""
        return await search(asked)

    @routes.post("/recommendations", summary="Products for somebody who likes some and not others", **found, **posted)
    async def recommend(asked: RecommendRequest) -> Answer:
        """Answer with products that are like those liked and unlike those disliked; none of them is among the hits."""
        work = partial(recommender.recommend, asked.like, asked.dislike, asked.k, asked.filters, asked.options)
        return await lanes.queries.run(work)

    @routes.get("/products", summary="The popular products, then the newest", **found)
    async def browse(asked: Annotated[QueryRequest, Depends(Address(QueryRequest))]) -> Answer:
        """Answer with what the shop has, the most popular first, then the newest, as far as the filters let it."""
        return await lanes.queries.run(partial(recommender.browse, asked.k, asked.filters, asked.options))

    @routes.get("/suggestions", summary="Completions of a text", response_description="The likeliest first.")
    async def suggestions(asked: Annotated[SuggestRequest, Depends(Address(SuggestRequest))]) -> Suggestions:
        """Complete the last word of a text, with words, brands, categories and titles that occur with the others."""
        return Suggestions(tuple(await lanes.queries.run(partial(recommender.suggest, asked.text, asked.limit))))

    return routes
