"""Exports of shop systems as tables: their own columns, and rows that lean on one another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from recommender.errors import BadFeed
from recommender.feeds.columns import Field, column_named, enumerate_names, plain_name
from recommender.feeds.delimited import DelimitedTable
from recommender.feeds.rows import Feed, Row


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
        found = {part for part, names in self.parts.items() if not plain.isdisjoint(names.split())}
        return all(not found.isdisjoint(alternatives.split("|")) for alternatives in self.telling)


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an export: its first line, its cells by what they are, and those that `--map` asks for by field."""

    line: int
    cells: Mapping[str, str]
    mapped: Mapping[Field, str]
    raw: str
    problem: str

    def __getitem__(self, part: str) -> str:
        return self.cells.get(part, "")


class ShopTable:
    """A table whose columns are found under any of the names that a shop system gives them.

    Raises `BadFeed` when a required part is not there, stands there twice, or a column of `mapping` is missing.
    """

    def __init__(self, table: DelimitedTable, platform: Platform, mapping: Mapping[Field, str]) -> None:
        self.table = table
        places = {part: self._place(names) for part, names in platform.parts.items()}
        self._places = {part: place for part, place in places.items() if place is not None}
        for part in platform.required:
            if part not in self._places:
                raise BadFeed(
                    f"{table.name}: is not an export of {platform.name}: no column for the {part} among"
                    f" {enumerate_names(table.header)}; use --format csv for a table of another kind"
                )
        self._dropped = tuple(field for field, column in mapping.items() if not column)
        self._mapped = {field: self._place_of(field, column) for field, column in mapping.items() if column}

    @property
    def leftover_names(self) -> tuple[str, ...]:
        """Columns that nothing is read from."""
        read = {*self._places.values(), *self._mapped.values()}
        return tuple(name for place, name in enumerate(self.table.header) if place not in read and name.strip())

    def field_columns(self, fields: Mapping[Field, str]) -> dict[Field, str]:
        """Return the column of each field that is read from one of these parts, or that `--map` names."""
        places = {field: self._places[part] for field, part in fields.items() if part in self._places}
        wanted = {field: place for field, place in places.items() if field not in self._dropped} | self._mapped
        return {field: self.table.header[place] for field, place in wanted.items()}

    def records(self) -> Iterator[Record]:
        """Read the records below the header, in bounded memory; cells without white space around them."""
        for lines, found, problem in self.table.whole_records():
            cells = {part: found[place].strip() for part, place in self._places.items()}
            mapped = dict.fromkeys(self._dropped, "") | {field: found[place] for field, place in self._mapped.items()}
            yield Record(lines.first, cells, mapped, lines.raw, problem)

    def _place(self, names: str) -> int | None:
        header = [plain_name(name) for name in self.table.header]
        found = next((name for name in names.split() if name in header), None)
        if found is None:
            return None
        if header.count(found) > 1:
            twice = self.table.header[header.index(found)]
            raise BadFeed(f"{self.table.name}: the column {twice!r} stands there twice; rename or remove one")
        return header.index(found)

    def _place_of(self, field: Field, column: str) -> int:
        found = column_named(column, self.table.header)
        if found is None:
            known = enumerate_names(self.table.header)
            raise BadFeed(f"{self.table.name}: no column {column!r} for --map {field}={column}; it has {known}")
        return self.table.header.index(found)


class ShopExport(Feed):
    """Reads the export of a shop system; what it marks as not offered is left out and counted as withdrawn."""

    def __init__(self, table: DelimitedTable, platform: Platform, mapping: Mapping[Field, str]) -> None:
        self.name = table.name
        self._table = ShopTable(table, platform, mapping)
        self._platform = platform
        self._withdrawn: dict[str, None] = {}

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that nothing is read from."""
        return self._table.leftover_names

    @property
    def field_columns(self) -> Mapping[Field, str]:
        """The column that each field is read from."""
        return self._table.field_columns(self._platform.fields)

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """SKUs that the file names as not offered, in the rows read so far."""
        return tuple(self._withdrawn)

    def rows(self) -> Iterator[Row]:
        """Read the products, in bounded memory."""
        self._withdrawn = {}
        for row in self._platform.read(self._table):
            if row.offered:
                yield row
            elif sku := str(row.cells.get(Field.SKU, "")).strip():
                self._withdrawn[sku] = None
        self.early_end = self._table.table.early_end


def shop_row(
    record: Record,
    fields: Mapping[Field, str],
    attributes: Mapping[str, str],
    problem: str = "",
    offered: bool = True,
) -> Row:
    """Return the row of a record, with what `--map` says in place of what the system's own columns say."""
    row = Row(record.line, fields, attributes, record.raw, problem, offered)
    return replace(row, cells={**fields, **record.mapped}) if record.mapped else row


def unreadable_row(record: Record, sku: str) -> Row:
    """Return the row of a record that could not be read."""
    return Row(record.line, {Field.SKU: record.mapped.get(Field.SKU) or sku}, raw=record.raw, problem=record.problem)
