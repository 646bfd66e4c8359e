"""A worker that runs until it is told to stop, and how it stops in time."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import TypeVar

from recommender.errors import RecommenderError, Unavailable
from recommender.ingestion.worker import DrainSummary

LONGEST_PAUSE_S = 30.0
"""Pause between two tries while a dependency is away: short enough for a person, long enough for the dependency."""

HELD = "another process holds the index; it takes the changes in, or they wait until it closes the index"

Drain = Callable[[Callable[[], bool]], DrainSummary | None]
"""Drains once, asking whether to stop; returns None while another process holds the index."""


def run_until_stopped(
    drain: Drain, poll: float, say: Callable[[str], None], give_back: Callable[[], None] = lambda: None
) -> None:
    """Follow the queue until SIGTERM or SIGINT; then finish or give back the current batch, within ten seconds."""
    run_gracefully(lambda stopped: follow(drain, poll, stopped, say), give_back, say)
    say("worker: stopped")


def follow(drain: Drain, poll: float, stopped: threading.Event, say: Callable[[str], None]) -> None:
    """Drain, wait `poll` seconds, and drain again, until the event is set.

    While a dependency is away the waits grow longer. One message says that it is away, and another that it is back.
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
            wait = pause * random.uniform(0.5, 1.0)  # noqa: S311 - not all workers should come back at once
        if reason and not paused:
            say(f"worker: paused: {reason}")
        paused = paused or bool(reason)
        if drained is not None:
            if paused:
                say("worker: continuing")
            paused, pause = False, poll
            if drained.applied + drained.failed:
                say(f"worker: {drained.applied:,} applied, {drained.failed:,} failed in {drained.seconds:.1f} s")
        stopped.wait(wait)


GRACE_S = 8.0
"""How long after the signal work may take to end by itself; most supervisors kill after ten seconds."""

GIVE_BACK_S = 1.5
"""How long giving back the batch may take after that. The database may be the reason why the work did not end."""

Result = TypeVar("Result")


class StopSignal(threading.Event):
    """Is set when the process is told to stop; `exit_code` then says by which signal, as shells do, and 0 before."""

    exit_code = 0


def run_gracefully(
    work: Callable[[StopSignal], Result],
    give_back: Callable[[], None],
    say: Callable[[str], None],
    grace: float = GRACE_S,
    endless: bool = True,
) -> Result:
    """Run `work` until it ends and return its result. SIGTERM and SIGINT set the event that it is given.

    If the work has not ended `grace` seconds after the signal, for example because of a call that nothing can
    interrupt, it is given up: `give_back` is called, and the process ends. The engine survives that as it survives
    SIGKILL. The exit code is 0 for `endless` work, which has no other end, and otherwise that of the signal. A second
    signal ends the process at once. Only the main thread may call this.
    """
    stopped = StopSignal()

    def try_to_give_back() -> None:
        with suppress(RecommenderError):  # other workers of this host take the leases of a process that is gone
            give_back()

    def give_up() -> None:
        giving = threading.Thread(target=try_to_give_back, daemon=True)
        giving.start()
        giving.join(GIVE_BACK_S)
        say("worker: ended in the middle of a call that took too long; its batch is given back")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0 if endless else stopped.exit_code)

    watchdog = threading.Timer(grace, give_up)
    watchdog.daemon = True

    def stop(number: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.exit_code = 128 + number
        stopped.set()
        watchdog.start()

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        # The work has a thread of its own. A signal handler runs only between two steps of the main thread, and one
        # call into an engine may take minutes.
        with ThreadPoolExecutor(1, "work") as pool:
            return pool.submit(work, stopped).result()
    finally:
        watchdog.cancel()
        for number, handler in handlers.items():
            signal.signal(number, handler)
