"""Where the blocking work of a request is done, how much of it may wait, and what happens to more."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeVar

from recommender.query.problems import TYPE_PREFIX
from recommender.service.problems import RETRY_AFTER_S, Problem, Stopped

Result = TypeVar("Result")


class Lane(Protocol):
    """Runs one kind of work, in the order it came."""

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns. Raises `Stopped` with a 503 when too much waits already."""
        ...

    def close(self) -> None:
        """Start nothing more. What runs in a thread is not waited for."""
        ...


class Inline:
    """Runs the work in the event loop itself, one piece a turn of the loop, so that all else gets its turn between.

    For work that holds the interpreter's lock from start to end, as a call into the embedded engine does: no other
    thread could go on meanwhile, and under load answers from four threads came no sooner.
    """

    def __init__(self, waiting: int) -> None:
        self._room = waiting
        self._queue: deque[Callable[[], None]] = deque()

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns."""
        if self._room <= 0:
            raise _crowded()
        loop = asyncio.get_running_loop()
        result: asyncio.Future[Result] = loop.create_future()
        if not self._queue:
            loop.call_soon(self._next, loop)
        self._queue.append(lambda: _fulfil(result, work))
        self._room -= 1
        try:
            return await result
        finally:
            self._room += 1

    def close(self) -> None:
        """Hold nothing."""

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._queue[0]()
        self._queue.popleft()
        if self._queue:
            loop.call_soon(self._next, loop)


def _fulfil(result: asyncio.Future[Result], work: Callable[[], Result]) -> None:
    if result.cancelled():
        return  # whoever asked has been told that it took too long
    try:
        result.set_result(work())
    except Exception as error:  # noqa: BLE001 - it is raised where the result is awaited
        result.set_exception(error)


class Threads:
    """Runs the work in threads of its own, so that what hangs in one lane leaves the others free.

    Work whose request was given up goes on, and counts as waiting until it ends: threads never pile up.
    """

    def __init__(self, name: str, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, f"service-{name}")
        self._room = threads + waiting

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what `work` returns."""
        if self._room <= 0:
            raise _crowded()
        self._room -= 1
        loop = asyncio.get_running_loop()
        future = self._pool.submit(work)
        future.add_done_callback(lambda _: self._leave(loop))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Start nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _leave(self, loop: asyncio.AbstractEventLoop) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(self._count_out)

    def _count_out(self) -> None:
        self._room += 1


@dataclass(frozen=True, slots=True)
class Lanes:
    """One lane for each thing that can be away by itself: the index, the catalogue's database, and the operator's view.

    `queries` ask the index; `encoding` loads or runs a model too; `catalogue` reads and writes products and rules;
    `operations` reads the keys and answers whoever watches, also while all others hang; `readiness` asks the index.
    """

    queries: Lane
    encoding: Lane
    catalogue: Lane
    operations: Lane
    readiness: Lane

    def close(self) -> None:
        """Close all of them."""
        for lane in (self.queries, self.encoding, self.catalogue, self.operations, self.readiness):
            lane.close()


ENCODING_THREADS = 2
"""Threads that search over an embedded index: a model lets go of the interpreter's lock while it runs, so that one
text is encoded while another is looked up."""

CATALOGUE_THREADS = 4
OPERATIONS_THREADS = 2
READINESS_THREADS = 2


def lanes_of(waiting: int, query_threads: int) -> Lanes:
    """Make the lanes, in each of which `waiting` requests may wait. Without query threads the index is asked inline."""
    remote = Threads("queries", query_threads, waiting) if query_threads else None
    return Lanes(
        queries=remote or Inline(waiting),
        encoding=remote or Threads("encoding", ENCODING_THREADS, waiting),
        catalogue=Threads("catalogue", CATALOGUE_THREADS, waiting),
        operations=Threads("operations", OPERATIONS_THREADS, waiting),
        readiness=Threads("readiness", READINESS_THREADS, waiting),
    )


def _crowded() -> Stopped:
    return Stopped(
        Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too many requests wait already; send this one again in a moment",
            TYPE_PREFIX + "crowded",
            {"retry-after": str(RETRY_AFTER_S)},
        )
    )
