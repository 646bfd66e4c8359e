"""Every error as a problem document, RFC 9457: https://www.rfc-editor.org/rfc/rfc9457."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from starlette.responses import Response

from recommender.errors import RecommenderError, UnknownModel, UnknownSku, http_status
from recommender.query.problems import type_of

MEDIA_TYPE = "application/problem+json"

RETRY_AFTER_S = 2
"""How long a 503 asks a caller to wait: an engine that restarts is back in a few seconds, and a queue is shorter."""

REQUEST_ID = "recommender.request_id"
"""Key of the request's id in its ASGI scope."""

LONGEST_DETAIL = 2_000
"""Characters of a detail: a message may quote what a caller sent."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a caller is told: the status, one sentence, and members beyond those of the RFC."""

    status: int
    detail: str
    type: str = "about:blank"
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, object] = field(default_factory=dict)


class ProblemError(Exception):
    """The request is answered with this problem, wherever it is raised."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


def problem_of(error: RecommenderError) -> Problem:
    """Return the problem document of an error of our tree."""
    status = http_status(error)
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    members: dict[str, object] = {}
    if isinstance(error, UnknownSku):
        members = {"sku": error.sku, "nearest": list(error.nearest)}
    elif isinstance(error, UnknownModel):
        members = {"known": list(error.known)}
    return Problem(status, str(error), type_of(type(error)), headers, members)


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the response that carries a problem."""
    body = {
        "type": problem.type,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail[:LONGEST_DETAIL],
        "request_id": request_id,
        **problem.members,
    }
    # In ASCII: a message may quote half of a surrogate pair, which has no UTF-8.
    return Response(json.dumps(body), problem.status, dict(problem.headers), MEDIA_TYPE)
