"""Imports a feed batch by batch. Each row is either written or rejected with its reason, and the run is recorded."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from recommender.batching import batches
from recommender.catalogue.full_sync import SeenSkus
from recommender.catalogue.import_runs import FAILED, ImportStopped, ImportTally, record_run
from recommender.catalogue.loss_guard import allowance, describe_loss
from recommender.catalogue.staged_product import ProductSink, StagedProduct, UpsertCounts, stage
from recommender.database.engine import Database
from recommender.errors import BadFeed
from recommender.feeds.columns import Field
from recommender.feeds.formats import FeedFormat, open_feed
from recommender.feeds.products import is_offered, patch_of, product_of, sku_of
from recommender.feeds.rejections import BadRow, Rejection, RejectsFile, rejection_reason
from recommender.feeds.remarks import Remark, RemarkTally
from recommender.feeds.rows import Feed, Notation, Row, survey
from recommender.feeds.understanding import (
    FEW,
    NEARLY_ALL,
    REJECTED_SHARE,
    FieldReading,
    FieldTally,
    Understanding,
    row_number_warning,
    switch_warning,
)
from recommender.types import ProductPatch

Item = TypeVar("Item")

BATCH = 5000
"""Rows in one transaction: enough that its fsync does not matter, few enough that it holds no lock for long."""

PREVIEW_ROWS = 1000
"""Rows that a preview reads."""

NO_MAPPING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What happened to the rows of a feed.

    `to_encode` of the created and updated products have a text that the index lacks. `withdrawn` products were active
    and are deactivated, since the feed says that they are not offered; `left_out` counts the rows that say so.
    `unknown` SKUs of a partial feed are not in the shop; `first_unknown` is one of them. `unreadable` rows are damaged,
    and not even their SKU can be read. `ended_early` says why the feed broke off; it is empty if the feed was read to
    its end. `first_rejection` shows why rows are rejected, `understood` from which columns the feed was read,
    `warnings` what looks wrong about it.
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
    left_out: int = 0
    first_rejection: Rejection | None = None
    understood: Understanding | None = None
    warnings: tuple[str, ...] = ()
    unknown: int = 0
    first_unknown: str = ""
    unreadable: int = 0

    @property
    def good_rows(self) -> int:
        """Rows that describe a product."""
        return self.created + self.updated + self.unchanged

    @property
    def failure(self) -> str:
        """Why nothing of the feed could be imported; empty if something was, or there was nothing."""
        if self.unknown and not self.good_rows:
            return (
                f"{self.source}: none of its {self.unknown:,} SKUs is in the shop, the first is {self.first_unknown!r};"
                " are they read from the right column?"
            )
        if self.good_rows or not self.rejected or not self.first_rejection:
            return ""
        first = self.first_rejection
        return f"{self.source}: all {self.rejected:,} rows are rejected; the first, line {first.line:,}: {first.reason}"


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
    until_break: bool = False,
    had: int = 0,
    stopped: Callable[[], bool] = lambda: False,
) -> ImportSummary:
    """Import the products of a feed; `progress` is told how many rows have been read.

    Each batch is one transaction, and an interrupted run is run again. The run is recorded in `database`, if one is
    given. Rejected rows go to `rejects`, a path or an open file. `seen` collects every SKU of the feed, of rejected
    rows too. `had` is how many products there were before. `stopped` is asked before each batch. Rows of a `partial`
    feed say what changes in products. Raises `BadFeed` for a feed that can't be read (with `until_break` the summary
    says if it breaks later), `UsageError` or `BadInput` if `rejects` can't be written, and `ImportStopped`.
    """
    started = time.monotonic()
    with (
        RejectsFile(rejects, [Path(path)]) if isinstance(rejects, Path) else nullcontext(rejects) as rejects_file,
        record_run(database, str(path)) if database else nullcontext(ImportTally()) as tally,
        open_feed(path, format, mapping, (Field.SKU,) if partial else (Field.SKU, Field.TITLE)) as feed,
    ):
        notation, checked = survey(feed.rows())
        reader: _PatchReader | _BatchReader = _PatchReader(notation) if partial else _BatchReader(notation, seen)
        for rows in batches(_rows_until_break(checked, feed, tally, until_break), batch):
            if stopped():
                raise ImportStopped
            written, rejections = reader.import_rows(rows, sink)
            tally.add(written, rejected=len(rejections))
            if rejects_file:
                rejects_file.write(feed.name, rejections)
            progress(tally.rows)
        gone = reader.without_product([*feed.withdrawn, *reader.withdrawn]) if seen is None else []
        kept = len(gone) if not partial and reader.hides_nearly_all(feed) and len(gone) > allowance(had) else 0
        if seen is None and not kept:
            tally.withdrawn = sink.deactivate(gone)  # a full feed lacks them: one guard applies to all that is missing
        understood, warnings = reader.understanding(feed), (*reader.warnings(feed), *_doubts(tally, had, kept))
    counts = tally.counts
    return ImportSummary(
        *(feed.name, counts.created, counts.updated, counts.unchanged, tally.rejected, feed.leftover_columns),
        time.monotonic() - started,
        to_encode=counts.created + counts.retexted,
        withdrawn=tally.withdrawn,
        ended_early=tally.error,
        left_out=reader.left_out,
        first_rejection=reader.first_rejection,
        understood=understood,
        warnings=warnings,
        unknown=counts.unknown,
        first_unknown=counts.first_unknown,
        unreadable=reader.unreadable,
    )


def _doubts(tally: ImportTally, had: int, kept: int) -> Iterator[str]:
    """Yield what looks wrong beside the shop, which `had` products: nearly all is new, or many are hidden.

    `kept` are those that stay although the feed hides them.
    """
    created, good = tally.counts.created, tally.rows - tally.rejected
    if good >= FEW and had >= good and created >= NEARLY_ALL * good:
        yield (
            f"nearly all products ({created:,} of {good:,}) are new, although the shop has {had:,} already: have"
            " the SKUs changed, or are they read from the wrong column?"
        )
    if kept:
        yield f"{kept:,} of them are not taken out, as that is more than {allowance(had):,} products"
    if tally.withdrawn > allowance(had):
        lost = describe_loss("what the feed says is not on sale", tally.withdrawn, had)
        yield f"{lost}; if it does not mean that, --map offered= ignores what it says"


@dataclass(frozen=True, slots=True)
class FeedPreview:
    """What importing the first `rows` of a feed would do; nothing is written."""

    source: str
    rows: int
    products: int
    left_out: int
    rejections: tuple[Rejection, ...]
    ignored_columns: tuple[str, ...]
    understood: Understanding
    warnings: tuple[str, ...]


def preview_feed(
    path: Path | str,
    format: FeedFormat = FeedFormat.AUTO,  # noqa: A002 - what the option is called everywhere
    mapping: Mapping[str, str] = NO_MAPPING,
    most: int = PREVIEW_ROWS,
) -> FeedPreview:
    """Read the first rows of a feed, and say what was understood of them. Raises `BadFeed` as `import_feed` does."""
    with open_feed(path, format, mapping) as feed:
        notation, checked = survey(islice(feed.rows(), most))
        reader, rows = _BatchReader(notation, None), list(checked)
        products, rejections = reader.read(rows)
        reader.tally(products)
        understood = reader.understanding(feed)
        return FeedPreview(
            feed.name,
            len(rows),
            len(products),
            reader.left_out + len(feed.withdrawn),
            tuple(rejection for rejection, _ in rejections),
            feed.leftover_columns,
            understood,
            tuple(reader.warnings(feed)),
        )


def _rows_until_break(rows: Iterator[Row], feed: Feed, tally: ImportTally, until_break: bool) -> Iterator[Row]:
    """Yield the rows; with `until_break`, those before the point where the feed breaks."""
    try:
        yield from rows
    except BadFeed as error:
        if not (until_break and tally.rows):
            raise
        tally.status, tally.error = FAILED, str(error)
    else:
        tally.error = feed.early_end


class _Reader(ABC, Generic[Item]):
    """Turns rows into what is written, and remembers what is wrong with the others."""

    def __init__(self, notation: Notation) -> None:
        self._notation = notation
        self._remarks = RemarkTally()
        self._rows = 0
        self._rejected = 0
        self.unreadable = 0
        self.first_rejection: Rejection | None = None
        self.withdrawn: dict[str, None] = {}
        self.left_out = 0
        self.left_out_last = 0

    @abstractmethod
    def accept(self, row: Row, remarks: list[Remark]) -> Item | None:
        """Return what a row states; None for a repetition. Raises `BadRow`."""

    def read(self, rows: Sequence[Row]) -> tuple[list[Item], list[tuple[Rejection, object]]]:
        """Return what is to be written, and the rows that are rejected.

        An identical repetition is neither, and nor is what the feed marks as not offered: `left_out` counts the latter,
        and `left_out_last` those among these rows.
        """
        before = self.left_out
        items: list[Item] = []
        rejections: list[tuple[Rejection, object]] = []
        for row in rows:
            remarks: list[Remark] = []
            try:
                if not is_offered(row):
                    self.withdrawn[sku_of(row, self._notation)] = None
                    self.left_out += 1
                    continue
                item = self.accept(row, remarks)
                if remarks:
                    self._remarks.add(remarks, row.line, sku_of(row, self._notation))
                if item is not None:
                    items.append(item)
            except Exception as error:  # noqa: BLE001 - whatever one row holds, the others are taken in
                sku = sku_of(row, self._notation)
                self.unreadable += bool(row.problem and not sku)
                rejections.append((Rejection(row.line, sku, rejection_reason(error)), row.raw))
        self._rows += len(rows)
        self._rejected += len(rejections)
        self.left_out_last = self.left_out - before
        if rejections and self.first_rejection is None:
            self.first_rejection = rejections[0][0]
        return items, rejections

    @abstractmethod
    def import_rows(
        self, rows: Sequence[Row], sink: ProductSink
    ) -> tuple[UpsertCounts, list[tuple[Rejection, object]]]:
        """Write what rows state; return the result, and the rows that are rejected."""

    @abstractmethod
    def readings(self, feed: Feed) -> tuple[FieldReading, ...]:
        """Return each field with the column that it is read from."""

    def understanding(self, feed: Feed) -> Understanding:
        """Return what was understood of the feed, as far as it has been read."""
        return Understanding(feed.format, feed.why, self.readings(feed), self._remarks.counts())

    def warnings(self, feed: Feed) -> list[str]:
        """Return what looks wrong about the rows read so far."""
        if not self._rows and not feed.withdrawn:
            return ["a header without rows: there is no product in it"]
        warnings = []
        if self._rejected > REJECTED_SHARE * self._rows:
            share = f"{self._rejected:,} of {self._rows:,} rows"
            warnings.append(f"more than a tenth of the rows are rejected ({share}); --rejects FILE writes why")
        if self.hides_nearly_all(feed):
            column = feed.field_columns.get(Field.OFFERED)
            remedy = f"; if {column!r} does not say so, --map offered= ignores it" if column else ""
            warnings.append(f"nearly all rows say that their product is not on sale{remedy}")
        return warnings

    def hides_nearly_all(self, feed: Feed) -> bool:
        """Tell whether nearly all rows say that their product is not offered, as no shop means it."""
        hidden = self.left_out + len(feed.withdrawn)
        return hidden >= FEW and hidden >= NEARLY_ALL * (self._rows + len(feed.withdrawn))

    @abstractmethod
    def without_product(self, skus: Iterable[str]) -> list[str]:
        """Return the SKUs among these for which the feed had no product."""


class _BatchReader(_Reader[StagedProduct]):
    """Turns rows into products, and remembers the SKUs of the feed: 16 bytes of hashes for each."""

    def __init__(self, notation: Notation, named: SeenSkus | None) -> None:
        super().__init__(notation)
        self._named = named
        self._seen: dict[int, int] = {}
        self._fields = FieldTally()

    def accept(self, row: Row, remarks: list[Remark]) -> StagedProduct | None:
        staged = stage(product_of(row, self._notation, remarks))
        key, content = hash(staged.product.sku), int(staged.content_hash[:16], 16)
        if key not in self._seen:
            self._seen[key] = content
            return staged
        if self._seen[key] != content:
            raise BadRow("the SKU stands in this feed before, with different content")
        return None

    def import_rows(
        self, rows: Sequence[Row], sink: ProductSink
    ) -> tuple[UpsertCounts, list[tuple[Rejection, object]]]:
        products, rejections = self.read(rows)
        self.tally(products)
        if self._named is not None:
            self._named.add(staged.product.sku for staged in products)
            self._named.add(rejection.sku for rejection, _ in rejections)
        repeated = len(rows) - len(products) - len(rejections) - self.left_out_last
        return sink.upsert_staged(products) + UpsertCounts(unchanged=repeated), rejections

    def tally(self, products: Sequence[StagedProduct]) -> None:
        """Count what the fields of products hold, for the report."""
        self._fields.add(staged.product for staged in products)

    def readings(self, feed: Feed) -> tuple[FieldReading, ...]:
        return self._fields.readings(feed)

    def warnings(self, feed: Feed) -> list[str]:
        doubts = [row_number_warning(feed), switch_warning(feed)] if self._rows else []
        return [*super().warnings(feed), *filter(None, doubts), *self._fields.warnings(feed)]

    def without_product(self, skus: Iterable[str]) -> list[str]:
        return [sku for sku in skus if sku and hash(sku) not in self._seen]


class _PatchReader(_Reader[ProductPatch]):
    """Turns rows into changes of products. If a SKU is there twice, the later row counts."""

    def __init__(self, notation: Notation) -> None:
        super().__init__(notation)
        self._filled: Counter[str] = Counter()
        self._unknown = UpsertCounts()

    def accept(self, row: Row, remarks: list[Remark]) -> ProductPatch:
        return patch_of(row, self._notation, remarks)

    def import_rows(
        self, rows: Sequence[Row], sink: ProductSink
    ) -> tuple[UpsertCounts, list[tuple[Rejection, object]]]:
        patches, rejections = self.read(rows)
        self._filled.update(name for patch in patches for name in patch.fields)
        counts = sink.patch_counted(patches)
        self._unknown += counts
        return counts, rejections

    def readings(self, feed: Feed) -> tuple[FieldReading, ...]:
        filled = {**self._filled, Field.SKU.value: self._rows - self._rejected}
        return tuple(
            FieldReading(field, column, "", filled.get(field, 0)) for field, column in feed.field_columns.items()
        )

    def warnings(self, feed: Feed) -> list[str]:
        warnings = super().warnings(feed)
        if count := self._unknown.unknown:
            first = self._unknown.first_unknown
            warnings.append(f"{count:,} SKUs are not in the shop, the first {first!r}: nothing is changed for them")
        return warnings

    def without_product(self, skus: Iterable[str]) -> list[str]:
        return [sku for sku in skus if sku]
