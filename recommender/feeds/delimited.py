"""Tables whose cells stand between delimiters: CSV, TSV."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence

from recommender.errors import BadFeed
from recommender.feeds.columns import Field, count_known
from recommender.feeds.encodings import detect_encoding
from recommender.feeds.lines import RecordTooLong, TextLines
from recommender.feeds.sources import FeedFile
from recommender.feeds.tables import Table, TableRow

COMMON_DELIMITERS = ",;\t|"
TAB = "\t"

MAX_COLUMNS = 2_000
"""Columns of a header: ten times the widest export of a shop system; more is a file that lost its line ends."""


class DelimitedTable(Table):
    """The records of a file under its header. The delimiter is the one under which the header makes most sense."""

    def __init__(self, file: FeedFile, mapping: Mapping[Field, str], delimiters: str = COMMON_DELIMITERS) -> None:
        self.name = file.name
        self._file = file
        self._encoding = detect_encoding(file.name, file.sample())
        headers = {delimiter: self._header_by(delimiter) for delimiter in delimiters}
        best = max(delimiters, key=lambda mark: (count_known(headers[mark], mapping), len(headers[mark])))
        self._delimiter = best
        self.columns = tuple(map(str.strip, headers[best]))
        self.width = len(self.columns)
        self._distinct = len(set(self.columns)) == self.width

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - lines are read whole
        """Read the rows below the header."""
        self.early_end = ""
        names, width = self.columns, self.width
        with self._file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding)
            records = self._records(lines, self._delimiter)
            next(records, None)
            for cells in records:
                problem = lines.problem
                if len(cells) != width:
                    problem = problem or self._width_problem(lines, cells)
                    cells += [""] * (width - len(cells))
                # Of two columns with one name the first counts.
                named = dict(zip(names, cells, strict=False)) if self._distinct else self._first_of_each(cells)
                yield TableRow(lines.first, named, lines.raw, problem)

    def _first_of_each(self, cells: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, cell in zip(self.columns, cells, strict=False):
            found.setdefault(name, cell)
        return found

    def _width_problem(self, lines: TextLines, cells: Sequence[str]) -> str:
        """Return what is wrong with the number of cells of the last record; empty for nothing."""
        if len(cells) > self.width and not any(cells[self.width :]):
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


def _span(lines: TextLines) -> str:
    return f"lines {lines.first:,} to {lines.number:,}"
