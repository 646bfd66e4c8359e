"""Exports of shop systems as tables: their own columns, and rows that lean on one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from recommender.errors import BadFeed
from recommender.feeds.cells import first_text_of
from recommender.feeds.columns import Field, attribute_of, column_named, enumerate_names, plain_name
from recommender.feeds.rejections import BadRow
from recommender.feeds.rows import Feed, Row
from recommender.feeds.tables import Table


@dataclass(frozen=True, slots=True)
class Platform:
    """How a shop system exports its products.

    `parts` are the names of each part, in small letters without separators, the preferred first. A header is this
    system's when it has a part of each of `telling`, which separates alternatives by `|`. `fields` names the part that
    each field is read from, and `read` makes the rows, of which some may be marked as not offered.
    """

    name: str
    parts: Mapping[str, str]
    telling: tuple[str, ...]
    required: tuple[str, ...]
    fields: Mapping[Field, str]
    read: Callable[[ShopTable], Iterator[Row]]

    def wrote(self, header: Sequence[str]) -> bool:
        """Tell by the names of its columns whether a table is this system's."""
        plain = {plain_name(name) for name in header}
        found = {part for part, names in self.parts.items() if not plain.isdisjoint(map(plain_name, names.split()))}
        return all(not found.isdisjoint(alternatives.split("|")) for alternatives in self.telling)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an export: its first line, its cells by what they are, and those that `--map` asks for by field.

    `attributes` are the cells whose columns say that they are one.
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
    """A table whose columns are found under any of the names that a shop system gives them.

    Raises `BadFeed` when a required part is not there, stands there twice, or a column of `mapping` is missing.
    """

    def __init__(self, table: Table, platform: Platform, mapping: Mapping[str, str]) -> None:
        self.table = table
        columns = {part: self._column(names) for part, names in platform.parts.items()}
        self._columns = {part: column for part, column in columns.items() if column is not None}
        for part in platform.required:
            if part not in self._columns:
                raise BadFeed(
                    f"{table.name}: is not an export of {platform.name}: no column for the {part} among"
                    f" {enumerate_names(table.columns)}; use --format csv for a table of another kind"
                )
        self._dropped = tuple(field for field, column in mapping.items() if not column)
        self._mapped = {field: self._mapped_column(field, column) for field, column in mapping.items() if column}

    @property
    def leftover_names(self) -> tuple[str, ...]:
        """Columns that nothing is read from."""
        read = {*self._columns.values(), *self._mapped.values()}
        return tuple(name for name in self.table.columns if name and name not in read)

    def field_columns(self, fields: Mapping[Field, str]) -> dict[Field, str]:
        """Return the column of each field that is read from one of these parts, or that `--map` names."""
        columns = {field: self._columns[part] for field, part in fields.items() if part in self._columns}
        return {each: column for each, column in columns.items() if each not in self._dropped} | {
            Field(name): column for name, column in self._mapped.items() if not attribute_of(name)
        }

    def telling_columns(self, telling: Sequence[str]) -> list[str]:
        """Return the columns by which the system was told."""
        parts = [alternatives.split("|") for alternatives in telling]
        return [next(self._columns[part] for part in each if part in self._columns) for each in parts]

    def records(self) -> Iterator[Record]:
        """Read the records below the header, in bounded memory; cells without white space around them."""
        for row in self.table.rows():
            texts: Mapping[str, Any] = row.cells
            if not all(isinstance(cell, str) for cell in texts.values()):
                texts = {name: _text(cell) for name, cell in texts.items()}
            cells = {part: texts.get(column, "").strip() for part, column in self._columns.items()}
            named = {field: texts.get(column, "") for field, column in self._mapped.items()}
            mapped = dict.fromkeys(self._dropped, "") | named
            attributes = {attribute: texts[name] for name in texts if (attribute := attribute_of(name))}
            yield Record(row.number, cells, mapped, str(row.raw), row.problem, row.remark, attributes)

    def _column(self, names: str) -> str | None:
        header = [plain_name(name) for name in self.table.columns]
        found = next((name for name in map(plain_name, names.split()) if name in header), None)
        if found is None:
            return None
        column = self.table.columns[header.index(found)]
        if header.count(found) > 1:
            raise BadFeed(f"{self.table.name}: the column {column!r} stands there twice; rename or remove one")
        return column

    def _mapped_column(self, field: str, column: str) -> str:
        found = column_named(column, self.table.columns)
        if found is None:
            known = enumerate_names(self.table.columns)
            raise BadFeed(f"{self.table.name}: no column {column!r} for --map {field}={column}; it has {known}")
        return found


def _text(cell: Any) -> str:
    try:
        return first_text_of(cell, "the cell")
    except BadRow:
        return ""


class ShopExport(Feed):
    """Reads the export of a shop system; what it marks as not offered is left out and counted as withdrawn."""

    def __init__(self, table: Table, platform: Platform, mapping: Mapping[str, str]) -> None:
        self.name = table.name
        self._table = ShopTable(table, platform, mapping)
        self.platform = platform
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
        """The columns by which the system was told."""
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
    """Return the row of a record, with what `--map` says in place of what the system's own columns say."""
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
