"""Logs as JSON, one object a line, on one stream."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import TextIO

FLUSH_S = 0.1
"""How long lines of answered requests may wait to be written: together, they cost one call to the system."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, where from, the message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "time": _iso(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (request := getattr(record, "request", None)) is not None:
            line["request"] = request
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def log_as_json(stream: TextIO, level: int = logging.INFO) -> None:
    """Have everything that this process logs written to a stream as JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("recommender", "uvicorn.error"):
        logging.getLogger(name).setLevel(level)


class AccessLog:
    """A line for each answered request. Lines are put together by hand and written in groups: it is the hot path."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._second = 0
        self._prefix = ""

    def write(self, request: str, method: str, route: str, status: int, seconds: float, key: str) -> None:
        """Take down an answered request; `route` is the template of its path, never what a caller put in."""
        if self._stream is None:
            return
        level = "error" if status >= 500 else "info"
        who = f',"key":"{key}"' if key else ""
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        self._lines.append(
            f'{{"time":"{self._now()}","level":"{level}","logger":"access","request":"{request}","method":"{method}",'
            f'"route":"{route}","status":{status},"ms":{seconds * 1000:.2f}{who}}}\n'
        )

    def flush(self) -> None:
        """Write what waits."""
        lines, self._lines = self._lines, []
        if self._stream is not None and lines:
            self._stream.write("".join(lines))
            self._stream.flush()

    def _now(self) -> str:
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._prefix = datetime.fromtimestamp(self._second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._prefix}.{int(now % 1 * 1000):03d}Z"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
