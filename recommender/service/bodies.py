"""Bodies of requests: read as JSON, only where they are said to be JSON."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from recommender.errors import TYPE_PREFIX, UsageError
from recommender.feeds.cells import exact_number
from recommender.query.serialization import from_json, kind_of
from recommender.service.problems import Problem
from recommender.types import JsonObject

Body = TypeVar("Body")


async def read_body(request: Request, kind: type[Body]) -> Body:
    """Return what the body of a request says, by the limits of its type. Raises as `json_body` does."""
    return from_json(kind, await json_body(request))


async def json_object(request: Request) -> JsonObject:
    """Return the object in a body, with numbers exactly as they are written. Raises as `json_body` does."""
    try:
        # Python's reader takes half of a surrogate pair: an item that holds one is rejected alone, not with its batch.
        value = json.loads(await json_body(request), parse_float=exact_number, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise UsageError(f"the body is not JSON: {error.msg} at character {error.pos:,}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"the body is not UTF-8 at byte {error.start:,}") from None
    except (ValueError, RecursionError):
        raise UsageError("the body is not JSON that can be read: too deep, or a number too long") from None
    if not isinstance(value, dict):
        raise UsageError(f"the body is {kind_of(value)}; an object is expected")
    return value


async def json_body(request: Request) -> bytes:
    """Return a body that is declared as JSON. Raises `Problem` with a 415 for another."""
    # This is also what keeps other sites' pages out of a service that is open on this machine: a browser sends JSON
    # across origins only after it has asked, and the answer here is no.
    media_type = request.headers.get("content-type", "")
    name = media_type.partition(";")[0].strip().lower()
    if name != "application/json" and not (name.startswith("application/") and name.endswith("+json")):
        detail = f"the body is {media_type[:100]!r}; send JSON, as `Content-Type: application/json`"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, TYPE_PREFIX + "media-type")
    try:
        return await request.body()
    except ClientDisconnect:
        raise UsageError("the body broke off; send it again") from None


def _refuse_constant(name: str) -> None:
    raise UsageError(f"the body holds {name}, which is no number in JSON; leave the field out")
