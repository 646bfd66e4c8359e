"""The OpenAPI document: what each route says of itself beside its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from recommender.service import schemas
from recommender.service.problems import MEDIA_TYPE
from recommender.types import JsonObject

_DETAILS = {
    HTTPStatus.BAD_REQUEST: "k is 0; give 1 to 1000",
    HTTPStatus.UNAUTHORIZED: "this needs a key: send `Authorization: Bearer KEY`, made by `recommender keys create`",
    HTTPStatus.FORBIDDEN: "this key may read; PUT here needs one that may write",
    HTTPStatus.NOT_FOUND: "no product has the SKU 'OS-9999'; did you mean OS-1999?",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than 16,777,216 bytes; send fewer products at a time",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "the body is 'text/plain'; send JSON, as `Content-Type: application/json`",
    HTTPStatus.MISDIRECTED_REQUEST: "this service, open without a key, is not 'evil.example'; ask localhost",
    HTTPStatus.UNPROCESSABLE_ENTITY: "no title",
    HTTPStatus.INTERNAL_SERVER_ERROR: "something went wrong here; the log has the rest",
    HTTPStatus.SERVICE_UNAVAILABLE: "nothing is indexed yet; run `recommender ingest FEED` first",
    HTTPStatus.GATEWAY_TIMEOUT: "no answer within 10 s",
}

_ALWAYS = (400, 401, 403, 421, 500, 503, 504)
_WITH_BODY = (413, 415)

_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before asking again.", "schema": {"type": "integer"}}}

_BODIES = (
    schemas.SimilarToSku,
    schemas.SimilarToProduct,
    schemas.Search,
    schemas.Recommendations,
    schemas.ProductGiven,
    schemas.Batch,
    schemas.RuleForQuery,
    schemas.RuleForCategory,
    schemas.BanEverywhere,
)

Route = dict[str, Any]


def route(
    tag: str,
    summary: str,
    answers: Mapping[int, tuple[type[BaseModel], str]],
    problems: Sequence[int] = (),
    body: Sequence[type[BaseModel]] = (),
    parameters: Sequence[JsonObject] = (),
) -> Route:
    """Return what a route's decorator is given; `answers` are the models of the answers that are no problem."""
    extra: JsonObject = {"parameters": list(parameters)} if parameters else {}
    if body:
        extra["requestBody"] = _request_body(body)
    codes = {*_ALWAYS, *problems, *(_WITH_BODY if body else ())}
    return {
        "tags": [tag],
        "summary": summary,
        "status_code": min(answers),
        "responses": {code: {"model": model, "description": text} for code, (model, text) in answers.items()}
        | {code: problem_answer(code) for code in sorted(codes)},
        "openapi_extra": extra,
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
    content = {MEDIA_TYPE: {"schema": _ref("Problem"), "example": example}}
    found: JsonObject = {"description": status.phrase, "content": content}
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
            app.openapi_schema = _completed(made)
        return app.openapi_schema

    return document


def _completed(document: JsonObject) -> JsonObject:
    models = [(model, "validation") for model in (*_BODIES, schemas.Problem)]
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update(found["$defs"])
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A key of `recommender keys create`."},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]  # FastAPI's own; ours is the problem of status 400
            operation["security"] = [] if path in ("/livez", "/readyz") else [{"bearer": []}, {"header": []}]
    return document


def _request_body(models: Sequence[type[BaseModel]]) -> JsonObject:
    refs = [_ref(model.__name__) for model in models]
    content: JsonObject = {"schema": refs[0] if len(refs) == 1 else {"anyOf": refs}}
    return {"required": True, "content": {"application/json": content}}


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/components/schemas/{name}"}
