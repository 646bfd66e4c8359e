"""What went wrong with a call: the error of our tree that tells of it, and whether trying again can help."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

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
)
from recommender.query.problems import type_of
from recommender.types import JsonObject

_PASSING = (429, 502, 503, 504)
"""Statuses of a service, or of a proxy before it, that is busy or starting: a second later it may be well."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt. `after_s` is the wait that the service asks for, when it does."""

    error: RecommenderError
    passing: bool
    after_s: float | None = None


def unreached(error: httpx.HTTPError | httpx.InvalidURL, url: str, timeout: float) -> Failure:
    """Tell why a service gave no answer."""
    if isinstance(error, httpx.TimeoutException):
        told = f"the service at {url} did not answer within {timeout:g} s; see whether it is busy, or allow more time"
        return Failure(Unavailable(told), passing=False)
    if isinstance(error, httpx.ConnectError):
        told = f"no service answers at {url} ({error}); start it with `recommender serve`, or check the address"
        return Failure(Unavailable(told), passing=True)
    what = str(error) or type(error).__name__
    return Failure(Unavailable(f"the service at {url} broke off ({what}); try again"), passing=True)


def refused(reply: httpx.Response, url: str, skus: tuple[str, ...]) -> Failure:
    """Tell what a service complained of."""
    passing = reply.status_code in _PASSING
    return Failure(_error_of(reply, url, skus), passing, _seconds(reply.headers.get("retry-after", "")))


def unreadable(reply: httpx.Response, url: str, why: Exception) -> Unavailable:
    """Tell that an answer is not what a service gives."""
    kind = reply.headers.get("content-type", "nothing").partition(";")[0]
    return Unavailable(
        f"what answers at {url} sent {kind} that is no answer of a recommender ({why}); check the address"
    )


def _error_of(reply: httpx.Response, url: str, skus: tuple[str, ...]) -> RecommenderError:
    status, problem = reply.status_code, _problem(reply)
    detail = str(problem.get("detail") or problem.get("title") or "")
    if status == 401:
        return Refused(f"the service at {url} wants an API key{_because(detail)}")
    if status == 403:
        return Refused(f"the service at {url} does not let this API key do that{_because(detail)}")
    if not detail:
        what = f"what answers at {url} sent {status} {reply.reason_phrase} without saying why"
        return Unavailable(f"{what}; check the address, and whatever stands before the service")
    return _of_kind(str(problem.get("type", "")), status, detail, problem, skus)


def _of_kind(kind: str, status: int, detail: str, problem: JsonObject, skus: tuple[str, ...]) -> RecommenderError:
    found = _KINDS.get(kind) or _BY_STATUS.get(status) or (UsageError if status < 500 else RecommenderError)
    if found is UnknownSku:
        sku = problem.get("sku") or next((sku for sku in skus if repr(sku) in detail), skus[0] if skus else "")
        return UnknownSku(str(sku), [str(near) for near in problem.get("nearest") or ()])
    if found in _PLAIN:
        return found(detail)
    return next(base for base in found.__mro__ if base in _PLAIN)(detail)


def _problem(reply: httpx.Response) -> JsonObject:
    if "json" not in reply.headers.get("content-type", ""):
        return {}
    try:
        found: Any = json.loads(reply.content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _because(detail: str) -> str:
    return f" ({detail.rstrip('.')})" if detail else ""


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"\d{1,6}", text.strip()) else None


_TREE = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RecommenderError)]

_KINDS: dict[str, type[RecommenderError]] = {type_of(kind): kind for kind in _TREE}

_PLAIN = [kind for kind in _TREE if kind.__init__ is RecommenderError.__init__]
"""Errors that are made from their sentence alone."""

_BY_STATUS: dict[int, type[RecommenderError]] = {
    **{status: kind for kind, status in HTTP_STATUSES.items()},
    404: NotFound, 413: UsageError, 414: UsageError, 429: Unavailable, 502: Unavailable, 504: Unavailable,
}  # fmt: skip
