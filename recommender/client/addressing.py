"""Where the service is, what every request carries, and what its answers come to."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from recommender.client import failures
from recommender.client.calls import Call
from recommender.client.failures import Failure
from recommender.errors import UsageError

Result = TypeVar("Result")

TIMEOUT_S = 10.0
"""For a call with its retries: generous for a batch of products. The page of a shop should wait far less."""


@dataclass(frozen=True, slots=True)
class Address:
    """A service as a client sees it. Raises `UsageError` for what is no http(s) address, or no time."""

    url: str
    api_key: str = field(repr=False)
    timeout: float
    retries: int

    def __post_init__(self) -> None:
        if not _names_a_host(self.url):
            raise UsageError(f"{self.url!r} is not the address of a service; write http://127.0.0.1:8000")
        if not self.timeout > 0:
            raise UsageError(f"timeout is {self.timeout!r}; give seconds above 0")
        if self.retries < 0:
            raise UsageError(f"retries is {self.retries!r}; give 0 or more")

    def arguments(self) -> dict[str, Any]:
        """Return what httpx's clients are made with."""
        headers = {"accept": "application/json"}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key}"
        try:
            return {"base_url": httpx.URL(self.url), "headers": httpx.Headers(headers)}
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise UsageError(f"the address {self.url!r} or its API key can't be sent: {error}") from error

    def request(self, call: Call[Any]) -> dict[str, Any]:
        """Return a call as the arguments of a request."""
        found: dict[str, Any] = {"method": call.method, "url": call.path}
        if call.parameters:
            found["params"] = httpx.QueryParams(call.parameters)
        if call.body is not None:
            found |= {"content": call.body, "headers": {"content-type": "application/json"}}
        return found

    def read(self, call: Call[Result], reply: httpx.Response) -> Result:
        """Make of an answer what the call promises. Raises `Unavailable` for one that no recommender gives."""
        try:
            return call.read(json.loads(reply.content) if reply.content else None)
        except (ValueError, UsageError) as error:
            raise failures.unreadable(reply, self.url, error) from error

    def unreached(self, error: httpx.HTTPError) -> Failure:
        """Tell why there was no answer."""
        return failures.unreached(error, self.url, self.timeout)

    def refused(self, reply: httpx.Response, call: Call[Any]) -> Failure:
        """Tell what the service complained of."""
        return failures.refused(reply, self.url, call.skus)


def _names_a_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
