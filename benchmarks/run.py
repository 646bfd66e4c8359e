"""Run every benchmark and write `benchmarks/RESULTS.md`."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.explorer import figures as explorer_figures
from benchmarks.import_rate import figures as import_figures
from benchmarks.measure import Figure, environment, heavy_imports, run, spread, wall_times
from benchmarks.service import figures as service_figures
from benchmarks.soak import figure as soak_figure
from benchmarks.synthetic import write_feed
from benchmarks.worker import figures as worker_figures

PRODUCTS = 50_000
MANY_ROWS = 200_000
SAMPLE = 2_000
FRESH = 15_000
TURNS = 2
RESULTS = Path(__file__).with_name("RESULTS.md")


def query_figures(home: Path, sku: str) -> Iterator[Figure]:
    """Time `similar` and `search` as whole processes, and look at what they import."""
    for command, bar in ((["similar", sku], 0.6), (["search", "light waterproof walking boots"], 1.2)):
        times = wall_times(home, command)
        heavy = heavy_imports(home, command)
        yield Figure(
            f"`recommender {command[0]}`, whole process, {PRODUCTS:,} products",
            f"{spread(times)}; heavy imports: {', '.join(heavy) or 'none'}",
            f"at most {bar} s; none",
            statistics.median(times) <= bar and not heavy,
        )


def unchanged_figure(home: Path, feed: Path) -> Figure:
    """Time the ingest of a feed that changes nothing."""
    times, encoded = [], 0
    for _ in range(3):
        started = time.perf_counter()
        result = json.loads(run(home, "ingest", str(feed), "--json"))
        times.append(time.perf_counter() - started)
        encoded += result["index"]["encoded"]
    return Figure(
        f"ingest of an unchanged {PRODUCTS:,}-row feed",
        f"{spread(times)}; {encoded} texts encoded",
        "at most 10 s; none",
        statistics.median(times) <= 10 and encoded == 0,
    )


def encoder_figures(home: Path) -> Iterator[Figure]:
    """Compare what encodes products here with sentence-transformers on the same texts, the two in turn."""
    from itertools import islice

    from sentence_transformers import SentenceTransformer

    from recommender.application.composition import Application
    from recommender.settings import load_settings

    with Application(load_settings(home=home)) as application:
        texts = [application.text(stored.product) for stored in islice(application.catalogue.products(), SAMPLE)]
        model = application.registry.list()[0]
        reference = SentenceTransformer(str(model.folder), device="cpu")
        encoder = application.encoder(model, application.runtime_of(model))
        encoder.encode(texts[:64])
        reference.encode(texts[:64], batch_size=32)
        ours, theirs = [], []
        for _ in range(3):
            ours.append(_rate(texts, lambda: encoder.encode(texts)))
            theirs.append(_rate(texts, lambda: reference.encode(texts, batch_size=32, show_progress_bar=False)))
    ratio = statistics.median(one / other for one, other in zip(ours, theirs, strict=True))
    yield Figure(
        f"encoding {SAMPLE:,} products: {encoder.name} against `SentenceTransformer.encode` (fp32, batch 32)",
        f"{ratio:.2f} times ({statistics.median(ours):.0f} against {statistics.median(theirs):.0f} products/s)",
        "at least 3.5 times",
        ratio >= 3.5,
    )


def _rate(texts: list[str], encode: object) -> float:
    started = time.perf_counter()
    encode()  # type: ignore[operator]
    return len(texts) / (time.perf_counter() - started)


def end_to_end_figure(folder: Path, home: Path) -> Figure:
    """Compare ingesting a fresh feed with encoding its texts alone, in one process, in turn."""
    from recommender.application.composition import Application
    from recommender.jobs.ingest import ingest
    from recommender.settings import load_settings

    feed = write_feed(folder / "fresh.csv", FRESH)
    ratios = []
    for turn in range(TURNS):
        fresh = folder / f"fresh-{turn}"
        with Application(load_settings(home=home)) as source:
            model = source.registry.list()[0]
            with Application(load_settings(home=fresh, model=str(model.folder), encoder="onnx-int8")) as application:
                ingest(application, [write_feed(folder / "first.csv", 1)])  # the model's export is not what is compared
                started = time.perf_counter()
                ingest(application, [feed])
                whole = time.perf_counter() - started
                texts = [application.text(stored.product) for stored in application.catalogue.products()]
                encoder = application.encoder_of(application.generations.live())  # type: ignore[arg-type]
                started = time.perf_counter()
                encoder.encode(texts)
                ratios.append(whole / (time.perf_counter() - started))
    ratio = statistics.median(ratios)
    return Figure(
        f"ingest of {FRESH:,} new products, end to end, against encoding their texts alone",
        f"{ratio:.2f} times ({', '.join(f'{one:.2f}' for one in ratios)})",
        "at most 1.25 times",
        ratio <= 1.25,
    )


def memory_figure(folder: Path) -> Figure:
    """Measure the peak memory of a large ingest with a stub encoder, into a home that has its base model already."""
    _stub_ingest(folder / "many", write_feed(folder / "one.csv", 1))
    found = _stub_ingest(folder / "many", write_feed(folder / "many.csv", MANY_ROWS))
    return Figure(
        f"peak memory, ingest of {MANY_ROWS:,} rows with a stub encoder",
        f"{found['peak_mib']:.0f} MiB ({found['rows'] / found['seconds']:.0f} rows/s into catalogue and index)",
        "under 1,024 MiB",
        found["peak_mib"] < 1024,
    )


def _stub_ingest(home: Path, feed: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.stub_ingest", str(home), str(feed)],
        env=environment(home),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return dict(json.loads(done.stdout))


def machine() -> str:
    """Describe where the figures come from."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    packages = ", ".join(f"{name} {version(name)}" for name in ("qdrant-edge-py", "onnxruntime", "torch"))
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Python {platform.python_version()}, {packages}"


