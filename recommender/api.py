"""The Python API: everything that a shop's backend asks of a recommender, over an installation in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import ParamSpec, TypeVar

from recommender.application.composition import Application
from recommender.errors import BadInput
from recommender.feeds.limits import product_problem
from recommender.jobs.background_worker import BackgroundWorker
from recommender.jobs.status import status_of
from recommender.query import NO_FILTERS, NO_OPTIONS, Answer, Filters, Options, Rule, Status, WriteResult
from recommender.query.validation import check_disjoint, each_product, each_sku
from recommender.serving.live_model import LivePairs
from recommender.serving.query_vectors import CacheInfo, Observe, unobserved
from recommender.settings import load_settings
from recommender.types import Product

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Recommender:
    """Similar products, searches and recommendations from a shop's own catalogue. Thread-safe; a context manager.

    With the embedded engine it holds the index while it is open, and carries what changes in the catalogue into it, by
    a thread of its own: a product that was written shows up in answers about a second later.
    """

    def __init__(self, application: Application, observe: Observe = unobserved, follow: bool = True) -> None:
        self.application = application
        self._queries = application.queries(observe)
        self._worker = BackgroundWorker(application) if follow else None
        self._closed = threading.Lock()
        if self._worker is not None:
            application.hold_live()
            self._worker.start()

    @classmethod
    def open(cls, *, observe: Observe = unobserved, follow: bool | None = None, **settings: object) -> Recommender:
        """Open the installation that the settings name: `home`, `database_url`, `qdrant_url` and the rest.

        What is not given comes from the environment (`RECOMMENDER_*`) and `recommender.toml`. `follow` says whether
        this process carries changes into the index: by default with the embedded engine, which admits one process,
        and not with a server, beside which `recommender worker` runs. `observe` is told how long the stages of a
        query took. Raises `BadInput` for settings that do not fit, and `Unavailable` when the database is away.
        """
        application = Application(load_settings(**settings))
        try:
            return cls(application, observe, not application.settings.qdrant_url if follow is None else follow)
        except BaseException:
            application.close()
            raise

    def similar(
        self, product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
    ) -> Answer:
        """Return the `k` products most like one, best first: named by its SKU, or given with its own fields.

        Raises `UnknownSku`, `NoLiveModel` before anything was indexed, and `UsageError` for what does not fit together.
        """
        return self._queries.similar(product, k, filters, options)

    def search(self, text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        """Return the `k` products that answer a text in plain words, best first. Raises as `similar` does."""
        return self._queries.search(text, k, filters, options)

    def recommend(
        self,
        like: Sequence[str],
        dislike: Sequence[str] = (),
        k: int = 10,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        """Return `k` products for somebody who likes some (a basket, a session) and dislikes others, by their SKUs.

        Raises as `similar` does.
        """
        return self._queries.recommend(like, dislike, k, filters, options)

    def browse(self, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        """Return `k` products that match, the popular first, then the newest. Raises as `similar` does.

        Of the options `offset`, `variants`, `rules` (bans), `facets` and `model` have a meaning here.
        """
        return self._queries.browse(k, filters, options)

    def product(self, sku: str) -> Product:
        """Return a product of the catalogue as it stands there. Raises `UnknownSku`."""
        return self._queries.product(sku)

    def upsert(self, products: Iterable[Product]) -> WriteResult:
        """Create or replace products by SKU; durable on return, in answers soon after.

        All or nothing: raises `BadInput` that names the first product that can't be stored, and then writes none.
        """
        return self.write(products)

    def delete(self, skus: Iterable[str]) -> int:
        """Take products out of the shop; return how many were there. They stay in the catalogue, as inactive."""
        return len(self.write(delete=skus).deleted)

    def write(self, upsert: Iterable[Product] = (), delete: Iterable[str] = ()) -> WriteResult:
        """Create or replace products and take others out, in one transaction; tell what became of each SKU.

        Raises as `upsert` does, and `UsageError` for a SKU that is in both.
        """
        products, skus = list(each_product(upsert)), dict.fromkeys(each_sku(delete)).keys()
        check_disjoint((product.sku for product in products), skus)
        for product in products:
            if problem := product_problem(product):
                raise BadInput(f"product {product.sku[:80]!r}: {problem}")
        return self.application.catalogue.write(products, list(skus))

    def rules(self) -> list[Rule]:
        """Return the pins and bans, those whose dates do not hold included, oldest first."""
        return self.application.rules.list()

    def add_rule(self, rule: Rule) -> Rule:
        """Keep a rule and return it with its id; it holds for the next query. Raises `BadInput` for a senseless one."""
        added = self.application.rules.add(rule)
        self._queries.forget_rules()
        return added

    def remove_rule(self, identity: int) -> None:
        """Remove a rule by its id. Raises `NotFound`."""
        self.application.rules.remove(identity)
        self._queries.forget_rules()

    def status(self) -> Status:
        """Return what this installation holds and does."""
        return status_of(self.application)

    @property
    def pairs(self) -> LivePairs:
        """The pairs of generation and model that queries are answered from."""
        return self.application.pairs()

    @property
    def worker(self) -> BackgroundWorker | None:
        """What carries changes into the index in this process; None when another one does."""
        return self._worker

    def cache_info(self) -> CacheInfo:
        """Return how often the vector of a search text was in memory."""
        return self._queries.cache_info()

    def close(self) -> None:
        """Finish or give back what is being written, and let go of everything; twice is no error.

        Queries raise `Unavailable` from then on.
        """
        if not self._closed.acquire(blocking=False):
            return
        if self._worker is not None:
            self._worker.stop()
        self.application.close()

    def __enter__(self) -> Recommender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncRecommender:
    """The same for asynchronous backends: each call runs in a thread, and the event loop goes on meanwhile."""

    def __init__(self, recommender: Recommender) -> None:
        self.blocking = recommender

    @classmethod
    async def open(
        cls, *, observe: Observe = unobserved, follow: bool | None = None, **settings: object
    ) -> AsyncRecommender:
        """Open as `Recommender.open` does."""
        return cls(await asyncio.to_thread(partial(Recommender.open, observe=observe, follow=follow, **settings)))

    async def similar(
        self, product: str | Product, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
    ) -> Answer:
        """Answer as `Recommender.similar` does."""
        return await _threaded(self.blocking.similar, product, k, filters, options)

    async def search(
        self, text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS
    ) -> Answer:
        """Answer as `Recommender.search` does."""
        return await _threaded(self.blocking.search, text, k, filters, options)

    async def recommend(
        self,
        like: Sequence[str],
        dislike: Sequence[str] = (),
        k: int = 10,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        """Answer as `Recommender.recommend` does."""
        return await _threaded(self.blocking.recommend, like, dislike, k, filters, options)

    async def browse(self, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        """Answer as `Recommender.browse` does."""
        return await _threaded(self.blocking.browse, k, filters, options)

    async def product(self, sku: str) -> Product:
        """Answer as `Recommender.product` does."""
        return await _threaded(self.blocking.product, sku)

    async def upsert(self, products: Iterable[Product]) -> WriteResult:
        """Do as `Recommender.upsert` does."""
        return await _threaded(self.blocking.upsert, products)

    async def delete(self, skus: Iterable[str]) -> int:
        """Do as `Recommender.delete` does."""
        return await _threaded(self.blocking.delete, skus)

    async def write(self, upsert: Iterable[Product] = (), delete: Iterable[str] = ()) -> WriteResult:
        """Do as `Recommender.write` does."""
        return await _threaded(self.blocking.write, upsert, delete)

    async def rules(self) -> list[Rule]:
        """Answer as `Recommender.rules` does."""
        return await _threaded(self.blocking.rules)

    async def add_rule(self, rule: Rule) -> Rule:
        """Do as `Recommender.add_rule` does."""
        return await _threaded(self.blocking.add_rule, rule)

    async def remove_rule(self, identity: int) -> None:
        """Do as `Recommender.remove_rule` does."""
        await _threaded(self.blocking.remove_rule, identity)

    async def status(self) -> Status:
        """Answer as `Recommender.status` does."""
        return await _threaded(self.blocking.status)

    async def close(self) -> None:
        """Do as `Recommender.close` does."""
        await _threaded(self.blocking.close)

    async def __aenter__(self) -> AsyncRecommender:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def _threaded(call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    return await asyncio.to_thread(call, *args, **kwargs)
