"""Rows that can't be imported, and the file that tells a shop which and why."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from recommender.errors import BadInput, UsageError, one_line

LONGEST_RAW = 10_000
"""Characters of a rejected row that are written to the file."""

_LIVE = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet read a cell as a formula: https://owasp.org/www-community/attacks/CSV_Injection."""

COLUMNS = ("source", "line", "sku", "reason", "raw")


class BadRow(ValueError):
    """One row can't be imported; the message is the reason. Never leaves this package: it becomes a `Rejection`."""


def rejection_reason(error: Exception) -> str:
    """Return why a row that raised this is left out, in words for the shop."""
    if isinstance(error, BadRow):
        return str(error)
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (RecursionError, "its values are nested too deep"),
        (UnicodeError, "it holds characters that are none"),
        (MemoryError, "it is too large"),
        (ArithmeticError, "it holds a number that is out of range"),
        (ValueError, "it holds a number or a date that is out of range"),
    )
    what = next((words for kind, words in kinds if isinstance(error, kind)), "it holds something unexpected")
    return f"the row can't be read: {what} ({type(error).__name__}: {one_line(error, 120)})"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was left out: the line it begins at (from 1; in Parquet the row), its SKU if it has one, and why."""

    line: int
    sku: str
    reason: str


class RejectsFile:
    """A CSV of rejected rows. It appears under its name when it is closed, complete; several feeds may share one.

    After a failure the file that was there before stays; after Ctrl-C there is one of what was read. Entering it raises
    `UsageError` for a path that is not a regular file or is one of `feeds`, and `BadInput` for one that can't be
    written.
    """

    def __init__(self, path: Path, feeds: Sequence[Path] = ()) -> None:
        self._path = path
        self._feeds = feeds
        self._partial = path.parent / f"{path.name}.partial"
        self._stream: IO[str] | None = None
        self._writer: Any = None

    def __enter__(self) -> RejectsFile:
        try:
            if self._path.is_dir():
                raise UsageError(f"--rejects {self._path}: is a directory; name a file for the rejected rows")
            if self._path.exists() and not self._path.is_file():
                raise UsageError(f"--rejects {self._path}: is a device or a pipe; name a file for the rejected rows")
            for written in (self._path, self._partial):
                if any(written.exists() and feed.exists() and written.samefile(feed) for feed in self._feeds):
                    raise UsageError(f"--rejects {self._path}: would overwrite the feed {written}; name another file")
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._partial.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            is_in_the_way = isinstance(error, FileExistsError | NotADirectoryError)
            why = f"{error.filename} is no directory" if is_in_the_way else error.strerror or str(error)
            raise BadInput(f"--rejects {self._path}: can't be written: {why}; name another file") from error
        self._writer = csv.writer(self._stream)
        self._writer.writerow(COLUMNS)
        return self

    def write(self, source: str, rejections: Sequence[tuple[Rejection, object]]) -> None:
        """Add rejections, each with the row as the feed has it.

        A text that a spreadsheet would run as a formula gets an apostrophe before it, which makes it a text there.
        """
        for rejection, raw in rejections:
            text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, default=str)
            text = text.rstrip("\r\n")
            shown = text if len(text) <= LONGEST_RAW else f"{text[:LONGEST_RAW]}..."
            texts = map(inert, (rejection.sku, rejection.reason, shown))
            self._writer.writerow((inert(source), rejection.line, *texts))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._stream:
            return
        self._stream.close()
        if kind is None or issubclass(kind, (KeyboardInterrupt, SystemExit)):
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)


def inert(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_LIVE) else text
