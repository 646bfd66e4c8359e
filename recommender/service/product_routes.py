"""Products: read, written and taken out, one at a time and in batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from recommender.errors import BadInput, UnknownSku, UsageError
from recommender.feeds.limits import MAX_SKU
from recommender.feeds.objects import ProductObjects, exact_number
from recommender.query import WriteResult
from recommender.query.reading import kind_of, text_of
from recommender.query.serialization import product_json
from recommender.query.states_json import FATES
from recommender.query.validation import check_sku
from recommender.service import schemas
from recommender.service.bodies import json_object
from recommender.service.concurrency import Lanes
from recommender.service.openapi import path_parameter, route
from recommender.service.parameters import TEXT_PATTERN
from recommender.types import JsonObject, Product

if TYPE_CHECKING:
    from recommender.api import Recommender

_SKU = path_parameter(
    "sku",
    "The product's SKU, with every special character as %XX.",
    {"type": "string", "minLength": 1, "maxLength": MAX_SKU, "pattern": TEXT_PATTERN},
    "OS-1127",
)

TAG = "products"


def router(recommender: Recommender, lanes: Lanes, most: int) -> APIRouter:
    """Return the routes of products; a batch has at most `most` items."""
    routes = APIRouter(prefix="/v1")
    objects = ProductObjects()
    _add_batch(routes, recommender, lanes, objects, most)
    _add_one(routes, recommender, lanes, objects)
    return routes


def _add_one(routes: APIRouter, recommender: Recommender, lanes: Lanes, objects: ProductObjects) -> None:
    path = "/products/{sku:path}"

    @routes.get(
        path,
        **route(
            TAG, "One product of the catalogue", {200: (schemas.Product, "The product.")}, (404,), parameters=[_SKU]
        ),
    )
    async def product(request: Request) -> Response:
        found = await lanes.catalogue.run(partial(recommender.product, _sku(request)))
        return _json(product_json(found))

    written = {
        200: (schemas.Written, "The product was there: `updated`, or `unchanged`."),
        201: (schemas.Written, "The product is new: `created`."),
    }

    @routes.put(
        path,
        **route(TAG, "Create or replace a product", written, (422,), (schemas.ProductGiven,), [_SKU]),
    )
    async def put(request: Request) -> Response:
        sku = _sku(request)
        body = await json_object(request, number=exact_number)
        given = objects.product(body, sku)
        if given.sku != sku:
            raise UsageError(f"the body has the SKU {given.sku[:60]!r}, the address {sku[:60]!r}; give one of them")
        result = await lanes.catalogue.run(partial(recommender.write, [given]))
        status = statuses_of(result)[sku]
        return _json(_done(sku, status, objects.ignored(body)), 201 if status == "created" else 200)

    gone = {200: (schemas.Written, "The product is out of the shop: `deleted`.")}

    @routes.delete(path, **route(TAG, "Take a product out of the shop", gone, (404,), parameters=[_SKU]))
    async def delete(request: Request) -> Response:
        sku = _sku(request)
        result = await lanes.catalogue.run(partial(recommender.write, delete=[sku]))
        if not result.deleted:
            raise UnknownSku(sku)
        return _json({"sku": sku, "status": "deleted"})


def _add_batch(routes: APIRouter, recommender: Recommender, lanes: Lanes, objects: ProductObjects, most: int) -> None:
    answers = {200: (schemas.BatchResult, "What became of each, in the order given.")}

    @routes.post(
        "/products:batch",
        **route(TAG, f"Write and take out up to {most:,} products", answers, body=(schemas.Batch,)),
    )
    async def batch(request: Request) -> Response:
        body = await json_object(request, ("upsert", "delete"), exact_number)
        upsert, delete = _list(body, "upsert"), _list(body, "delete")
        if len(upsert) + len(delete) > most:
            raise UsageError(f"the batch has {len(upsert) + len(delete):,} items; at most {most:,} are taken at a time")
        skus = [_checked_sku(sku, f"delete[{at}]") for at, sku in enumerate(delete)]
        work = partial(_written, recommender, objects, upsert, skus)
        return _json({"items": await lanes.catalogue.run(work)})


@dataclass(frozen=True, slots=True)
class _Rejected:
    sku: str
    reason: str


def _written(
    recommender: Recommender, objects: ProductObjects, upsert: Sequence[Any], delete: Sequence[str]
) -> list[JsonObject]:
    """Write what can be written, in one transaction, and say what became of each."""
    read = [_read(objects, item) for item in upsert]
    products = [each for each in read if isinstance(each, Product)]
    statuses = statuses_of(recommender.write(products, delete))
    items = [
        {"sku": each.sku, "status": "rejected", "reason": each.reason}
        if isinstance(each, _Rejected)
        else _done(each.sku, statuses[each.sku], objects.ignored(item))
        for each, item in zip(read, upsert, strict=True)
    ]
    return items + [{"sku": sku, "status": statuses.get(sku, "unknown")} for sku in delete]


def _done(sku: str, status: str, ignored: Sequence[str]) -> JsonObject:
    """Say what became of a product, and which of its fields nothing was read from."""
    return {"sku": sku, "status": status} | ({"ignored": list(ignored)} if ignored else {})


def _read(objects: ProductObjects, item: Any) -> Product | _Rejected:
    if not isinstance(item, dict):
        return _Rejected("", f"the item is {kind_of(item)}; an object is expected")
    try:
        return objects.product(item)
    except BadInput as error:
        return _Rejected(objects.sku(item), str(error))


def statuses_of(result: WriteResult) -> dict[str, str]:
    """Return what became of each SKU of a write."""
    return {sku: status for status in FATES for sku in getattr(result, status)}


def _sku(request: Request) -> str:
    sku: str = request.path_params["sku"]
    check_sku(sku)
    return sku


def _checked_sku(value: Any, what: str) -> str:
    sku = text_of(value, what)
    check_sku(sku)
    return sku


def _list(body: JsonObject, name: str) -> list[Any]:
    found = body.get(name, [])
    if not isinstance(found, list):
        raise UsageError(f"{name} is {kind_of(found)}; a list is expected")
    return found


def _json(value: JsonObject, status: int = 200) -> Response:
    # In ASCII: a rejected SKU may hold half of a surrogate pair, which has no UTF-8.
    return Response(json.dumps(value), status, media_type="application/json")
