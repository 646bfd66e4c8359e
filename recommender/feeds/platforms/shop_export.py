"""Exports of shop systems as tables: their own columns, and rows that lean on one another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from recommender.errors import BadFeed
from recommender.feeds.columns import Field, column_named, enumerate_names, plain_name
from recommender.feeds.delimited import DelimitedTable
from recommender.feeds.rows import Feed


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

    `parts` are the names of each part, in small letters without separators, the preferred first. Raises `BadFeed` when
    one of `required` is not there, stands there twice, or a column of `mapping` is missing.
    """

    def __init__(
        self,
        table: DelimitedTable,
        system: str,
        parts: Mapping[str, str],
        required: Sequence[str],
        mapping: Mapping[Field, str],
    ) -> None:
        self.table = table
        self._places = {part: place for part, names in parts.items() if (place := self._place(names)) is not None}
        for part in required:
            if part not in self._places:
                raise BadFeed(
                    f"{table.name}: is not {system}: no column for the {part} among {enumerate_names(table.header)};"
                    " use --format csv for a table of another kind"
                )
        self._mapped = {field: self._place_of(field, column) for field, column in mapping.items()}

    @property
    def leftover_names(self) -> tuple[str, ...]:
        """Columns that nothing is read from."""
        read = {*self._places.values(), *self._mapped.values()}
        return tuple(name for place, name in enumerate(self.table.header) if place not in read and name.strip())

    def records(self) -> Iterator[Record]:
        """Read the records below the header, in bounded memory; cells without white space around them."""
        for lines, found, problem in self.table.whole_records():
            cells = {part: found[place].strip() for part, place in self._places.items()}
            mapped = {field: found[place] for field, place in self._mapped.items()}
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
    """What the feeds read from such a table have in common; each reads `rows` in its own way."""

    def __init__(self, table: ShopTable) -> None:
        self.name = table.table.name
        self._table = table
        self._withdrawn: dict[str, None] = {}

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that nothing is read from."""
        return self._table.leftover_names

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """SKUs that the file names as not offered, in the rows read so far."""
        return tuple(self._withdrawn)
