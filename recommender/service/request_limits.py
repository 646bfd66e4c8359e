"""The limits of a request: the size of its body (413) and address (414), its time, and the rate of a caller (429).

The service takes them from the settings, such as `RECOMMENDER_MAX_BODY_MIB`. Limits of the head of a request are in
`http_protocol`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import Message, Receive, Scope

from recommender.errors import TYPE_PREFIX
from recommender.service.problems import Problem


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may take. `waiting` is how many requests of one kind may wait before more are refused.

    `rate` is how many requests each caller may send, `100/second`; unlimited if it is empty.
    """

    body_bytes: int = 16 * 1024 * 1024
    batch: int = 1000
    timeout_s: float = 10.0
    waiting: int = 256
    rate: str = ""


DEFAULT_LIMITS = Limits()

LONG_ADDRESS = "the address is too long; send the text in a POST"


class RateLimit:
    """How many requests each caller may send to this process: `100/second`, `600/minute`, in a sliding window."""

    def __init__(self, rate: str) -> None:
        from limits import parse  # 0.2 s of imports, which only services that limit rates pay
        from limits.storage import MemoryStorage
        from limits.strategies import SlidingWindowCounterRateLimiter

        self._rate = parse(rate)
        self._windows = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, caller: str) -> None:
        """Count a request. Raises a `Problem` of status 429 that says when to ask again."""
        if not self._windows.hit(self._rate, caller):
            wait_s = max(1, math.ceil(self._windows.get_window_stats(self._rate, caller).reset_time - time.time()))
            detail = f"more than {self._rate} came from this caller; wait {wait_s} s"
            headers = {"retry-after": str(wait_s)}
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, TYPE_PREFIX + "too-many", headers)


def check_size(scope: Scope, headers: Mapping[bytes, bytes], body_bytes: int) -> None:
    """Raise a `Problem` for an address of more than `body_bytes`, and for a body that states a greater length."""
    if len(scope["query_string"]) > body_bytes:
        raise Problem(HTTPStatus.REQUEST_URI_TOO_LONG, LONG_ADDRESS)
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > body_bytes:
        raise _too_large(body_bytes)


def limit_body(receive: Receive, body_bytes: int) -> Receive:
    """Return a reader of a body of unknown length that raises a `Problem` at the limit."""
    size = 0

    async def receive_part() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > body_bytes:
            raise _too_large(body_bytes)
        return message

    return receive_part


def _too_large(body_bytes: int) -> Problem:
    detail = f"the body is larger than {body_bytes:,} bytes; send fewer products at a time"
    # The rest of the body is not read, so no other request can follow on this connection.
    headers = {"connection": "close"}
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, TYPE_PREFIX + "too-large", headers)