def write_results(figures: list[Figure]) -> None:
    """Write the table, misses included."""
    rows = "\n".join(f"| {f.what} | {f.value} | {f.bar} | {'yes' if f.met else '**no**'} |" for f in figures)
    RESULTS.write_text(
        "# Results\n\n"
        f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine()}.\n"
        "Whole processes are timed from start to exit; what is compared runs in turn in one process. "
        f"The catalogue is the seed, repeated under other SKUs and model numbers.\n\n"
        f"| what | measured | bar | met |\n| --- | --- | --- | --- |\n{rows}\n",
        encoding="utf-8",
    )


def main() -> None:
    """Run everything; exit 0 whatever the figures say, since they are for reading."""
    figures: list[Figure] = []

    def add(figure: Figure) -> None:
        figures.append(figure)
        figure.tell()

    with tempfile.TemporaryDirectory(prefix="recommender-bench-") as name:
        folder = Path(name)
        home = folder / "home"
        feed = write_feed(folder / "feed.csv", PRODUCTS)
        print(f"ingesting {PRODUCTS:,} products ...", flush=True)
        run(home, "ingest", str(feed))
        sku = json.loads(run(home, "search", "boots", "-k", "1", "--json"))["hits"][0]["sku"]
        for figure in query_figures(home, sku):
            add(figure)
        add(unchanged_figure(home, feed))
        for figure in encoder_figures(home):
            add(figure)
        add(end_to_end_figure(folder, home))
        add(memory_figure(folder))
        parts = {
            "import": import_figures,
            "worker": worker_figures,
            "service": service_figures,
            "explorer": explorer_figures,
        }
        for part, figures_of in parts.items():
            (folder / part).mkdir()
            for figure in figures_of(folder / part):
                add(figure)
        (folder / "soak").mkdir()
        add(soak_figure(folder / "soak"))
    write_results(figures)


if __name__ == "__main__":
    main()
