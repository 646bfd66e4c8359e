"""Processes that are killed at random moments, many in a row over one home: nothing that was acknowledged is lost.

`make crash N=500` does more of it; `CRASH_SEED` repeats a run, but for the moments, which no seed decides.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from crash.goods import VOCABULARY, Goods
from crash.home import MODELS, Home, install
from crash.kinds import KINDS, measure_command
from crash.ledger import Ledger
from crash.processes import Nursery
from crash.word_model import build_word_model

from recommender.settings import Settings

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked from one that has imported all")

KILLS = int(os.environ.get("CRASH_KILLS", len(KINDS)))  # each kind once
SEED = os.environ.get("CRASH_SEED") or str(random.SystemRandom().randrange(1_000_000))

TESTS = Path(__file__).resolve().parents[1]

TRIES = 6
"""How often a kind is tried until a process was killed before it ended by itself."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two models that differ in all their vectors."""
    folder = tmp_path_factory.mktemp("models")
    return {name: build_word_model(folder / name, VOCABULARY, seed) for seed, name in enumerate(MODELS)}


@contextmanager
def opened_home(folder: Path, models: dict[str, Path], database_url: str = "") -> Iterator[Home]:
    settings = Settings(home=folder / "home", database_url=database_url, qdrant_url="", encoder="onnx", threads=1)
    strange = ("RECOMMENDER_", "QDRANT_", "DATABASE_URL")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(strange)} | {
        "PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent))),
        "RECOMMENDER_HOME": str(settings.home),
        "RECOMMENDER_ENCODER": "onnx",
        "RECOMMENDER_THREADS": "1",
        "DATABASE_URL": database_url,
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
    }
    draw = random.Random(SEED)
    with Nursery(folder, environment) as nursery:
        home = Home(folder, settings, nursery, draw, Goods(draw), Ledger({}))
        install(home, models)
        measure_command(home)
        yield home


def kill_many(home: Home, kills: int) -> Counter[str]:
    """Kill at least as many processes, each kind before any comes again; return how many of each kind it were."""
    say(f"\nCRASH_SEED={SEED} CRASH_KILLS={kills}")
    order = random.Random(SEED)
    killed: Counter[str] = Counter()
    for turn in count():
        if killed.total() >= kills:
            break
        for kind in order.sample(list(KINDS), len(KINDS)):
            killed[kind] += kill_one(home, kind, f"{SEED}/{turn}", killed.total())
    say(f"{killed.total()} kills: {dict(killed)}")
    return killed


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - shown by `make crash`, and beside a failure


def kill_one(home: Home, kind: str, seed: str, before: int) -> int:
    """Do one kind of kill and return how many processes it were: most often one."""
    for number in range(TRIES):
        home.tries = number
        home.draw.seed(f"{seed}/{kind}/{number}")
        try:
            blows = KINDS[kind](home)
        except AssertionError as error:
            raise AssertionError(f"CRASH_SEED={SEED}, after {before} kills, {kind}, try {number}: {error}") from error
        dead = [blow for blow in blows if blow.killed]
        say(f"{before + len(dead):>5} {kind}: {'; '.join(blow.where for blow in dead) or 'ended before'}")
        if dead:
            return len(dead)
    raise AssertionError(
        f"CRASH_SEED={SEED}: {kind}: in {TRIES} tries the process ended each time before it was killed"
    )


def test_whatever_is_killed_nothing_acknowledged_is_lost_and_no_generation_is_half_live(
    tmp_path: Path, models: dict[str, Path]
) -> None:
    with opened_home(tmp_path, models) as home:
        assert kill_many(home, KILLS).total() >= KILLS
        home.leave()


def test_the_same_holds_on_postgresql(tmp_path: Path, models: dict[str, Path], postgres_url: str) -> None:
    with opened_home(tmp_path, models, postgres_url) as home:
        assert kill_many(home, KILLS // 2).total() >= KILLS // 2
        home.leave()
