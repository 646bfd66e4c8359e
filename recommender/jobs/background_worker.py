"""A worker beside the queries of a long-lived process: a thread that writes changes into the index."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from recommender.application.composition import Application
from recommender.errors import RecommenderError, Unavailable, one_line
from recommender.ingestion.loop import GIVE_BACK_S, GRACE_S, HELD, LONGEST_PAUSE_S, follow
from recommender.ingestion.worker import DrainSummary
from recommender.jobs.ingest import drain_and_release

POLL_S = 0.2
"""Pause between two looks into the queue. A change shows up within a second, and a look takes a fraction of a
millisecond."""

STOP_S = GRACE_S + GIVE_BACK_S
"""The longest time that `stop` waits: most supervisors kill after ten seconds."""

_log = logging.getLogger(__name__)


class BackgroundWorker:
    """Drains the outbox in its own thread between `start` and `stop`.

    Whatever goes wrong (a dependency is away, another process has the index), it waits and tries again. It says so once
    by `logging`, and in `paused_reason`: why changes are not applied now. That is empty while they are.
    """

    def __init__(self, application: Application, poll: float = POLL_S) -> None:
        self.paused_reason = ""
        self._application = application
        self._stopped = threading.Event()
        self._down = ""
        self._thread = threading.Thread(target=self._run, args=(poll,), name="worker", daemon=True)

    def start(self) -> None:
        """Begin to follow the queue."""
        self._thread.start()

    def stop(self, timeout: float = STOP_S) -> bool:
        """Finish what is being written, give back the rest, and end; return whether it ended in `timeout` seconds.

        If it has not, for example in a call that nothing can interrupt, it has given back what it was not writing.
        """
        self._stopped.set()
        if not self.alive:
            return True
        self._thread.join(max(0.0, timeout - GIVE_BACK_S))
        if self.alive:
            try:
                self._application.worker.give_back()
            except RecommenderError as error:  # its leases run out, or others take them when this process is gone
                _log.warning("what the worker had claimed could not be given back: %s", error)
            self._thread.join(min(timeout, GIVE_BACK_S))
        return not self.alive

    @property
    def alive(self) -> bool:
        """Whether the thread is running, also while it waits."""
        return self._thread.is_alive()

    @property
    def down_reason(self) -> str:
        """Why changes are not applied although every dependency is there; empty while all is well."""
        if not self.alive and not self._stopped.is_set():
            return "the worker's thread has ended"
        return self._down

    def _run(self, poll: float) -> None:
        """Follow the queue. Whatever ends that, begin again after a pause, which grows."""
        pause = poll
        while not self._stopped.is_set():
            try:
                follow(self._drain, poll, self._stopped, _log.info)
            except BaseException as error:  # noqa: BLE001 - nobody joins this thread, and changes must continue
                pause = min(2 * pause, LONGEST_PAUSE_S)
                self._down = f"{type(error).__name__}: {one_line(error, 200)}"
                self.paused_reason = self._down
                _log.exception("the worker's thread failed, and starts again in %.1f s", pause)
                self._stopped.wait(pause)

    def _drain(self, stopped: Callable[[], bool]) -> DrainSummary | None:
        try:
            drained = drain_and_release(self._application, stopped)
        except Unavailable as error:
            self.paused_reason, self._down = str(error), ""
            raise
        except BaseException as error:
            _log.exception("the worker failed, and tries again")
            self.paused_reason = self._down = f"{type(error).__name__}: {one_line(error, 200)}"
            raise Unavailable(self.paused_reason) from error
        self.paused_reason, self._down = HELD if drained is None else "", ""
        return drained
