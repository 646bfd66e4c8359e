"""The OpenAPI document: what each route says of itself beside its code, from the types that it reads and answers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from recommender.query.parameters import parameters_of, read_address
from recommender.query.serialization import adapter
from recommender.service.access import NO_KEY
from recommender.service.problems import MEDIA_TYPE
from recommender.service.request_middleware import UNEXPECTED
from recommender.types import JsonObject

_DETAILS = {
    HTTPStatus.BAD_REQUEST: "k is 0; at least 1 is expected",
    HTTPStatus.UNAUTHORIZED: NO_KEY,
    HTTPStatus.FORBIDDEN: "this key may read; PUT here needs one that may write",
    HTTPStatus.NOT_FOUND: "no product has the SKU 'OS-9999'; did you mean OS-1999?",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 16,777,216 bytes; send fewer products at a time",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is 'text/plain'; send JSON, as `Content-Type: application/json`",
    HTTPStatus.MISDIRECTED_REQUEST: "this service, open without a key, is not 'evil.example'; ask localhost",
    HTTPStatus.UNPROCESSABLE_ENTITY: "no title",
    HTTPStatus.INTERNAL_SERVER_ERROR: UNEXPECTED,
    HTTPStatus.SERVICE_UNAVAILABLE: "nothing is indexed yet; run `recommender ingest FEED` first",
    HTTPStatus.GATEWAY_TIMEOUT: "no answer within 10 s",
}

_ALWAYS = (400, 401, 403, 421, 500, 503, 504)
_WITH_BODY = (413, 415)

_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer"}}}

_DEFINITIONS = "x-definitions"
"""Where a route keeps the schemas of its body and parameters until the document is put together."""

_REF = "#/components/schemas/{model}-Input"


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


class StrictRoute(APIRoute):
    """A route that refuses a query parameter which it does not know: it would do nothing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()
        stated = (self.openapi_extra or {}).get("parameters", ())
        if any(parameter["in"] == "query" for parameter in stated):
            return answer  # it reads them itself

        async def answer_without_parameters(request: Request) -> Response:
            if query := request.scope["query_string"]:
                read_address(_NoParameters, query)
            return await answer(request)

        return answer_without_parameters


@dataclass(frozen=True, slots=True)
class _NoParameters:
    pass


def route(
    tag: str,
    summary: str,
    answers: Mapping[int, tuple[Any, str]],
    problems: Sequence[int] = (),
    body: Any = None,
    address: type[Any] | None = None,
    parameters: Sequence[JsonObject] = (),
) -> dict[str, Any]:
    """Return what a route's decorator is given.

    `answers` are the types of the answers that are no problem, `body` that of the body, and `address` the request
    that the query parameters say.
    """
    definitions: JsonObject = {}
    extra: JsonObject = {"parameters": [*parameters, *(_parameters(address, definitions) if address else ())]}
    if body is not None:
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body, definitions)}}}
    codes = {*_ALWAYS, *problems, *(_WITH_BODY if body is not None else ())}
    return {
        "tags": [tag],
        "summary": summary,
        "status_code": min(answers),
        "responses": {code: {"model": model, "description": text} for code, (model, text) in answers.items()}
        | {code: problem_answer(code) for code in sorted(codes)},
        "openapi_extra": extra | {_DEFINITIONS: definitions},
    }


def problem_answer(code: int) -> JsonObject:
    """Return what the document says of one kind of problem."""
    status = HTTPStatus(code)
    example = {
        "type": "about:blank",
        "title": status.phrase,
        "status": code,
        "detail": _DETAILS[status],
        "request_id": "9f86d081884c7d65",
    }
    schema = {"$ref": _REF.format(model=ProblemDocument.__name__)}
    found: JsonObject = {
        "description": status.phrase,
        "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
    }
    return found | {"headers": _RETRY_AFTER} if status is HTTPStatus.SERVICE_UNAVAILABLE else found


def path_parameter(name: str, description: str, schema: JsonObject, example: Any) -> JsonObject:
    """Return a part of a path as OpenAPI has it."""
    return {
        "name": name, "in": "path", "required": True, "description": description, "schema": schema, "example": example,
    }  # fmt: skip


def document_of(app: FastAPI) -> Callable[[], JsonObject]:
    """Return what makes the document of an app, once."""

    def document() -> JsonObject:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                tags=app.openapi_tags,
            )
            components = made.setdefault("components", {})
            components["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A key of `recommender keys create`."},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
            schemas = components.setdefault("schemas", {})
            _ref(ProblemDocument, schemas)
            for path, operations in made["paths"].items():
                for operation in operations.values():
                    schemas.update(operation.pop(_DEFINITIONS, {}))
                    if "HTTPValidationError" in str(operation["responses"].get("422")):
                        del operation["responses"]["422"]  # FastAPI's own; ours is the problem of status 400
                    operation["security"] = [] if path in ("/livez", "/readyz") else [{"bearer": []}, {"header": []}]
            app.openapi_schema = made
        return app.openapi_schema

    return document


def _parameters(kind: type[Any], definitions: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = []
    for name, parameter in parameters_of(kind).items():
        schema = _text_form(_schema(parameter.kind, definitions))
        stated: JsonObject = {
            "name": name,
            "in": "query",
            "description": parameter.info.description,
            "schema": {key: value for key, value in schema.items() if key not in ("description", "examples")},
        }
        if parameter.required:
            stated["required"] = True
        elif parameter.default is not None:
            default = adapter(parameter.kind).dump_python(parameter.default, mode="json")
            stated["schema"]["default"] = list(default) if parameter.many else default
        if examples := parameter.info.examples:
            stated["example"] = examples[0]
        found.append(stated)
    return found


def _text_form(schema: JsonObject) -> JsonObject:
    """Return the part of a schema that a text in an address can say: of lists, texts; of prices, numbers."""
    if branches := schema.get("anyOf"):
        kinds = {branch.get("type"): branch for branch in reversed(branches)}
        schema = next(kinds[kind] for kind in ("array", "number", "string") if kind in kinds)
    if schema.get("type") == "array":
        return schema | {"items": _text_form(schema["items"])}
    if schema.get("type") == "boolean":
        return {"anyOf": [{"type": "boolean"}, {"enum": [0, 1]}]}
    return dict(schema)


def _ref(kind: Any, definitions: JsonObject) -> JsonObject:
    """Return the reference to the schema of a type, or to a schema that has a title."""
    name = kind["title"] if isinstance(kind, dict) else kind.__name__
    definitions[f"{name}-Input"] = kind if isinstance(kind, dict) else _schema(kind, definitions)
    return {"$ref": _REF.format(model=name)}


def _schema(kind: Any, definitions: JsonObject) -> JsonObject:
    schema = _schema_of(kind)
    definitions.update({f"{name}-Input": found for name, found in schema.get("$defs", {}).items()})
    return {name: value for name, value in schema.items() if name != "$defs"}


@cache
def _schema_of(kind: Any) -> JsonObject:
    return adapter(kind).json_schema(ref_template=_REF)
