"""The error of our tree that a problem document of the service stands for."""

from __future__ import annotations

import json
import re

import httpx

from recommender import errors
from recommender.errors import (
    HTTP_STATUSES,
    NotFound,
    RecommenderError,
    Refused,
    Unavailable,
    UnknownSku,
    UsageError,
    problem_type,
)

BUSY_STATUSES = (429, 502, 503, 504)
"""Statuses of a service, or of a proxy before it, that is busy or starting: a second later it may answer."""

_TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RecommenderError)]

_PLAIN = [kind for kind in _TREE if kind.__init__ is RecommenderError.__init__]
"""Errors that are made from their message alone."""

_BY_TYPE: dict[str, type[RecommenderError]] = {problem_type(kind): kind for kind in _TREE}

_BY_STATUS: dict[int, type[RecommenderError]] = {
    **{status: kind for kind, status in HTTP_STATUSES.items()},
    404: NotFound, 413: UsageError, 414: UsageError, 429: Unavailable, 502: Unavailable, 504: Unavailable,
}  # fmt: skip


def error_of_reply(reply: httpx.Response, url: str) -> RecommenderError:
    """Return the error that a reply of the service at `url` stands for."""
    status = reply.status_code
    try:
        problem = json.loads(reply.content) if "json" in reply.headers.get("content-type", "") else {}
    except ValueError:
        problem = {}
    problem = problem if isinstance(problem, dict) else {}
    detail = str(problem.get("detail") or problem.get("title") or "")
    if status in (401, 403):
        complaint = "wants an API key" if status == 401 else "does not let this API key do that"
        return Refused(f"the service at {url} {complaint}" + (f" ({detail.rstrip('.')})" if detail else ""))
    if not detail:
        return Unavailable(
            f"{url} answered {status} {reply.reason_phrase} without a reason; check the address, and any proxy before"
            " the service"
        )
    default = UsageError if status < 500 else RecommenderError
    kind = _BY_TYPE.get(str(problem.get("type"))) or _BY_STATUS.get(status, default)
    if kind is UnknownSku:
        return UnknownSku(str(problem.get("sku", "")), [str(near) for near in problem.get("nearest") or ()])
    return next(base for base in kind.__mro__ if base in _PLAIN)(detail)


def retry_after(reply: httpx.Response) -> float:
    """Return the seconds that a reply asks to wait; 0 when it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    return float(text) if re.fullmatch(r"\d{1,6}", text) else 0.0
