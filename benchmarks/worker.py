"""Price changes, changed texts, freshness and queries beside a rebuild: `python -m benchmarks.worker [PRODUCTS]`.

Where vectors do not matter the encoder is the stub of `stub_ingest`; what is compared with encoding uses the model.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from benchmarks.measure import RECOMMENDER, Figure, environment, run
from benchmarks.synthetic import write_feed
from recommender.application.composition import Application
from recommender.ingestion.loop import follow
from recommender.ingestion.worker import DrainSummary
from recommender.jobs.ingest import drain
from recommender.settings import load_settings
from recommender.types import Card, Product

PRODUCTS = 50_000
SAMPLE = 2_000
CHANGES = 40
FOR_REBUILD = 5_000
FOR_FRESHNESS = 1_000
IDLE_S = 15.0
PRICE_TURNS = 2


def changed_feed(feed: Path, target: Path, change: Callable[[int, dict[str, str]], dict[str, str]]) -> Path:
    """Write a feed whose rows went through `change`, which is given their number."""
    with feed.open(encoding="utf-8", newline="") as old, target.open("w", encoding="utf-8", newline="") as new:
        rows = csv.DictReader(old)
        writer = csv.DictWriter(new, fieldnames=rows.fieldnames or [])
        writer.writeheader()
        writer.writerows(change(number, row) for number, row in enumerate(rows))
    return target


def stub_ingest(home: Path, feed: Path) -> dict[str, float]:
    """Ingest a feed with the stub encoder, in a process of its own, and return what it counted."""
    command = [sys.executable, "-m", "benchmarks.stub_ingest", str(home), str(feed)]
    done = subprocess.run(command, env=environment(home), check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def price_figure(home: Path, feed: Path, folder: Path) -> Figure:
    """Change every price, and take that to the end: feed, catalogue, queue, index."""
    times, encoded, payloads = [], 0, 0
    for turn in range(PRICE_TURNS):
        dearer = changed_feed(
            feed,
            folder / f"prices-{turn}.csv",
            lambda _, row, by=turn + 1: row | {"price": f"{float(row['price']) + by:.2f}"},
        )
        found = stub_ingest(home, dearer)
        times.append(found["seconds"])
        encoded, payloads = encoded + int(found["encoded"]), int(found["payloads"])
    return Figure(
        f"{payloads:,} price changes, feed to index, whole process",
        f"{min(times):.1f} and {max(times):.1f} s; {encoded} texts encoded",
        "at most 15 s; none",
        max(times) <= 15 and encoded == 0,
    )


def text_figure(home: Path, feed: Path, folder: Path) -> Figure:
    """Take in a full feed with one text in a hundred changed, and compare with encoding all of them."""
    changed = changed_feed(
        feed, folder / "texts.csv", lambda n, row: row | {"title": f"{row['title']} II"} if n % 100 == 0 else row
    )
    started = time.perf_counter()
    result = json.loads(run(home, "ingest", str(changed), "--json"))
    took = time.perf_counter() - started
    with Application(load_settings(home=home)) as application:
        products = [stored.product for stored, _ in zip(application.catalogue.products(), range(SAMPLE), strict=False)]
        texts = [application.text(product) for product in products]
        encoder = application.encoder_of(application.generations.require_live())
        encoder.encode(texts[:64])
        started = time.perf_counter()
        encoder.encode(texts)
        rate = len(texts) / (time.perf_counter() - started)
    rows = result["imports"][0]["unchanged"] + result["imports"][0]["updated"]
    whole = rows / rate
    return Figure(
        f"full feed of {rows:,} rows, 1% of the texts changed ({result['index']['encoded']} encoded)",
        f"{took:.1f} s; encoding all at {rate:.0f} texts/s (on {SAMPLE:,}): {whole:.0f} s, {whole / took:.1f} times",
        "at least 20 times faster",
        whole / took >= 20,
    )


def silent_line(_line: str) -> None:
    """Say nothing."""


def _until_shown(shown: Callable[[], bool]) -> float:
    started = time.perf_counter()
    while not shown():
        if time.perf_counter() - started > 60:
            raise RuntimeError("a change did not show within a minute; is the worker running?")
        time.sleep(0.05)
    return time.perf_counter() - started


def _changes(application: Application, card: Callable[[str, str], Card | None]) -> Iterator[float]:
    """Change a neighbour's price, or its title each second time; give the seconds until the neighbours show it."""
    anchors = [stored.product.sku for stored, _ in zip(application.catalogue.products(), range(200), strict=False)][::5]
    for number, anchor in enumerate(anchors[:CHANGES]):
        sku = application.queries().similar(anchor, 3)[0].sku
        application.release_indexes()
        before = application.catalogue.get(sku)
        assert before is not None
        after = _altered(before.product, number)
        application.catalogue.upsert([after])

        def shown(anchor: str = anchor, after: Product = after) -> bool:
            found = card(anchor, after.sku)
            return found is not None and (found.title, found.price) == (after.title, after.price)

        yield _until_shown(shown)


