"""Quotes that the rules of CSV can't explain: whether a line is a row by itself, and what its cells are then."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

OPEN_QUOTE = "a quote that is not closed, or closes within its cell, is read as a character"
BARE_QUOTES = "quotes that are not doubled within a quoted cell are read as they stand"

SPLIT_ENTITY = "cells that the semicolon of an entity has split are put together again"
SHORT_ROW = "cells that are missing at the end of a row are read as empty"

MOST_ALIKE = 0.6
"""Share of the cells of a row that must look like other cells of their columns."""

FEW_ROWS = 3
"""Rows that must be known before a line is compared with them."""

SHORT_SHARE = 0.2
"""Share of the rows that lack cells at their end, in a table whose program leaves out empty cells there."""

_KINDS = re.compile(r"(?P<space>\s)|(?P<digit>\d)|(?P<letter>\w)")


class CellSplitter:
    """Splits a text at a delimiter. A quote is a mark only if it encloses a whole cell, otherwise a character.

    With `spaced`, the spaces at the beginning of a cell are no part of it.
    """

    def __init__(self, delimiter: str, *, spaced: bool = False) -> None:
        mark = re.escape(delimiter)
        end = rf"(?={mark}|\Z)"
        start = " *+" if spaced else ""
        self.delimiter = delimiter
        self.spaced = spaced
        self._cell = re.compile(rf'{start}(?:"((?:[^"]|"")*+)"{end}|([^{mark}]*))')
        # Here a quote closes its cell only where the cell may end.
        self._bare_cell = re.compile(rf'{start}(?:"((?:[^"]|"(?!{mark}|\Z))*+)"{end}|([^{mark}\r\n]*){end})')

    def split(self, text: str, *, bare: bool = False) -> list[str]:
        """Return the cells of a text.

        With `bare`, quotes within a quoted cell need not be doubled; there are no cells if one without quotes spans
        lines.
        """
        text = text.rstrip("\r\n")
        pattern = self._bare_cell if bare else self._cell
        cells: list[str] = []
        place = 0
        while found := pattern.match(text, place):
            quoted, plain = found.groups()
            cells.append(plain if quoted is None else quoted.replace('""', '"').replace('\\"', '"'))
            place = found.end() + 1
            if place > len(text):
                return cells
        return []

    def remark(self, line: str, cells: Sequence[str]) -> str:
        """Say how the quotes of a line were read."""
        return OPEN_QUOTE if line.count('"') % 2 or any(cell.startswith('"') for cell in cells) else BARE_QUOTES


class RowLikeness:
    """Knows the rows of a table by their width and by the kinds of their cells."""

    def __init__(self, splitter: CellSplitter, width: int, sample: Sequence[str]) -> None:
        self._splitter = splitter
        self._width = width
        # Lines that are rows by the rules of CSV; not certain if a cell stays open at the end.
        rows: list[str] = []
        start = 0
        are_certain = True
        while start < len(sample):
            reader = csv.reader(
                sample[start:], delimiter=splitter.delimiter, skipinitialspace=splitter.spaced, strict=True
            )
            before = 0
            try:
                for _ in reader:
                    if reader.line_num == before + 1:
                        rows.append(sample[start + before])
                    before = reader.line_num
                break
            except csv.Error:
                if start + reader.line_num >= len(sample):
                    are_certain = False
                    if len(rows) >= FEW_ROWS:
                        break
                start += before + 1
        self._all_quoted = bool(rows) and all(line.startswith('"') for line in rows)
        self._kinds: list[set[str]] = [set() for _ in range(width)]
        self._known = short = empty_end = 0
        for line in rows:
            cells = splitter.split(line)
            short += 1 < len(cells) < width
            empty_end += not cells[-1]
            if len(cells) == width:
                self._known += 1
                for kinds, cell in zip(self._kinds, cells, strict=True):
                    kinds.add(_kind(cell))
        self._may_be_short = are_certain and not empty_end and short >= FEW_ROWS and short > SHORT_SHARE * len(rows)

    def fits(self, cells: Sequence[str]) -> bool:
        """Tell whether there are as many cells as columns; empty ones beyond them do not count."""
        if len(cells) < self._width:
            return self._may_be_short and len(cells) > 1
        return not any(cells[self._width :])

    def row_in(self, line: str) -> list[str]:
        """Return the cells of a line that is a row by itself; none if it isn't."""
        for bare in (True, False):
            if self.fits(cells := self._splitter.split(line, bare=bare)):
                return cells
        return []

    def resembles(self, line: str) -> bool:
        """Tell whether a line looks like a row of the table."""
        if self._all_quoted and not line.startswith('"'):
            return False
        cells = self.row_in(line)
        if not cells or not any(cells):
            return False
        if self._known < FEW_ROWS:
            return self._width > FEW_ROWS
        kinds = [(_kind(cell), known) for cell, known in zip(cells, self._kinds, strict=False)]
        if any(kind.startswith(" ") and not any(one.startswith(" ") for one in known) for kind, known in kinds):
            return False  # a word after a comma, not a cell
        return sum(kind in known for kind, known in kinds) >= MOST_ALIKE * len(kinds)


def _kind(cell: str) -> str:
    """Return the kind of a cell: nothing, a space before it, spaces, digits, letters."""
    found = {match.lastgroup or "" for match in _KINDS.finditer(cell[:200])}
    return ("" if not cell[:1].isspace() else " ") + ",".join(sorted(found))
