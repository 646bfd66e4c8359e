"""What the report of a feed says of cells that could not be read as they are: their products are imported anyway."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

LONGEST_EXAMPLE = 60
"""Characters of a cell that are shown as an example."""

MOST_KINDS = 60
"""Kinds of remarks that are kept; more only repeat that the feed is not clean."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What became of one cell of a product. A `lost` one is not as the feed says: left unknown, dropped or cut.

    `reason` says what is wrong with the cell, for people who can still correct it.
    """

    field: str
    what: str
    cell: str
    lost: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RemarkCount:
    """How often a feed gave cause for a remark, and where first. `example` is the cell there."""

    field: str
    what: str
    count: int
    line: int
    sku: str
    example: str
    lost: bool

    def __str__(self) -> str:
        return f"{self.field} {self.what}: {self.count:,}, first {self.example!r} (line {self.line:,}, SKU {self.sku})"


class RemarkTally:
    """Counts remarks by field and kind."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], RemarkCount] = {}

    def add(self, remarks: Iterable[Remark], line: int, sku: str) -> None:
        """Count the remarks on a row."""
        for remark in remarks:
            key = (remark.field, remark.what)
            if known := self._counts.get(key):
                self._counts[key] = replace(known, count=known.count + 1)
            elif len(self._counts) < MOST_KINDS:
                example = " ".join(remark.cell.split())[:LONGEST_EXAMPLE]
                self._counts[key] = RemarkCount(remark.field, remark.what, 1, line, sku, example, remark.lost)

    def counts(self) -> tuple[RemarkCount, ...]:
        """Return the remarks, the most costly first."""
        return tuple(sorted(self._counts.values(), key=lambda count: (not count.lost, -count.count)))
