"""HTTP/1.1 by uvicorn, with problem documents for what is not HTTP, and limits before any key is read."""

from __future__ import annotations

import asyncio
import os
import time
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from httptools import parse_url
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from recommender.service.problems import Problem, problem_response

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

LONGEST_ADDRESS = 65_535
"""Bytes of an address that the parser accepts."""

LONGEST_HEAD = 128 << 10
"""Bytes of address and headers together, if they come in pieces: the longest address, and as much in headers."""

MOST_HEADERS = 100
"""Most headers: a browser sends twenty, a proxy adds ten."""

HEAD_S = 15.0
"""How long the head of a request may take, from the connection or from its first byte."""

UNREAD_S = 20.0
"""How long a client may read nothing of an answer that is being sent."""

LOOKS = 3
"""How many times a connection is checked within each of these times."""

MOST_PIPELINED = 32
"""Most requests of one connection that wait for its first answer. Few clients send even two."""

MOST_CONNECTIONS = 8_192
"""Most connections: each takes about 20 KB."""

OTHER_FILES = 256
"""File descriptors that are left for the index, the database and the models."""

SHARE_OF_ONE_ADDRESS = 2 / 3
"""Share of all connections for one address: a proxy has only one, but one address must not keep out all others."""

_NOT_HTTP = (
    "this is no HTTP/1.1: in an address every space and every letter beyond ASCII is written as %XX "
    f"(curl: -G --data-urlencode), and it has at most {LONGEST_ADDRESS:,} bytes; send long texts in a POST"
)


class ProblemProtocol(HttpToolsProtocol):
    """Answers what is not HTTP, and heads beyond the limits, with a problem document, and closes the connection.

    At the limit of connections, the one that has been idle for longest is closed; if none is idle, the new one is.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle_since = 0.0
        self._head_since = 0.0
        """When a head began that has not ended; 0 if there is none."""
        self._head_bytes = 0
        self._unread = 0
        self._unread_since = 0.0
        self._next_look: asyncio.TimerHandle | None = None
        self._running: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Accept a connection if there is room for it."""
        super().connection_made(transport)
        self.idle_since = self._head_since = time.monotonic()
        most, address = most_connections(), self.client and self.client[0]
        if len(self.connections) > most * SHARE_OF_ONE_ADDRESS:  # otherwise there is no need to look through them
            others: list[Any] = list(self.connections)
            of_address = [one for one in others if one.client and one.client[0] == address]
            if len(others) > most:
                self._make_room(others)
            elif len(of_address) > most * SHARE_OF_ONE_ADDRESS:
                self._make_room(of_address)
        self._next_look = self.loop.call_later(HEAD_S / LOOKS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        if self._next_look is not None:
            self._next_look.cancel()
        self._disconnect()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on. A head that comes in pieces may have neither too many bytes nor take too long."""
        super().data_received(data)
        if self.headers is not None and len(self.headers) > MOST_HEADERS:  # also those that follow a body in chunks
            self._refuse_head()
        elif self._head_since:
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD:
                self._refuse_head()

    def resume_writing(self) -> None:
        """Continue to write, since the client has read."""
        self._unread = 0
        super().resume_writing()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._head_since, self._head_bytes = time.monotonic(), 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer a request, or let it wait for those before it."""
        self._head_since = 0.0
        if len(self.pipeline) >= MOST_PIPELINED:
            self._abort()  # a client that reads no answers gets none
        if len(self.headers) > MOST_HEADERS or self.transport.is_closing():
            raise ValueError("this request is not answered")  # ends the parser, which still has the rest
        if not self.url.startswith(b"/") and (host := parse_url(self.url).host):
            # An address with a host of its own decides (RFC 9112, 3.2.2), so that nobody reads another host in it.
            self.headers[:] = [(b"host", host), *(header for header in self.headers if header[0] != b"host")]
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Record since when the connection is idle."""
        self.idle_since = time.monotonic()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer in place of the parser, whose `msg` says only that it could not read on."""
        del msg
        if self.headers is not None and len(self.headers) > MOST_HEADERS:
            self._refuse_head()
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, _NOT_HTTP)

    @property
    def is_idle(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _refuse_head(self) -> None:
        detail = f"the headers are too many or too long; send at most {MOST_HEADERS} of {LONGEST_HEAD:,} bytes in all"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self.transport.is_closing():
            return
        if not self.is_idle:  # this can't follow an answer that is being sent
            self._abort()
            return
        response = problem_response(Problem(status, detail, headers={"connection": "close"}), os.urandom(8).hex())
        head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        self.transport.write(b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()))
        self.transport.write(head + b"\r\n" + bytes(response.body))
        self.transport.close()

    def _look(self) -> None:
        """End a connection whose head does not end, that has been idle for too long, or whose client does not read."""
        now, unread = time.monotonic(), self.transport.get_write_buffer_size()
        if not unread or unread < self._unread or not self._unread:
            self._unread, self._unread_since = unread, now
        elif now - self._unread_since >= UNREAD_S:
            self._abort()  # closing would wait until all was read
            return
        if self.is_idle and not self.transport.is_closing():
            in_head = self._head_since and now - self._head_since >= HEAD_S
            if in_head or now - self.idle_since >= self.timeout_keep_alive + HEAD_S:
                self.transport.close()
        self._next_look = self.loop.call_later(min(HEAD_S, UNREAD_S) / LOOKS, self._look)

    def _abort(self) -> None:
        self._disconnect()
        self.transport.abort()

    def _disconnect(self) -> None:
        """Stop all requests from writing: uvicorn tells only the last one that the connection is gone."""
        for cycle in (self._running, *(waiting for waiting, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()

    def _make_room(self, connections: list[Any]) -> None:
        idle = [one for one in connections if one is not self and (one.is_idle or one.transport.is_closing())]
        oldest = min(idle, key=lambda one: one.idle_since, default=self)
        self.connections.discard(oldest)
        oldest._abort()


@cache
def most_connections() -> int:
    """Return how many connections this process may have, by its limit of open files, which is raised first."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(16, min(MOST_CONNECTIONS, soft - OTHER_FILES))
