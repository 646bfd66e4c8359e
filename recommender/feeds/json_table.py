"""JSON files: one object a line, a list of objects, or a list within other objects, as APIs answer."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import Any, ClassVar

from recommender.errors import BadFeed
from recommender.feeds.columns import MAX_NAMES
from recommender.feeds.encodings import detect_encoding
from recommender.feeds.headers import Header
from recommender.feeds.json_stream import JsonDecoder, JsonItem, JsonStream, Path, not_json, problem_of, unwrap
from recommender.feeds.lines import TextLines
from recommender.feeds.sources import FeedFile
from recommender.feeds.tables import Table, TableRow

SAMPLED_ITEMS = 200
"""Objects whose names are read before anything is written."""

SAMPLED_VALUES = 20_000
"""Values among which the list of products is searched: other lists of an answer may come before it."""

ANY_NAME = "*"
"""Stands in a path for the members of an object whose names are those of the products."""


class JsonTable(Table):
    """The objects of a file. `columns` are the names in the first `SAMPLED_ITEMS` objects.

    Of several lists of objects it reads the one with a SKU and a title, or whose names are known best. A damaged object
    costs only itself, as far as the next one can be found. Raises `BadFeed` for a file without objects.
    """

    uniform: ClassVar[bool] = False

    def __init__(self, file: FeedFile, mapping: Mapping[str, str] | None = None) -> None:
        self.name = file.name
        self._file = file
        self._mapping = mapping or {}
        self._encoding = detect_encoding(file.name, file.text_sample(), file.charset)
        self._path: Path | None = None
        sample = [(row.cells, row.problem, row.number) for row in islice(self._lines(), SAMPLED_ITEMS)]
        if not self._has_object_lines([cells for cells, _, _ in sample if cells]):
            are_whole = len(sample) > 1 and all(cells for cells, _, _ in sample)
            try:
                path, listed = self._find_list()
            except BadFeed:
                if not are_whole:
                    raise
            else:
                # Objects on one line each may hold others and not be products: training data, for example.
                if not are_whole or self._score([cells for cells, _, _ in listed])[0]:
                    self._path, sample = path, listed
        self.columns = tuple(_names([cells for cells, _, _ in sample]))[:MAX_NAMES]
        if not self.columns:
            why = next((f"; line {number}: {problem}" for _, problem, number in sample if problem), "")
            raise not_json(self.name, why)

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:  # noqa: ARG002 - objects are read whole
        """Read the objects. Raises `BadFeed` if the file is cut off or no longer JSON."""
        return self._lines() if self._path is None else self._items(self._path)

    def _has_object_lines(self, objects: Sequence[Mapping[str, Any]]) -> bool:
        """Tell whether the file has one object a line."""
        with self._file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding).one_by_one()
            first = next((line for line in lines if line.strip() not in ("", "[")), "").strip()
        if not first.startswith("{") and first.startswith(("[", '"')):
            return False
        with suppress(ValueError, RecursionError):
            value, end, _ = JsonDecoder().decode(first)
            if not isinstance(value, dict):
                return True  # whatever it is, the lines say what is wrong with them
            holds_objects = any(
                isinstance(member, dict) or (isinstance(member, list) and isinstance(next(iter(member), None), dict))
                for member in value.values()
            )
            return not first[end:].strip(",; ") and (not holds_objects or self._score(objects)[0])
        # The first line is damaged, or continues in the next.
        return self._score(objects)[0] and not first.endswith(("{", ",", "["))

    def _score(self, objects: Sequence[Mapping[str, Any]]) -> tuple[bool, int]:
        return Header(tuple(_names(objects)), 0).score(self._mapping)

    def _find_list(self) -> tuple[Path, list[tuple[Mapping[str, Any], str, int]]]:
        """Return the path of the list of products, and its first objects."""
        found: dict[Path, list[tuple[Mapping[str, Any], str, int]]] = {}
        with self._file.open() as stream:
            values = JsonStream(self.name, stream, self._encoding).items(lambda _: False)
            broken: BadFeed | None = None
            try:
                for item in islice(values, SAMPLED_VALUES):
                    row = _row(item)
                    is_member = len(item.path) > 1 and item.path[-1] == ""
                    for path in (item.path, (*item.path[:-2], ANY_NAME)) if is_member else (item.path,):
                        sample = found.setdefault(path, [])
                        if len(sample) < SAMPLED_ITEMS and (row.cells or row.problem):
                            sample.append((row.cells, row.problem, row.number))
            except BadFeed as error:
                broken = error  # what is before the damage is worth reading
        scores = {path: self._score([cells for cells, _, _ in sample]) for path, sample in found.items()}
        if not any(cells for sample in found.values() for cells, _, _ in sample):
            problems = (f"; line {line}: {problem}" for sample in found.values() for _, problem, line in sample)
            raise broken or not_json(self.name, next(problems, ""))
        # If an object and a list within it have equally good names, the list comes first; so does the shorter path.
        best = max(scores, key=lambda path: (scores[path], path[-1:] != ("",), path[-1:] != (ANY_NAME,), -len(path)))
        return best, found[best]

    def _items(self, wanted: Path) -> Iterator[TableRow]:
        self.early_end = ""
        last = wanted[-1:]
        is_object = last in (("",), (ANY_NAME,))

        def is_item(path: Path) -> bool:
            if last == (ANY_NAME,):
                return path[:-1] == wanted[:-1] and path[-1:] not in ((), ("",))
            return is_object and path == wanted[:-1]

        with self._file.open() as stream:
            items = JsonStream(self.name, stream, self._encoding)
            try:
                for item in items.items(is_item):
                    if is_item(item.path) or (not is_object and item.path == wanted):
                        yield _row(item)
            except BadFeed as error:
                self.early_end = str(error)
                raise

    def _lines(self) -> Iterator[TableRow]:
        self.early_end = ""
        broken = ""
        decoder = JsonDecoder()
        with self._file.open() as stream:
            lines = TextLines(self.name, stream, self._encoding)
            for line in self._object_lines(lines):
                cells: Mapping[str, Any] = {}
                problem = lines.problem or ""
                if not problem:
                    cells, problem = _parse(decoder, line)
                cut = problem and not lines.raw.endswith(("\n", "\r"))
                broken = f"its last line, {lines.first:,}, breaks off: {problem}" if cut else ""
                yield TableRow(lines.first, cells, lines.raw, problem, "" if problem else decoder.remark)
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


def _parse(decoder: JsonDecoder, line: str) -> tuple[Mapping[str, Any], str]:
    """Return the members of an object; none, and the reason, for a line that holds no object."""
    start = len(line) - len(line.lstrip())
    try:
        value, end, _ = decoder.decode(line, start)
    except json.JSONDecodeError as error:
        return {}, f"not JSON: {error.msg} at column {error.colno:,}"
    except (ValueError, RecursionError):
        return {}, "not JSON that can be read: too deep, or a number too long"
    if line[end:].strip(" \t\r\n,"):
        return {}, f"not JSON: more than one value at column {end + 1:,}"
    return (value, "") if isinstance(value, dict) else ({}, problem_of(value))


def _row(item: JsonItem) -> TableRow:
    value = unwrap(item.value)
    problem = item.problem or problem_of(value)
    return TableRow(item.line, {} if problem else value, item.raw, problem, item.remark)


def _names(objects: Sequence[Mapping[str, Any]]) -> dict[str, None]:
    return dict.fromkeys(name for members in objects for name in members)
