"""Draining the outbox again and again until told to stop."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from recommender.errors import Unavailable
from recommender.ingestion.shutdown import run_gracefully
from recommender.ingestion.worker import DrainSummary

LONGEST_PAUSE_S = 30.0
"""Between two tries while a dependency is away: soon enough for a person, rare enough for the dependency."""

HELD = "another process holds the index; it takes the changes in, or they wait until it closes the index"

Drain = Callable[[Callable[[], bool]], DrainSummary | None]
"""Drains once, asking whether to stop; gives None while another process holds the index."""


def run_until_stopped(
    drain: Drain, poll: float, say: Callable[[str], None], give_back: Callable[[], None] = lambda: None
) -> None:
    """Follow the queue until SIGTERM or SIGINT; then finish or give back the batch at hand, within ten seconds."""
    run_gracefully(lambda stopped: follow(drain, poll, stopped, say), give_back, say)
    say("worker: stopped")


def follow(drain: Drain, poll: float, stopped: threading.Event, say: Callable[[str], None]) -> None:
    """Drain, wait `poll` seconds, and drain again, until the event is set.

    While a dependency is away the waits grow longer. That it is away is said once, and once more when it is back.
    """
    say("worker: waiting for changes")
    paused, pause = False, poll
    while not stopped.is_set():
        wait, reason = poll, ""
        try:
            drained = drain(stopped.is_set)
            if drained is None and not stopped.is_set():
                reason = HELD
        except Unavailable as error:
            drained, reason = None, str(error)
            pause = min(2 * pause, LONGEST_PAUSE_S)
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - many workers should not come back as one
        if reason and not paused:
            say(f"worker: paused: {reason}")
        paused = paused or bool(reason)
        if drained is not None:
            if paused:
                say("worker: going on")
            paused, pause = False, poll
            if drained.applied + drained.failed:
                say(f"worker: {drained.applied:,} applied, {drained.failed:,} failed in {drained.seconds:.1f} s")
        stopped.wait(wait)
