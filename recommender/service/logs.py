"""Logs as JSON, one object a line, on one stream."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import TextIO

FLUSH_S = 0.1
"""How long lines of answered requests may wait to be written: together they cost one call to the system."""


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


def log_as_json(stream: TextIO, level: int = logging.INFO) -> None:
    """Write everything that this process logs to a stream as JSON."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in ("recommender", "uvicorn.error"):
        logging.getLogger(name).setLevel(level)


class AccessLog:
    """A line for each answered request. Lines are formatted by hand and written in groups: this is the hot path."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self._lines: list[str] = []
        self._second = 0
        self._prefix = ""

    def write(self, request: str, method: str, route: str, status: int, seconds: float, key: str) -> None:
        """Add an answered request; `route` is the template of its path, never what a caller put in."""
        if self._stream is None:
            return
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._prefix = datetime.fromtimestamp(self._second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        level = "error" if status >= 500 else "info"
        caller = f',"key":"{key}"' if key else ""
        if not self._lines:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
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
