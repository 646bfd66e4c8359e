"""`similar`, `search`, `recommendations` and browsing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from pydantic_core import to_json

from recommender.errors import UsageError
from recommender.query import Answer, Filters, Options
from recommender.query.reading import integer_of, required, text_of, texts_of
from recommender.query.serialization import answer_json, filters_from, options_from, product_from
from recommender.service import schemas
from recommender.service.bodies import json_object
from recommender.service.concurrency import Lanes
from recommender.service.openapi import Route, route
from recommender.service.parameters import DEFAULT_K, SKU, TEXT, QueryParameters
from recommender.types import JsonObject

if TYPE_CHECKING:
    from recommender.api import Recommender

_COMMON = ("k", "filters", "options")


def router(recommender: Recommender, lanes: Lanes) -> APIRouter:
    """Return the routes that ask."""
    routes = APIRouter(prefix="/v1")
    _add_similar(routes, recommender, lanes)
    _add_search(routes, recommender, lanes)
    _add_recommendations(routes, recommender, lanes)
    _add_browse(routes, recommender, lanes)
    return routes


def _add_similar(routes: APIRouter, recommender: Recommender, lanes: Lanes) -> None:
    parameters = QueryParameters(SKU)

    @routes.get("/similar", **_route("The products most like one", parameters, problems=(404,)))
    async def similar(request: Request) -> Response:
        asked = parameters.read(request.scope["query_string"])
        work = partial(recommender.similar, asked.subject, asked.k, asked.filters, asked.options)
        return _answered(await lanes.queries.run(work))

    @routes.post(
        "/similar",
        **_route(
            "The products most like one, also like one that is not in the catalogue",
            body=(schemas.SimilarToSku, schemas.SimilarToProduct),
            problems=(404,),
        ),
    )
    async def similar_posted(request: Request) -> Response:
        body = await json_object(request, ("sku", "product", *_COMMON))
        if ("sku" in body) == ("product" in body):
            raise UsageError("the body needs a 'sku' or a 'product', one of the two")
        if "product" in body:
            work = partial(recommender.similar, product_from(body["product"]), *_common(body))
            return _answered(await lanes.encoding.run(work))
        sku = text_of(body["sku"], "sku")
        return _answered(await lanes.queries.run(partial(recommender.similar, sku, *_common(body))))


def _add_search(routes: APIRouter, recommender: Recommender, lanes: Lanes) -> None:
    parameters = QueryParameters(TEXT)

    @routes.get("/search", **_route("The products that answer a text in plain words", parameters, problems=(404,)))
    async def search(request: Request) -> Response:
        asked = parameters.read(request.scope["query_string"])
        work = partial(recommender.search, asked.subject, asked.k, asked.filters, asked.options)
        return _answered(await lanes.encoding.run(work))

    @routes.post(
        "/search",
        **_route("The products that answer a text of any length", body=(schemas.Search,), problems=(404,)),
    )
    async def search_posted(request: Request) -> Response:
        body = await json_object(request, ("query", *_COMMON))
        text = text_of(required(body, "query", "the body"), "query")
        return _answered(await lanes.encoding.run(partial(recommender.search, text, *_common(body))))


def _add_recommendations(routes: APIRouter, recommender: Recommender, lanes: Lanes) -> None:
    @routes.post(
        "/recommendations",
        **_route(
            "Products for somebody who likes some and not others", body=(schemas.Recommendations,), problems=(404,)
        ),
    )
    async def recommendations(request: Request) -> Response:
        body = await json_object(request, ("like", "dislike", *_COMMON))
        like = texts_of(required(body, "like", "the body"), "like")
        dislike = texts_of(body.get("dislike", []), "dislike")
        work = partial(recommender.recommend, like, dislike, *_common(body))
        return _answered(await lanes.queries.run(work))


def _add_browse(routes: APIRouter, recommender: Recommender, lanes: Lanes) -> None:
    parameters = QueryParameters()

    @routes.get("/products", **_route("The popular products, then the newest", parameters, problems=(404,)))
    async def browse(request: Request) -> Response:
        asked = parameters.read(request.scope["query_string"])
        work = partial(recommender.browse, asked.k, asked.filters, asked.options)
        return _answered(await lanes.queries.run(work))


def _route(
    summary: str,
    parameters: QueryParameters | None = None,
    body: tuple[type[BaseModel], ...] = (),
    problems: tuple[int, ...] = (),
) -> Route:
    answers = {200: (schemas.Answer, "The hits, best first.")}
    return route("queries", summary, answers, problems, body, parameters.document if parameters else ())


def _common(body: JsonObject) -> tuple[int, Filters, Options]:
    k = integer_of(body.get("k", DEFAULT_K), "k")
    return k, filters_from(body.get("filters", {})), options_from(body.get("options", {}))


def _answered(answer: Answer) -> Response:
    # No model looks at it again: it is made of typed values, and a check of each hit took longer than the query.
    return Response(to_json(answer_json(answer)), media_type="application/json")
