"""A worker as a process that is told to stop: in time, in good order, whatever it is doing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.patience import PATIENCE_S
from support.shop import Shop

from recommender.types import Product

_TESTS = Path(__file__).parents[1]
_WORKER = f"""
import sys, time
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {str(_TESTS)!r})
from support.faults import FaultyEncoder
from support.fake_encoder import WordEncoder
from support.shop import Shop
from recommender.ingestion.loop import follow
from recommender.ingestion.loop import run_gracefully

class Slow(WordEncoder):
    def encode(self, texts, role="document"):
        print("encoding", flush=True)
        time.sleep(SECONDS * len(texts))
        return super().encode(texts)

with Shop(Path(sys.argv[1]), keep=True) as shop:
    shop.targets[0] = replace(shop.targets[0], encoder=Slow)
    drain = lambda stopped: shop.worker.drain(stopped=stopped)
    say = lambda line: print(line, file=sys.stderr, flush=True)
    work = lambda stopped: follow(drain, 0.1, stopped, say)
    run_gracefully(work, shop.worker.give_back, say, grace=GRACE, endless=ENDLESS)
    say("ended by itself")
"""
PRODUCTS = [Product(f"lamp-{number}", f"Lamp number {number}") for number in range(200)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shop whose queue is full."""
    with Shop(tmp_path) as shop:
        shop.catalogue.upsert(PRODUCTS)
    return tmp_path


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def _encoding(folder: Path, processes: list[subprocess.Popen[str]], **numbers: float) -> subprocess.Popen[str]:
    """Start a worker and wait until it encodes; SECONDS a text, GRACE before it is given up, ENDLESS or not."""
    code = _WORKER
    numbers.setdefault("ENDLESS", True)
    for name, number in numbers.items():
        code = code.replace(name, str(number))
    command = [sys.executable, "-c", code, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    processes.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == "encoding\n"
    return process


def _all_given_back(folder: Path) -> bool:
    with Shop(folder, keep=True) as shop:
        depth = shop.outbox.depth()
    return (depth.waiting, depth.leased) == (len(PRODUCTS), 0)


def test_a_worker_with_a_slow_model_gives_its_batch_back_between_two_slices(
    folder: Path, processes: list[subprocess.Popen[str]]
) -> None:
    process = _encoding(folder, processes, SECONDS=0.1, GRACE=60)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, said.splitlines()[-1]) == (0, "ended by itself")
    assert time.monotonic() - started < 10  # the batch would have taken twenty seconds
    assert _all_given_back(folder)


@pytest.mark.parametrize(("endless", "code"), [(True, 0), (False, 128 + signal.SIGTERM)])
def test_a_worker_that_nothing_interrupts_gives_its_batch_back_when_the_grace_is_over(
    folder: Path, processes: list[subprocess.Popen[str]], endless: bool, code: int
) -> None:
    process = _encoding(folder, processes, SECONDS=60, GRACE=0.5, ENDLESS=endless)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code
    assert "given back" in said.splitlines()[-1]
    assert _all_given_back(folder)


def test_a_second_signal_ends_it_at_once(folder: Path, processes: list[subprocess.Popen[str]]) -> None:
    process = _encoding(folder, processes, SECONDS=60, GRACE=60)
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 128 + signal.SIGINT
