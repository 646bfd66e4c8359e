"""Two versions of this repository in turns, on one machine: `python -m benchmarks.turns OTHER_CHECKOUT [PRODUCTS]`.

A machine's speed drifts by more than most changes are worth. So each figure is a ratio, this version to the other, of
runs that follow each other, and the median over the turns is what counts. Each version has a home of its own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from benchmarks.load import saturated
from benchmarks.measure import RECOMMENDER, environment
from benchmarks.service import Service, search_path
from benchmarks.synthetic import write_feed

PRODUCTS = 50_000
PROCESS_TURNS = 15
SERVICE_TURNS = 6
TURN_S = 5.0

HERE = Path(__file__).parents[1]


def ratios(what: str, unit: str, turns: int, measure: Sequence[Callable[[int], float]]) -> None:
    """Measure both versions `turns` times, one after the other, and print medians and the ratio of each pair."""
    found = [(measure[0](turn), measure[1](turn)) for turn in range(turns)]
    pairs = sorted(new / old for new, old in found)
    new, old = (statistics.median(side) for side in zip(*found, strict=True))
    print(
        f"{what}: {new:.3f} {unit}, the other {old:.3f} {unit}; ratio {statistics.median(pairs):.3f} "
        f"({pairs[0]:.3f} to {pairs[-1]:.3f}, {turns} turns)",
        flush=True,
    )


def prepare(checkout: Path, home: Path, feed: Path) -> None:
    """Ingest a feed with the stub encoder of a version."""
    command = [sys.executable, "-m", "benchmarks.stub_ingest", str(home), str(feed)]
    subprocess.run(command, cwd=checkout, env=environment(home, checkout), check=True, stdout=subprocess.DEVNULL)


def process_time(checkout: Path, home: Path, arguments: Sequence[str]) -> Callable[[int], float]:
    """Return what times one command of a version as a whole process, in seconds."""

    def once(_turn: int) -> float:
        started = time.perf_counter()
        command = [RECOMMENDER, *arguments]
        subprocess.run(command, env=environment(home, checkout), check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    once(0)
    return once


def main(other: str, products: int = PRODUCTS) -> None:
    """Print the ratios."""
    checkouts = HERE, Path(other).resolve()
    with tempfile.TemporaryDirectory(prefix="recommender-turns-") as name:
        feed = write_feed(Path(name) / "feed.csv", products)
        homes = [Path(name) / side for side in ("this", "other")]
        for side in zip(checkouts, homes, strict=True):
            prepare(*side, feed)
        sku = feed.read_text(encoding="utf-8").splitlines()[1].split(",")[0]
        for arguments in (["similar", sku], ["search", "light waterproof walking boots"]):
            sides = [process_time(*side, arguments) for side in zip(checkouts, homes, strict=True)]
            ratios(f"recommender {arguments[0]}, whole process", "s", PROCESS_TURNS, sides)
        with Service(homes[0], checkouts[0]) as this, Service(homes[1], checkouts[1]) as that:
            hits = this.get("/v1/products?k=1000&variants=all")["hits"]
            assert isinstance(hits, list)
            paths = [f"/v1/similar?sku={quote(hit['sku'])}" for hit in hits]
            for what, path in (
                ("GET /v1/similar", lambda _turn, number: paths[number % len(paths)]),
                ("GET /v1/search", lambda turn, number: search_path(10**5 * (turn + 1) + number)),
            ):
                for service in (this, that):
                    saturated(service.port, lambda number, path=path: path(99, number), 2)
                sides = [
                    lambda turn, service=service, path=path: (
                        saturated(service.port, lambda number: path(turn, number), TURN_S).rate
                    )
                    for service in (this, that)
                ]
                ratios(what, "requests/s", SERVICE_TURNS, sides)


if __name__ == "__main__":
    main(sys.argv[1], *(int(argument) for argument in sys.argv[2:]))
