"""A load generator for one HTTP service on loopback: few connections, kept open, and little time of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

import uvloop

CONNECTIONS = 8
"""Kept open: what a backend with a pool has. More only queue on two cores."""


@dataclass(slots=True)
class Outcome:
    """Seconds that each request took, how many did not answer 200, and the seconds in all."""

    times: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    wall: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.wall

    def percentile(self, share: float) -> float:
        """Return the milliseconds that this share of the requests stayed within."""
        ordered = sorted(self.times)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Connection:
    """One connection that asks one thing at a time, and is opened again when the service closes it."""

    def __init__(self, host: str, port: int, key: str = "") -> None:
        self._address = host, port
        self._head = f" HTTP/1.1\r\nHost: {host}:{port}\r\n" + (f"Authorization: Bearer {key}\r\n" if key else "")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, method: str = "GET", body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        writer.write(f"{method} {path}{self._head}{length}\r\n".encode() + body)
        head = await reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        answer = await reader.readexactly(int(lowered[at : lowered.index(b"\r", at)]))
        if b"connection: close" in lowered:
            self.close()
        return int(head[9:12]), answer

    def close(self) -> None:
        """Close it; the next question opens it again."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def at_rate(port: int, paths: Sequence[str], rate: float) -> Outcome:
    """Ask one path after the other, `rate` a second, whether or not the ones before were answered.

    A request is timed from when it was due: one that waits for another has waited, as a shopper would.
    """
    return uvloop.run(_at_rate(port, paths, rate))


def saturated(port: int, path: Callable[[int], str], seconds: float, connections: int = CONNECTIONS) -> Outcome:
    """Ask as fast as the answers come, on some connections, for some seconds."""
    return uvloop.run(_saturated(port, path, seconds, connections))


async def _at_rate(port: int, paths: Sequence[str], rate: float) -> Outcome:
    outcome, idle = Outcome(), [Connection("127.0.0.1", port) for _ in range(4 * CONNECTIONS)]
    started = time.perf_counter() + 0.1

    async def one(path: str, due: float) -> None:
        connection = idle.pop() if idle else Connection("127.0.0.1", port)
        await _timed(connection, path, outcome, due)
        idle.append(connection)

    running = []
    for number, path in enumerate(paths):
        due = started + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        running.append(asyncio.ensure_future(one(path, due)))
    await asyncio.gather(*running)
    outcome.wall = time.perf_counter() - started
    for connection in idle:
        connection.close()
    return outcome


async def _saturated(port: int, path: Callable[[int], str], seconds: float, connections: int) -> Outcome:
    outcome, numbers = Outcome(), iter(range(10**9))
    started = time.perf_counter()

    async def worker() -> None:
        with Connection("127.0.0.1", port) as connection:
            while time.perf_counter() - started < seconds:
                await _timed(connection, path(next(numbers)), outcome, time.perf_counter())

    await asyncio.gather(*(worker() for _ in range(connections)))
    outcome.wall = time.perf_counter() - started
    return outcome


async def _timed(connection: Connection, path: str, outcome: Outcome, due: float) -> None:
    status, body = await connection.ask(path)
    if status == 200:
        outcome.times.append(time.perf_counter() - due)
    else:
        outcome.failures.append(f"{status} {body[:200]!r}")
