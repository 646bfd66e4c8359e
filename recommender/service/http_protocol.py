"""HTTP/1.1 as uvicorn speaks it, with problem documents for what is not HTTP, with limits before any key is read."""

from __future__ import annotations

import asyncio
import os
import time
from functools import cache
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from recommender.service.problems import Problem, problem_response

LONGEST_ADDRESS = 65_535
"""Bytes of an address that the parser accepts."""

LONGEST_HEAD = 128 << 10
"""Bytes of address and headers together, where they come in pieces: the longest address, and as much in headers."""

MOST_HEADERS = 100
"""A browser sends twenty, a proxy adds ten."""

HEAD_S = 15.0
"""How long the head of a request may take, from the connection or from its first byte."""

MOST_PIPELINED = 32
"""Requests of one connection that wait for its first answer. Few clients send even two."""

MOST_CONNECTIONS = 8_192
"""Each takes about 20 KB."""

OTHER_FILES = 256
"""File descriptors that are left for the index, the database and the models."""

SHARE_OF_ONE_ADDRESS = 2 / 3
"""Of all connections: a proxy has one address, and still one address must not keep out all others."""

_NOT_HTTP = (
    "this is no HTTP/1.1: in an address every space and every letter beyond ASCII is written as %XX "
    f"(curl: -G --data-urlencode), and it has at most {LONGEST_ADDRESS:,} bytes; send long texts in a POST"
)


class ProblemProtocol(HttpToolsProtocol):
    """Answers what is not HTTP, and heads beyond the limits, with a problem document, and closes the connection.

    At the limit of connections the one that has been idle for longest makes room; without an idle one the new one goes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle_since = 0.0
        self._in_head = False
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take up a connection, where there is room for it."""
        super().connection_made(transport)
        self.idle_since = time.monotonic()
        most, address = most_connections(), self.client and self.client[0]
        others: list[Any] = list(self.connections)
        of_address = [one for one in others if one.client and one.client[0] == address]
        if len(others) > most:
            self._make_room(others)
        elif len(of_address) > most * SHARE_OF_ONE_ADDRESS:
            self._make_room(of_address)
        self._head_timer = self.loop.call_later(HEAD_S, self._give_up_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of a connection."""
        self._cancel_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on. A head that comes in pieces may take neither too many bytes nor too long."""
        super().data_received(data)
        if self.headers is not None and len(self.headers) > MOST_HEADERS:  # also those that follow a body in chunks
            self._refuse_head()
        elif self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LONGEST_HEAD:
                self._refuse_head()
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_S, self._give_up_head)
        else:
            self._head_bytes = 0
            self._cancel_head_timer()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer a request, or have it wait for those before it."""
        self._in_head = False
        if len(self.pipeline) >= MOST_PIPELINED:
            self.transport.abort()  # whoever reads no answers gets none
        if len(self.headers) > MOST_HEADERS or self.transport.is_closing():
            raise ValueError("this request is not answered")  # ends the parser, which has the rest in hand
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Note since when the connection is idle."""
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
        """Whether no request is at work."""
        return self.cycle is None or self.cycle.response_complete

    def _refuse_head(self) -> None:
        detail = f"the headers are too many or too long; send at most {MOST_HEADERS} of {LONGEST_HEAD:,} bytes in all"
        self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, detail)

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self.transport.is_closing():
            return
        if not self.is_idle:  # an answer that is under way can't be followed by this one
            self.transport.abort()
            return
        response = problem_response(Problem(status, detail, headers={"connection": "close"}), os.urandom(8).hex())
        head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        self.transport.write(b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()))
        self.transport.write(head + b"\r\n" + bytes(response.body))
        self.transport.close()

    def _give_up_head(self) -> None:
        self._head_timer = None
        if self.is_idle and not self.transport.is_closing():
            self.transport.close()

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _make_room(self, connections: list[Any]) -> None:
        idle = [one for one in connections if one is not self and one.is_idle and not one.transport.is_closing()]
        oldest = min(idle, key=lambda one: one.idle_since, default=self)
        self.connections.discard(oldest)
        oldest.transport.abort()


@cache
def most_connections() -> int:
    """Return how many connections this process may have: as its limit of open files allows, which is raised first."""
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
