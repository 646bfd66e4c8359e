"""CSV and TSV feeds."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from recommender.errors import BadFeed
from recommender.feeds.columns import Field, count_known, require_columns
from recommender.feeds.encodings import detect_encoding
from recommender.feeds.lines import RecordTooLong, TextLines
from recommender.feeds.rows import Feed, Row
from recommender.feeds.sources import FeedFile

COMMON_DELIMITERS = ",;\t|"
TAB = "\t"

MAX_COLUMNS = 2_000
"""Columns of a header: ten times the widest export of a shop system; more is a file that lost its line ends."""


class DelimitedTable:
    """The records of a file under its header. The delimiter is the one under which the header makes most sense."""

    def __init__(self, file: FeedFile, mapping: Mapping[Field, str], delimiters: str = COMMON_DELIMITERS) -> None:
        self.name = file.name
        self.early_end = ""
        self._file = file
        self._encoding = detect_encoding(file.name, file.sample())
        headers = {delimiter: self._header_by(delimiter) for delimiter in delimiters}
        best = max(delimiters, key=lambda mark: (count_known(headers[mark], mapping), len(headers[mark])))
        self._delimiter, self.header = best, headers[best]
        self.width = len(self.header)

    @contextmanager
    def open_records(self) -> Iterator[tuple[TextLines, Iterator[list[str]]]]:
        """Give the cells of each record below the header, and the lines that tell where the last one stands.

        A record with `lines.problem` can't be read; its cells are what there is of them.
        """
        self.early_end = ""
        with self._file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding)
            records = self._records(lines, self._delimiter)
            next(records, None)
            yield lines, records

    def whole_records(self) -> Iterator[tuple[TextLines, list[str], str]]:
        """Give each record below the header: where it stands, a cell for every column, and what is wrong with it."""
        with self.open_records() as (lines, records):
            for cells in records:
                problem = lines.problem or self.width_problem(lines, cells)
                yield lines, [*cells, *[""] * (self.width - len(cells))], problem

    def width_problem(self, lines: TextLines, cells: Sequence[str]) -> str:
        """Return what is wrong with the number of cells of the last record; empty for nothing."""
        if len(cells) == self.width or (len(cells) > self.width and not any(cells[self.width :])):
            return ""
        spread = f" ({_span(lines)})" if lines.number > lines.first else ""
        problem = f"{len(cells)} cells where the header has {self.width}{spread}"
        if len(cells) < self.width and not lines.raw.endswith(("\n", "\r")):
            self.early_end = f"its last line, {lines.number:,}, breaks off: {problem}"
        return problem

    def _header_by(self, delimiter: str) -> list[str]:
        with self._file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding)
            header = next(self._records(lines, delimiter), [])
            if lines.problem:
                raise BadFeed(f"{self.name}: the header can't be read: {lines.problem}")
        if len(header) > MAX_COLUMNS:
            raise BadFeed(f"{self.name}: the header has {len(header):,} columns; at most {MAX_COLUMNS:,} are read")
        return header

    def _records(self, lines: TextLines, delimiter: str) -> Iterator[list[str]]:
        """Give the cells of each record; none with `lines.problem` set for one that can't be read."""
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            lines.begin()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except RecordTooLong:
                lines.problem, cells = f"{_span(lines)} are longer than a row may be; is a quote not closed?", []
            except csv.Error as error:
                lines.problem, cells = f"{_span(lines)} can't be read: {error}; is a quote not closed?", []
            if lines.exhausted:
                lines.problem = self.early_end = f"{_span(lines)} are one row whose quoted cell is not closed"
            if cells or lines.problem:
                yield cells


class DelimitedFeed(Feed):
    """Reads rows of cells under a header, by the names of the columns."""

    def __init__(self, table: DelimitedTable, mapping: Mapping[Field, str]) -> None:
        self.name = table.name
        self._table = table
        self._width = table.width
        self._columns = require_columns(table.name, table.header, mapping)
        self._fields = _places(self._columns.fields, table.header)
        self._attributes = _places(self._columns.attributes, table.header)

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from."""
        return self._columns.ignored

    @property
    def field_columns(self) -> Mapping[Field, str]:
        """The column that each field is read from."""
        return self._columns.fields

    def rows(self) -> Iterator[Row]:
        """Read the rows below the header, in bounded memory."""
        with self._table.open_records() as (lines, records):
            yield from (self._row(lines, cells) for cells in records)
        self.early_end = self._table.early_end

    def _row(self, lines: TextLines, cells: Sequence[str]) -> Row:
        problem = lines.problem or (self._table.width_problem(lines, cells) if len(cells) != self._width else "")
        get = cells if len(cells) >= self._width else [*cells, *[""] * (self._width - len(cells))]
        fields = {field: get[place] for field, place in self._fields}
        attributes = {name: get[place] for name, place in self._attributes} if self._attributes else {}
        return Row(lines.first, fields, attributes, lines.raw, problem)


def _span(lines: TextLines) -> str:
    return f"lines {lines.first:,} to {lines.number:,}"


def _places(columns: Mapping[Any, str], header: Sequence[str]) -> list[tuple[Any, int]]:
    return [(key, header.index(name)) for key, name in columns.items()]
