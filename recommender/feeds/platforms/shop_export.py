"""Exports of shop systems as tables: their own columns, and rows that depend on each other."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any

from recommender.errors import BadFeed
from recommender.feeds.cells import first_text_of
from recommender.feeds.columns import MAX_NAMES, Field, attribute_of, column_named, enumerate_names, plain_name
from recommender.feeds.rejections import BadRow
from recommender.feeds.rows import Feed, Row
from recommender.feeds.tables import Table


@dataclass(frozen=True, slots=True)
class Platform:
    """How a shop system exports its products.

    `parts` are the names of each part, in small letters without separators, the preferred first; `*` in one stands for
    anything, and `?` for a letter. Where a header has several of them, the first that is filled counts. A header is
    this system's when it has a part of each of `telling`. `fields` names the part that each field is read from; in
    both, `|` separates alternatives. `read` makes the rows, some of them marked as not offered. Columns that begin with
    `options` hold one option of a variant each. Of `joined` parts all columns count, as there is one for each place:
    numbers are added, and words listed.
    """

    name: str
    parts: Mapping[str, str]
    telling: tuple[str, ...]
    required: tuple[str, ...]
    fields: Mapping[Field, str]
    read: Callable[[ShopTable], Iterator[Row]]
    options: str = ""
    joined: tuple[str, ...] = ()

    def wrote(self, header: Sequence[str]) -> bool:
        """Tell by the names of its columns whether a table is this system's."""
        plain = dict.fromkeys(map(plain_name, header))
        found = {part for part, names in self.parts.items() if any(_names_in(names, plain))}
        return all(not found.isdisjoint(alternatives.split("|")) for alternatives in self.telling)


@cache
def _plain_names(names: str) -> tuple[str, ...]:
    return tuple(
        "".join(part if part in ("*", "?") else plain_name(part) for part in re.split(r"([*?])", name))
        for name in names.split()
    )


