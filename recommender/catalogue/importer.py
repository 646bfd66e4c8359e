"""Imports a feed batch by batch. Each row is either written or rejected with its reason, and the run is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from recommender.batching import batches
from recommender.catalogue.full_sync import SeenSkus
from recommender.catalogue.import_runs import FAILED, ImportStopped, ImportTally, record_run
from recommender.catalogue.staged_product import ProductSink, StagedProduct, stage
from recommender.database.engine import Database
from recommender.errors import BadFeed
from recommender.feeds.formats import FeedFormat, open_feed
from recommender.feeds.products import is_offered, product_of, sku_of
from recommender.feeds.rejections import BadRow, Rejection, RejectsFile, rejection_reason
from recommender.feeds.remarks import Remark, RemarkCount, RemarkTally
from recommender.feeds.rows import Feed, Notation, Row, notation_of

BATCH = 5000
"""Rows in one transaction: enough that its fsync does not matter, few enough that it holds no lock for long."""

NO_MAPPING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What happened to the rows of a feed.

    `to_encode` of the created and updated products have a text that the index lacks. `withdrawn` products were active
    and are deactivated, since the feed says that they are not offered. `ended_early` says why the feed broke off; it is
    empty when the feed was read to its end. `remarks` count the cells that are not taken as they stand.
    """

    source: str
    created: int
    updated: int
    unchanged: int
    rejected: int
    ignored_columns: tuple[str, ...]
    seconds: float
    to_encode: int = 0
    withdrawn: int = 0
    ended_early: str = ""
    remarks: tuple[RemarkCount, ...] = ()

    @property
    def good_rows(self) -> int:
        """Rows that state a product."""
        return self.created + self.updated + self.unchanged


def import_feed(
    sink: ProductSink,
    database: Database | None,
    path: Path | str,
    *,
    format: FeedFormat = FeedFormat.AUTO,  # noqa: A002 - what the option is called everywhere
    mapping: Mapping[str, str] = NO_MAPPING,
    rejects: Path | RejectsFile | None = None,
    progress: Callable[[int], None] = lambda _: None,
    batch: int = BATCH,
    seen: SeenSkus | None = None,
    partial: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> ImportSummary:
    """Import the products of a feed; `progress` is told how many rows have been read.

    Each batch is one transaction. If the run is interrupted, what was committed stays and running it again finishes it.
    The run is recorded in `database`, if one is given. Rejected rows go to `rejects`: a path for a file of their own,
    or an open file that several feeds share. `seen` collects every SKU that the feed names, also those of rejected
    rows. `stopped` is asked before each batch.
    Raises `BadFeed` for a feed that can't be read, before anything is written if that can be told beforehand. With
    `partial`, a feed that breaks later is reported in the summary instead. Raises `UsageError` or `BadInput` when
    `rejects` can't be written there, and `ImportStopped` when told to stop.
    """
    started = time.monotonic()
    with (
        RejectsFile(rejects, [Path(path)]) if isinstance(rejects, Path) else nullcontext(rejects) as rejects_file,
        record_run(database, str(path)) if database else nullcontext(ImportTally()) as tally,
        open_feed(path, format, mapping) as feed,
    ):
        reader = _BatchReader(notation_of(feed.rows()), seen)
        for rows in batches(_rows_until_break(feed, tally, partial), batch):
            if stopped():
                raise ImportStopped
            staged, rejections = reader.read(rows)
            counts = sink.upsert_staged(staged)
            repeated = len(rows) - len(staged) - len(rejections) - reader.left_out
            tally.add(counts, repeated=repeated, rejected=len(rejections))
            if rejects_file:
                rejects_file.write(feed.name, rejections)
            progress(tally.rows)
        if seen is None:  # a full feed lacks what it withdraws, which then passes the same guards as the rest it lacks
            tally.withdrawn = sink.deactivate(reader.without_product([*feed.withdrawn, *reader.withdrawn]))
    return ImportSummary(
        source=feed.name,
        created=tally.counts.created,
        updated=tally.counts.updated,
        unchanged=tally.counts.unchanged,
        rejected=tally.rejected,
        ignored_columns=feed.leftover_columns,
        seconds=time.monotonic() - started,
        to_encode=tally.counts.created + tally.counts.retexted,
        withdrawn=tally.withdrawn,
        ended_early=tally.error,
        remarks=reader.remarks.counts(),
    )


def _rows_until_break(feed: Feed, tally: ImportTally, partial: bool) -> Iterator[Row]:
    """Yield the rows; with `partial`, those before the point where the feed breaks."""
    try:
        yield from feed.rows()
    except BadFeed as error:
        if not (partial and tally.rows):
            raise
        tally.status, tally.error = FAILED, str(error)
    else:
        tally.error = feed.early_end


class _BatchReader:
    """Turns rows into products, and remembers the SKUs of the feed: 16 bytes of hashes for each."""

    def __init__(self, notation: Notation, named: SeenSkus | None) -> None:
        self._notation = notation
        self._named = named
        self._seen: dict[int, int] = {}
        self.remarks = RemarkTally()
        self.withdrawn: dict[str, None] = {}
        self.left_out = 0

    def read(self, rows: Iterable[Row]) -> tuple[list[StagedProduct], list[tuple[Rejection, object]]]:
        """Return the products to write and the rows that are rejected.

        An identical repetition is neither, and nor is what the feed names as not offered: `left_out` counts that.
        """
        self.left_out = 0
        products: list[StagedProduct] = []
        rejections: list[tuple[Rejection, object]] = []
        for row in rows:
            remarks: list[Remark] = []
            try:
                if not is_offered(row):
                    self.withdrawn[sku_of(row, self._notation)] = None
                    self.left_out += 1
                    continue
                staged = stage(product_of(row, self._notation, remarks))
                if remarks:
                    self.remarks.add(remarks, row.line, staged.product.sku)
                key, content = hash(staged.product.sku), int(staged.content_hash[:16], 16)
                if key not in self._seen:
                    self._seen[key] = content
                    products.append(staged)
                elif self._seen[key] != content:
                    raise BadRow("the SKU stands in this feed before, with different content")
            except Exception as error:  # noqa: BLE001 - whatever one row holds, the others are taken in
                rejections.append((Rejection(row.line, sku_of(row, self._notation), rejection_reason(error)), row.raw))
        if self._named is not None:
            self._named.add(staged.product.sku for staged in products)
            self._named.add(rejection.sku for rejection, _ in rejections)
        return products, rejections

    def without_product(self, skus: Iterable[str]) -> list[str]:
        """Return those of the SKUs for which the feed had no product."""
        return [sku for sku in skus if sku and hash(sku) not in self._seen]
