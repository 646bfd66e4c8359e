"""Logs on one stream: JSON, one object a line, or lines to read on a terminal."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TextIO

MOST_QUEUED = 4 << 20
"""Characters of lines that wait for a slow reader: 20,000 requests."""

FLUSH_S = 0.1
"""How long lines of answered requests may wait to be written: together they cost one system call."""

_log = logging.getLogger("recommender.service")


class LogStream(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> int:
        """Write a text of whole lines."""

    def flush(self) -> None:
        """Send what was written."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the request's id and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, object] = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request := getattr(record, "request", None)) is not None:
            line["request"] = request
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


@dataclass(frozen=True, slots=True)
class ServiceLog:
    """Where and how the service logs: in JSON or as text; with what people searched for, if `searches`."""

    stream: LogStream
    as_json: bool = True
    searches: bool = False
    level: int = logging.INFO

    def take_over(self) -> None:
        """Write everything that this process logs to the stream, and the errors that end its threads."""
        handler = logging.StreamHandler(self.stream)
        line = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        handler.setFormatter(JsonFormatter() if self.as_json else line)
        root = logging.getLogger()
        root.handlers[:] = [handler]
        root.setLevel(logging.WARNING)
        for name in ("recommender", "uvicorn.error"):
            logging.getLogger(name).setLevel(self.level)
        threading.excepthook = _log_thread_error


def _log_thread_error(ended: threading.ExceptHookArgs) -> None:
    name = ended.thread.name if ended.thread else "?"
    _log.error("the thread %s ended", name, exc_info=ended.exc_value)


class QueuedStream:
    """A stream whose lines a thread writes, so that no request waits for a slow reader.

    Lines beyond `MOST_QUEUED` characters are dropped and counted; a line says how many once there is room again.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Condition()
        self._texts: deque[str] = deque()
        self._queued = 0
        self.dropped = 0
        self._untold = 0
        threading.Thread(target=self._write_out, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        """Queue a text of whole lines, or drop it."""
        with self._lock:
            if self._queued + len(text) > MOST_QUEUED:
                lines = max(1, text.count("\n"))
                self.dropped, self._untold = self.dropped + lines, self._untold + lines
            else:
                self._texts.append(text)
                self._queued += len(text)
                self._lock.notify_all()
        return len(text)

    def flush(self) -> None:
        """Do nothing: the thread writes as soon as it can."""

    def drain(self, patience: float = 1.0) -> None:
        """Wait until all is written, or `patience` seconds, at the end of a process."""
        with self._lock:
            self._lock.wait_for(lambda: not self._queued, patience)

    def _write_out(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: bool(self._texts))
                texts, self._texts, untold, self._untold = list(self._texts), deque(), self._untold, 0
            if untold:
                told = {"level": "warning", "logger": "recommender.service", "message": f"{untold} log lines dropped"}
                texts.append(json.dumps(told) + "\n")
            with suppress(OSError, ValueError):  # the reader is gone, or the stream was closed at the end
                self._stream.write("".join(texts))
                self._stream.flush()
            with self._lock:
                self._queued = sum(map(len, self._texts))
                self._lock.notify_all()


class AccessLog:
    """A line for each answered request. Lines are formatted by hand and written in groups: this is the hot path."""

    def __init__(self, log: ServiceLog | None) -> None:
        self._stream = log.stream if log and log.level <= logging.INFO else None
        self._as_json = log is not None and log.as_json
        self._lines: list[str] = []
        self._second = 0
        self._prefix = ""

    def write(
        self, request: str, method: str, route: str, status: int, seconds: float, key: str, client: str = ""
    ) -> None:
        """Add an answered request of a client's address; `route` is the template of its path, not a caller's text."""
        if self._stream is None:
            return
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._prefix = datetime.fromtimestamp(self._second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        level = "error" if status >= 500 else "info"
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        if not self._as_json:
            at = time.strftime("%H:%M:%S", time.localtime(now))
            who = f"{client} {key}".strip()
            self._lines.append(f"{at} {level.upper():7} {method} {route} {status} {seconds * 1000:.2f} ms {who}\n")
            return
        caller = (f',"client":"{client}"' if client else "") + (f',"key":"{key}"' if key else "")
        self._lines.append(
            f'{{"time":"{self._prefix}.{int(now % 1 * 1000):03d}Z","level":"{level}","logger":"access",'
            f'"request":"{request}","method":"{method}","route":"{route}","status":{status},'
            f'"ms":{seconds * 1000:.2f}{caller}}}\n'
        )

    def flush(self) -> None:
        """Write the lines that wait."""
        lines, self._lines = self._lines, []
        if self._stream is not None and lines:
            self._stream.write("".join(lines))
            self._stream.flush()
