"""Brings feeds into the catalogue, also as they appear in a folder, and their changes into the index."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from recommender.application.composition import Application
from recommender.catalogue.dry_run import DryRun
from recommender.catalogue.full_sync import DeactivationSummary, FeedEnd, FullSync
from recommender.catalogue.importer import FeedPreview, ImportSummary, import_feed, preview_feed
from recommender.errors import BadFeed, IndexHeld, Refused, UsageError
from recommender.feeds.columns import field_mapping
from recommender.feeds.download import DownloadRules
from recommender.feeds.formats import FeedFormat, check_feed
from recommender.feeds.rejections import RejectsFile
from recommender.feeds.sources import fetch_all
from recommender.ingestion.feed_folder import SETTLED_S, FeedFolder, FeedReport, printable, rejects_beside
from recommender.ingestion.worker import DrainSummary
from recommender.jobs.calibrate import calibrate
from recommender.jobs.groups import find_groups, take_on
from recommender.jobs.rebuild import ensure_live
from recommender.types import Progress, silent

ROUND_S = 1.0
"""Seconds of a round of the worker, after which other processes may have the embedded index. If texts are encoded,
finishing what is claimed takes a few seconds more; a query waits five seconds for its turn."""


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What importing feeds did to the catalogue, or would do in a dry run. Only full feeds have `deactivation`."""

    imports: tuple[ImportSummary, ...]
    deactivation: DeactivationSummary | None = None

    def error(self, strict: bool = False) -> BadFeed | Refused | None:
        """Return the error that the run ends with: a feed of which nothing could be imported, or a guard's refusal.

        With `strict`, what looks wrong about a feed is an error too, and so is what was lost of its products. Returns
        None if all is well.
        """
        refused = self.deactivation.refused if self.deactivation else ""
        failures = [summary.failure for summary in self.imports if summary.failure]
        if failures:
            return BadFeed("; ".join(filter(None, (*failures, refused))))
        if refused:
            return Refused(refused)
        doubts = [f"{summary.source}: {doubt}" for summary in self.imports for doubt in doubts_of(summary)]
        if strict and doubts:
            more = f" (and {len(doubts) - 1:,} more)" if len(doubts) > 1 else ""
            return BadFeed(f"--strict: {doubts[0]}{more}; what was read is in the catalogue")
        return None


