"""Parquet files, as feeds and as tables of training data."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from recommender.errors import BadFeed, MissingExtra, one_line
from recommender.feeds.sources import FeedFile
from recommender.feeds.tables import Table, TableRow

BATCH_ROWS = 1_000
"""Rows in memory at a time."""


class ParquetTable(Table):
    """The rows of a Parquet file, read batch by batch.

    Raises `BadFeed` for a file that is gzipped or can't be read, and `MissingExtra` without pyarrow.
    """

    unit: ClassVar[str] = "row"

    def __init__(self, file: FeedFile) -> None:
        self.name = file.name
        self._path = file.path
        if file.gzipped:
            raise BadFeed(f"{file.name}: a gzipped Parquet file can't be read in pieces; unpack it first")
        with self._open() as parquet:
            self.columns: tuple[str, ...] = tuple(parquet.schema_arrow.names)

    def rows(self, wanted: Collection[str] | None = None) -> Iterator[TableRow]:
        """Read the rows, numbered from 1. It never ends early: a file that is cut off can't be opened."""
        first = 1
        with self._open() as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=_columns(wanted)):
                try:
                    found = [TableRow(first + place, cells, cells) for place, cells in enumerate(batch.to_pylist())]
                except Exception:  # noqa: BLE001 - one row of them can't be read
                    found = [_row_alone(first + place, batch.slice(place, 1)) for place in range(batch.num_rows)]
                yield from found
                first += batch.num_rows

    def verify(self, wanted: Collection[str]) -> None:
        """Read these columns once to the end, so that a damaged file is refused before it is used."""
        with self._open() as parquet:
            for _ in parquet.iter_batches(BATCH_ROWS, columns=_columns(wanted)):
                pass

    @contextmanager
    def _open(self) -> Iterator[Any]:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise MissingExtra("parquet", "reading Parquet") from error
        try:
            with parquet.ParquetFile(self._path, buffer_size=1 << 20, pre_buffer=False) as opened:
                yield opened
        except UnicodeDecodeError as error:
            raise BadFeed(
                f"{self.name}: the name of a column is not UTF-8; rename it, and write the file again"
            ) from error
        except (pa.ArrowException, OSError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise BadFeed(f"{self.name}: is not a readable Parquet file: {first_line}") from error


def _columns(wanted: Collection[str] | None) -> list[str] | None:
    return None if wanted is None else sorted(wanted)


def _row_alone(number: int, batch: Any) -> TableRow:
    """Return a row cell by cell: a cell that can't be read costs only itself, unless it is the SKU's or the title's."""
    cells: dict[str, Any] = {}
    remark = ""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            cells[name] = column[0].as_py()
        except UnicodeDecodeError:
            cells[name] = column.cast("binary")[0].as_py()  # the field says what is wrong with it
        except Exception as error:  # noqa: BLE001 - dates of the year 10,000, of which Python has none, and the like
            cells[name], remark = None, f"{name} can't be read ({one_line(error, 80)})"
    return TableRow(number, cells, cells, remark=remark)
