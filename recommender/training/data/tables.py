"""Tables of training data: rows of cells by column from CSV, TSV, JSON Lines or Parquet, plain or gzipped."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from recommender.errors import BadInput
from recommender.feeds.encodings import detect_encoding
from recommender.feeds.lines import RecordTooLong, TextLines
from recommender.feeds.sources import FeedFile, open_source
from recommender.models.fingerprint import file_sha256

_DELIMITERS = ",;\t|"
_TAB = "\t"

_SAMPLED = 200
"""JSON objects whose names are looked at to tell what the rows are."""

_BATCH = 1_000
"""Parquet rows in memory at a time."""


@dataclass(frozen=True, slots=True)
class TableRow:
    """Cells by column, and where they stand: the line (in Parquet and on the Hub the row), from 1.

    With a `problem` the row could not be read.
    """

    number: int
    cells: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """An open table. `rows` reads it from the beginning, in bounded memory, as often as it is called."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[], Iterator[TableRow]]
    sha256: str
    unit: str = "line"


@contextmanager
def open_table(path: Path | str) -> Iterator[Table]:
    """Open a file of rows; `-` is standard input. The content tells the format first, the name second.

    Raises `BadFeed` or `BadInput` for a file that is away, empty, damaged or no table.
    """
    with open_source(path) as file:
        yield _table(file)


def _table(file: FeedFile) -> Table:
    sample = file.sample()
    if sample.startswith(b"PAR1"):
        return _parquet(file)
    if sample.startswith(b"PK\x03\x04"):
        raise BadInput(f"{file.name}: is a zip archive or a spreadsheet; unpack it, or save it as CSV")
    encoding = detect_encoding(file.name, sample)
    suffix = next((s for s in reversed(PurePath(file.name).suffixes) if s.casefold() != ".gz"), "").casefold()
    text = sample.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")
    if suffix in (".jsonl", ".ndjson", ".json") or (suffix not in (".csv", ".tsv") and text[:1] in (b"{", b"[")):
        return _json_lines(file, encoding)
    return _delimited(file, encoding, _TAB if suffix == ".tsv" else _DELIMITERS)


def _json_lines(file: FeedFile, encoding: str) -> Table:
    def rows() -> Iterator[TableRow]:
        with file.open() as stream:
            lines = TextLines(file.name, stream, encoding)
            for line in lines.one_by_one():
                if line.strip() or lines.problem:
                    yield TableRow(lines.first, problem=lines.problem) if lines.problem else _object(lines.first, line)

    sampled = list(islice(rows(), _SAMPLED))
    names = dict.fromkeys(name for row in sampled for name in row.cells)
    if not names:
        why = f" (line {sampled[0].number}: {sampled[0].problem})" if sampled else ""
        raise BadInput(f"{file.name}: is not JSON Lines{why}; expected one object a line, or CSV, TSV or Parquet")
    return Table(file.name, tuple(names), rows, file_sha256(file.path))


def _object(number: int, line: str) -> TableRow:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return TableRow(number, problem=f"is not JSON: {line.strip()[:40]!r}")
    if not isinstance(value, dict):
        return TableRow(number, problem=f"is a JSON {type(value).__name__}, not an object")
    return TableRow(number, value)


def _delimited(file: FeedFile, encoding: str, delimiters: str) -> Table:
    headers = {delimiter: next(_records(file, encoding, delimiter), ([], 0, ""))[0] for delimiter in delimiters}
    delimiter = max(headers, key=lambda mark: len(headers[mark]))
    header = [name.strip() for name in headers[delimiter]]
    twice = next((name for name in header if name and header.count(name) > 1), "")
    if twice:
        raise BadInput(f"{file.name}: the column {twice!r} stands there twice; rename one of them")

    def rows() -> Iterator[TableRow]:
        for cells, number, problem in islice(_records(file, encoding, delimiter), 1, None):
            if not problem and len(cells) != len(header):
                problem = f"has {len(cells)} cells where the header has {len(header)}"
            yield TableRow(number, {} if problem else dict(zip(header, cells, strict=True)), problem)

    return Table(file.name, tuple(header), rows, file_sha256(file.path))


def _records(file: FeedFile, encoding: str, delimiter: str) -> Iterator[tuple[list[str], int, str]]:
    """Yield the cells of each record, the line that it begins at, and why it could not be read."""
    with file.open() as stream:
        lines = TextLines(file.name, stream, encoding)
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, RecordTooLong) as error:
                cells, lines.problem = [], f"can't be read ({error}); is a quote not closed?".replace(" ()", "")
            if lines.exhausted:
                lines.problem = "is a quoted cell that is not closed before the file ends"
            if cells or lines.problem:
                yield cells, lines.first, lines.problem


def _parquet(file: FeedFile) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    if file.gzipped:
        raise BadInput(f"{file.name}: a gzipped Parquet file can't be read in pieces; unpack it first")

    def rows() -> Iterator[TableRow]:
        try:
            with parquet.ParquetFile(file.path) as opened:
                cells = (cells for batch in opened.iter_batches(_BATCH) for cells in batch.to_pylist())
                yield from (TableRow(number, row) for number, row in enumerate(cells, start=1))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(file, error) from error

    try:
        columns = tuple(parquet.read_schema(file.path).names)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from error
    return Table(file.name, columns, rows, file_sha256(file.path), unit="row")


def _unreadable(file: FeedFile, error: Exception) -> BadInput:
    return BadInput(f"{file.name}: is not a readable Parquet file: {str(error).strip().partition(chr(10))[0]}")
