"""How a call is tried: where the service is, what is sent, how often and how long, and how the answer is read."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import httpx

from recommender.client.calls import Call
from recommender.client.problems import BUSY_STATUSES, error_of_reply, retry_after
from recommender.errors import RecommenderError, Unavailable, UsageError

Result = TypeVar("Result")

TIMEOUT_S = 10.0
"""Seconds for a call with its retries: generous for a batch of products. The page of a shop should wait far less."""

FIRST_WAIT_S = 0.1
"""Seconds before the second attempt. It doubles with each attempt and is partly random, so that many clients do not all
return at once to a service that restarts."""

SHORTEST_S = 0.001
"""Least time of an attempt: httpx treats a timeout of 0 as an error of its own."""


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """A service as a client sees it. Raises `UsageError` for a URL that is not http(s), or an invalid time."""

    url: str
    api_key: str = field(repr=False)
    timeout: float
    retries: int

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            valid = False
        if not valid:
            raise UsageError(f"{self.url!r} is not the address of a service; write http://127.0.0.1:8000")
        if not self.timeout > 0:
            raise UsageError(f"timeout is {self.timeout!r}; give seconds above 0")
        if self.retries < 0:
            raise UsageError(f"retries is {self.retries!r}; give 0 or more")

    def client_arguments(self) -> dict[str, Any]:
        """Return the arguments that httpx's clients are made with."""
        headers = {"accept": "application/json"}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        try:
            return {"base_url": httpx.URL(self.url), "headers": httpx.Headers(headers)}
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise UsageError(f"the address {self.url!r} or its API key can't be sent: {error}") from error


class Attempts(Generic[Result]):
    """The attempts of one call. They end with the retries or with the time, whichever is used up first."""

    def __init__(self, address: ServiceAddress, call: Call[Result]) -> None:
        self._address = address
        self._call = call
        self._left = address.retries if call.repeatable else 0
        self._wait_s = FIRST_WAIT_S
        self._deadline = time.monotonic() + address.timeout

    def request(self) -> dict[str, Any]:
        """Return the next attempt as the arguments of httpx's `request`."""
        call = self._call
        seconds = max(SHORTEST_S, self._deadline - time.monotonic())
        arguments: dict[str, Any] = {"method": call.method, "url": call.path, "timeout": seconds}
        if call.parameters:
            arguments["params"] = httpx.QueryParams(call.parameters)
        if call.body is not None:
            arguments |= {"content": call.body, "headers": {"content-type": "application/json"}}
        return arguments

    def read(self, reply: httpx.Response) -> Result:
        """Read the result of the call. Raises `Unavailable` for an answer that no recommender gives."""
        try:
            return self._call.read(reply.content)
        except (ValueError, UsageError) as error:
            kind = reply.headers.get("content-type", "nothing").partition(";")[0]
            raise Unavailable(
                f"{self._address.url} answered with {kind}, which is not from a recommender service ({error}); check"
                " the address"
            ) from error

    def wait_after_error(self, error: httpx.HTTPError) -> float:
        """Return the seconds to wait after an attempt that got no answer. Raises `Unavailable` when it was the last."""
        url = self._address.url
        if isinstance(error, httpx.TimeoutException):
            raise Unavailable(
                f"the service at {url} did not answer within {self._address.timeout:g} s; see whether it is busy, or"
                " allow more time"
            )
        if isinstance(error, httpx.ConnectError):
            told = f"no service answers at {url} ({error}); start it with `recommender serve`, or check the address"
        else:
            told = f"the service at {url} broke the connection ({str(error) or type(error).__name__}); try again"
        return self._wait(Unavailable(told), 0.0)

    def wait_after_refusal(self, reply: httpx.Response) -> float:
        """Return the seconds to wait after a busy service's answer. Raises what the reply says if it was the last."""
        error = error_of_reply(reply, self._address.url)
        if reply.status_code not in BUSY_STATUSES:
            raise error
        return self._wait(error, retry_after(reply))

    def _wait(self, error: RecommenderError, at_least_s: float) -> float:
        wait_s = max(self._wait_s * random.uniform(0.5, 1.0), at_least_s)  # noqa: S311 - guards nothing
        if self._left <= 0 or time.monotonic() + wait_s >= self._deadline:
            raise error
        self._left -= 1
        self._wait_s *= 2
        return wait_s
