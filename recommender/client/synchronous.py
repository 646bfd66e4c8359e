"""The client for code that waits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TypeVar

import httpx

from recommender.client import calls
from recommender.client.addressing import TIMEOUT_S, Address
from recommender.client.attempts import Attempts
from recommender.client.calls import Call
from recommender.client.failures import Failure
from recommender.client.writes import Written
from recommender.query import NO_FILTERS, NO_OPTIONS, Answer, Filters, Options, Rule, Status, WriteResult
from recommender.types import Product

Result = TypeVar("Result")


class Client:
    """The methods of `Recommender`, asked of a service. Thread-safe; a context manager.

    `timeout` is in seconds, for a whole call: with its `retries`, which are for reads and for writes that may arrive
    twice, and the waits between them. Raises the errors of `Recommender`; `Unavailable` when nothing answers in time,
    and `Refused` when the service does not let the key in. `transport` is httpx's, for tests and for sockets.
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
        self._address = Address(url, api_key, timeout, retries)
        self._http = httpx.Client(**self._address.arguments(), transport=transport)

    def similar(
        self, product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
    ) -> Answer:
        """Return the `k` products most like one, best first: named by its SKU, or given with its own fields."""
        return self._send(calls.similar(product, k, filters, options))

    def search(self, text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        """Return the `k` products that answer a text in plain words, best first."""
        return self._send(calls.search(text, k, filters, options))

    def recommend(
        self,
        like: Sequence[str],
        dislike: Sequence[str] = (),
        k: int = 10,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        """Return `k` products for somebody who likes some (a basket, a session) and dislikes others, by their SKUs."""
        return self._send(calls.recommend(like, dislike, k, filters, options))

    def browse(self, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        """Return `k` products that match, the popular first, then the newest."""
        return self._send(calls.browse(k, filters, options))

    def product(self, sku: str) -> Product:
        """Return a product of the catalogue as it stands there. Raises `UnknownSku`."""
        return self._send(calls.product(sku))

    def upsert(self, products: Iterable[Product]) -> WriteResult:
        """Create or replace products by SKU, however many: they travel in batches. Durable on return.

        Raises `BadInput` that names the rejected, when all others are in. After any error all may be sent again.
        """
        return self.write(products)

    def delete(self, skus: Iterable[str]) -> int:
        """Take products out of the shop; return how many were there. They stay in the catalogue, as inactive."""
        return len(self.write(delete=skus).deleted)

    def write(self, upsert: Iterable[Product] = (), delete: Iterable[str] = ()) -> WriteResult:
        """Do both, and tell what became of each SKU. A SKU that is in both is deleted. Raises as `upsert` does."""
        written = Written()
        for call in calls.writes(upsert, delete):
            items = self._send(call)
            written.take(items)
        return written.result()

    def rules(self) -> list[Rule]:
        """Return the pins and bans, those whose dates do not hold included, oldest first."""
        return self._send(calls.rules())

    def add_rule(self, rule: Rule) -> Rule:
        """Keep a rule and return it with its id; it holds for the next query. Raises `BadInput` for a senseless one."""
        return self._send(calls.add_rule(rule))

    def remove_rule(self, identity: int) -> None:
        """Remove a rule by its id. Raises `NotFound`."""
        self._send(calls.remove_rule(identity))

    def status(self) -> Status:
        """Return what the installation holds and does."""
        return self._send(calls.status())

    def close(self) -> None:
        """Close the connections; twice is no error."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, call: Call[Result]) -> Result:
        attempts = Attempts(self._address, call.repeatable)
        while True:
            outcome = self._attempt(call, attempts.seconds)
            if not isinstance(outcome, Failure):
                return self._address.read(call, outcome)
            time.sleep(attempts.wait(outcome))

    def _attempt(self, call: Call[Result], seconds: float) -> httpx.Response | Failure:
        try:
            reply = self._http.request(timeout=seconds, **self._address.request(call))
        except httpx.HTTPError as error:
            return self._address.unreached(error)
        return reply if reply.is_success else self._address.refused(reply, call)
