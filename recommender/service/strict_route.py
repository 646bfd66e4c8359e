"""Routes that read what their functions declare: FastAPI documents the types, and pydantic reads them, strictly."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from hashlib import blake2b
from http import HTTPStatus
from types import GenericAlias, NoneType
from typing import Annotated, Any, get_args

from annotated_types import MaxLen
from fastapi import Query, Request, Response
from fastapi.routing import APIRoute
from pydantic import WithJsonSchema
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from recommender.errors import TYPE_PREFIX, UsageError
from recommender.feeds.cells import exact_integer, exact_number
from recommender.query.parameters import parameters_of, read_address
from recommender.query.serialization import from_json, kind_of, to_json, validate_as
from recommender.service.problems import Problem

LARGE_BODY = 256 << 10
"""Bytes of a body from which it is read in a thread: 1 MiB takes 20 ms, in which the event loop would stand still."""

COMPRESSIONS = frozenset({"gzip", "x-gzip", "deflate", "br", "zstd", "compress"})
"""Codings of a body that are not undone. Others are let through: some clients name a charset here."""


class Address:
    """Marks an argument that is read from the query string; its signature tells FastAPI of the parameters."""

    def __init__(self, kind: Any) -> None:
        self.kind = kind
        stated = []
        for each in parameters_of(kind).values():
            annotation: Any = each.info.annotation
            marks = each.info.metadata
            if each.text:
                annotation = GenericAlias(list, each.text)
                marks = [mark for mark in marks if isinstance(mark, MaxLen)]
            elif each.base is bool:
                marks = [WithJsonSchema({"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}]})]
            elif NoneType in get_args(annotation):
                annotation = get_args(annotation)[0]
            query = Query(alias=each.name, description=each.info.description, examples=each.info.examples)
            default = inspect.Parameter.empty if each.required else each.default
            annotation = Annotated[(annotation, *marks, query)]
            stated.append(
                inspect.Parameter(each.field, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            )
        self.__signature__ = inspect.Signature(stated)

    def __call__(self, **_: object) -> None:
        """Do nothing: the route reads the query string."""


@dataclass(frozen=True, slots=True)
class _NoParameters:
    pass


class StrictRoute(APIRoute):
    """Reads the path, the query string and the body for its function, and writes what that returns as JSON.

    The framework would take twice as long, check each hit of an answer again, and accept a text as a number. A query
    parameter that the function does not know is refused: it would have no effect.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        kind, name = _NoParameters, ""
        for part in self.dependant.dependencies:
            if isinstance(part.call, Address):
                kind, name = part.call.kind, part.name or ""
        body = next(iter(self.dependant.body_params), None)
        status = self.status_code or HTTPStatus.OK

        async def answer(request: Request) -> Response:
            given = dict(request.path_params)
            if name:
                given[name] = read_address(kind, request.scope["query_string"])
            elif request.scope["query_string"]:
                read_address(kind, request.scope["query_string"])  # refuses every parameter
            if self.dependant.request_param_name:
                given[self.dependant.request_param_name] = request
            if body:
                given[body.name] = await read_body(request, body.field_info.annotation)
            found = await self.endpoint(**given)
            if isinstance(found, Response):
                return found
            if request.scope["method"] == "GET":
                return conditional_response(request, to_json(found))
            return Response(to_json(found), status, media_type="application/json")

        return answer


def conditional_response(request: Request, body: bytes) -> Response:
    """Return a JSON answer with a tag, which a caller may keep and ask about: 304 while it is the same (RFC 9110)."""
    tag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if knows_tag(request.headers, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def knows_tag(headers: Headers, tag: str) -> bool:
    """Tell whether a request names a tag, weak or strong, as that of an answer which its sender still has."""
    known = {each.strip().removeprefix("W/") for each in headers.get("if-none-match", "").split(",")}
    return known == {"*"} or tag.removeprefix("W/") in known


async def read_body(request: Request, kind: Any) -> Any:
    """Return the content of a body declared as JSON. Raises `UsageError`, and `Problem` with a 415 for another."""
    # This also keeps other sites' pages out of a service that is open on this machine: a browser sends JSON across
    # origins only after it has asked, and the answer here is no.
    media_type = request.headers.get("content-type", "")
    name = media_type.partition(";")[0].strip().lower()
    if name != "application/json" and not (name.startswith("application/") and name.endswith("+json")):
        detail = f"the body is {media_type[:100]!r}; send JSON, as `Content-Type: application/json`"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, TYPE_PREFIX + "media-type")
    if (coding := request.headers.get("content-encoding", "").strip().lower()) in COMPRESSIONS:
        detail = f"the body is compressed ({coding}); send it as it is, without Content-Encoding"
        headers = {"accept-encoding": "identity"}  # what is accepted in place of it (RFC 9110, 15.5.16)
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, TYPE_PREFIX + "media-type", headers)
    try:
        text = await request.body()
    except ClientDisconnect:
        raise UsageError("the body ended early; send it again") from None

    def read() -> Any:
        if getattr(kind, "__pydantic_config__", {}).get("strict"):
            return from_json(kind, text)
        try:
            # Python's reader accepts half of a surrogate pair, NaN, and numbers of any length: an item with one of
            # these is rejected alone, not with its batch.
            value = json.loads(text, parse_float=exact_number, parse_int=exact_integer)
        except json.JSONDecodeError as error:
            raise UsageError(f"the body is not JSON: {error.msg} at character {error.pos:,}") from None
        except UnicodeDecodeError as error:
            raise UsageError(f"the body is not UTF-8 at byte {error.start:,}") from None
        except RecursionError:
            raise UsageError("the body is not JSON that can be read: too deep") from None
        if not isinstance(value, dict):
            raise UsageError(f"the body is {kind_of(value)}; an object is expected")
        return validate_as(kind, value)

    return read() if len(text) <= LARGE_BODY else await asyncio.to_thread(read)
