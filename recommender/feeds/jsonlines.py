"""JSON Lines feeds: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

from recommender.errors import BadFeed
from recommender.feeds.columns import Field, match_columns, require_columns
from recommender.feeds.encodings import detect_encoding
from recommender.feeds.lines import TextLines
from recommender.feeds.objects import exact_number
from recommender.feeds.record_shapes import MAX_NAMES, Shapes
from recommender.feeds.rejections import BadRow
from recommender.feeds.rows import Row
from recommender.feeds.sources import FeedFile
from recommender.query.serialization import kind_of

SAMPLED_LINES = 200
"""Objects whose names are looked at before anything is written."""


class JsonLinesFeed:
    """Reads objects. Each may have members of its own; every shape is matched to the fields by itself."""

    def __init__(self, file: FeedFile, mapping: Mapping[Field, str]) -> None:
        self._file = file
        self._encoding = detect_encoding(file.name, file.sample())
        self._shapes = Shapes(lambda names: match_columns(names, mapping), lambda columns: columns.ignored)
        self.ended_early = ""
        require_columns(file.name, self._sampled_names(), mapping)

    @property
    def name(self) -> str:
        """What messages call the feed."""
        return self._file.name

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Members that no field was read from, in the rows read so far."""
        return self._shapes.ignored

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """None: such a file states only what is offered."""
        return ()

    def rows(self) -> Iterator[Row]:
        """Read the objects, in bounded memory."""
        self.ended_early = ""
        with self._file.open() as stream:
            lines = TextLines(self._file.name, stream, self._encoding)
            objects = _Objects(lines)
            row = Row(0)
            for line in objects:
                row = self._row(lines, line)
                yield row
            self.ended_early = objects.ended_early or _breaks_off(row)

    def _sampled_names(self) -> list[str]:
        names: dict[str, None] = {}
        reasons: list[str] = []
        with self._file.open() as stream:
            lines = TextLines(self._file.name, stream, self._encoding)
            for line in islice(_Objects(lines), SAMPLED_LINES):
                try:
                    names.update(dict.fromkeys(_object(line)))
                except BadRow as error:
                    reasons.append(str(error))
        if not names:
            why = f"; line 1: {reasons[0]}" if reasons else ""
            raise BadFeed(f"{self.name}: is not JSON Lines, which has one object a line{why}")
        return list(names)[:MAX_NAMES]

    def _row(self, lines: TextLines, line: str) -> Row:
        if lines.problem:
            return Row(lines.first, raw=lines.raw, problem=lines.problem)
        try:
            members = _object(line)
        except BadRow as error:
            return Row(lines.first, raw=lines.raw, problem=str(error))
        columns = self._shapes.of(tuple(members))
        fields = {field: members[name] for field, name in columns.fields.items()}
        attributes = {attribute: members[name] for attribute, name in columns.attributes.items()}
        return Row(lines.first, fields, attributes, lines.raw)


class _Objects:
    """The lines that hold objects; of a list with one object a line, those between its brackets, without commas."""

    def __init__(self, lines: TextLines) -> None:
        self._lines = lines
        self.ended_early = ""

    def __iter__(self) -> Iterator[str]:
        found = (line for line in self._lines.one_by_one() if line.strip() or self._lines.problem)
        first = next(found, "")
        if first.strip() != "[":
            yield from chain(filter(None, [first]), found)
            return
        line = first
        for line in found:
            if line.strip() != "]":
                yield line.rstrip().removesuffix(",")
        if line.strip() != "]":
            self.ended_early = "its list is not closed with ]"


def _breaks_off(last: Row) -> str:
    """Return what the last line breaks off with; empty when the file ended in good order."""
    cut = last.problem and not str(last.raw).endswith(("\n", "\r"))
    return f"its last line, {last.line:,}, breaks off: {last.problem}" if cut else ""


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line, parse_float=exact_number)
    except json.JSONDecodeError as error:
        raise BadRow(f"not JSON: {error.msg} at column {error.colno:,}") from None
    except (ValueError, RecursionError):
        raise BadRow("not JSON that can be read: too deep, or a number too long") from None
    if not isinstance(value, dict):
        raise BadRow(f"not a JSON object but {kind_of(value)}")
    return value
