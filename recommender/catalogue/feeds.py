"""Feed files: which format one is in, and the reader for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path, PurePath
from typing import Protocol

from recommender.catalogue.columns import field_mapping
from recommender.catalogue.delimited import COMMON_DELIMITERS, TAB, DelimitedFeed
from recommender.catalogue.jsonlines import JsonLinesFeed
from recommender.catalogue.parquet import ParquetFeed
from recommender.catalogue.rows import Row, notation_of
from recommender.catalogue.sources import FeedFile, is_stream, open_source
from recommender.errors import BadFeed, UsageError


class FeedFormat(StrEnum):
    """The formats of a feed. `auto` goes by the file's content first and its name second."""

    AUTO = "auto"
    CSV = "csv"
    TSV = "tsv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class Feed(Protocol):
    """An open feed: its header is read and found good, its rows are to come."""

    @property
    def name(self) -> str:
        """What messages call the feed."""
        ...

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from; complete when the rows have been read."""
        ...

    def rows(self) -> Iterator[Row]:
        """Read the rows, in bounded memory.

        Raises `BadFeed` when the file turns out to be damaged on the way.
        """
        ...


def feed_format_of(name: str) -> FeedFormat:
    """Return the format of this name. Raises `UsageError` for another."""
    try:
        return FeedFormat(name.casefold())
    except ValueError:
        raise UsageError(f"--format {name!r} is not known; use {', '.join(FeedFormat)}") from None


@contextmanager
def open_feed(
    path: Path | str, feed_format: FeedFormat = FeedFormat.AUTO, mapping: Mapping[str, str] | None = None
) -> Iterator[Feed]:
    """Open a feed; `-` is standard input, and what is gzipped is unpacked. `mapping` gives columns for fields.

    Raises `BadFeed` for a file that is away, empty, damaged, no feed, or without columns for SKU and title, and
    `UsageError` for a mapping of an unknown field.
    """
    columns = field_mapping(mapping or {})
    with open_source(path) as file:
        chosen = _recognised(file) if feed_format is FeedFormat.AUTO else feed_format
        if chosen is FeedFormat.PARQUET:
            yield ParquetFeed(file, columns)
        elif chosen is FeedFormat.JSONL:
            yield JsonLinesFeed(file, columns)
        else:
            yield DelimitedFeed(file, columns, TAB if chosen is FeedFormat.TSV else COMMON_DELIMITERS)


def check_feed(
    path: Path | str, feed_format: FeedFormat = FeedFormat.AUTO, mapping: Mapping[str, str] | None = None
) -> None:
    """Raise what importing this feed would raise before it writes the first row, so that several can be checked first.

    Of standard input and pipes, which can be read only once, nothing is read.
    Raises `BadFeed` and `UsageError` as `open_feed` does.
    """
    field_mapping(mapping or {})
    if is_stream(path):
        return
    with open_feed(path, feed_format, mapping) as feed:
        notation_of(feed.rows())


def _recognised(file: FeedFile) -> FeedFormat:
    sample = file.sample()
    if sample.startswith(b"PAR1"):
        return FeedFormat.PARQUET
    if sample.startswith(b"PK\x03\x04"):
        raise BadFeed(f"{file.name}: is a zip archive or a spreadsheet; unpack it, or save it as CSV")
    suffixes = [suffix.casefold() for suffix in PurePath(file.name).suffixes if suffix.casefold() != ".gz"]
    by_name = _BY_SUFFIX.get(suffixes[-1]) if suffixes else None
    if by_name:
        return by_name
    text = sample.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    return FeedFormat.JSONL if text.startswith((b"{", b"[")) else FeedFormat.CSV


_BY_SUFFIX = {
    ".csv": FeedFormat.CSV,
    ".tsv": FeedFormat.TSV,
    ".jsonl": FeedFormat.JSONL,
    ".ndjson": FeedFormat.JSONL,
    ".json": FeedFormat.JSONL,
    ".parquet": FeedFormat.PARQUET,
}
