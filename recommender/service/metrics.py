"""The figures of one process, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from recommender.query import Status
from recommender.serving.query_vectors import CacheInfo

MEDIA_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of the histograms: close together where the bars of this service lie, 4 to 20 ms."""


@dataclass(frozen=True, slots=True)
class State:
    """What an installation is like at the moment of a scrape. `status` is None while it can't be read."""

    status: Status | None
    cache: CacheInfo
    worker_alive: bool | None


class _Seconds(Protocol):
    def observe(self, amount: float) -> None: ...


class Metrics:
    """Histograms that requests fill, and gauges that are read when somebody asks; a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "recommender_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("method", "route", "status"),
            buckets=_SECONDS,
            registry=self._registry,
        )
        stages = Histogram(
            "recommender_query_stage_seconds",
            "Time of one stage of a query: encode (the model), index (the engine).",
            ("stage",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._stages = {stage: stages.labels(stage) for stage in ("encode", "index")}
        self._children: dict[tuple[str, str, int], _Seconds] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the template of its path."""
        child = self._children.get((method, route, status))
        if child is None:
            child = self._children[method, route, status] = self._requests.labels(method, route, str(status))
        child.observe(seconds)

    def observe(self, stage: str, seconds: float) -> None:
        """Count a stage of a query."""
        if stage in self._stages:
            self._stages[stage].observe(seconds)

    def text(self, state: State) -> bytes:
        """Return everything in Prometheus's text form."""
        snapshot = CollectorRegistry()
        snapshot.register(_Snapshot(state))
        return generate_latest(self._registry) + generate_latest(snapshot)


class _Snapshot:
    """The gauges of one scrape."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """Give the gauges."""
        yield from _cache(self._state.cache)
        yield _gauge("status_readable", "Whether the database could be asked.", self._state.status is not None)
        if self._state.worker_alive is not None:
            yield _gauge("worker_up", "Whether the worker in this process is at work.", self._state.worker_alive)
        if self._state.status is not None:
            yield from _status(self._state.status)


def _cache(cache: CacheInfo) -> Iterator[Metric]:
    found = CounterMetricFamily(
        "recommender_query_cache", "Search texts by whether their vector was kept.", None, ("result",)
    )
    found.add_metric(("hit",), cache.hits)
    found.add_metric(("miss",), cache.misses)
    yield found
    yield _gauge("query_cache_size", "Vectors of search texts that are kept.", cache.size)


def _status(status: Status) -> Iterator[Metric]:
    yield _gauge("products", "Active products in the catalogue.", status.products)
    queue = GaugeMetricFamily("recommender_queue", "Changes on their way into the index.", labels=("state",))
    for name, count in (("waiting", status.waiting), ("leased", status.leased), ("parked", status.parked)):
        queue.add_metric((name,), count)
    yield queue
    yield _gauge("queue_oldest_seconds", "Age of the oldest change that waits; 0 for none.", status.oldest_s or 0.0)
    live = InfoMetricFamily("recommender_live", "The live pair of model and generation.")
    live.add_metric((), {"model": status.model or "", "generation": status.generation or ""})
    yield live


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"recommender_{name}", text, value)
