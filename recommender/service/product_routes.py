"""Products: read, written and taken out, one at a time and in batches."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from fastapi import APIRouter, Body, Path, Response
from pydantic import Field, WithJsonSchema

from recommender.errors import BadInput, UnknownSku, UsageError
from recommender.feeds.products import MAX_SKU, ProductObjects
from recommender.forms import TEXT
from recommender.query import WRITE_STATUSES, WriteResult
from recommender.query.limits import Sku
from recommender.query.serialization import kind_of
from recommender.query.validation import check_disjoint, check_sku
from recommender.service.concurrency import Lanes
from recommender.service.openapi import KEYS, problems
from recommender.service.product_schema import PATCH_SCHEMA, PRODUCT_SCHEMA
from recommender.service.strict_route import StrictRoute
from recommender.types import Availability, JsonObject, Product, ProductPatch

if TYPE_CHECKING:
    from recommender.api import Recommender

SkuInPath = Annotated[
    str,
    Path(
        description="The product's SKU, with every special character as %XX.",
        min_length=1,
        max_length=MAX_SKU,
        pattern=TEXT,
        examples=["OS-1127"],
    ),
]
ProductFields = Annotated[JsonObject, Body(), WithJsonSchema(PRODUCT_SCHEMA)]
Changes = Annotated[JsonObject, Body(media_type="application/merge-patch+json"), WithJsonSchema(PATCH_SCHEMA)]
_CHANGES: JsonObject = {"schema": PATCH_SCHEMA}


@dataclass(frozen=True, slots=True)
class Batch:
    """Products to write, then SKUs to take out. Each gets a status; an error in one stops no other.

    With `partial` each product of `upsert` only says what changes, as the body of a `PATCH` does, and its SKU.
    """

    __pydantic_config__: ClassVar = {
        "extra": "forbid",
        "json_schema_extra": {"example": {"upsert": [{"sku": "OS-1127", "title": "Boots"}], "delete": ["OS-1003"]}},
    }

    upsert: list[Any] = field(default_factory=list)
    delete: list[Sku] = field(default_factory=list)
    partial: Annotated[bool, Field(strict=True)] = False


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one product: durable, and in answers about a second later. `ignored` are fields not read."""

    sku: str
    status: Literal["created", "updated", "unchanged", "deleted", "unknown", "rejected"]
    reason: str | None = None
    ignored: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of each product, in the order given: those of `upsert`, then those of `delete`."""

    items: list[Written]


def router(recommender: Recommender, lanes: Lanes, most: int) -> APIRouter:
    """Return the routes of products; a batch has at most `most` items."""
    routes = APIRouter(prefix="/v1", tags=["products"], route_class=StrictRoute, dependencies=KEYS)
    objects = ProductObjects()
    path = "/products/{sku:path}"

    @routes.post(
        "/products:batch",
        summary=f"Write and take out up to {most:,} products",
        response_model=BatchResult,
        response_description="What became of each, in the order given.",
        responses=problems(413, 415),
    )
    async def write_products(given: Batch) -> Response:
        """Write what can be written, in one transaction. An error in one item is reported for that item."""
        if (items := len(given.upsert) + len(given.delete)) > most:
            raise UsageError(f"the batch has {items:,} items; at most {most:,} are taken at a time")
        work = partial(_write, recommender, objects, given)
        return _json({"items": await lanes.catalogue.run(work)})

    @routes.get(
        path, summary="One product of the catalogue", response_description="The product.", responses=problems(404)
    )
    async def get_product(sku: SkuInPath) -> Product:
        """Answer with the product as the catalogue has it, which may be a second ahead of the index."""
        check_sku(sku)
        return await lanes.catalogue.run(partial(recommender.product, sku))

    _add_writes(routes, recommender, lanes, objects)
    return routes


def _add_writes(routes: APIRouter, recommender: Recommender, lanes: Lanes, objects: ProductObjects) -> None:
    """Add the routes that write one product."""
    path = "/products/{sku:path}"

    @routes.put(
        path,
        summary="Create or replace a product",
        response_model=Written,
        response_description="The product was there: `updated`, or `unchanged`.",
        responses=problems(413, 415, 422) | {201: {"model": Written, "description": "The product is new: `created`."}},
    )
    async def put_product(sku: SkuInPath, body: ProductFields) -> Response:
        """Create the product, or replace all that is known of it."""
        check_sku(sku)
        given = objects.product(body, sku, Availability.UNKNOWN)
        if given.sku != sku:
            raise UsageError(f"the body has the SKU {given.sku[:60]!r}, the address {sku[:60]!r}; give one of them")
        result = await lanes.catalogue.run(partial(recommender.write, [given]))
        status = statuses_of(result)[sku]
        return _json(_done(sku, status, objects.leftover_names(body)), 201 if status == "created" else 200)

    @routes.patch(
        path,
        summary="Change a part of a product",
        response_model=Written,
        response_description="The product is `updated`, or was so already: `unchanged`.",
        responses=problems(404, 413, 415, 422),
        openapi_extra={"requestBody": {"content": {"application/json": _CHANGES}}},
    )
    async def patch_product(sku: SkuInPath, body: Changes) -> Response:
        """Change what is given and remove what is null; everything else stays as it is (JSON Merge Patch, RFC 7396)."""
        check_sku(sku)
        given = objects.patch(body, sku)
        if given.sku != sku:
            raise UsageError(f"the body has the SKU {given.sku[:60]!r}, the address {sku[:60]!r}; give one of them")
        result = await lanes.catalogue.run(partial(recommender.application.catalogue.patch, [given]))
        if result.unknown:
            raise UnknownSku(sku)
        return _json(_done(sku, statuses_of(result)[sku], objects.leftover_names(body)))

    @routes.delete(
        path,
        summary="Take a product out of the shop",
        response_model=Written,
        response_description="The product is out of the shop: `deleted`.",
        responses=problems(404),
    )
    async def delete_product(sku: SkuInPath) -> Response:
        """Take the product out of all answers. Its row stays, and comes back with the next write of its SKU."""
        check_sku(sku)
        result = await lanes.catalogue.run(partial(recommender.write, delete=[sku]))
        if not result.deleted:
            raise UnknownSku(sku)
        return _json(_done(sku, "deleted"))


def _write(recommender: Recommender, objects: ProductObjects, given: Batch) -> list[JsonObject]:
    """Write what can be written, and return what became of each item.

    Changes of products are one transaction, whole products and deletions another.
    """
    products: list[Product] = []
    patches: list[ProductPatch] = []
    items: list[JsonObject] = []
    for item in given.upsert:
        try:
            if not isinstance(item, dict):
                raise BadInput(f"the item is {kind_of(item)}; an object is expected")
            if given.partial:
                patches.append(objects.patch(item))
            else:
                products.append(objects.product(item, unless_stated=Availability.UNKNOWN))
            items.append(_done((patches or products)[-1].sku, "", objects.leftover_names(item)))
        except BadInput as error:
            sku = objects.sku(item) if isinstance(item, dict) else ""
            items.append({"sku": sku, "status": "rejected", "reason": str(error)})
    check_disjoint((patch.sku for patch in patches), set(given.delete))
    statuses = statuses_of(recommender.application.catalogue.patch(patches)) if patches else {}
    if products or given.delete:
        statuses |= statuses_of(recommender.write(products, given.delete))
    for item in items:
        item["status"] = item["status"] or statuses[item["sku"]]
    return items + [{"sku": sku, "status": statuses[sku]} for sku in given.delete]


def _done(sku: str, status: str, ignored: Sequence[str] = ()) -> JsonObject:
    """Return what became of a product, and its fields that were not used."""
    return {"sku": sku, "status": status} | ({"ignored": list(ignored)} if ignored else {})


def statuses_of(result: WriteResult) -> dict[str, str]:
    """Return what became of each SKU of a write."""
    return {sku: status for status in WRITE_STATUSES for sku in getattr(result, status)}


def _json(value: JsonObject, status: int = 200) -> Response:
    # In ASCII: a rejected SKU may have half of a surrogate pair, which UTF-8 can't encode.
    return Response(json.dumps(value), status, media_type="application/json")