def _names_in(names: str, plain_header: Collection[str]) -> Iterator[str]:
    """Yield the names of a part that a header has, the preferred first."""
    for name in _plain_names(names):
        yield from (
            fnmatch.filter(plain_header, name) if "*" in name or "?" in name else [name] if name in plain_header else []
        )


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an export: its first line, its cells by part, and those that `--map` asks for by field.

    `attributes` are the cells whose columns say that they are attributes.
    """

    line: int
    cells: Mapping[str, str]
    mapped: Mapping[str, str]
    raw: str
    problem: str
    remark: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __getitem__(self, part: str) -> str:
        return self.cells.get(part, "")


class ShopTable:
    """A table whose columns are found under any of the names that a shop system gives them, or by their `places`.

    Raises `BadFeed` when a required part is missing, is there twice, or a column of `mapping` is missing.
    """

    def __init__(
        self,
        table: Table,
        platform: Platform,
        mapping: Mapping[str, str],
        places: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.table, self.platform = table, platform
        self._places = places
        self._names: dict[str, None] = {}
        self._columns: dict[str, str] = {}
        self._further: dict[str, list[str]] = {}
        self._learn(table.columns)
        self._options = {
            name: " ".join(name[len(platform.options) :].replace("_", " ").split())
            for name in table.columns
            if platform.options and name.casefold().startswith(platform.options)
        }
        for part in platform.required:
            if part not in self._columns:
                raise BadFeed(
                    f"{table.name}: is not an export of {platform.name}: no column for the {part} among"
                    f" {enumerate_names(table.columns)}; use --format csv for a table of another kind"
                )
        self._dropped = tuple(field for field, column in mapping.items() if not column)
        self._mapped: dict[str, str] = {}
        for name, column in mapping.items():
            if not column:
                continue
            found = column_named(column, table.columns)
            if found is None:
                known = enumerate_names(table.columns)
                raise BadFeed(f"{table.name}: no column {column!r} for --map {name}={column}; it has {known}")
            self._mapped[name] = found

    def _learn(self, names: Iterable[str]) -> None:
        """Find the columns of the parts among these names and those that were learnt before."""
        self._names.update(dict.fromkeys(names))
        listed = list(self._names) if not self.table.uniform else list(self.table.columns)
        header = [plain_name(name) for name in listed]
        found: dict[str, list[str]] = {}
        for part, wanted in self.platform.parts.items():
            plain = list(dict.fromkeys(_names_in(wanted, header)))
            found[part] = [listed[header.index(name)] for name in plain]
            if plain and header.count(plain[0]) > 1:
                raise BadFeed(
                    f"{self.table.name}: the column {found[part][0]!r} stands there twice; rename or remove one"
                )
        found |= {part: [column] for part, column in self._places.items()}
        self._columns = {part: columns[0] for part, columns in found.items() if columns}
        self._further = {part: columns[1:] for part, columns in found.items() if len(columns) > 1}

    @property
    def leftover_names(self) -> tuple[str, ...]:
        """Columns that nothing is read from; if the rows differ in them, in the rows read so far."""
        read = {*self._columns.values(), *self._mapped.values(), *self._options}
        read.update(*self._further.values())
        return tuple(name for name in self._names if name and name not in read and not attribute_of(name))

    def field_columns(self, fields: Mapping[Field, str]) -> dict[Field, str]:
        """Return the column of each field that is read from one of these parts, or that `--map` names."""
        parts = (
            (field, next((part for part in each.split("|") if part in self._columns), ""))
            for field, each in fields.items()
        )
        columns = {field: self._columns[part] for field, part in parts if part}
        return {each: column for each, column in columns.items() if each not in self._dropped} | {
            Field(name): column for name, column in self._mapped.items() if not attribute_of(name)
        }

    def telling_columns(self, telling: Sequence[str]) -> list[str]:
        """Return the columns by which the system was recognised."""
        parts = [alternatives.split("|") for alternatives in telling]
        return [next(self._columns[part] for part in each if part in self._columns) for each in parts]

    def records(self) -> Iterator[Record]:
        """Read the records below the header, in bounded memory; cells without white space around them."""
        differ, seen = not self.table.uniform, set(self._names)
        for row in self.table.rows():
            texts: Mapping[str, Any] = row.cells
            if differ and not texts.keys() <= seen and len(seen) < MAX_NAMES:
                # The first rows show most of the names, but variants may come later.
                known = set(map(plain_name, self._names))
                new = [name for name in texts if name not in seen and not attribute_of(name)]
                seen.update(texts)
                if unknown := [name for name in new if plain_name(name) not in known]:
                    self._learn(unknown)
            if not all(isinstance(cell, str) for cell in texts.values()):
                read = dict.fromkeys(texts, "")
                for name, cell in texts.items():
                    with suppress(BadRow):
                        read[name] = first_text_of(cell, "the cell")
                texts = read
            cells = {part: texts.get(column, "").strip() for part, column in self._columns.items()}
            for part, columns in self._further.items():
                if part in self.platform.joined:
                    cells[part] = _join([cells[part], *(texts.get(column, "").strip() for column in columns)])
                elif not cells[part]:
                    cells[part] = next(filter(None, (texts.get(column, "").strip() for column in columns)), "")
            if self._options:
                stated = (
                    (name, value) for column, name in self._options.items() if (value := texts.get(column, "").strip())
                )
                for number, (name, value) in enumerate(stated, start=1):
                    cells[f"name {number}"], cells[f"value {number}"] = name, value
            named = {field: texts.get(column, "") for field, column in self._mapped.items()}
            mapped = dict.fromkeys(self._dropped, "") | named
            attributes = {attribute: texts[name] for name in texts if (attribute := attribute_of(name))}
            yield Record(row.number, cells, mapped, str(row.raw), row.problem, row.remark, attributes)


def _join(cells: Sequence[str]) -> str:
    """Return the sum of numbers, or each of other words once."""
    stated = list(filter(None, cells))
    try:
        return f"{sum(map(float, stated)):g}" if stated else ""
    except ValueError:
        return " ".join(dict.fromkeys(stated))


class ShopExport(Feed):
    """Reads the export of a shop system; what it marks as not offered is left out and counted as withdrawn."""

    def __init__(self, table: ShopTable) -> None:
        self.name = table.table.name
        self._table = table
        self.platform = table.platform
        self._withdrawn: dict[str, None] = {}

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that nothing is read from."""
        return self._table.leftover_names

    @property
    def field_columns(self) -> Mapping[Field, str]:
        """The column that each field is read from."""
        return self._table.field_columns(self.platform.fields)

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """SKUs that the file names as not offered, in the rows read so far."""
        return tuple(self._withdrawn)

    @property
    def telling_columns(self) -> list[str]:
        """The columns by which the system was recognised."""
        return self._table.telling_columns(self.platform.telling)

    def rows(self) -> Iterator[Row]:
        """Read the products, in bounded memory."""
        self._withdrawn = {}
        for row in self.platform.read(self._table):
            if row.offered:
                yield row
            elif sku := str(row.cells.get(Field.SKU, "")).strip():
                self._withdrawn[sku] = None
        self.early_end = self._table.table.early_end


def shop_row(
    record: Record,
    fields: Mapping[Field, object],
    attributes: Mapping[str, str],
    problem: str = "",
    offered: bool = True,
) -> Row:
    """Return the row of a record, with `--map` in place of the system's own columns."""
    cells, named = dict(fields), dict(attributes)
    for name, value in record.mapped.items():
        if attribute := attribute_of(name):
            named[attribute] = value
        else:
            cells[Field(name)] = value
    return Row(record.line, cells, named, record.raw, problem, offered, record.remark)


def unreadable_row(record: Record, sku: str) -> Row:
    """Return the row of a record that could not be read."""
    return Row(record.line, {Field.SKU: record.mapped.get(Field.SKU) or sku}, raw=record.raw, problem=record.problem)