def doubts_of(summary: ImportSummary | FeedPreview) -> list[str]:
    """Return the warnings of an import, and what was lost of its products."""
    remarks = summary.understood.remarks if summary.understood else ()
    return [*summary.warnings, *(str(remark) for remark in remarks if remark.lost)]


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What a run did. `drained` is None when another process held the index, with `waiting` changes queued."""

    imports: tuple[ImportSummary, ...]
    drained: DrainSummary | None
    waiting: int


def ingest(application: Application, feeds: Sequence[Path | str], progress: Progress = silent) -> IngestResult:
    """Import feeds into the catalogue, then drain the outbox into the index.

    While another process holds the embedded index, the changes stay queued for the next drain.
    """
    outcome = import_feeds(application, feeds, progress=progress)
    drained = drain(application, progress)
    return IngestResult(outcome.imports, drained, pending_changes(application))


def import_feeds(
    application: Application,
    feeds: Sequence[Path | str],
    *,
    feed_format: FeedFormat = FeedFormat.AUTO,
    mapping: Mapping[str, str] | None = None,
    rejects: Path | None = None,
    full: bool = False,
    partial_rows: bool = False,
    dry_run: bool = False,
    force: bool = False,
    keep_partial: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> ImportOutcome:
    """Import feeds into the catalogue and queue what changed. All feeds are checked before the first row is written.

    With `full` the feeds together are the whole catalogue: what they lack is deactivated after the last one, or
    `deactivation.refused` says why not. `force` deactivates even if the feeds look broken. With `partial_rows` the rows
    only say what changes in products of the shop. A feed that breaks in the middle is an error; with `full` or
    `keep_partial`, its summary says so instead. With `dry_run` nothing is written. Raises `ImportStopped` when
    `stopped` returns True; what was committed stays.
    """
    if force and not full:
        raise UsageError("--force is for --full: it deactivates what the feeds lack, however much that is")
    if full and partial_rows:
        raise UsageError("--full is for feeds of whole products, and --partial for parts of them; leave one out")
    for feed in feeds if len(feeds) > 1 and not partial_rows else ():
        check_feed(feed, feed_format, mapping or {})
    whole = FullSync(application.catalogue) if full else None
    read = partial(
        import_feed,
        DryRun(application.database, application.text.hash, len(feeds)) if dry_run else application.catalogue,
        None if dry_run else application.database,
        format=feed_format,
        mapping=mapping or {},
        seen=whole.seen if whole else None,
        partial=partial_rows,
        until_break=full or keep_partial,
        had=application.catalogue.count(),
        stopped=stopped,
    )
    imports: list[ImportSummary] = []
    with RejectsFile(rejects, [Path(feed) for feed in feeds]) if rejects else nullcontext() as rejected:
        for feed in feeds:
            name = Path(feed).name
            count = partial(lambda name, rows: progress("reading", rows, None, name), name)
            imports.append(read(feed, rejects=rejected, progress=count))
    if application.settings.group_variants and not dry_run:
        take_on(application, find_groups(application))
    if not whole:
        return ImportOutcome(tuple(imports))
    ends = [FeedEnd(each.source, each.good_rows, each.ended_early, each.unreadable) for each in imports]
    return ImportOutcome(tuple(imports), whole.close(ends, force=force, dry_run=dry_run, stopped=stopped))


def preview_feeds(
    feeds: Sequence[Path | str],
    feed_format: FeedFormat = FeedFormat.AUTO,
    mapping: Mapping[str, str] | None = None,
    *,
    allow_private: bool = False,
) -> list[FeedPreview]:
    """Say what is understood of the first rows of feeds; no catalogue is opened, and nothing is written."""
    with fetch_all(feeds, DownloadRules(allow_private=allow_private)) as sources:
        return [preview_feed(source, feed_format, mapping or {}) for source in sources]


def open_sources(
    application: Application, feeds: Sequence[Path | str], *, allow_private: bool = False
) -> AbstractContextManager[list[Path | str]]:
    """Expand patterns and download addresses; downloads are removed when the context ends."""
    largest = int(application.settings.max_download_gib * (1 << 30))
    return fetch_all(feeds, DownloadRules(largest, allow_private))


def pending_changes(application: Application) -> int:
    """Return how many changes the index lacks, including those that a worker has claimed."""
    depth = application.outbox.depth()
    return depth.waiting + depth.leased


def drain(
    application: Application,
    progress: Progress = silent,
    stopped: Callable[[], bool] = lambda: False,
    longest: float = math.inf,
) -> DrainSummary | None:
    """Write what waits in the outbox into the index; return None when another process holds the index.

    After `longest` seconds nothing more is begun. If nothing waits, no model is loaded and no index is opened.
    """
    try:
        if application.generations.live() is None and not application.outbox.anything_due():
            return DrainSummary()  # a change that comes after this must find a generation that takes it
        ensure_live(application, progress)
        summary = application.worker.drain(progress, stopped, longest)
        if not pending_changes(application):
            calibrate(application, progress=progress)
        application.vocabulary.refresh(changed=summary.counts.changes_words)
        return summary
    except IndexHeld:
        return None


def drain_and_release(application: Application, stopped: Callable[[], bool]) -> DrainSummary | None:
    """Drain for a while, then release the embedded index: between two rounds of a worker, others can use it.

    An idle round is one look into the queue.
    """
    if not application.worker.has_work():
        application.vocabulary.refresh()  # when products changed, it may have been too early for a build
        return DrainSummary()
    try:
        return drain(application, stopped=stopped, longest=ROUND_S)
    finally:
        application.release_indexes()


class FeedWatch:
    """Imports the feeds of a folder as they appear; what they change is queued for the index.

    With `full` each feed is the whole catalogue, under the guards of `import_feeds`. Raises `BadInput` for a folder in
    which feeds can't be moved, and `UsageError` for a mapping of an unknown field.
    """

    def __init__(
        self,
        application: Application,
        folder: Path,
        feed_format: FeedFormat = FeedFormat.AUTO,
        mapping: Mapping[str, str] | None = None,
        full: bool = False,
        strict: bool = False,
        settled_s: float = SETTLED_S,
    ) -> None:
        field_mapping(mapping or {})  # a mapping that no feed could be read with fails now, not at the first feed
        self._folder = FeedFolder(folder, settled_s)
        self._settled_s = settled_s
        self._strict = strict
        self._import = partial(
            import_feeds, application, feed_format=feed_format, mapping=mapping, full=full, keep_partial=True
        )

    def take(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[FeedReport]:
        """Import what has settled since the last look, and report what became of each feed.

        Raises `Unavailable` when the database goes away; the feed that was being read stays, and is read again.
        """

        def import_one(path: Path) -> FeedReport:
            outcome = self._import([path], rejects=rejects_beside(path), stopped=stopped)
            (summary,), deactivation = outcome.imports, outcome.deactivation
            ended = f"ended early: {summary.ended_early}" if summary.ended_early else ""
            error = outcome.error(self._strict)
            return FeedReport(
                feed=printable(path.name),
                created=summary.created,
                updated=summary.updated,
                unchanged=summary.unchanged,
                rejected=summary.rejected,
                deactivated=deactivation.deactivated if deactivation else summary.withdrawn,
                seconds=summary.seconds,
                error=str(error) if error else ended,
                warnings=summary.warnings,
                understood=asdict(summary.understood) if summary.understood else {},
            )

        return self._folder.take_feeds(import_one, stopped)

    def take_present(self) -> Iterator[FeedReport]:
        """Import what is in the folder now, after it has not changed for long enough."""
        if self._folder.look():
            time.sleep(self._settled_s)
        return self.take()
