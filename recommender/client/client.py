"""The client of the service, for blocking and for asynchronous code: only their differences are here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import httpx

from recommender.client import calls
from recommender.client.attempts import TIMEOUT_S, Attempts, ServiceAddress
from recommender.client.calls import Call
from recommender.client.write_tally import WriteTally
from recommender.interface import RecommenderInterface
from recommender.query import WriteResult
from recommender.types import JsonObject, Product

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def _method(describe: Callable[Parameters, Call[Result]]) -> Callable[Concatenate[Client, Parameters], Result]:
    """Return the method that sends what a function of `calls` describes."""

    @wraps(getattr(RecommenderInterface, describe.__name__))
    def method(self: Client, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return self._send(describe(*args, **kwargs))

    return method


def _async_method(
    describe: Callable[Parameters, Call[Result]],
) -> Callable[Concatenate[AsyncClient, Parameters], Coroutine[Any, Any, Result]]:
    """Return the asynchronous method that sends what a function of `calls` describes."""

    @wraps(getattr(RecommenderInterface, describe.__name__))
    async def method(self: AsyncClient, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await self._send(describe(*args, **kwargs))

    return method


class Client(RecommenderInterface):
    """The methods of `Recommender` over HTTP. Thread-safe; a context manager.

    `timeout` is in seconds, for a whole call with its retries and the waits between them. `retries` are for reads and
    for writes that may arrive twice. Raises the errors of `Recommender`, `Unavailable` when no answer comes in time,
    and `Refused` when the service rejects the key. `transport` is httpx's, for tests and sockets.
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        timeout: float = TIMEOUT_S,
        retries: int = 2,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._address = ServiceAddress(url, api_key, timeout, retries)
        self._http = httpx.Client(**self._address.client_arguments(), transport=transport)

    similar = _method(calls.similar)
    search = _method(calls.search)
    recommend = _method(calls.recommend)
    browse = _method(calls.browse)
    suggest = _method(calls.suggest)
    product = _method(calls.product)
    rules = _method(calls.rules)
    add_rule = _method(calls.add_rule)
    update_rule = _method(calls.update_rule)
    remove_rule = _method(calls.remove_rule)
    searches = _method(calls.searches)
    status = _method(calls.status)

    def upsert(self, products: Iterable[Product]) -> WriteResult:
        return self.write(products)

    def patch(self, changes: Iterable[Mapping[str, Any]]) -> WriteResult:
        return self._send_writes(calls.patches(changes))

    def delete(self, skus: Iterable[str]) -> int:
        return len(self.write(delete=skus).deleted)

    def write(self, upsert: Iterable[Product] = (), delete: Iterable[str] = ()) -> WriteResult:
        return self._send_writes(calls.writes(upsert, delete))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send_writes(self, writes: Iterable[Call[Sequence[JsonObject]]]) -> WriteResult:
        tally = WriteTally()
        for call in writes:
            tally.add(self._send(call))
        return tally.result()

    def _send(self, call: Call[Result]) -> Result:
        attempts = Attempts(self._address, call)
        while True:
            try:
                reply = self._http.request(**attempts.request())
            except httpx.HTTPError as error:
                wait_s = attempts.wait_after_error(error)
            else:
                if reply.is_success:
                    return attempts.read(reply)
                wait_s = attempts.wait_after_refusal(reply)
            time.sleep(wait_s)


class AsyncClient:
    """`Client` for asynchronous code. An asynchronous context manager."""

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        timeout: float = TIMEOUT_S,
        retries: int = 2,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._address = ServiceAddress(url, api_key, timeout, retries)
        self._http = httpx.AsyncClient(**self._address.client_arguments(), transport=transport)

    similar = _async_method(calls.similar)
    search = _async_method(calls.search)
    recommend = _async_method(calls.recommend)
    browse = _async_method(calls.browse)
    suggest = _async_method(calls.suggest)
    product = _async_method(calls.product)
    rules = _async_method(calls.rules)
    add_rule = _async_method(calls.add_rule)
    update_rule = _async_method(calls.update_rule)
    remove_rule = _async_method(calls.remove_rule)
    searches = _async_method(calls.searches)
    status = _async_method(calls.status)

    async def upsert(self, products: Iterable[Product]) -> WriteResult:
        """Do as `Client.upsert` does."""
        return await self.write(products)

    async def patch(self, changes: Iterable[Mapping[str, Any]]) -> WriteResult:
        """Do as `Client.patch` does."""
        return await self._send_writes(calls.patches(changes))

    async def delete(self, skus: Iterable[str]) -> int:
        """Do as `Client.delete` does."""
        return len((await self.write(delete=skus)).deleted)

    async def write(self, upsert: Iterable[Product] = (), delete: Iterable[str] = ()) -> WriteResult:
        """Do as `Client.write` does."""
        return await self._send_writes(calls.writes(upsert, delete))

    async def close(self) -> None:
        """Do as `Client.close` does."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send_writes(self, writes: Iterable[Call[Sequence[JsonObject]]]) -> WriteResult:
        tally = WriteTally()
        for call in writes:
            tally.add(await self._send(call))
        return tally.result()

    async def _send(self, call: Call[Result]) -> Result:
        attempts = Attempts(self._address, call)
        while True:
            try:
                reply = await self._http.request(**attempts.request())
            except httpx.HTTPError as error:
                wait_s = attempts.wait_after_error(error)
            else:
                if reply.is_success:
                    return attempts.read(reply)
                wait_s = attempts.wait_after_refusal(reply)
            await asyncio.sleep(wait_s)
