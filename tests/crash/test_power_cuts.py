"""The power goes in the middle of work: what was acknowledged is there, and the rest is brought in order.

`make crash` cuts 200 times; `CRASH_SEED` repeats a run, but for the moments, which no seed decides.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from crash.goods import FIRST, VOCABULARY, Goods
from crash.ledger import Ledger, State, change_of, held_by
from crash.power import Cut, Disk, compile_recorder
from crash.word_model import build_word_model

from recommender.application.composition import Application
from recommender.errors import Unavailable
from recommender.jobs.rebuild import rebuild, start_generation
from recommender.jobs.verify import remove_damaged, verify_live
from recommender.models.checksums import damaged_files
from recommender.models.manifest import Manifest
from recommender.settings import Settings

CUTS = int(os.environ.get("CRASH_CUTS", "6"))
CUTS_OF_A_RUN = 20
SEED = os.environ.get("CRASH_SEED") or str(random.SystemRandom().randrange(1_000_000))
MODELS = ("one", "two")

MEMORY = 2 << 30
"""Bytes that a run may take."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where homes lie: in memory where that is large enough. What is durable is not up to the disk here."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < MEMORY:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as place:
        yield Path(place)


def _settings(home: Path) -> Settings:
    return Settings(home=home, database_url="", qdrant_url="", encoder="onnx", threads=1)


def _install(home: Path, scratch: Path) -> State:
    with Application(_settings(home)) as application:
        for number, name in enumerate(MODELS):
            folder = build_word_model(scratch / name, VOCABULARY, number)
            application.registry.register(folder, Manifest.create(folder, name=name, base="org/base", kind="base"))
        generation = start_generation(application, application.registry.get(MODELS[0]))
        application.generations.ready(generation)
        application.generations.switch(generation)
        goods = Goods(random.Random(SEED))
        application.catalogue.upsert([goods.product(sku) for sku in FIRST])
        application.worker.drain()
        return held_by(application.catalogue)


class _Expected:
    """What must be there after a cut, by what the work had told until then."""

    def __init__(self, first: State, messages: list[dict[str, Any]]) -> None:
        self.ledger = Ledger(first)
        self.registered, self.unsure, self.gone = set(MODELS), set[str](), set[str]()
        self.live, self.switching = "", False
        changes = 0
        doing = ""
        for message in messages:
            if "offered" in message:
                self.ledger.offer([change_of(message["offered"])])
            elif "registering" in message or "removing" in message:
                doing = message.get("registering") or message["removing"]
                self.unsure = {doing}
            elif "switching" in message:
                self.switching = True
            elif "live" in message:
                self.live, self.switching = message["live"], False
            elif message.get("acknowledged") == "change":
                changes += 1
                self.ledger.acknowledge(changes)
            elif message.get("acknowledged") in ("register", "refused", "remove"):
                here, gone = (self.gone, self.registered), (self.registered, self.gone)
                removed_from, added_to = gone if message["acknowledged"] == "remove" else here
                removed_from.discard(doing)
                added_to.add(doing)
                self.unsure = set()


def _look(home: Path, expected: _Expected) -> str:
    """Start again on what the disk holds, and check; return how it was brought in order."""
    repaired = ""
    with Application(_settings(home)) as application:
        state = held_by(application.catalogue)
        expected.ledger.settle(state)
        models = {model.name: model for model in application.registry.list()}
        assert models.keys() - expected.unsure >= expected.registered - expected.unsure, models.keys()
        assert not models.keys() & (expected.gone - expected.unsure), models.keys()
        for model in models.values():
            assert damaged_files(model.folder) == [], model.name
        live = application.generations.require_live()
        assert expected.switching or not expected.live or live.name == expected.live, (live.name, expected.live)
        try:
            application.worker.drain()
            found = verify_live(application, deep=True)
        except Unavailable:
            repaired = "rebuilt"
            rebuild(application, force=True)
            application.worker.drain()
            found = verify_live(application, deep=True)
        if not found.clean:
            repaired = repaired or "repaired"
            remove_damaged(application, found)
            application.catalogue.enqueue(found.differing)
            application.worker.drain()
        assert verify_live(application, deep=True).clean
    return repaired or "in order"


def _look_apart(home: Path, expected: _Expected, report: Path) -> str:
    """Look in a process of its own: the engine may end it."""
    child = os.fork()
    if child == 0:
        try:
            report.write_text(_look(home, expected))
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            report.write_text("FAILED " + traceback.format_exc())
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return report.read_text() if report.exists() else f"FAILED: ended by {os.waitstatus_to_exitcode(status)}"


def _acknowledged(messages: Sequence[dict[str, Any]]) -> int:
    """Return how many changes of products were acknowledged."""
    return sum(message.get("acknowledged") == "change" for message in messages)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="looks at each home in a fork")
def test_whenever_the_power_goes_nothing_acknowledged_is_lost(folder: Path) -> None:
    library = compile_recorder(folder)
    if library is None:
        pytest.skip("no C compiler, or not Linux")
    draw = random.Random(SEED)
    outcomes: Counter[str] = Counter()
    acknowledged: list[int] = []
    for run in count():
        place = folder / f"run-{run}"
        place.mkdir()
        disk = Disk(place / "home", place / "image")
        first = _install(disk.home, place)
        disk.sync_all()
        cuts: list[Cut] = []
        with disk.powered(library, draw.randrange(1 << 30)) as process:
            while not _acknowledged(disk.messages):  # else a cut could not lose any
                time.sleep(0.02)
                assert process.poll() is None, "the work ended by itself"
                disk.read_messages(process, wait_s=300)
            for number in range(min(CUTS_OF_A_RUN, CUTS - outcomes.total())):
                time.sleep(draw.random() * 0.8)
                cuts.append(disk.cut(process, place / f"cut-{number}"))
        for number, cut in enumerate(cuts):
            home = place / f"home-{number}"
            cut.start_again(home, draw)
            outcome = _look_apart(home, _Expected(first, disk.messages[: cut.told]), place / f"report-{number}")
            acknowledged.append(_acknowledged(disk.messages[: cut.told]))
            assert acknowledged[-1] > 0
            assert not outcome.startswith("FAILED"), f"CRASH_SEED={SEED}, {home}, {cut.told} told: {outcome}"
            outcomes[outcome] += 1
            shutil.rmtree(home)
            shutil.rmtree(cut.folder)
        shutil.rmtree(place)
        if outcomes.total() >= CUTS:
            break
    print(  # noqa: T201 - for `make crash`
        f"\nCRASH_SEED={SEED}: {outcomes.total()} cuts, {dict(outcomes)}; before a cut {min(acknowledged)} to "
        f"{max(acknowledged)} changes were acknowledged, {sum(acknowledged):,} in all",
        flush=True,
    )
