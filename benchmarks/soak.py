"""Ten minutes of load with writes and switches of the model going on: `python -m benchmarks.soak [SECONDS]`.

Every answer is checked: a vector of one model among the points of another gives other neighbours than that model does.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import uvloop

from benchmarks.load import Connection
from benchmarks.measure import Figure, environment, run
from benchmarks.service import Service, search_path
from benchmarks.synthetic import SEED

SECONDS = 600.0
PRODUCTS_ASKED = 60
READERS = 4
PAUSE_S = 0.02
"""Between two questions of a reader: some 150 requests/s in all, which leaves the machine time for the writes."""
SWITCH_EVERY_S = 15.0
WRITE_EVERY_S = 0.5
WRITTEN = 20
OTHER_SHAPE = ("--pooling", "max")
"""Another model without training: the same network, pooled otherwise, has other neighbours."""

Expected = dict[str, dict[str, list[str]]]
"""SKUs that each generation answers for each product."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """Memory of the service at a time, in MiB: its own, and the pages of mapped files, which the system takes back."""

    at: float
    own: float
    mapped: float


@dataclass(slots=True)
class Seen:
    """What came back. `wrong` answers are of no generation as it answered alone; `failed` ones are none at all."""

    answers: int = 0
    written: int = 0
    switches: int = 0
    wrong: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    memory: list[Weighed] = field(default_factory=list)


def install(home: Path, folder: Path) -> None:
    """Make a home with two models that answer: the seed under the default base, and under another shape of it."""
    feed = folder / "feed.csv"
    feed.write_bytes(gzip.decompress(SEED.read_bytes()))
    run(home, "ingest", str(feed))
    name = json.loads(run(home, "models", "import", "sentence-transformers/all-MiniLM-L6-v2", *OTHER_SHAPE, "--json"))[
        "name"
    ]
    run(home, "models", "promote", name, "--force")


def expected_answers(service: Service, skus: Sequence[str]) -> Expected:
    """Ask each model that answers for the neighbours of each product, before anything goes on."""
    models = service.get("/v1/status")["models"]
    assert isinstance(models, list)
    assert len(models) == 2
    expected: Expected = {}
    for model, sku in itertools.product(models, skus):
        answer = service.get(f"{_similar(sku)}&model={quote(model)}")
        expected.setdefault(str(answer["generation"]), {})[sku] = _skus(answer)
    return expected


def _similar(sku: str) -> str:
    return f"/v1/similar?sku={quote(sku)}&k=10&mode=dense&variants=all"


def _skus(answer: dict[str, object]) -> list[str]:
    hits = answer["hits"]
    assert isinstance(hits, list)
    return [hit["sku"] for hit in hits]


async def soak(service: Service, home: Path, skus: Sequence[str], expected: Expected, seconds: float) -> Seen:
    """Read, write and switch for some seconds."""
    seen, ends = Seen(), time.monotonic() + seconds

    def goes_on() -> bool:
        return time.monotonic() < ends

    readers = [_read(service.port, skus, expected, seen, goes_on, number) for number in range(READERS)]
    await asyncio.gather(
        *readers,
        _write(service.port, skus, seen, goes_on),
        _switch(home, seen, goes_on),
        _weigh(service, seen, goes_on),
    )
    return seen


async def _read(
    port: int, skus: Sequence[str], expected: Expected, seen: Seen, goes_on: Callable[[], bool], first: int
) -> None:
    with Connection("127.0.0.1", port) as connection:
        for number in itertools.count(first):
            if not goes_on():
                return
            sku = skus[number % len(skus)]
            searching = number % 3 == 0
            status, body = await connection.ask(search_path(number) if searching else _similar(sku))
            if status != 200:
                seen.failed.append(f"{status} {body[:200]!r}")
            elif not searching:
                answer = json.loads(body)
                if _skus(answer) != expected.get(answer["generation"], {}).get(sku):
                    seen.wrong.append(f"{sku} from {answer['generation']}: {_skus(answer)}")
            seen.answers += 1
            await asyncio.sleep(PAUSE_S)


async def _write(port: int, skus: Sequence[str], seen: Seen, goes_on: Callable[[], bool]) -> None:
    """Change prices of products that are asked about, and descriptions of none, so that neighbours stay."""
    with Connection("127.0.0.1", port) as connection:
        products = []
        for sku in skus[:WRITTEN]:
            status, body = await connection.ask(f"/v1/products/{quote(sku, safe='')}")
            assert status == 200, body
            products.append(json.loads(body))
        for turn in itertools.count(1):
            if not goes_on():
                return
            changed = [product | {"price": 10 + turn % 90 + number / 100} for number, product in enumerate(products)]
            status, body = await connection.ask("/v1/products:batch", "POST", json.dumps({"upsert": changed}).encode())
            if status != 200 or b"rejected" in body:
                seen.failed.append(f"batch {status} {body[:200]!r}")
            seen.written += len(changed)
            await asyncio.sleep(WRITE_EVERY_S)


async def _switch(home: Path, seen: Seen, goes_on: Callable[[], bool]) -> None:
    """Let the two models change places, by another process, as an operator would."""
    while goes_on():
        await asyncio.sleep(SWITCH_EVERY_S)
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "recommender"),
            "models",
            "rollback",
            env=environment(home),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await process.communicate()
        if process.returncode:
            seen.failed.append(f"rollback {process.returncode} {said[-200:]!r}")
        seen.switches += 1


async def _weigh(service: Service, seen: Seen, goes_on: Callable[[], bool]) -> None:
    started = time.monotonic()
    while goes_on():
        own, mapped = service.resident_mib("RssAnon"), service.resident_mib("RssFile")
        seen.memory.append(Weighed(time.monotonic() - started, own, mapped))
        await asyncio.sleep(5)


def figure(folder: Path, seconds: float = SECONDS) -> Figure:
    """Measure errors, wrong answers and growth."""
    home = folder / "home"
    install(home, folder)
    with Service(home) as service:
        skus = _skus(service.get(f"/v1/products?k={PRODUCTS_ASKED}&variants=all"))
        expected = expected_answers(service, skus)
        one, other = expected.values()
        assert one != other, "the two models answer alike: nothing would show"
        seen = uvloop.run(soak(service, home, skus, expected, seconds))
    for line in (*seen.wrong[:5], *seen.failed[:5]):
        print(line)
    start, end = next(weighed for weighed in seen.memory if weighed.at >= seconds / 3), seen.memory[-1]
    return Figure(
        f"{seconds / 60:.0f} minutes of load, {seen.written:,} prices written, {seen.switches} switches of the model",
        f"{seen.answers:,} answers, {len(seen.failed)} failed, {len(seen.wrong)} of a wrong model; "
        f"memory of its own {start.own:.0f} MiB after a third, {end.own:.0f} at the end; "
        f"pages of mapped files {start.mapped:.0f} and {end.mapped:.0f} MiB",
        "none, none, no growth",
        not seen.failed and not seen.wrong and end.own <= start.own * 1.05,
    )


def main(seconds: float = SECONDS) -> None:
    """Print the figure."""
    with tempfile.TemporaryDirectory(prefix="recommender-soak-") as name:
        found = figure(Path(name), seconds)
        found.tell()


if __name__ == "__main__":
    main(*(float(argument) for argument in sys.argv[1:]))
