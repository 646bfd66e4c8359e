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
"""What a 503 asks a caller to wait: an engine that restarts is back in a few seconds, and a queue is shorter."""

REQUEST_ID = "recommender.request_id"
"""Key of the request's id in its ASGI scope."""

LONGEST_DETAIL = 2_000
"""Characters of a detail: a message may quote what a caller sent."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a caller is told: the status, one sentence, and members beside those of the RFC."""

    status: int
    detail: str
    type: str = "about:blank"
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, object] = field(default_factory=dict)


class Stopped(Exception):
    """A request is answered with this problem, wherever it has got to."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.detail)


def problem_of(error: RecommenderError) -> Problem:
    """Return the problem that tells of an error of our tree."""
    status = http_status(error)
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Problem(status, str(error), type_of(type(error)), headers, _more(error))


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the response that carries a problem."""
    body = {
        "type": problem.type,
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail[:LONGEST_DETAIL],
        "request_id": request_id,
        **problem.more,
    }
    # In ASCII: a message may quote half of a surrogate pair, which has no UTF-8.
    return Response(json.dumps(body), problem.status, dict(problem.headers), MEDIA_TYPE)


def _more(error: RecommenderError) -> dict[str, object]:
    if isinstance(error, UnknownSku):
        return {"nearest": list(error.nearest)}
    return {"known": list(error.known)} if isinstance(error, UnknownModel) else {}
