"""The metrics of the service, as Prometheus reads them.

Several processes of one service write theirs to files of a shared folder, named by the variable of prometheus-client's
multiprocess mode, so that any process that is scraped answers for all.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from recommender.query import Status
from recommender.serving.query_encoder import CacheInfo
from recommender.version import __version__

MEDIA_TYPE = CONTENT_TYPE_LATEST

SHARED = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that prometheus-client reads when it is imported."""

_BUCKETS_S = (0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.12, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Close together around the latency goals of this service, 4 to 20 ms."""


class Metrics:
    """Histograms that requests fill, and gauges that are read at each scrape; a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second series beside each counter, which no dashboard reads
        self._registry = CollectorRegistry()
        self.in_flight = Gauge(
            "recommender_requests_in_flight",
            "Requests that are being answered.",
            registry=self._registry,
            multiprocess_mode="livesum",
        )
        self._requests = Histogram(
            "recommender_request_seconds",
            "Time from the first byte of a request to the last of its answer.",
            ("method", "route", "status"),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        stages = Histogram(
            "recommender_query_stage_seconds",
            "Time of one stage of a query: encode (the model), index (the engine).",
            ("stage",),
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self._stages = {stage: stages.labels(stage) for stage in ("encode", "index")}
        self._children: dict[tuple[str, str, int], Histogram] = {}

    def count_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the template of its path."""
        child = self._children.get((method, route, status))
        if child is None:
            child = self._children[method, route, status] = self._requests.labels(method, route, str(status))
        child.observe(seconds)

    def observe(self, stage: str, seconds: float) -> None:
        """Count a stage of a query."""
        if stage in self._stages:
            self._stages[stage].observe(seconds)

    def text(self, state: InstallationState) -> bytes:
        """Return everything in Prometheus's text form."""
        snapshot = CollectorRegistry()
        snapshot.register(state)
        counted = self._registry
        if folder := os.environ.get(SHARED):
            # The requests in flight of killed processes do not count.
            files = Path(folder)
            for name in files.glob("gauge_live*_*.db"):
                pid = int(name.stem.rpartition("_")[2])
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    mark_process_dead(pid, str(files))  # type: ignore[no-untyped-call]
            counted = CollectorRegistry()
            MultiProcessCollector(counted, folder)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(snapshot)


@dataclass(frozen=True, slots=True)
class InstallationState:
    """What the gauges of one scrape show. `status` is None if it can't be read, `worker_alive` without a worker."""

    status: Status | None
    cache: CacheInfo
    worker_alive: bool | None

    def collect(self) -> Iterator[Metric]:
        """Return the gauges."""
        build = InfoMetricFamily("recommender_build", "The version that runs.")
        build.add_metric((), {"version": __version__, "python": platform.python_version()})
        yield build
        cache = CounterMetricFamily(
            "recommender_query_cache", "Search texts by whether their vector was kept.", None, ("result",)
        )
        cache.add_metric(("hit",), self.cache.hits)
        cache.add_metric(("miss",), self.cache.misses)
        size = _gauge("query_cache_size", "Vectors of search texts that are kept.", self.cache.size)
        # Where several processes answer for one service: as one series, the counters of two would look like one that
        # starts again with every other scrape.
        labels = {"pid": str(os.getpid())} if SHARED in os.environ else {}
        for metric in (cache, size, *ProcessCollector(registry=None).collect()):
            metric.samples = [sample._replace(labels=sample.labels | labels) for sample in metric.samples]
            yield metric
        yield _gauge("status_readable", "Whether the database could be asked.", self.status is not None)
        if self.worker_alive is not None:
            yield _gauge("worker_up", "Whether the worker in this process is at work.", self.worker_alive)
        if self.status is None:
            return
        yield _gauge("products", "Active products in the catalogue.", self.status.products)
        queue = GaugeMetricFamily("recommender_queue", "Changes on their way into the index.", labels=("state",))
        for state in ("waiting", "leased", "parked"):
            queue.add_metric((state,), getattr(self.status, state))
        yield queue
        oldest_s = self.status.oldest_s or 0.0
        yield _gauge("queue_oldest_seconds", "Age of the oldest change that waits; 0 for none.", oldest_s)
        live = InfoMetricFamily("recommender_live", "The live model and its generation.")
        live.add_metric((), {"model": self.status.model or "", "generation": self.status.generation or ""})
        yield live


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"recommender_{name}", text, value)
