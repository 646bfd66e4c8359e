"""Lanes: where the blocking work of requests runs, and how many requests may wait for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from recommender.errors import TYPE_PREFIX
from recommender.service.problems import RETRY_AFTER_S, Problem

Result = TypeVar("Result")


class InlineLane:
    """Runs the work in the event loop itself, in the order it came, one piece for each turn of the loop.

    For work that holds the interpreter's lock from start to end, as a call into the embedded engine does: no other
    thread could run meanwhile, and under load four threads answered no sooner.
    """

    def __init__(self, waiting: int) -> None:
        self._room = waiting
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns. Raises a `Problem` of status 503 when too many requests are already waiting."""
        if self._room <= 0:
            raise overload_problem()
        self._room -= 1
        try:
            async with self._turn:
                await asyncio.sleep(0)
                return work()
        finally:
            self._room += 1

    def close(self) -> None:
        """Nothing is open."""


class ThreadLane:
    """Runs the work in its own threads, so that a lane that hangs leaves the others free.

    The work of a request that timed out continues, and takes up its place until it ends: threads never pile up. anyio's
    `CapacityLimiter` would free the place at the timeout, or hold back the answer until the thread ends.
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, f"service-{name}")
        self._room = threading.Semaphore(threads + waiting)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns. Raises as `InlineLane.run` does."""
        if not self._room.acquire(blocking=False):
            raise overload_problem()
        future: Future[Result] = self._pool.submit(copy_context().run, work)  # so that traces know the request
        future.add_done_callback(lambda _: self._room.release())
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Start nothing more. Work that is running is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)


Lane = InlineLane | ThreadLane

ENCODING_THREADS = 2
"""Threads that search an embedded index: a model releases the interpreter's lock while it runs, so one text is encoded
while another is looked up."""

CATALOGUE_THREADS = 4
OPERATIONS_THREADS = 2
READINESS_THREADS = 2


@dataclass(frozen=True, slots=True)
class Lanes:
    """One lane for each dependency that can fail by itself: the index, the catalogue's database, the operator's view.

    `queries` search the index; `encoding` also loads or runs a model; `catalogue` reads and writes products and rules;
    `operations` reads the keys and answers operators, even while all others hang; `readiness` searches the index.
    """

    queries: Lane
    encoding: Lane
    catalogue: Lane
    operations: Lane
    readiness: Lane

    @classmethod
    def create(cls, waiting: int, query_threads: int) -> Lanes:
        """Make lanes, in each of which `waiting` requests may wait. Without query threads the index is asked inline."""
        remote = ThreadLane("queries", query_threads, waiting) if query_threads else None
        return cls(
            queries=remote or InlineLane(waiting),
            encoding=remote or ThreadLane("encoding", ENCODING_THREADS, waiting),
            catalogue=ThreadLane("catalogue", CATALOGUE_THREADS, waiting),
            operations=ThreadLane("operations", OPERATIONS_THREADS, waiting),
            readiness=ThreadLane("readiness", READINESS_THREADS, waiting),
        )

    def close(self) -> None:
        """Close all of them."""
        for lane in (self.queries, self.encoding, self.catalogue, self.operations, self.readiness):
            lane.close()


def overload_problem() -> Problem:
    """Return the answer to a request that can't wait: 503, to be sent again."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "too many requests are waiting; send this one again in a moment",
        TYPE_PREFIX + "crowded",
        {"retry-after": str(RETRY_AFTER_S)},
    )
