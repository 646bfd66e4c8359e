"""Every error as a problem document, RFC 9457: https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from recommender.errors import (
    RecommenderError,
    UnknownModel,
    UnknownSku,
    http_status,
    problem_type,
    public_message,
)

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 2
"""How long a 503 asks a caller to wait: an engine that restarts is back in a few seconds, and a queue is shorter by
then."""

REQUEST_ID = "recommender.request_id"
"""Key of the request's id in its ASGI scope."""

LONGEST_DETAIL = 2_000
"""Longest detail, in characters: a message may quote what a caller sent."""


class Problem(Exception):
    """What a caller is told: the status, one sentence, and members beyond those of the RFC.

    Raised anywhere in the service, it becomes the answer to the request.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        type: str = "about:blank",  # noqa: A002 - the name that the RFC has for it
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.type = type
        self.headers = headers or {}
        self.members = members or {}


def problem_of(error: RecommenderError) -> Problem:
    """Return the problem document of an error of our tree."""
    status = http_status(error)
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    members: dict[str, object] = {}
    if isinstance(error, UnknownSku):
        members = {"sku": error.sku, "nearest": list(error.nearest)}
    elif isinstance(error, UnknownModel):
        members = {"known": list(error.known)}
    return Problem(status, public_message(error), problem_type(type(error)), headers, members)


def problem_response(error: Problem | RecommenderError, request_id: str) -> Response:
    """Return the problem document of an error as a response."""
    problem = problem_of(error) if isinstance(error, RecommenderError) else error
    body = {
        "type": problem.type,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail[:LONGEST_DETAIL],
        "request_id": request_id,
        **problem.members,
    }
    # In ASCII: a message may quote half of a surrogate pair, which UTF-8 can't encode.
    return Response(json.dumps(body), problem.status, dict(problem.headers), MEDIA_TYPE)
