"""The Python API: everything that a shop's backend can call, over an installation in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from recommender.application.composition import Application
from recommender.embedding.encoder import Role, Vectors
from recommender.errors import BadInput, Unavailable
from recommender.feeds.products import ProductObjects, product_problem
from recommender.interface import RecommenderInterface
from recommender.jobs.background_worker import BackgroundWorker
from recommender.jobs.diagnose import status_of
from recommender.query import (
    DEFAULT_SEARCHES,
    DEFAULT_SUGGESTIONS,
    NO_FILTERS,
    NO_OPTIONS,
    Answer,
    Filters,
    LoggedSearch,
    LoggedSearchesRequest,
    Options,
    Rule,
    Status,
    Suggestion,
    WriteResult,
)
from recommender.query.serialization import validate
from recommender.query.validation import check_disjoint, check_product, each_change, each_product, each_sku
from recommender.serving.live_model import LiveModels
from recommender.serving.query_encoder import CacheInfo, Observe, observe_nothing
from recommender.settings import load_settings
from recommender.types import Product

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Recommender(RecommenderInterface):
    """Similar products, searches and recommendations from a shop's own catalogue. Thread-safe; a context manager.

    With the embedded engine it holds the index while it is open. A thread of its own writes changes of the catalogue
    into the index: a product that was written appears in answers about a second later.
    """

    def __init__(self, application: Application, observe: Observe = observe_nothing, follow: bool = True) -> None:
        self.application = application
        self._queries = application.queries(observe)
        self._worker = BackgroundWorker(application) if follow else None
        self._closed = threading.Lock()
        if self._worker is not None:
            application.hold_live()
            self._worker.start()

    @classmethod
    def open(cls, *, observe: Observe = observe_nothing, follow: bool | None = None, **settings: object) -> Recommender:
        """Open the installation that the settings name: `home`, `database_url`, `qdrant_url` and the rest.

        Settings that are not given come from the environment (`RECOMMENDER_*`) and `recommender.toml`. `follow` says
        whether this process writes changes into the index. By default it does with the embedded engine, which admits
        one process, and not with a server, beside which `recommender worker` runs. `observe` is called with the
        duration of each stage of a query. Raises `BadInput` for settings that do not fit, and `Unavailable` when the
        database can't be reached.
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
        return self._queries.similar(product, k, filters, options)

    def search(self, text: str, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        return self._queries.search(text, k, filters, options)

    def recommend(
        self,
        like: Sequence[str],
        dislike: Sequence[str] = (),
        k: int = 10,
        filters: Filters = NO_FILTERS,
        options: Options = NO_OPTIONS,
    ) -> Answer:
        return self._queries.recommend(like, dislike, k, filters, options)

    def browse(self, k: int = 10, filters: Filters = NO_FILTERS, options: Options = NO_OPTIONS) -> Answer:
        return self._queries.browse(k, filters, options)

    def suggest(self, text: str, limit: int = DEFAULT_SUGGESTIONS) -> list[Suggestion]:
        return self._queries.suggest(text, limit)

    def product(self, sku: str) -> Product:
        return self._queries.product(sku)

    def upsert(self, products: Iterable[Product]) -> WriteResult:
        return self.write(products)

    def patch(self, changes: Iterable[Mapping[str, Any]]) -> WriteResult:
        objects, members = ProductObjects(), [dict(each) for each in each_change(changes)]
        result = self.application.catalogue.patch([objects.patch(each) for each in members])
        ignored = dict.fromkeys(name for each in members for name in objects.leftover_names(each))
        return replace(result, ignored=tuple(ignored))

    def delete(self, skus: Iterable[str]) -> int:
        return len(self.write(delete=skus).deleted)

    def write(self, upsert: Iterable[Product] = (), delete: Iterable[str] = ()) -> WriteResult:
        given, skus = list(each_product(upsert)), dict.fromkeys(each_sku(delete)).keys()
        check_disjoint((product.sku for product in given), skus)
        products: list[Product] = []
        for product in given:
            products.append(check_product(product))
            if problem := product_problem(products[-1]):
                raise BadInput(f"product {product.sku[:80]!r}: {problem}")
        return self.application.catalogue.write(products, list(skus))

    def rules(self) -> list[Rule]:
        return self.application.rules.list()

    def add_rule(self, rule: Rule) -> Rule:
        added = self.application.rules.add(rule)
        self._queries.refresh_rules()
        return added

    def update_rule(self, rule: Rule) -> Rule:
        updated = self.application.rules.update(rule)
        self._queries.refresh_rules()
        return updated

    def remove_rule(self, identity: int) -> None:
        self.application.rules.remove(identity)
        self._queries.refresh_rules()

    def searches(self, weak: bool = False, limit: int = DEFAULT_SEARCHES) -> list[LoggedSearch]:
        validate(LoggedSearchesRequest(weak=weak, limit=limit))
        return self.application.searches.list(weak, limit)

    def status(self) -> Status:
        return status_of(self.application)

    def encode(self, texts: Iterable[str], role: str = "document") -> Vectors:
        """Return the vectors of texts by the live model, encoded like products ("document") or searches ("query").

        float32 [n, d], each row of length 1. Raises `UsageError` for anything but a list of texts.
        """
        from recommender.jobs.encode import encode_texts

        return encode_texts(self.application, texts, role=Role(role))

    def require_whole(self) -> None:
        """Raise `Unavailable` when the database's file is gone or the worker is down, though queries are answered."""
        self.application.database.check_files()
        if self._worker is not None and (reason := self._worker.down_reason):
            told = "changes are not written into the index"
            raise Unavailable.with_public(f"{told} ({reason}); see the log, or restart this process", told)

    @property
    def live_models(self) -> LiveModels:
        """The models that answer queries, each with the index that it made."""
        return self.application.live_models

    @property
    def worker(self) -> BackgroundWorker | None:
        """The thread that writes changes into the index; None if another process does."""
        return self._worker

    def cache_info(self) -> CacheInfo:
        """Return how often the vector of a search text was cached."""
        return self._queries.cache_info()

    def close(self) -> None:
        if not self._closed.acquire(blocking=False):
            return
        if self._worker is not None:
            self._worker.stop()
        self.application.close()

    def __enter__(self) -> Recommender:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _in_thread(
    method: Callable[Concatenate[Recommender, Parameters], Result],
) -> Callable[Concatenate[AsyncRecommender, Parameters], Coroutine[Any, Any, Result]]:
    """Return the asynchronous form of a method of `Recommender`, with its parameters and docstring."""

    @wraps(getattr(RecommenderInterface, method.__name__, method))
    async def call(self: AsyncRecommender, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        return await asyncio.to_thread(method, self.blocking, *args, **kwargs)

    return call


class AsyncRecommender:
    """`Recommender` for asynchronous backends: each call runs in a thread while the event loop continues."""

    def __init__(self, recommender: Recommender) -> None:
        self.blocking = recommender

    @classmethod
    async def open(
        cls, *, observe: Observe = observe_nothing, follow: bool | None = None, **settings: object
    ) -> AsyncRecommender:
        """Open as `Recommender.open` does."""
        return cls(await asyncio.to_thread(partial(Recommender.open, observe=observe, follow=follow, **settings)))

    similar = _in_thread(Recommender.similar)
    search = _in_thread(Recommender.search)
    recommend = _in_thread(Recommender.recommend)
    browse = _in_thread(Recommender.browse)
    suggest = _in_thread(Recommender.suggest)
    product = _in_thread(Recommender.product)
    upsert = _in_thread(Recommender.upsert)
    patch = _in_thread(Recommender.patch)
    delete = _in_thread(Recommender.delete)
    write = _in_thread(Recommender.write)
    encode = _in_thread(Recommender.encode)
    rules = _in_thread(Recommender.rules)
    add_rule = _in_thread(Recommender.add_rule)
    update_rule = _in_thread(Recommender.update_rule)
    remove_rule = _in_thread(Recommender.remove_rule)
    searches = _in_thread(Recommender.searches)
    status = _in_thread(Recommender.status)
    close = _in_thread(Recommender.close)

    async def __aenter__(self) -> AsyncRecommender:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
