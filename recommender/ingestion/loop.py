"""Draining again and again until the process is told to stop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from recommender.errors import Unavailable
from recommender.ingestion.worker import DrainSummary

LONGEST_PAUSE = 30.0
"""Seconds between two tries while a dependency is away: soon enough for a person, rare enough for the dependency."""


def run_until_stopped(
    drain: Callable[[Callable[[], bool]], DrainSummary | None], poll: float, say: Callable[[str], None]
) -> None:
    """Drain, wait `poll` seconds, drain again; end after the batch in hand on SIGTERM or SIGINT.

    A dependency that is away pauses the loop for longer and longer, and is told once.
    """
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    say("worker: waiting for changes")
    pause = poll
    while not stopped.is_set():
        pause = _one_round(drain, stopped, poll, pause, say)
        stopped.wait(pause)
    say("worker: stopped")


def _one_round(
    drain: Callable[[Callable[[], bool]], DrainSummary | None],
    stopped: threading.Event,
    poll: float,
    pause: float,
    say: Callable[[str], None],
) -> float:
    try:
        drained = drain(stopped.is_set)
    except Unavailable as error:
        if pause == poll:
            say(f"worker: paused: {error}")
        return min(max(pause * 2, poll + 0.1), LONGEST_PAUSE)
    if drained is not None and drained.applied + drained.failed:
        say(f"worker: {drained.applied:,} applied, {drained.failed:,} failed in {drained.seconds:.1f} s")
    return poll
