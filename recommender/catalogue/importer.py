"""Reading a feed into the catalogue: batch by batch, each row in or rejected with its reason, the run on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from sqlalchemy import update

from recommender.catalogue.feeds import FeedFormat, open_feed
from recommender.catalogue.hashes import content_hash
from recommender.catalogue.rejections import BadRow, Rejection, RejectsFile
from recommender.catalogue.repository import Catalogue, UpsertCounts
from recommender.catalogue.rows import Notation, Row, notation_of, product_of, sku_of
from recommender.database.engine import Database
from recommender.database.tables import ImportRunRow, now
from recommender.types import Product

BATCH = 2000
"""Rows in one transaction: large enough that its fsync does not count, small enough to hold no lock for long."""

NO_MAPPING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What became of the rows of a feed."""

    source: str
    created: int
    updated: int
    unchanged: int
    rejected: int
    ignored_columns: tuple[str, ...]
    seconds: float


def _no_progress(rows: int) -> None:
    """Report nothing."""


def import_feed(
    catalogue: Catalogue,
    database: Database,
    path: Path | str,
    *,
    format: FeedFormat = FeedFormat.AUTO,  # noqa: A002 - what the option is called everywhere
    mapping: Mapping[str, str] = NO_MAPPING,
    rejects: Path | RejectsFile | None = None,
    progress: Callable[[int], None] = _no_progress,
    batch: int = BATCH,
) -> ImportSummary:
    """Bring the products of a feed into the catalogue; `progress` is told how many rows have been read.

    Each batch is one transaction. Whatever ends the run, what was committed stays, and running it again finishes it.
    Rejected rows go to `rejects`: a path for a file of their own, or an open file that several feeds share.
    Raises `BadFeed` for a feed that can't be read, before anything is written if that can be told beforehand, and
    `UsageError` or `BadInput` when `rejects` can't be written there.
    """
    started = time.monotonic()
    with (
        _rejects_file(rejects, path) as rejects_file,
        _recorded(database, str(path)) as tally,
        open_feed(path, format, mapping) as feed,
    ):
        reader = _Reader(notation_of(feed.rows()))
        for rows in _batched(feed.rows(), batch):
            products, rejections = reader.read(rows)
            counts = catalogue.upsert(products)
            tally.add(counts, repeated=len(rows) - len(products) - len(rejections), rejected=len(rejections))
            if rejects_file:
                rejects_file.write(feed.name, rejections)
            progress(tally.rows)
    total = tally.counts
    return ImportSummary(
        source=feed.name,
        created=total.created,
        updated=total.updated,
        unchanged=total.unchanged,
        rejected=tally.rejected,
        ignored_columns=feed.ignored_columns,
        seconds=time.monotonic() - started,
    )


class _Reader:
    """Turns rows into products, and knows which SKUs the feed has had: 16 bytes of hashes for each."""

    def __init__(self, notation: Notation) -> None:
        self._notation = notation
        self._seen: dict[int, int] = {}

    def read(self, rows: Iterable[Row]) -> tuple[list[Product], list[tuple[Rejection, object]]]:
        """Return the products to write, and the rows that are rejected; an identical repetition is neither."""
        products: list[Product] = []
        rejections: list[tuple[Rejection, object]] = []
        for row in rows:
            try:
                product = product_of(row, self._notation)
                if self._is_new(product):
                    products.append(product)
            except BadRow as error:
                rejections.append((Rejection(row.line, sku_of(row), str(error)), row.raw))
        return products, rejections

    def _is_new(self, product: Product) -> bool:
        key, content = hash(product.sku), int(content_hash(product)[:16], 16)
        if key not in self._seen:
            self._seen[key] = content
            return True
        if self._seen[key] != content:
            raise BadRow("the SKU stands in this feed before, with different content")
        return False


@dataclass(slots=True)
class _Tally:
    counts: UpsertCounts = field(default_factory=UpsertCounts)
    rejected: int = 0

    @property
    def rows(self) -> int:
        return self.counts.created + self.counts.updated + self.counts.unchanged + self.rejected

    def add(self, counts: UpsertCounts, repeated: int, rejected: int) -> None:
        self.counts += counts + UpsertCounts(unchanged=repeated)
        self.rejected += rejected


@contextmanager
def _recorded(database: Database, source: str) -> Iterator[_Tally]:
    """Keep the run on record: running, then done, failed or interrupted, with its counts."""
    with database.writing() as session:
        run = ImportRunRow(source=source)
        session.add(run)
    tally = _Tally()
    try:
        yield tally
    except KeyboardInterrupt:
        _finish(database, run.id, tally, "interrupted", "stopped by the operator; run it again to finish")
        raise
    except Exception as error:
        _finish(database, run.id, tally, "failed", f"{type(error).__name__}: {error}")
        raise
    _finish(database, run.id, tally, "done", "")


def _finish(database: Database, run: int, tally: _Tally, status: str, error: str) -> None:
    outcome = {
        "status": status,
        "error": error,
        "created": tally.counts.created,
        "updated": tally.counts.updated,
        "unchanged": tally.counts.unchanged,
        "rejected": tally.rejected,
        "finished_at": now(),
    }
    with database.writing() as session:
        session.execute(update(ImportRunRow).where(ImportRunRow.id == run).values(outcome))


def _rejects_file(rejects: Path | RejectsFile | None, feed: Path | str) -> AbstractContextManager[RejectsFile | None]:
    return RejectsFile(rejects, [Path(feed)]) if isinstance(rejects, Path) else nullcontext(rejects)


def _batched(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch
