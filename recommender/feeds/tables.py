"""Tables: what a file of any format gives, row by row, and a feed that is read by the names of its columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache, cached_property
from itertools import islice
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from recommender.errors import BadFeed, Unavailable
from recommender.feeds.columns import (
    Field,
    Shapes,
    better_columns,
    description_as_title,
    match_columns,
    require_columns,
)
from recommender.feeds.families import open_families
from recommender.feeds.flags import TICKS, is_no_date
from recommender.feeds.rows import Feed, Row
from recommender.feeds.variant_holders import VariantHolders, kinds_column, variant_columns
from recommender.types import PATH_SEPARATOR

SAMPLED_ROWS = 200
"""Rows whose other columns are read, too."""

TOTALS = frozenset(
    [
        "total",
        "totals",
        "subtotal",
        "sum",
        "summe",
        "gesamt",
        "gesamtsumme",
        "zwischensumme",
        "totale",
        "totaal",
        "suma",
        "razem",
        "celkem",
        "итого",
        "всего",
        "合計",
        "总计",
    ]
) | {"grand total", "total général", "total general"}
"""What is in place of a SKU in a row that adds up the others."""

LONGEST_TOTAL = 20
"""Longest such word, in characters, with its surroundings."""


_NONE: Mapping[str, Any] = MappingProxyType({})
_TITLE, _DESCRIPTION = Field.TITLE, Field.DESCRIPTION
_TRUTHS = frozenset({Field.AVAILABILITY, Field.OFFERED})
"""Fields that JSON's false says something about; of any other, Odoo has false for nothing."""
_SKU, _GROUP_ID = Field.SKU, Field.GROUP_ID  # Python 3.11 takes longer to find a member of an enum than to read a cell


class TableRow(NamedTuple):
    """A row of a file: the number of its first line (from 1), its cells by column, and its text as the file has it.

    With a `problem` it could not be read, and `cells` are what there is of it. A `remark` says what was not as it
    should be in a row that could be read.
    """

    number: int
    cells: Mapping[str, Any] = MappingProxyType({})
    raw: object = ""
    problem: str = ""
    remark: str = ""


class Table(ABC):
    """The rows of a file under its columns, read in bounded memory and as often as it is asked for.

    `columns` are the names in the order of the file; a name may be there twice. `early_end` says why the file seems cut
    off, after its rows have been read to the end. `unit` is what the rows are counted by. If the rows differ in their
    columns (`uniform` is false), `columns` are those of the first rows. `unreadable` columns hold no text. `layout`
    says how the file is written, for the report.
    """

    unit: ClassVar[str] = "line"
    uniform: ClassVar[bool] = True
    name: str
    columns: tuple[str, ...]
    unreadable: tuple[str, ...] = ()
    early_end: str = ""
    layout: str = ""

    @abstractmethod
    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:
        """Read the rows. Of a format that stores columns apart, only the `wanted` ones are read."""

    def verify(self, wanted: Collection[str]) -> None:  # noqa: B027 - most formats show damage only as they are read
        """Raise `BadFeed` for damage that can be found before the first row."""


