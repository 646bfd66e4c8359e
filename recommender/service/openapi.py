"""The OpenAPI document: FastAPI makes it from the types that the routes declare; problems are described here."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from recommender.query.serialization import adapter
from recommender.service.access import NO_KEY
from recommender.service.problems import MEDIA_TYPE
from recommender.service.request_limits import LONG_ADDRESS
from recommender.service.request_middleware import UNEXPECTED
from recommender.types import JsonObject

_DETAILS = {
    HTTPStatus.BAD_REQUEST: "k is 0; at least 1 is expected",
    HTTPStatus.UNAUTHORIZED: NO_KEY,
    HTTPStatus.FORBIDDEN: "this key may read; PUT here needs one that may write",
    HTTPStatus.NOT_FOUND: "no product has the SKU 'OS-9999'; did you mean OS-1999?",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 16,777,216 bytes; send fewer products at a time",
    HTTPStatus.REQUEST_URI_TOO_LONG: LONG_ADDRESS,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is 'text/plain'; send JSON, as `Content-Type: application/json`",
    HTTPStatus.MISDIRECTED_REQUEST: "this service, open without a key, is not 'evil.example'; ask localhost",
    HTTPStatus.UNPROCESSABLE_ENTITY: "no title",
    HTTPStatus.TOO_MANY_REQUESTS: "more than 100 per 1 second came from this caller; wait 1 s",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "the headers are too many or too long; send fewer",
    HTTPStatus.INTERNAL_SERVER_ERROR: UNEXPECTED,
    HTTPStatus.SERVICE_UNAVAILABLE: "nothing is indexed yet; run `recommender ingest FEED` first",
    HTTPStatus.GATEWAY_TIMEOUT: "no answer within 10 s",
}

KEYS = [
    Security(HTTPBearer(scheme_name="bearer", description="A key of `recommender keys create`.", auto_error=False)),
    Security(APIKeyHeader(scheme_name="header", name="X-API-Key", auto_error=False)),
]
"""The keys that a route may be called with, for the document; `AccessMiddleware` checks them."""


@dataclass(frozen=True, slots=True)
class ProblemDocument:
    """What went wrong, RFC 9457. `nearest` are SKUs that look like the unknown `sku`, `known` the models there are."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    sku: str | None = None
    nearest: list[str] | None = None
    known: list[str] | None = None


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """Return the document's descriptions of some kinds of problems."""
    found: dict[int | str, dict[str, Any]] = {}
    for status in map(HTTPStatus, codes):
        example = ProblemDocument("about:blank", status.phrase, status, _DETAILS[status], "9f86d081884c7d65")
        content = {
            "schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"},
            "example": adapter(ProblemDocument).dump_python(example, exclude_none=True),
        }
        found[int(status)] = {"description": status.phrase, "content": {MEDIA_TYPE: content}}
        if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            waiting = {"description": "Seconds to wait before asking again.", "schema": {"type": "integer"}}
            found[int(status)]["headers"] = {"Retry-After": waiting}
    return found


EVERYWHERE = problems(400, 401, 403, 414, 421, 429, 431, 500, 503, 504)


def document_of(app: FastAPI) -> Callable[[], JsonObject]:
    """Return the function that makes the document of an app, once."""

    def document() -> JsonObject:
        if (made := app.openapi_schema) is None:
            made = FastAPI.openapi(app)
            schemas = made["components"]["schemas"]
            schemas[ProblemDocument.__name__] = adapter(ProblemDocument).json_schema()
            for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own; ours is the problem of status 400
                schemas.pop(name, None)
            operations = [(verb, each) for path in made["paths"].values() for verb, each in path.items()]
            for verb, operation in operations:
                if verb == "get" and "application/json" in operation["responses"]["200"]["content"]:
                    operation["responses"]["304"] = {"description": "What `If-None-Match` names is still the answer"}
                if "HTTPValidationError" in str(operation["responses"].get("422")):
                    del operation["responses"]["422"]
                operation.setdefault("security", [])  # also stated for the probes, which need no key
            _tell_defaults(schemas)
        return made

    return document


def _tell_defaults(node: Any) -> None:
    """Move the default of each member into its description.

    Generators of clients take a member with a default for one that is always there, and make it required.
    """
    for member in node.get("properties", {}).values() if isinstance(node, dict) else ():
        if "default" in member:
            value = json.dumps(member.pop("default"), ensure_ascii=False)
            if value not in ("null", '""', "[]", "{}") and not value.startswith("{"):
                member["description"] = f"{member.get('description', '')} Default: {value}.".strip()
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _tell_defaults(inner)
