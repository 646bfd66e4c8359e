"""Parquet feeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from recommender.errors import BadFeed
from recommender.feeds.columns import Field, require_columns
from recommender.feeds.rows import Row
from recommender.feeds.sources import FeedFile

BATCH_ROWS = 1_000
"""Rows in memory at a time."""


class ParquetFeed:
    """Reads the columns that are used, batch by batch."""

    def __init__(self, file: FeedFile, mapping: Mapping[Field, str]) -> None:
        self._file = file
        if file.gzipped:
            raise BadFeed(f"{file.name}: a gzipped Parquet file can't be read in pieces; unpack it first")
        with self._opened() as parquet:
            self._columns = require_columns(file.name, parquet.schema_arrow.names, mapping)
            self._needed = sorted({*self._columns.fields.values(), *self._columns.attributes.values()})
            for _ in self._batches(parquet):  # read once to the end: a damaged file is refused before it is used
                pass

    @property
    def name(self) -> str:
        """What messages call the feed."""
        return self._file.name

    @property
    def ignored_columns(self) -> tuple[str, ...]:
        """Columns that no field is read from."""
        return self._columns.ignored

    @property
    def ended_early(self) -> str:
        """Empty: a Parquet file that is cut off lacks what it is read by, and is refused before its first row."""
        return ""

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """None: such a file states only what is offered."""
        return ()

    def rows(self) -> Iterator[Row]:
        """Read the rows, numbered from 1, in bounded memory."""
        number = 0
        with self._opened() as parquet:
            for batch in self._batches(parquet):
                for cells, problem in _cells_of(batch):
                    number += 1
                    yield self._row(number, cells, problem)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self._file.path, buffer_size=1 << 20, pre_buffer=False) as opened:
                yield opened
        except (pa.ArrowException, OSError) as error:
            first_line = str(error).strip().partition("\n")[0]
            raise BadFeed(f"{self.name}: is not a readable Parquet file: {first_line}") from error

    def _batches(self, parquet: Any) -> Iterator[Any]:
        yield from parquet.iter_batches(BATCH_ROWS, columns=self._needed)

    def _row(self, number: int, cells: Mapping[str, Any], problem: str) -> Row:
        if problem:
            return Row(number, problem=problem)
        fields = {field: cells.get(name) for field, name in self._columns.fields.items()}
        attributes = {attribute: cells.get(name) for attribute, name in self._columns.attributes.items()}
        return Row(number, fields, attributes, cells)


def _cells_of(batch: Any) -> Iterator[tuple[dict[str, Any], str]]:
    try:
        yield from ((cells, "") for cells in batch.to_pylist())
        return
    except UnicodeDecodeError:
        pass
    for place in range(batch.num_rows):
        try:
            yield batch.slice(place, 1).to_pylist()[0], ""
        except UnicodeDecodeError:
            yield {}, "holds bytes that are not UTF-8"
