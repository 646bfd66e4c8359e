"""Ending in good order and in time when the process is told to, whatever it is doing."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import TypeVar

from recommender.errors import RecommenderError

GRACE_S = 8.0
"""How long after the signal work may take to end by itself; most supervisors kill after ten seconds."""

GIVE_BACK_S = 1.5
"""How long giving back may take after that, on a database that may be what everything waits for."""

Result = TypeVar("Result")


def run_gracefully(
    work: Callable[[threading.Event], Result],
    give_back: Callable[[], None],
    say: Callable[[str], None],
    grace: float = GRACE_S,
) -> Result:
    """Run `work` until it ends and return its result; SIGTERM and SIGINT set the event that it is given.

    Work that has not ended `grace` seconds after the signal, as in the middle of a call that nothing can interrupt, is
    given up: `give_back` is called and the process ends with exit code 0. The engine survives that as it does a
    SIGKILL. A second signal ends the process at once. Only the main thread may call this.
    """
    stopped = threading.Event()
    watchdog = threading.Timer(grace, _give_up, (give_back, say))
    watchdog.daemon = True

    def stop(number: int, _frame: FrameType | None) -> None:
        if stopped.is_set():
            os._exit(128 + number)
        stopped.set()
        watchdog.start()

    handlers = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        # In a thread of its own: a signal's handler runs only between two steps of the main thread, and one call into
        # an engine may take minutes.
        with ThreadPoolExecutor(1, "work") as pool:
            return pool.submit(work, stopped).result()
    finally:
        watchdog.cancel()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _give_up(give_back: Callable[[], None], say: Callable[[str], None]) -> None:
    def try_to_give_back() -> None:
        with suppress(RecommenderError):  # other workers of this host take up the leases of a process that is gone
            give_back()

    giving = threading.Thread(target=try_to_give_back, daemon=True)
    giving.start()
    giving.join(GIVE_BACK_S)
    say("worker: ended in the middle of a call that took too long; its batch is given back")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)
