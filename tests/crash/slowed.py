"""Real parts that take their time at one stage and say so: whoever watches can kill the process just there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from recommender.application import composition as wiring
from recommender.application.composition import Application
from recommender.backup import create as backup
from recommender.backup import restore, restore_rows
from recommender.catalogue import full_sync as full
from recommender.catalogue.importer import import_feed
from recommender.database import restore_journal
from recommender.index.embedded import shard
from recommender.index.protocol import Point
from recommender.ingestion import backfill, pipeline

OUTBOX = {"claim": "claim", "renew": "claim", "acknowledge": "acknowledge"}
CATALOGUE = {"upsert": "import", "upsert_staged": "import", "deactivate": "deactivate"}
ENCODER = {"encode": "encode"}
INDEX = {"overwrite_payloads": "write", "delete": "write", "flush": "flush", "optimize": "optimize"}
ENGINE = {"drop": "drop"}
GENERATIONS = {
    "start": "create",
    "ready": "ready",
    "switch": "switch",
    "rollback": "rollback",
    "retire": "retire",
    "retire_beyond": "retire",
}
STEPS: Sequence[tuple[ModuleType, str, str]] = (
    (backup, "snapshot", "pack"),
    (backup, "pack_points", "pack"),
    (backup, "sync", "named"),
    (restore, "unpack", "unpack"),
    (restore, "restore_points", "unpack"),
    (restore_rows, "replace_rows", "journal"),
    (restore_rows, "write_journal", "journal"),
    (restore_rows, "complete_restore", "roll on"),
    (restore_journal, "sync", "step of it"),
    (shard, "copy_shard", "copy"),
    (shard, "sync_shard", "whole"),
    (shard, "switch", "take over"),
    (shard, "sweep", "sweep"),
)
"""Steps of backup, restore and the building of graphs, which are functions: module, name, stage."""


class Linger:
    """Waits before and after the `nth` time that a stage is reached, and tells when it gets there."""

    def __init__(self, stage: str, nth: int, pause: float, tell: Callable[[str], None]) -> None:
        self._stage = stage
        self._left = nth
        self._pause = pause
        self._tell = tell
        self._lock = threading.Lock()

    def around(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call that lingers when it is of the stage."""

        def lingering(*arguments: Any, **named: Any) -> Any:
            if not self._is_here():
                return call(*arguments, **named)
            self._tell(stage)
            time.sleep(self._pause)
            try:
                return call(*arguments, **named)
            finally:
                time.sleep(self._pause)

        return lingering if stage == self._stage else call

    def _is_here(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0


class Slowed:
    """A part some of whose methods are of a stage."""

    def __init__(self, part: Any, linger: Linger, stages: Mapping[str, str]) -> None:
        self._part = part
        self._linger = linger
        self._stages = stages

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._linger.around(self._stages[name], found) if name in self._stages else found


class SlowedIndex(Slowed):
    """An index that takes points in two halves: between them, and after them, is the stage `write`."""

    def upsert(self, points: Sequence[Point]) -> None:
        half = len(points) // 2
        self._part.upsert(points[:half])
        self._linger.around("write", self._part.upsert)(points[half:])


class SlowedEngine(Slowed):
    """An engine whose indexes are slowed."""

    def open(self, name: str) -> SlowedIndex:
        return SlowedIndex(self._part.open(name), self._linger, INDEX)

    def create(self, name: str, dimension: int) -> SlowedIndex:
        made = self._linger.around("create", self._part.create)(name, dimension)
        return SlowedIndex(made, self._linger, INDEX)


def slow(application: Application, linger: Linger) -> Application:
    """Put slowed parts in place of those of an application that has done nothing yet."""
    load = application.encoder
    parts: dict[str, Any] = {
        "engine": SlowedEngine(application.engine, linger, ENGINE),
        "outbox": Slowed(application.outbox, linger, OUTBOX),
        "catalogue": Slowed(application.catalogue, linger, CATALOGUE),
        "generations": Slowed(application.generations, linger, GENERATIONS),
        "encoder": lambda *asked: Slowed(load(*asked), linger, ENCODER),
    }
    application.__dict__.update(parts)
    return application


def slow_steps(linger: Linger) -> None:
    """Slow the steps that are functions, and every application that is opened by a command."""
    opened = wiring.open_application
    for module, name, stage in STEPS:
        setattr(module, name, linger.around(stage, getattr(module, name)))
    wiring.open_application = lambda **settings: slow(opened(**settings), linger)


def take_small_steps(rows: int, flush_every: float) -> None:
    """Let a few hundred products come in many batches, so that there is a before and an after."""
    pipeline.BATCH = backfill.BATCH = rows
    pipeline.FLUSH_EVERY_S = flush_every
    full.BATCH = 1
    named = import_feed.__kwdefaults__
    assert named is not None
    named["batch"] = rows
