"""`similar`, `search`, `recommendations` and browsing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from recommender.query import Answer, QueryRequest, RecommendRequest, SearchRequest, SimilarRequest
from recommender.query.parameters import read_address
from recommender.query.serialization import to_json
from recommender.service.bodies import read_body
from recommender.service.concurrency import Lanes
from recommender.service.openapi import StrictRoute, route

if TYPE_CHECKING:
    from recommender.api import Recommender

ANSWERS = {200: (Answer, "The hits, best first.")}


def router(recommender: Recommender, lanes: Lanes) -> APIRouter:
    """Return the routes that ask, each in an address or in a body."""
    routes = APIRouter(prefix="/v1", route_class=StrictRoute)
    described = partial(route, "queries", answers=ANSWERS, problems=(404,))

    async def answer_similar(asked: SimilarRequest) -> Response:
        lane = lanes.queries if asked.product is None else lanes.encoding
        product = asked.product or asked.sku or ""
        return _json(await lane.run(partial(recommender.similar, product, asked.k, asked.filters, asked.options)))

    async def answer_search(asked: SearchRequest) -> Response:
        work = partial(recommender.search, asked.query, asked.k, asked.filters, asked.options)
        return _json(await lanes.encoding.run(work))

    @routes.get("/similar", **described("The products most like one", address=SimilarRequest))
    async def similar(request: Request) -> Response:
        return await answer_similar(read_address(SimilarRequest, request.scope["query_string"]))

    @routes.post(
        "/similar",
        **described("The products most like one, also like one that is not in the catalogue", body=SimilarRequest),
    )
    async def similar_posted(request: Request) -> Response:
        return await answer_similar(await read_body(request, SimilarRequest))

    @routes.get("/search", **described("The products that answer a text in plain words", address=SearchRequest))
    async def search(request: Request) -> Response:
        return await answer_search(read_address(SearchRequest, request.scope["query_string"]))

    @routes.post("/search", **described("The products that answer a text of any length", body=SearchRequest))
    async def search_posted(request: Request) -> Response:
        return await answer_search(await read_body(request, SearchRequest))

    @routes.post(
        "/recommendations", **described("Products for somebody who likes some and not others", body=RecommendRequest)
    )
    async def recommendations(request: Request) -> Response:
        asked = await read_body(request, RecommendRequest)
        work = partial(recommender.recommend, asked.like, asked.dislike, asked.k, asked.filters, asked.options)
        return _json(await lanes.queries.run(work))

    @routes.get("/products", **described("The popular products, then the newest", address=QueryRequest))
    async def browse(request: Request) -> Response:
        asked = read_address(QueryRequest, request.scope["query_string"])
        return _json(await lanes.queries.run(partial(recommender.browse, asked.k, asked.filters, asked.options)))

    return routes


def _json(answer: Answer) -> Response:
    # Not by the framework, which would check each hit again: it is made of typed values.
    return Response(to_json(answer), media_type="application/json")
