"""Lines of a text file, one at a time and of bounded length, each with its number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from recommender.errors import BadFeed
from recommender.feeds.encodings import Utf8Stream, is_wide
from recommender.feeds.sources import CHUNK, UNREADABLE, broken_off, reason

MAX_LINE = 4 << 20
"""Bytes of a line, and of a record of several lines: 4 MiB. A longer one is rejected, and never held in memory."""


MOST_BLANK, BLANK_RATIO = 1_000_000, 10
"""Blank lines that a file may have, and beyond that how many times as many as other lines. A gzipped megabyte holds a
billion, and each costs as much as a product that is rejected."""

_NOTHING = b' \t\r\n,;|"'


class RecordTooLong(Exception):
    """The lines of one record exceed `MAX_LINE` together."""


class ByteStream(Protocol):
    """Whatever gives bytes."""

    def read(self, size: int, /) -> bytes:
        """Return up to about `size` bytes, b"" at the end."""


@dataclass(frozen=True, slots=True)
class _TooLong:
    quotes: int


class TextLines:
    """Iterates over decoded lines with their line ends, and records what was wrong since `begin` was called.

    `change` replaces what stands for something else in a line. `number` counts lines given so far, `first` is the
    number of the record's first line, `taken` its text so far.
    """

    def __init__(self, name: str, stream: BinaryIO, encoding: str) -> None:
        self._name = name
        self._encoding = "utf-8" if is_wide(encoding) else encoding.removesuffix("-sig")
        self._lines = _physical_lines(name, Utf8Stream(stream, encoding) if is_wide(encoding) else stream)
        self._given: list[bytes | _TooLong] = []
        self._again: list[bytes | _TooLong] = []
        self._size = 0
        self.change: Callable[[str], str] | None = None
        self.number = 0
        self.first = 1
        self.problem = ""
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def begin(self) -> None:
        """Start a record with the next line."""
        self.first = self.number + 1
        self.problem = ""
        self.taken = []
        self._given = []
        self._size = 0

    def keep(self, count: int) -> None:
        """Let the record end with its first `count` lines; those after them come again."""
        kept = self._given[:count]
        self._again += reversed(self._given[count:])
        self.number = self.first - 1
        self.begin()
        for line in kept:
            self._add(line)

    def __next__(self) -> str:
        if self._again:
            found = self._again.pop()
        else:
            try:
                found = next(self._lines)
            except (*UNREADABLE, UnicodeError) as error:
                why = "it ends within a character" if isinstance(error, UnicodeError) else reason(error)
                raise broken_off(self._name, self.number, why) from error
        line = self._add(found)
        if self._size > MAX_LINE:
            raise RecordTooLong
        return line

    def _add(self, found: bytes | _TooLong) -> str:
        if isinstance(found, _TooLong):
            self.problem = f"line {self.number + 1:,} is longer than {MAX_LINE >> 20} MiB"
            # The line is replaced by what keeps a CSV reader in step: as many quotes, if odd, open or close a cell.
            line = '"\n' if found.quotes % 2 else "\n"
        else:
            self._size += len(found)
            try:
                line = found.decode(self._encoding)
            except UnicodeDecodeError:
                self.problem = f"line {self.number + 1:,} holds bytes that are not {self._encoding}"
                line = found.decode(self._encoding, "backslashreplace")
        self.number += 1
        if self.number == 1:
            line = line.removeprefix("\ufeff")
        if self.change:
            line = self.change(line)
        self.taken.append(line)
        self._given.append(found)
        return line

    def one_by_one(self) -> Iterator[str]:
        """Yield each line as a record of its own."""
        self.begin()
        for line in self:
            yield line
            self.begin()

    @property
    def is_cut(self) -> bool:
        """Tell whether the record has a line that is too long to be read."""
        return any(isinstance(line, _TooLong) for line in self._given)

    @property
    def raw(self) -> str:
        """The text of the record as it is in the file."""
        return "".join(self.taken)


def _physical_lines(name: str, stream: ByteStream) -> Iterator[bytes | _TooLong]:
    """Split at CR, LF and CRLF alike; hold at most a chunk and a line of legal length.

    Raises `BadFeed` for a file that has hardly anything but blank lines, and millions of them.
    """
    carry = b""
    blank = filled = 0
    while chunk := stream.read(CHUNK):
        lines = (carry + chunk).splitlines(keepends=True)
        carry = b"" if lines[-1].endswith(b"\n") else lines.pop()
        with_text = sum(1 for line in lines if line.strip(_NOTHING))
        blank, filled = blank + len(lines) - with_text, filled + with_text
        if blank > max(MOST_BLANK, BLANK_RATIO * filled):
            raise BadFeed(
                f"{name}: has {blank:,} blank lines and {filled:,} others, which no feed does; check the file"
            )
        for line in lines:
            yield line if len(line) <= MAX_LINE else _TooLong(line.count(b'"'))
        if len(carry) > MAX_LINE:
            quotes, carry = _skip_line(stream, carry)
            yield _TooLong(quotes)
    yield from carry.splitlines(keepends=True)


def _skip_line(stream: ByteStream, start: bytes) -> tuple[int, bytes]:
    """Read on to the end of a line; return how many quotes it had, and what follows it."""
    quotes = start.count(b'"')
    if start.endswith(b"\r"):
        return quotes, b""
    while chunk := stream.read(CHUNK):
        line = chunk.splitlines(keepends=True)[0]
        quotes += line.count(b'"')
        if line.endswith((b"\n", b"\r")):
            rest = chunk[len(line) :]
            return quotes, rest
    return quotes, b""
