"""JSON Lines files, one object a line, as feeds and as tables of training data."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import Any, ClassVar

from recommender.errors import BadFeed
from recommender.feeds.cells import exact_number
from recommender.feeds.columns import MAX_NAMES
from recommender.feeds.encodings import detect_encoding
from recommender.feeds.lines import TextLines
from recommender.feeds.sources import FeedFile
from recommender.feeds.tables import Table, TableRow
from recommender.query.serialization import kind_of

SAMPLED_LINES = 200
"""Objects whose names are looked at before anything is written."""


class JsonLinesTable(Table):
    """The objects of a file; of a list with one object a line, those between its brackets.

    `columns` are the names in the first `SAMPLED_LINES` objects. `early_end` says why the file seems cut off, when
    its objects have been read; it is empty when the file ended in good order. Raises `BadFeed` for a file without
    objects.
    """

    uniform: ClassVar[bool] = False

    def __init__(self, file: FeedFile) -> None:
        self.name = file.name
        self._file = file
        self._encoding = detect_encoding(file.name, file.sample())
        names: dict[str, None] = {}
        reason = ""
        for row in islice(self.rows(), SAMPLED_LINES):
            names.update(dict.fromkeys(row.cells))
            reason = reason or (row.problem and f"; line {row.number}: {row.problem}")
        if not names:
            raise BadFeed(f"{self.name}: is not JSON Lines, which has one object a line{reason}")
        self.columns = tuple(names)[:MAX_NAMES]

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - lines are read whole
        """Read the objects, one a line."""
        self.early_end = ""
        with self._file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding)
            broken = ""
            for line in self._object_lines(lines):
                members, problem = ({}, lines.problem) if lines.problem else _parse(line)
                cut = problem and not lines.raw.endswith(("\n", "\r"))
                broken = f"its last line, {lines.first:,}, breaks off: {problem}" if cut else ""
                yield TableRow(lines.first, members, lines.raw, problem)
            self.early_end = self.early_end or broken

    def _object_lines(self, lines: TextLines) -> Iterator[str]:
        filled = (line for line in lines.one_by_one() if line.strip() or lines.problem)
        first = next(filled, "")
        if first.strip() != "[":
            yield from chain(filter(None, [first]), filled)
            return
        line = first
        for line in filled:
            if line.strip() != "]":
                yield line.rstrip().removesuffix(",")
        if line.strip() != "]":
            self.early_end = "its list is not closed with ]"


def _parse(line: str) -> tuple[dict[str, Any], str]:
    """Return the members of an object; none, and the reason, for a line that holds no object."""
    try:
        value = json.loads(line, parse_float=exact_number)
    except json.JSONDecodeError as error:
        return {}, f"not JSON: {error.msg} at column {error.colno:,}"
    except (ValueError, RecursionError):
        return {}, "not JSON that can be read: too deep, or a number too long"
    return (value, "") if isinstance(value, dict) else ({}, f"not a JSON object but {kind_of(value)}")
