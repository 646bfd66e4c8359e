"""The HTTP service under load: `python -m benchmarks.service [PRODUCTS]`.

Vectors are those of `stub_ingest`, texts of searches go through the real model; client and service share the machine.
"""

from __future__ import annotations

import itertools
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, urlencode

from benchmarks.load import Outcome, at_rate, saturated
from benchmarks.measure import HEAVY, RECOMMENDER, Figure, environment
from benchmarks.synthetic import write_feed
from benchmarks.worker import stub_ingest

PRODUCTS = 50_000
RATE = 100
REQUESTS = 3_000
SECONDS = 15.0
WORDS = ("light", "waterproof", "steel", "small", "quiet", "oak", "trail", "merino", "cordless", "folding", "ceramic")
THINGS = ("boots", "lamp", "drill", "kettle", "tent", "jacket", "pan", "headphones", "chair", "bicycle", "keyboard")


class Service:
    """`recommender serve` on a home, as a process, from its start until it is stopped."""

    def __init__(self, home: Path, checkout: Path | None = None) -> None:
        self.home = home
        self._environment = environment(home, checkout)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        self.ready_s = 0.0

    def __enter__(self) -> Service:
        started = time.perf_counter()
        command = [RECOMMENDER, "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)
        while self.status("/readyz") != 200:
            if self._process.poll() is not None or time.perf_counter() - started > 60:
                raise RuntimeError("the service did not start")
            time.sleep(0.01)
        self.ready_s = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)

    def status(self, path: str) -> int:
        """Return the status that a path is answered with; 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)
        except OSError:
            return 0

    def get(self, path: str) -> dict[str, object]:
        """Return the JSON document at a path."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return dict(json.load(answer))

    def resident_mib(self, kind: str = "VmRSS") -> float:
        """Return the memory that is resident now: all, `RssAnon` its own, `RssFile` that of files that are mapped."""
        for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {kind}")

    def has_mapped(self, names: Sequence[str]) -> list[str]:
        """Return which of these libraries the process has loaded."""
        maps = Path(f"/proc/{self._process.pid}/maps").read_text()
        return [name for name in names if f"/{name}/" in maps]


def similar_paths(skus: Sequence[str], **more: str) -> Iterator[str]:
    """Return paths that ask for one product after the other, over and over."""
    tail = "&" + urlencode(more) if more else ""
    return (f"/v1/similar?sku={quote(sku)}{tail}" for sku in itertools.cycle(skus))


def search_path(number: int) -> str:
    """Return the path of a search that was not asked before."""
    words = WORDS[number % len(WORDS)], WORDS[number // 11 % len(WORDS)], THINGS[number // 121 % len(THINGS)]
    return f"/v1/search?q={quote(' '.join((*words, str(number))))}"


def shown(outcome: Outcome) -> str:
    """Return median and tail of an outcome as text."""
    failed = f"; {len(outcome.failures)} FAILED: {outcome.failures[0]}" if outcome.failures else ""
    return f"p50 {outcome.percentile(0.5):.1f} ms, p99 {outcome.percentile(0.99):.1f} ms{failed}"


def filter_figures(service: Service, skus: Sequence[str], card: dict[str, object]) -> Iterator[Figure]:
    """Compare the tail of each filter with that of none, in one run, a share of each in turn."""
    category = card["category"]
    asked = {
        "category": {"category": " > ".join(category[:2] if isinstance(category, list) else [])},
        "brand": {"brand": str(card["brand"])},
        "not a brand": {"exclude_brand": str(card["brand"])},
        "price": {"price_min": "20", "price_max": "60"},
        "in stock": {"in_stock": "true"},
        "attribute": {"attribute": "colour:black"},
        "all of them": {"in_stock": "true", "price_max": "200", "exclude_brand": str(card["brand"])},
    }
    plain = at_rate(service.port, list(itertools.islice(similar_paths(skus), REQUESTS)), RATE)
    for name, parameters in asked.items():
        paths = list(itertools.islice(similar_paths(skus, **parameters), REQUESTS // 2))
        outcome = at_rate(service.port, paths, RATE)
        ratio = outcome.percentile(0.99) / plain.percentile(0.99)
        yield Figure(
            f"`GET /v1/similar` filtered by {name}, {RATE} requests/s",
            f"{shown(outcome)}; unfiltered {shown(plain)}: {ratio:.1f} times",
            "p99 at most twice the unfiltered",
            ratio <= 2 and not outcome.failures,
        )


def rate_figure(service: Service, what: str, path: Callable[[int], str], bar: float) -> Figure:
    """Measure how many requests a second the service answers when it has no rest."""
    outcome = saturated(service.port, path, SECONDS)
    return Figure(
        f"{what}, as many as it answers",
        f"{outcome.rate:.0f} requests/s ({shown(outcome)})",
        f"at least {bar:.0f} requests/s",
        outcome.rate >= bar and not outcome.failures,
    )


def latency_figure(service: Service, what: str, paths: Sequence[str], p50: float, p99: float | None) -> Figure:
    """Measure latency at a fixed rate."""
    outcome = at_rate(service.port, paths, RATE)
    met = outcome.percentile(0.5) < p50 and (p99 is None or outcome.percentile(0.99) < p99)
    return Figure(
        f"{what}, {RATE} requests/s",
        shown(outcome),
        f"p50 under {p50:.0f} ms" + (f", p99 under {p99:.0f} ms" if p99 else ""),
        met and not outcome.failures,
    )


def figures(folder: Path, products: int = PRODUCTS) -> Iterator[Figure]:
    """Measure a service over so many products, in a folder that is there already."""
    home, feed = folder / "home", write_feed(folder / "feed.csv", products)
    stub_ingest(home, feed)
    with Service(home) as warming:
        assert warming.status("/readyz") == 200  # files come into the system's cache
    with Service(home) as service:
        yield Figure("start to ready", f"{service.ready_s:.2f} s", "under 2 s", service.ready_s < 2)
        browsed = service.get("/v1/products?k=1000&variants=all")["hits"]
        assert isinstance(browsed, list)
        skus, card = [hit["sku"] for hit in browsed], browsed[0]
        for _ in range(2):  # the first of each kind load what they need
            saturated(service.port, lambda number: f"/v1/similar?sku={quote(skus[number % len(skus)])}", 2)
            saturated(service.port, lambda number: search_path(10**6 + number), 2)
        asked = list(itertools.islice(similar_paths(skus), REQUESTS))
        yield latency_figure(service, "`GET /v1/similar`", asked, 4, 20)
        searches = [search_path(number) for number in range(REQUESTS)]
        yield latency_figure(service, "`GET /v1/search`, hybrid, not cached", searches, 10, None)
        yield rate_figure(
            service, "`GET /v1/similar`", lambda number: f"/v1/similar?sku={quote(skus[number % len(skus)])}", 500
        )
        yield rate_figure(service, "`GET /v1/search`", lambda number: search_path(10**5 + number), 250)
        yield from filter_figures(service, skus, card)
        memory, loaded = service.resident_mib(), service.has_mapped(HEAVY)
        yield Figure(
            f"resident memory of the service after all that, {products:,} products",
            f"{memory:.0f} MiB; heavy imports: {', '.join(loaded) or 'none'}",
            "under 600 MB; none",
            memory < 572 and not loaded,
        )


def main(products: int = PRODUCTS) -> None:
    """Print the figures of the service."""
    with tempfile.TemporaryDirectory(prefix="recommender-bench-") as name:
        for figure in figures(Path(name), products):
            figure.tell()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
