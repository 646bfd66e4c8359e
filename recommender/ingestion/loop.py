"""Draining again and again until told to stop."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from recommender.errors import Unavailable
from recommender.ingestion.stopping import run_gracefully
from recommender.ingestion.worker import DrainSummary

LONGEST_PAUSE_S = 30.0
"""Between two tries while a dependency is away: soon enough for a person, rare enough for the dependency."""

HELD = "another process holds the index; it drains, or its changes wait until it lets go"

Drain = Callable[[Callable[[], bool]], DrainSummary | None]


def run_until_stopped(
    drain: Drain, poll: float, say: Callable[[str], None], give_back: Callable[[], None] = lambda: None
) -> None:
    """Follow the queue until SIGTERM or SIGINT; then finish or give back the batch in hand, within ten seconds."""
    run_gracefully(lambda stopped: follow(drain, poll, stopped, say), give_back, say)
    say("worker: stopped")


def follow(drain: Drain, poll: float, stopped: threading.Event, say: Callable[[str], None]) -> None:
    """Drain, wait `poll` seconds, and drain again, until the event is set.

    A dependency that is away pauses it, for longer and longer; that is said once, and again when it is back. `drain`
    gives None while another process holds the index.
    """
    say("worker: waiting for changes")
    rounds = _Rounds(drain, poll, say)
    while not stopped.is_set():
        stopped.wait(rounds.next(stopped.is_set))


class _Rounds:
    """One drain after the other, and how long to wait between them."""

    def __init__(self, drain: Drain, poll: float, say: Callable[[str], None]) -> None:
        self._drain = drain
        self._poll = poll
        self._say = say
        self._away = ""
        self._pause = poll

    def next(self, stopped: Callable[[], bool]) -> float:
        """Drain once; return the seconds to wait."""
        try:
            drained = self._drain(stopped)
        except Unavailable as error:
            self._paused(str(error))
            return self._longer()
        if drained is None:
            if not stopped():
                self._paused(HELD)
            return self._poll
        self._back()
        if drained.applied + drained.failed:
            self._say(f"worker: {drained.applied:,} applied, {drained.failed:,} failed in {drained.seconds:.1f} s")
        return self._poll

    def _paused(self, reason: str) -> None:
        if not self._away:
            self._say(f"worker: paused: {reason}")
        self._away = reason

    def _longer(self) -> float:
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)
        return self._pause * random.uniform(0.5, 1.0)  # noqa: S311 - many workers should not come back as one

    def _back(self) -> None:
        if self._away:
            self._say("worker: going on")
        self._away, self._pause = "", self._poll
