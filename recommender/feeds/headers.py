"""The header of a table: it is among the first records, some of which may be titles and comments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from recommender.feeds.columns import Field, match_columns

HEADER_RECORDS = 30
"""Records among which the header is searched; exports have up to ten lines above it."""

MOSTLY_NAMED = 0.8
"""Share of the cells of a header that hold a name: a title above it fills one cell of many."""

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Header:
    """A record that may be the header: its names, and how many lines are `above` it and are its own."""

    names: tuple[str, ...]
    above: int
    height: int = 1

    @classmethod
    def of(cls, cells: Sequence[str], above: int, height: int = 1) -> Header:
        """Make a header of a record; cells without a name at its end are not columns."""
        names = [cell.strip() for cell in cells]
        while names and not names[-1]:
            names.pop()
        return cls(tuple(names), above, height)

    def score(self, mapping: Mapping[str, str]) -> tuple[bool, int]:
        """Return whether SKU and title are among the columns, and how many columns are known."""
        columns = match_columns(self.names, mapping)
        has_both = Field.SKU in columns.fields and Field.TITLE in columns.fields
        return has_both, len(columns.fields) + len(columns.attributes)


def find_header(choices: Mapping[Choice, Sequence[Header]], mapping: Mapping[str, str]) -> tuple[Choice, Header]:
    """Return the header among the first records, for each way to read them (a delimiter, a sheet), and that way.

    It is the first with a SKU and a title, or the last of those that follow it with both; if none has them, the first
    that looks like a header, for the message.
    """
    best: list[tuple[tuple[bool, int, int], Choice, Header]] = []
    for choice, headers in choices.items():
        are_named = [header.score(mapping)[0] for header in headers]
        place = are_named.index(True) if any(are_named) else -1
        while place >= 0 and are_named[place + 1 : place + 2] == [True]:
            place += 1  # labels are above the names of the fields, as in Amazon's flat files
        if place >= 0:
            chosen = headers[place]
        elif headers:  # as wide as the rows, and filled; the numbers of rows in the first column may have no name
            filled = [
                header for header in headers if len(header.names) * MOSTLY_NAMED <= sum(map(bool, header.names[1:])) + 1
            ]
            usual = Counter(len(header.names) for header in headers).most_common(1)[0][0]
            chosen = next((header for header in filled if len(header.names) >= usual), headers[0])
        else:
            chosen = Header((), 0)
        best.append(((*chosen.score(mapping), len(chosen.names)), choice, chosen))
    _, choice, header = max(best, key=lambda found: found[0])
    return choice, header
