"""What a client can do before any key is looked at, on a socket of its own, and a reader of the log that stalls."""

from __future__ import annotations

import io
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from service.conftest import Service, listening
from support.patience import PATIENCE_S

from recommender.service import http_protocol
from recommender.service.logs import MOST_QUEUED, QueuedStream

ASK = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def address(service: Service) -> Iterator[tuple[str, int]]:
    with listening(service.app) as url:
        parts = urlsplit(url)
        yield parts.hostname or "", parts.port or 0


def _connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=60)


def _answer(connection: socket.socket) -> bytes:
    """Read until the other side closes."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionError:
        pass
    return got


def _alive(address: tuple[str, int]) -> float:
    """Return how long an answer takes: the shortest of three times, since others use this machine too."""
    taken = []
    for _ in range(3):
        started = time.monotonic()
        with _connect(address) as connection:
            connection.sendall(ASK + b"Connection: close\r\n\r\n")
            assert b" 200 " in _answer(connection)
        taken.append(time.monotonic() - started)
    return min(taken)


@pytest.mark.parametrize("piece", [b"X-A: b\r\n" * 8000, b"x" * 60_000])
def test_headers_and_values_without_end_are_cut_off(address: tuple[str, int], piece: bytes) -> None:
    with _connect(address) as connection:
        connection.sendall(ASK + b"X-Long: ")
        sent = 0
        try:
            for _ in range(1000):
                connection.sendall(piece)
                sent += len(piece)
        except OSError:
            pass
        assert sent < 8 << 20, "it went on reading"
    assert _alive(address) < 30


def test_too_many_headers_are_a_problem_document(address: tuple[str, int]) -> None:
    with _connect(address) as connection:
        connection.sendall(ASK + b"".join(b"X-%d: y\r\n" % number for number in range(150)) + b"\r\n")
        answer = _answer(connection)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in answer


def test_a_head_that_does_not_come_is_not_waited_for(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.3)
    for begun in (b"", b"\r\n", b"GET /livez HT", ASK):
        with _connect(address) as connection:
            connection.sendall(begun)
            assert _answer(connection) == b""


def test_a_host_in_the_address_is_the_one_that_counts(address: tuple[str, int]) -> None:
    for url, host, status in (
        (b"http://evil.example/v1/status", b"localhost", b"421"),
        (b"http://localhost:80/v1/status", b"evil.example", b"200"),
    ):
        with _connect(address) as connection:
            connection.sendall(b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (url, host))
            assert _answer(connection).startswith(b"HTTP/1.1 " + status), url


def test_bytes_that_trickle_in_after_the_answer_do_not_hold_a_connection(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_S", 0.3)
    refused = b"POST /v1/none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n"
    with _connect(address) as connection:
        connection.sendall(refused)
        started = time.monotonic()
        with pytest.raises(OSError):
            while time.monotonic() - started < 60:
                connection.sendall(b"x")
                time.sleep(0.05)


def test_a_client_that_does_not_read_its_answer_is_let_go(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_protocol, "UNREAD_S", 0.5)
    held = [socket.socket() for _ in range(5)]
    for connection in held:
        connection.settimeout(60)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(address)
        connection.sendall((b"GET /docs/static/swagger-ui-bundle.js HTTP/1.1\r\nHost: localhost\r\n\r\n") * 16)
    time.sleep(6)
    for connection in held:
        got = 0
        with suppress(ConnectionError), connection:
            while part := connection.recv(1 << 20):
                got += len(part)
        assert got < 16 * 1_500_000, "it got all"
    assert _alive(address) < 30


def test_requests_that_are_piled_up_without_reading_answers_end_the_connection(address: tuple[str, int]) -> None:
    with _connect(address) as connection:
        try:
            for _ in range(200):
                connection.sendall((ASK + b"\r\n") * 2000)
        except OSError:
            pass
        else:
            pytest.fail("all of them were taken")
    with _connect(address) as connection:  # a few are fine
        connection.sendall((ASK + b"\r\n") * 9 + ASK + b"Connection: close\r\n\r\n")
        assert _answer(connection).count(b"HTTP/1.1 200") == 10


def test_idle_connections_make_room_for_who_asks(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "most_connections", lambda: 30)
    held = [_connect(address) for _ in range(60)]
    try:
        assert _alive(address) < 30
        held[-1].sendall(ASK + b"Connection: close\r\n\r\n")
        assert b" 200 " in _answer(held[-1]), "the newest are kept"
    finally:
        for connection in held:
            connection.close()


def test_a_reader_of_the_log_that_stalls_stops_nobody_and_what_is_dropped_is_counted() -> None:
    class Stalled(io.StringIO):
        gate = threading.Event()

        def write(self, text: str) -> int:
            self.gate.wait(PATIENCE_S)
            return super().write(text)

    stalled = Stalled()
    log = QueuedStream(stalled)
    started, line = time.monotonic(), "x" * 999 + "\n"
    for _ in range(MOST_QUEUED // 1000 + 500):
        log.write(line)
    assert time.monotonic() - started < 25
    assert log.dropped >= 499
    stalled.gate.set()
    log.drain(10)
    log.write("after\n")
    log.drain(10)
    assert "after\n" in stalled.getvalue()
    told = re.findall(r'"(\d+) log lines dropped"', stalled.getvalue())
    assert sum(map(int, told)) == log.dropped
