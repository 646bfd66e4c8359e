"""Rows that can't be taken in, and the file that tells a shop which and why."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

LONGEST_RAW = 10_000
"""Characters of a rejected row that are written out."""

COLUMNS = ("source", "line", "sku", "reason", "raw")


class BadRow(ValueError):
    """One row can't be taken in; the message is the reason. Never leaves this package: it becomes a `Rejection`."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was left out: the line it begins at (from 1; in Parquet the row), its SKU if it has one, and why."""

    line: int
    sku: str
    reason: str


class RejectsFile:
    """A CSV of rejected rows. It appears under its name when it is closed, whole; several feeds may share one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._stream: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> RejectsFile:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self._partial.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = csv.writer(self._stream)
        self._writer.writerow(COLUMNS)
        return self

    def write(self, source: str, rejections: Sequence[tuple[Rejection, object]]) -> None:
        """Add rejections, each with the row as the feed has it."""
        for rejection, raw in rejections:
            self._writer.writerow((source, rejection.line, rejection.sku, rejection.reason, _shown(raw)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream:
            self._stream.close()
            self._partial.replace(self._path)


def _shown(raw: object) -> str:
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, default=str)
    text = text.rstrip("\r\n")
    return text if len(text) <= LONGEST_RAW else f"{text[:LONGEST_RAW]}..."
