"""Reading a feed into the catalogue: batch by batch, each row in or rejected with its reason, the run on record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from recommender.batching import batches
from recommender.catalogue.full_sync import SeenSkus
from recommender.catalogue.runs import FAILED, ImportStopped, Tally, recorded
from recommender.catalogue.staged_product import Offer, Shelf, offer_of
from recommender.database.engine import Database
from recommender.errors import BadFeed
from recommender.feeds.formats import Feed, FeedFormat, open_feed
from recommender.feeds.rejections import BadRow, Rejection, RejectsFile
from recommender.feeds.rows import Notation, Row, notation_of, product_of, sku_of

BATCH = 5000
"""Rows in one transaction: large enough that its fsync does not count, small enough to hold no lock for long."""

NO_MAPPING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What became of the rows of a feed.

    `to_encode` of the created and updated bring a text that the index has not got. `withdrawn` were active, and are
    deactivated since the feed names them as not offered. `ended_early` says what the feed broke off with, and is empty
    when it was read to its end.
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

    @property
    def good_rows(self) -> int:
        """Rows that state a product."""
        return self.created + self.updated + self.unchanged


def _no_progress(rows: int) -> None:
    """Report nothing."""


def _never() -> bool:
    return False


def import_feed(
    shelf: Shelf,
    database: Database | None,
    path: Path | str,
    *,
    format: FeedFormat = FeedFormat.AUTO,  # noqa: A002 - what the option is called everywhere
    mapping: Mapping[str, str] = NO_MAPPING,
    rejects: Path | RejectsFile | None = None,
    progress: Callable[[int], None] = _no_progress,
    batch: int = BATCH,
    seen: SeenSkus | None = None,
    partial: bool = False,
    stopped: Callable[[], bool] = _never,
) -> ImportSummary:
    """Bring the products of a feed into the catalogue; `progress` is told how many rows have been read.

    Each batch is one transaction. Whatever ends the run, what was committed stays, and running it again finishes it.
    The run is put on record in `database`, if one is given. Rejected rows go to `rejects`: a path for a file of their
    own, or an open file that several feeds share. `seen` takes note of every SKU that the feed names, those of
    rejected rows included. `stopped` is asked before each batch.
    Raises `BadFeed` for a feed that can't be read, before anything is written if that can be told beforehand; with
    `partial` one that breaks on the way is told in the summary instead. Raises `UsageError` or `BadInput` when
    `rejects` can't be written there, and `ImportStopped` when told to stop.
    """
    started = time.monotonic()
    with (
        _rejects_file(rejects, path) as rejects_file,
        recorded(database, str(path)) if database else nullcontext(Tally()) as tally,
        open_feed(path, format, mapping) as feed,
    ):
        reader = _Reader(notation_of(feed.rows()), seen)
        for rows in batches(_rows(feed, tally, partial), batch):
            if stopped():
                raise ImportStopped
            offers, rejections = reader.read(rows)
            counts = shelf.upsert_offers(offers)
            tally.add(counts, repeated=len(rows) - len(offers) - len(rejections), rejected=len(rejections))
            if rejects_file:
                rejects_file.write(feed.name, rejections)
            progress(tally.rows)
        if seen is None:  # of a full feed, what it withdraws is among what it lacks, and goes under the same guards
            tally.withdrawn = shelf.deactivate(reader.not_offered(feed.withdrawn))
    return _summary(feed, tally, time.monotonic() - started)


def _summary(feed: Feed, tally: Tally, seconds: float) -> ImportSummary:
    total = tally.counts
    return ImportSummary(
        source=feed.name,
        created=total.created,
        updated=total.updated,
        unchanged=total.unchanged,
        rejected=tally.rejected,
        ignored_columns=feed.ignored_columns,
        seconds=seconds,
        to_encode=total.created + total.retexted,
        withdrawn=tally.withdrawn,
        ended_early=tally.error,
    )


def _rows(feed: Feed, tally: Tally, partial: bool) -> Iterator[Row]:
    """Give the rows; with `partial`, those before the point where the feed breaks."""
    try:
        yield from feed.rows()
    except BadFeed as error:
        if not (partial and tally.rows):
            raise
        tally.status, tally.error = FAILED, str(error)
    else:
        tally.error = feed.ended_early


class _Reader:
    """Turns rows into products, and knows which SKUs the feed has had: 16 bytes of hashes for each."""

    def __init__(self, notation: Notation, named: SeenSkus | None) -> None:
        self._notation = notation
        self._named = named
        self._seen: dict[int, int] = {}

    def read(self, rows: Iterable[Row]) -> tuple[list[Offer], list[tuple[Rejection, object]]]:
        """Return the products to write, and the rows that are rejected; an identical repetition is neither."""
        offers: list[Offer] = []
        rejections: list[tuple[Rejection, object]] = []
        for row in rows:
            try:
                offer = offer_of(product_of(row, self._notation))
                if self._is_new(offer):
                    offers.append(offer)
            except BadRow as error:
                rejections.append((Rejection(row.line, sku_of(row), str(error)), row.raw))
        if self._named is not None:
            self._named.add(offer.product.sku for offer in offers)
            self._named.add(rejection.sku for rejection, _ in rejections)
        return offers, rejections

    def not_offered(self, skus: Iterable[str]) -> list[str]:
        """Return those of the SKUs under which the feed has had no product."""
        return [sku for sku in skus if sku and hash(sku) not in self._seen]

    def _is_new(self, offer: Offer) -> bool:
        key, content = hash(offer.product.sku), int(offer.content[:16], 16)
        if key not in self._seen:
            self._seen[key] = content
            return True
        if self._seen[key] != content:
            raise BadRow("the SKU stands in this feed before, with different content")
        return False


def _rejects_file(rejects: Path | RejectsFile | None, feed: Path | str) -> AbstractContextManager[RejectsFile | None]:
    return RejectsFile(rejects, [Path(feed)]) if isinstance(rejects, Path) else nullcontext(rejects)