class ColumnFeed(Feed):
    """Reads any table by the names of its columns; every set of names is matched to the fields once.

    `kinds` is the column that says which rows are variants, and which only hold them together; "" if there is none.
    """

    def __init__(
        self, table: Table, mapping: Mapping[str, str], required: Sequence[Field] = (Field.SKU, Field.TITLE)
    ) -> None:
        self.name = table.name
        self._table = table
        sample = cache(self.sample)  # read once, if at all, and not kept
        found = match_columns(table.columns, mapping)
        if _TITLE in required and _TITLE not in found.fields and _DESCRIPTION in found.fields:
            mapping = {**mapping, _TITLE: description_as_title(table.name, table.columns, found, sample)}
        self.kinds = kinds_column(table.columns, sample) if table.uniform else ""
        names = [name for name in table.columns if name != self.kinds or name in mapping.values()]
        self._shapes = Shapes(lambda names: match_columns(names, mapping))
        columns = require_columns(table.name, names, mapping, required)
        said_better = better_columns(columns, names, sample) if table.uniform else {}
        if better := {str(field): name for field, name in said_better.items() if field not in mapping}:
            number = columns.fields[_SKU] if _SKU in better else columns.product
            columns = replace(match_columns(names, {**better, **mapping}), product=number)
            self._shapes = Shapes(lambda _: columns)
        self._columns = columns
        self._wanted = columns.read | variant_columns(columns, names) | ({self.kinds} - {""})
        table.verify(self._wanted)
        if table.uniform:
            self._shapes.of(tuple(names))

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from; if the rows differ, in the rows read so far."""
        return (*self._shapes.leftover_names, *self._table.unreadable)

    @property
    def field_columns(self) -> Mapping[Field, str]:
        """The column that each field is read from; if the rows differ, in the rows read so far."""
        columns = dict(self._shapes.field_columns)
        if self._columns.levels:
            columns[Field.CATEGORY] = PATH_SEPARATOR.join(self._columns.levels)
        if self._columns.sale and columns.get(Field.PRICE) != self._columns.sale[0]:
            columns[Field.PRICE] = f"{columns[Field.PRICE]}, {self._columns.sale[0]}"
        if self._columns.switches or self._columns.denials:
            stated = self._columns.switches or filter(None, [columns.get(Field.OFFERED, "")])
            columns[Field.OFFERED] = ", ".join([*stated, *self._columns.denials])
        return columns

    def sample(self) -> list[Mapping[str, Any]]:
        """Return the first rows by column. Damage among them is told by the rows, and what is before it is read."""
        sampled: list[Mapping[str, Any]] = []
        with suppress(BadFeed, Unavailable):
            sampled.extend(row.cells for row in islice(self._table.rows(), SAMPLED_ROWS) if not row.problem)
        return sampled

    @cached_property
    def _tick_columns(self) -> list[str]:
        """Return the columns that say by a tick that a product is offered, or in stock, and by nothing that it is not.

        Read as any other column, an empty cell would mean that it is.
        """
        fields = self._columns.fields
        names = {*self._columns.switches, fields.get(Field.OFFERED, ""), fields.get(Field.AVAILABILITY, "")} - {""}
        sample = self.sample() if names else []
        stated = {name: {str(cells.get(name) or "").strip().casefold() for cells in sample} - {""} for name in names}
        return [name for name, words in stated.items() if words and words <= TICKS]

    @cached_property
    def _dates(self) -> list[str]:
        """Return the columns of dates of publishing; where other rows have a date, an empty cell means a draft."""
        sample = self.sample() if self._columns.dates else []
        return [name for name in self._columns.dates if not all(is_no_date(cells.get(name)) for cells in sample)]

    @cached_property
    def _holders(self) -> VariantHolders:
        return VariantHolders(self._columns, self._table.columns, self.kinds, self._undamaged_rows())

    def _undamaged_rows(self) -> Iterator[TableRow]:
        with suppress(BadFeed):  # what is before the damage is worth reading
            yield from self._table.rows(self._wanted)

    def _with_inherited(self, holders: VariantHolders) -> Iterator[TableRow]:
        """Yield the rows; where a variant's cell is empty, with that of its parent."""
        with open_families() as families:
            holders.collect(self._undamaged_rows(), families)
            for row in self._table.rows(self._wanted):
                yield row._replace(cells=holders.inherit(row.cells, families))

    def rows(self) -> Iterator[Row]:
        """Read the rows, in bounded memory."""
        self.early_end = ""
        shared = self._columns if self._table.uniform else None
        ticked = self._tick_columns if shared else []
        dates = self._dates if shared else []
        holders = self._holders if shared and self._holders else None
        try:
            for row in (
                self._with_inherited(holders) if holders and holders.inherits else self._table.rows(self._wanted)
            ):
                columns = shared or self._shapes.of(tuple(row.cells))
                if ticked and not row.problem:
                    said = {name: "yes" if str(row.cells.get(name) or "").strip() else "no" for name in ticked}
                    row = row._replace(cells={**row.cells, **said})
                found = columns.cells_of(row.cells)
                fields = {
                    field: None if cell is False and field not in _TRUTHS else cell for field, cell in found.items()
                }
                stated = columns.attributes
                attributes = {name: row.cells.get(column) for name, column in stated.items()} if stated else _NONE
                problem, sku = row.problem, fields.get(_SKU)
                if isinstance(sku, str) and len(sku) < LONGEST_TOTAL and sku.strip(" :").casefold() in TOTALS:
                    problem = "is a row of totals, not a product"
                offered = not any(is_no_date(row.cells.get(name)) for name in dates)
                if holders:
                    offered = offered and not holders.holds(row.cells)
                    fields[_GROUP_ID] = fields.get(_GROUP_ID) or holders.group(row.cells)
                yield Row(row.number, fields, attributes, row.raw, problem, offered, row.remark)
        finally:
            self.early_end = self._table.early_end
