"""`POST /v1/hooks/{platform}`: the webhooks of shop systems, signed with a secret that both sides have.

`feeds/webhooks` checks the signature (`is_signed`), and reads what was sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from recommender.errors import TYPE_PREFIX, BadInput
from recommender.feeds.formats import FeedFormat
from recommender.feeds.webhooks import HEADERS, is_signed, read_delivery
from recommender.service.authentication import HOOKS_PREFIX
from recommender.service.concurrency import Lanes, overload_problem
from recommender.service.problems import Problem

if TYPE_CHECKING:
    from recommender.api import Recommender

MOST_READ = 16
"""Messages that are read at once: before they are read nobody knows who sent them, and each may have `max_body_mib`.
Shop systems send messages again that are answered 503."""

_log = logging.getLogger("recommender.service")


def router(recommender: Recommender, lanes: Lanes, secrets: Mapping[str, str]) -> APIRouter:
    """Return the route of the shop systems whose secret is set. The signature replaces a key.

    A message that can't be read is answered 200 all the same, and logged: sent again it would be no better.
    """
    routes = APIRouter()
    reading = asyncio.Semaphore(MOST_READ)

    def take(platform: FeedFormat, body: bytes, headers: Mapping[str, str]) -> dict[str, object]:
        try:
            delivery = read_delivery(platform, body, headers)
        except BadInput as error:
            _log.warning("a webhook of %s is left out: %s", platform, error)
            return {"status": "rejected", "reason": str(error)}
        if delivery is None:
            return {"status": "ignored"}
        result = recommender.application.catalogue.deliver(delivery)
        if result is None:
            return {"status": "late"}
        return {"status": "taken", "written": [*result.created, *result.updated], "deleted": list(result.deleted)}

    @routes.post(HOOKS_PREFIX + "{platform}", include_in_schema=False)
    async def take_hook(platform: str, request: Request) -> Response:
        if not (secret := secrets.get(platform)):
            detail = f"there is no secret for webhooks of {platform[:40]!r}; set RECOMMENDER_SHOPIFY_SECRET or "
            raise Problem(HTTPStatus.NOT_FOUND, detail + "RECOMMENDER_WOOCOMMERCE_SECRET")
        shop = FeedFormat(platform)
        if reading.locked():
            raise overload_problem()
        async with reading:
            body = await request.body()
        if not is_signed(secret, body, request.headers.get(HEADERS[shop].signature, "")):
            if body.startswith(b"webhook_id="):  # so WooCommerce tries an address before it uses it
                return JSONResponse({"status": "ignored"})
            detail = f"the signature is not of this shop's {platform}; see that both have the same secret"
            raise Problem(HTTPStatus.UNAUTHORIZED, detail, TYPE_PREFIX + "signature")
        return JSONResponse(await lanes.catalogue.run(partial(take, shop, body, request.headers)))

    return routes
