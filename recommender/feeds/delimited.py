"""Tables whose cells are separated by delimiters: CSV, TSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from recommender.errors import BadFeed
from recommender.feeds.encodings import detect_encoding, encoding_stated
from recommender.feeds.headers import HEADER_RECORDS, Header, find_header
from recommender.feeds.lines import MAX_LINE, RecordTooLong, TextLines
from recommender.feeds.quotes import BARE_QUOTES, OPEN_QUOTE, SHORT_ROW, SPLIT_ENTITY, CellSplitter, RowLikeness
from recommender.feeds.sources import FeedFile
from recommender.feeds.tables import Table, TableRow

COMMON_DELIMITERS = ",;\t|^~"
TAB = "\t"

MAX_COLUMNS = 2_000
"""Most columns of a header: ten times the widest export of a shop system; a file with more has lost its line ends."""

SAMPLED_LINES = 400
"""Lines that show what the rows of a file look like."""

LOOKAHEAD = 64 << 20
"""Characters that are read again in search of the end of quoted cells, for all cells together: 64 MiB."""

_STATED_DELIMITER = re.compile(r'\ufeff?"?sep=(.)"?[;,\s]*', re.IGNORECASE)
"""The first line by which Excel is told the delimiter."""


_IN_APOSTROPHES = re.compile(r"\s*'[^']*'(?:([,;\t|])'[^']*')(?:\1'[^']*')*\s*$")
_TURNED = {ord("'"): '"', ord('"'): "'"}
_SPACED = re.compile(r'([,;|]) +"[^"]*"(?:\1|\s*$)')
"""A quoted cell after a space."""

_ESCAPED_QUOTE = re.compile(r'\\([\\"])')
_SURELY_ESCAPED = re.compile(r'(?:^|[,;\t|]) *"(?:[^"\\]|\\.)*\\"(?!\s*(?:[,;\t|]|$))')
"""A quote after a backslash in a quoted cell; not the end of a cell whose text ends with a backslash."""

_DOUBLED_QUOTE = re.compile(r'(?<=[^,;\t|"\\\s])""|""(?=[^,;\t|"\s])')
"""Two quotes that are no empty cell."""

_NOTHING = re.compile(r"(?:^|\t)\\N(?:\t|\s*$)")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_OPEN_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,31}[0-9]{0,2})$")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "", "f": "", "v": "", "0": "", "Z": "", "N": "\\N"}


class DelimitedTable(Table):
    """The records of a file under its header.

    The delimiter is the one with which the header makes most sense; lines above the header are skipped. A quoted cell
    may span lines. If the lines that it spans look like rows of their own, its quote was a stray character: the lines
    are read one by one, and each row that is read so has a remark.
    """

    def __init__(self, file: FeedFile, mapping: Mapping[str, str], delimiters: str = COMMON_DELIMITERS) -> None:
        self.name = file.name
        self._file = file
        self._encoding = detect_encoding(file.name, file.text_sample(), file.charset)
        with file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding)
            sample: list[str] = []
            for line in islice(lines.one_by_one(), SAMPLED_LINES):
                if lines.is_cut and not any(map(str.strip, sample)):
                    raise BadFeed(f"{self.name}: the header can't be read: {lines.problem}")
                sample.append(line)
        # LibreOffice may enclose texts in apostrophes: they and quotes are swapped while the lines are split.
        self._turned = _TURNED if any(map(_IN_APOSTROPHES.match, sample[:HEADER_RECORDS])) else {}
        self._change: Callable[[str], str] | None = None
        if self._turned:
            self._change = lambda line: line.translate(_TURNED)
        elif any(map(_SURELY_ESCAPED.search, sample)) and not any(map(_DOUBLED_QUOTE.search, sample)):
            # Spark, MySQL and Redshift write a backslash before a quote; it is doubled while the lines are split.
            self._change = partial(_ESCAPED_QUOTE.sub, lambda found: '""' if found[1] == '"' else found[0])
        sample = list(map(self._change, sample)) if self._change else sample
        self._spaced = 2 * sum(_SPACED.search(line) is not None for line in sample) >= len(sample)
        # PostgreSQL's COPY and MySQL's OUTFILE write escapes, and \\N for nothing.
        self._has_escapes = any(_NOTHING.search(line) for line in sample)
        stated = _STATED_DELIMITER.fullmatch(sample[0]) if sample else None
        self._above = 1 if stated else 0
        choices = {mark: self._headers_by(mark, sample) for mark in (stated[1] if stated else delimiters)}
        self._delimiter, header = find_header(choices, mapping)
        self._above += header.above
        between = {TAB: "a tab", " ": "a space"}.get(self._delimiter, repr(self._delimiter))
        below = f", the header in line {self._above + 1}" if self._above else ""
        self.layout = f"{encoding_stated(self._encoding, file.charset)}, {between} between the cells{below}"
        if len(header.names) > MAX_COLUMNS:
            raise BadFeed(
                f"{self.name}: the header has {len(header.names):,} columns; at most {MAX_COLUMNS:,} are read"
            )
        self.columns = header.names
        self.width = len(self.columns)
        self._distinct = len(set(self.columns)) == self.width
        self._splitter = CellSplitter(self._delimiter, spaced=self._spaced)
        self._likeness = RowLikeness(self._splitter, self.width, sample[self._above + header.height :])

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - lines are read whole
        """Read the rows below the header; blank ones and repeated headers are skipped."""
        self.early_end = ""
        self._lookahead = LOOKAHEAD
        names, width = self.columns, self.width
        with self._file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding)
            lines.change = self._change
            for _ in islice(lines, self._above):
                pass
            for cells, remark in self._records(lines):
                problem = lines.problem
                if not problem and (not cells or (width > 1 and not (cells[0].strip() or any(map(str.strip, cells))))):
                    continue  # an empty cell of the only column is a row: its number counts where vectors are made
                if len(cells) != width:
                    problem = problem or self._width_problem(lines, cells)
                    remark = remark or (SHORT_ROW if len(cells) < width else "")
                    cells += [""] * (width - len(cells))
                if self._turned:
                    cells = [cell.translate(self._turned) for cell in cells]
                if self._has_escapes:
                    cells = [
                        _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), cell) if "\\" in cell else cell
                        for cell in cells
                    ]
                if cells[0].strip() == names[0] and tuple(map(str.strip, cells[:width])) == names:
                    continue
                # Of two columns with one name the first counts.
                pairs = zip(names, cells, strict=False)
                named = dict(pairs if self._distinct else reversed(list(pairs)))
                raw = lines.raw.translate(self._turned) if self._turned else lines.raw
                yield TableRow(lines.first, named, raw, problem, remark)

    def _headers_by(self, delimiter: str, sample: Sequence[str]) -> list[Header]:
        """Return the first records, any of which may be the header."""
        reader = csv.reader(sample[self._above :], delimiter=delimiter, skipinitialspace=self._spaced)
        headers: list[Header] = []
        above = 0
        try:
            for cells in islice(reader, HEADER_RECORDS):
                # Some programs quote each line as a whole.
                whole = next(csv.reader(cells, delimiter=delimiter), []) if len(cells) == 1 else cells
                headers.append(Header.of(whole, above, reader.line_num - above))
                above = reader.line_num
        except csv.Error:
            pass  # a quote above or below the header is not closed
        return headers

    def _width_problem(self, lines: TextLines, cells: Sequence[str]) -> str:
        """Return what is wrong with the number of cells of the last record; empty if nothing is."""
        if self._likeness.fits(cells):
            return ""
        spread = f" ({_span(lines)})" if lines.number > lines.first else ""
        problem = f"{len(cells)} cells where the header has {self.width}{spread}"
        if len(cells) < self.width and not lines.raw.endswith(("\n", "\r")):
            self.early_end = f"its last line, {lines.number:,}, breaks off: {problem}"
        return problem

    def _records(self, lines: TextLines) -> Iterator[tuple[list[str], str]]:
        """Yield the cells of each record, and a remark on how they were read; `lines.problem` says what can't be."""
        reader = csv.reader(lines, delimiter=self._delimiter, skipinitialspace=self._spaced, strict=True)
        while True:
            lines.begin()
            cells: list[str] | None = None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (RecordTooLong, csv.Error):
                pass
            if cells is not None and lines.number == lines.first and (len(cells) == self.width or not cells):
                yield cells, ""
            else:
                yield self._reconsider(lines, cells)

    def _reconsider(self, lines: TextLines, cells: list[str] | None) -> tuple[list[str], str]:
        """Read a record again that breaks the rules of CSV, spans lines, or has another width.

        `cells` are those by the rules. Lines that turn out not to belong to the record are given back to `lines`.
        """
        likeness, first = self._likeness, lines.taken[0]
        if cells is not None and len(lines.taken) == 1:
            if self._delimiter == ";" and len(mended := _join_entities(cells)) == self.width < len(cells):
                return mended, SPLIT_ENTITY
            unwrapped = self._splitter.split(cells[0]) if len(cells) == 1 else []
            return (unwrapped, "") if len(unwrapped) > 1 and likeness.fits(unwrapped) else (cells, "")
        alone = likeness.row_in(first)
        others_alike = [likeness.resembles(line) for line in lines.taken[1:]]
        if cells is not None and likeness.fits(cells) and not (alone and all(others_alike)):
            return cells, ""
        if alone and (not others_alike or others_alike[0]):
            return self._keep_first(lines, alone)
        joined = self._join(lines)
        if joined is not None:
            return joined, BARE_QUOTES
        if alone:
            return self._keep_first(lines, alone)
        kept = next((place for place, line in enumerate(lines.taken) if place and likeness.resembles(line)), None)
        lines.keep(kept or len(lines.taken))
        whole = f"{_span(lines)} are" if lines.number > lines.first else f"line {lines.first:,} is"
        unclosed = f"{whole} one row whose quoted cell is not closed"
        lines.problem = lines.problem or unclosed
        self.early_end = self.early_end or f"rows can't be told apart: {unclosed}"
        return self._splitter.split(first), ""

    def _keep_first(self, lines: TextLines, cells: list[str]) -> tuple[list[str], str]:
        """Let the record end with its first line, which has these cells."""
        lines.keep(1)
        remark = self._splitter.remark(lines.raw, cells)
        if remark == OPEN_QUOTE and not lines.raw.endswith(("\n", "\r")):
            self.early_end = f"its last line, {lines.number:,}, breaks off within a quoted cell"
        return cells, remark

    def _join(self, lines: TextLines) -> list[str] | None:
        """Join lines to a row in which quotes within a quoted cell are not doubled; None if there is no such row."""
        text, before = lines.taken[0], self._lookahead
        for height, line in enumerate(lines.taken[1:], start=2):
            text += line
            # Each try reads the whole text. A failed one counts as read ahead: otherwise a quote in every line would
            # have the file read again for each of its lines.
            self._lookahead -= len(text) if '"' in line else len(line)
            if self._likeness.resembles(line) or self._lookahead <= 0:
                return None
            if '"' in line and self._likeness.fits(cells := self._splitter.split(text, bare=True)) and cells:
                lines.keep(height)
                self._lookahead = before
                return cells
        size = len(text)
        while self._lookahead > 0 and size <= MAX_LINE:
            try:
                line = next(lines)
            except (StopIteration, RecordTooLong):
                return None
            size += len(line)
            self._lookahead -= size if '"' in line else len(line)
            if self._likeness.resembles(line):
                return None
            if '"' in line and self._likeness.fits(cells := self._splitter.split(lines.raw, bare=True)) and cells:
                self._lookahead = before
                return cells
        return None


def _join_entities(cells: Sequence[str]) -> list[str]:
    """Join the cells that the semicolon of an entity has split: `Black &amp; Decker`."""
    joined: list[str] = []
    for cell in cells:
        if joined and _OPEN_ENTITY.search(joined[-1]):
            joined[-1] += f";{cell}"
        else:
            joined.append(cell)
    return joined


def _span(lines: TextLines) -> str:
    return f"lines {lines.first:,} to {lines.number:,}"
