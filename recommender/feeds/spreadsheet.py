"""Spreadsheets of Excel and OpenDocument, of which one sheet is the table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, time
from io import BytesIO
from itertools import islice
from typing import Any, ClassVar

from recommender.errors import BadFeed, one_line
from recommender.feeds.archives import unpacked_size
from recommender.feeds.cells import LARGEST_WHOLE, text_of
from recommender.feeds.headers import HEADER_RECORDS, Header, find_header
from recommender.feeds.sources import FeedFile
from recommender.feeds.tables import Table, TableRow

LARGEST_SHEETS = 512 << 20
"""Bytes of all sheets, unpacked: 512 MiB hold a million products; calamine takes half as much again of memory."""

AMBIGUOUS_DECIMALS = 3
"""A number with so many decimals would read as one with thousands; it gets one more."""


class SpreadsheetTable(Table):
    """The rows of the sheet whose header makes most sense, as texts; `others` are the further sheets.

    Raises `BadFeed` for what is no spreadsheet.
    """

    unit: ClassVar[str] = "row"

    def __init__(self, file: FeedFile, mapping: Mapping[str, str]) -> None:
        from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

        self.name = file.name
        if max(unpacked_size(file.path), file.path.stat().st_size) > LARGEST_SHEETS:
            raise BadFeed(f"{file.name}: its sheets hold more than {LARGEST_SHEETS >> 20} MiB; save the table as CSV")
        try:
            with file.open() as stream:
                workbook = CalamineWorkbook.from_filelike(BytesIO(stream.read(LARGEST_SHEETS)))
            sheets = {
                sheet.name: workbook.get_sheet_by_name(sheet.name)
                for sheet in workbook.sheets_metadata
                if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
            }
        except (CalamineError, OSError, ValueError) as error:
            why = one_line(error, 100)
            raise BadFeed(f"{file.name}: is not a readable spreadsheet ({why}); save it as CSV") from error
        choices = {
            name: [
                Header.of(list(map(_text, cells)), above)
                for above, cells in enumerate(islice(sheet.iter_rows(), HEADER_RECORDS))
                if any(cells)
            ]
            for name, sheet in sheets.items()
        }
        if not any(choices.values()):
            raise BadFeed(f"{file.name}: has no sheet with a table; expected a header and one row for each product")
        chosen, self._header = find_header({name: found for name, found in choices.items() if found}, mapping)
        self._sheet = sheets[chosen]
        self.others = {name: sheet for name, sheet in sheets.items() if name != chosen and choices[name]}
        beside = ", ".join(repr(name[:40]) for name in self.others)
        self.layout = f"the sheet {chosen[:40]!r}" + (f" beside {beside}" if beside else "")
        self.columns = self._header.names

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - rows are read whole
        """Read the rows below the header; blank ones and repeated headers are skipped."""
        names = self.columns
        for number, row in enumerate(self._sheet.iter_rows(), start=1):
            if number <= self._header.above + 1:
                continue
            cells = [_text(cell) for cell in row]
            if any(map(str.strip, cells)) and tuple(map(str.strip, cells[: len(names)])) != names:
                named: dict[str, str] = {}
                for name, cell in zip(names, cells, strict=False):
                    named.setdefault(name, cell)
                yield TableRow(number, {name: named.get(name, "") for name in names}, cells)

    def records(self, name: str) -> Iterator[dict[str, str]]:
        """Read another sheet, whose first row is its header; nothing if there is no such sheet."""
        if name in self.others:
            header, *rows = ([_text(cell) for cell in row] for row in self.others[name].iter_rows())
            yield from (dict(zip(header, row, strict=False)) for row in rows)


def _text(value: Any) -> str:
    """Return a cell as it would be in a CSV file."""
    if isinstance(value, float) and not (value.is_integer() and abs(value) < LARGEST_WHOLE):
        text = format(value, ".12g")
        return f"{text}0" if len(text.partition(".")[2]) == AMBIGUOUS_DECIMALS else text
    return value.isoformat() if isinstance(value, date | time) else text_of(value, "the cell")
