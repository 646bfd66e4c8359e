"""Parquet files, as feeds and as tables of training data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from recommender.errors import BadFeed, MissingExtra
from recommender.feeds.columns import Field, require_columns
from recommender.feeds.rows import Feed, Row
from recommender.feeds.sources import FeedFile

BATCH_ROWS = 1_000
"""Rows in memory at a time."""


class ParquetTable:
    """The rows of a Parquet file, read batch by batch.

    Raises `BadFeed` for a file that is gzipped or can't be read, and `MissingExtra` without pyarrow.
    """

    def __init__(self, file: FeedFile) -> None:
        self.name = file.name
        self._path = file.path
        if file.gzipped:
            raise BadFeed(f"{file.name}: a gzipped Parquet file can't be read in pieces; unpack it first")
        with self._open() as parquet:
            self.columns: tuple[str, ...] = tuple(parquet.schema_arrow.names)

    def rows(self, columns: Sequence[str] | None = None) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield the cells of each row, of all columns or of these, and what is wrong with a row that can't be read."""
        with self._open() as parquet:
            for batch in parquet.iter_batches(BATCH_ROWS, columns=columns):
                try:
                    rows = batch.to_pylist()
                except UnicodeDecodeError:
                    for place in range(batch.num_rows):
                        try:
                            yield batch.slice(place, 1).to_pylist()[0], ""
                        except UnicodeDecodeError:
                            yield {}, "holds bytes that are not UTF-8"
                else:
                    yield from ((cells, "") for cells in rows)

    def check(self, columns: Sequence[str]) -> None:
        """Read these columns once to the end, so that a damaged file is refused before it is used."""
        with self._open() as parquet:
            for _ in parquet.iter_batches(BATCH_ROWS, columns=columns):
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
        except (pa.ArrowException, OSError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise BadFeed(f"{self.name}: is not a readable Parquet file: {first_line}") from error


class ParquetFeed(Feed):
    """Reads the columns of a table that are used.

    It never ends early: a file that is cut off can't be opened, and is refused before its first row.
    """

    def __init__(self, file: FeedFile, mapping: Mapping[Field, str]) -> None:
        self.name = file.name
        self._table = ParquetTable(file)
        self._columns = require_columns(file.name, self._table.columns, mapping)
        self._needed = sorted({*self._columns.fields.values(), *self._columns.attributes.values()})
        self._table.check(self._needed)

    @property
    def leftover_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from."""
        return self._columns.ignored

    @property
    def field_columns(self) -> Mapping[Field, str]:
        """The column that each field is read from."""
        return self._columns.fields

    def rows(self) -> Iterator[Row]:
        """Read the rows, numbered from 1, in bounded memory."""
        for number, (cells, problem) in enumerate(self._table.rows(self._needed), start=1):
            if problem:
                yield Row(number, problem=problem)
                continue
            fields = {field: cells.get(name) for field, name in self._columns.fields.items()}
            attributes = {attribute: cells.get(name) for attribute, name in self._columns.attributes.items()}
            yield Row(number, fields, attributes, cells)
