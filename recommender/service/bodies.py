"""Bodies of requests: JSON, read strictly."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.requests import ClientDisconnect, Request

from recommender.errors import UsageError
from recommender.query.problems import TYPE_PREFIX
from recommender.query.reading import kind_of, members_of
from recommender.service.problems import Problem
from recommender.types import JsonObject

Number = Callable[[str], Any]


async def json_object(request: Request, known: tuple[str, ...] = (), number: Number = float) -> JsonObject:
    """Return the object in the body of a request; its members must be `known`, if any are named.

    `number` reads numbers with a fraction. Raises `UsageError` for what is no JSON object, and `Problem` with
    a 415 for a body that is not said to be JSON.
    """
    _require_json(request.headers.get("content-type", ""))
    try:
        body = await request.body()
    except ClientDisconnect:
        raise UsageError("the body broke off; send it again") from None
    value = _parsed(body, number)
    if not isinstance(value, dict):
        raise UsageError(f"the body is {kind_of(value)}; an object is expected")
    return members_of(value, "the body", known) if known else value


def _require_json(kind: str) -> None:
    # Also what keeps pages of elsewhere out of a service that is open on this machine: a browser sends JSON across
    # origins only after it has asked, and the answer here is no.
    name = kind.partition(";")[0].strip().lower()
    if name != "application/json" and not (name.startswith("application/") and name.endswith("+json")):
        detail = f"the body is {kind[:100]!r}; send JSON, as `Content-Type: application/json`"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, TYPE_PREFIX + "media-type")


def _parsed(body: bytes, number: Number) -> Any:
    try:
        return json.loads(body, parse_float=number, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise UsageError(f"the body is not JSON: {error.msg} at character {error.pos:,}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"the body is not UTF-8 at byte {error.start:,}") from None
    except (ValueError, RecursionError):
        raise UsageError("the body is not JSON that can be read: too deep, or a number too long") from None


def _no_number(name: str) -> Any:
    raise UsageError(f"the body holds {name}, which is no number in JSON; leave the field out")