def _altered(product: Product, number: int) -> Product:
    if number % 2:
        return replace(product, title=f"{product.title} {number}")
    return replace(product, price=Decimal(1000 + number))


def _card(application: Application, anchor: str, sku: str, release: bool) -> Card | None:
    try:
        return next((hit.card for hit in application.queries().similar(anchor, 10) if hit.sku == sku), None)
    finally:
        if release:
            application.release_indexes()


def _freshness(what: str, times: list[float]) -> Figure:
    p50, p95 = np.quantile(times, [0.5, 0.95])
    return Figure(
        f"freshness, {what}",
        f"p50 {p50:.2f} s, p95 {p95:.2f} s ({len(times)} changes, half of them of the text)",
        "p95 under 2 s",
        bool(p95 < 2),
    )


def freshness_in_one_process(home: Path) -> Figure:
    """Follow the queue in a thread beside the queries."""
    stopped = threading.Event()
    with (
        Application(load_settings(home=home)) as application,
        application.open_for_writing(application.generations.require_live()),  # the worker releases what no query needs
    ):
        worker = application.worker

        def one_round(stop: Callable[[], bool]) -> DrainSummary | None:
            return drain(application, stopped=stop) if worker.has_work() else DrainSummary()

        thread = threading.Thread(target=follow, args=(one_round, 0.25, stopped, silent_line))
        thread.start()
        try:
            times = list(_changes(application, lambda anchor, sku: _card(application, anchor, sku, release=False)))
        finally:
            stopped.set()
            thread.join()
    return _freshness("a worker's loop beside the queries in one process", times)


def freshness_of_a_worker(home: Path) -> Figure:
    """Run `recommender worker`, and ask from another process, which opens the index for each query."""
    with subprocess.Popen([RECOMMENDER, "worker"], env=environment(home), stderr=subprocess.DEVNULL) as worker:
        try:
            with Application(load_settings(home=home)) as application:
                time.sleep(3)
                times = list(_changes(application, lambda anchor, sku: _card(application, anchor, sku, release=True)))
        finally:
            worker.terminate()
    return _freshness("`recommender worker` as a process, asked from another", times[1:])


def _latencies(ask: Callable[[int], object], goes_on: Callable[[], bool]) -> list[float]:
    times: list[float] = []
    while goes_on():
        started = time.perf_counter()
        ask(len(times))
        times.append(time.perf_counter() - started)
        time.sleep(0.005)
    return times


def rebuild_figure(folder: Path) -> Figure:
    """Ask one query after the other while `recommender index rebuild` runs in another process."""
    home = folder / "rebuilt"
    stub_ingest(home, write_feed(folder / "rebuilt.csv", FOR_REBUILD))
    with Application(load_settings(home=home)) as application:
        skus = [stored.product.sku for stored in application.catalogue.products()]
        recommender = application.queries()

        def ask(number: int) -> object:
            return recommender.similar(skus[number * 7 % len(skus)], 10)

        until = time.monotonic() + IDLE_S
        idle = _latencies(ask, lambda: time.monotonic() < until)
        with subprocess.Popen(
            [RECOMMENDER, "index", "rebuild"], env=environment(home), stderr=subprocess.DEVNULL
        ) as build:
            busy = _latencies(ask, lambda: build.poll() is None)
    before, during = (float(np.quantile(times, 0.99)) * 1000 for times in (idle, busy))
    return Figure(
        f"`similar` while `recommender index rebuild` encodes {FOR_REBUILD:,} products in another process",
        f"p99 {during:.1f} ms against {before:.1f} ms idle: {during / before:.1f} times ({len(busy):,} queries)",
        "at most 3 times",
        during <= 3 * before,
    )


def figures(folder: Path, products: int = PRODUCTS) -> Iterator[Figure]:
    """Measure everything, in a home that the stub has filled with `products`."""
    home, feed = folder / "home", write_feed(folder / "feed.csv", products)
    stub_ingest(home, feed)
    yield text_figure(home, feed, folder)
    yield price_figure(home, folder / "texts.csv", folder)
    small = folder / "small"
    run(small, "ingest", str(write_feed(folder / "small.csv", FOR_FRESHNESS)))
    yield freshness_in_one_process(small)
    yield freshness_of_a_worker(small)
    yield rebuild_figure(folder)


def main(products: int = PRODUCTS) -> None:
    """Print every figure as it comes."""
    with tempfile.TemporaryDirectory(prefix="recommender-bench-") as name:
        for figure in figures(Path(name), products):
            figure.tell()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
