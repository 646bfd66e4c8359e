"""Feeds into the catalogue, and what they changed into the index."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recommender.application.composition import Application
from recommender.catalogue.dry_run import Rehearsal
from recommender.catalogue.full_sync import Departures, FeedEnd, FullFeed
from recommender.catalogue.importer import ImportSummary, import_feed
from recommender.errors import IndexHeld, Refused, UsageError
from recommender.feeds.download import DownloadRules
from recommender.feeds.formats import FeedFormat, check_feed
from recommender.feeds.rejections import RejectsFile
from recommender.feeds.sources import fetched
from recommender.ingestion.worker import DrainSummary
from recommender.jobs.models import ensure_live
from recommender.types import Progress, silent

ROUND_S = 1.0
"""Of a round of the worker, after which others may have the embedded index. What is in hand then takes a few seconds
more where texts are encoded, and a query waits five for its turn."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What reading feeds did to the catalogue, or with a dry run would do. `departures` only of full feeds."""

    imports: tuple[ImportSummary, ...]
    departures: Departures | None = None

    def require_whole(self) -> None:
        """Raise `Refused` when the feeds were refused as the whole catalogue."""
        if self.departures and self.departures.refused:
            raise Refused(self.departures.refused)


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What a run did. `drained` is None when the index was not to be had, with `waiting` changes queued."""

    imports: tuple[ImportSummary, ...]
    drained: DrainSummary | None
    waiting: int
    departures: Departures | None = None


def ingest(
    application: Application,
    feeds: Sequence[Path | str],
    *,
    feed_format: FeedFormat = FeedFormat.AUTO,
    mapping: Mapping[str, str] | None = None,
    rejects: Path | None = None,
    full: bool = False,
    dry_run: bool = False,
    force: bool = False,
    index: bool = True,
    progress: Progress = silent,
) -> IngestResult:
    """Read feeds into the catalogue, then drain the outbox into the index unless told not to.

    With `full` the feeds are the whole catalogue together, and what they lack is deactivated. When they don't look like
    it, what was read goes into catalogue and index all the same, and then `Refused` is raised; `force` overrides that.
    With `dry_run` nothing is written, and `departures.refused` says what would be refused.
    When another process keeps the embedded index the changes stay queued for the next drain.
    """
    taken = take_in(
        application,
        feeds,
        feed_format=feed_format,
        mapping=mapping,
        rejects=rejects,
        full=full,
        dry_run=dry_run,
        force=force,
        progress=progress,
    )
    drained = drain(application, progress) if index and not dry_run else None
    if not dry_run:
        taken.require_whole()
    return IngestResult(taken.imports, drained, waiting(application), taken.departures)


def take_in(
    application: Application,
    feeds: Sequence[Path | str],
    *,
    feed_format: FeedFormat = FeedFormat.AUTO,
    mapping: Mapping[str, str] | None = None,
    rejects: Path | None = None,
    full: bool = False,
    dry_run: bool = False,
    force: bool = False,
    keep_partial: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> TakenIn:
    """Read feeds into the catalogue and queue what changed; several are all looked at before the first row is written.

    With `full`, what they lack is deactivated after the last was read, or `departures.refused` says why not. A feed
    that breaks on the way is an error, but with `full` or `keep_partial` its summary tells of it.
    Raises `ImportStopped` when `stopped` says so; what was committed stays.
    """
    if force and not full:
        raise UsageError("--force is for --full: it deactivates what the feeds lack, however much that is")
    for feed in feeds if len(feeds) > 1 else ():
        check_feed(feed, feed_format, mapping or {})
    whole = FullFeed(application.catalogue) if full else None
    read = partial(
        import_feed,
        Rehearsal(application.database, application.text.hash, len(feeds)) if dry_run else application.catalogue,
        None if dry_run else application.database,
        format=feed_format,
        mapping=mapping or {},
        seen=whole.seen if whole else None,
        partial=full or keep_partial,
        stopped=stopped,
    )
    with RejectsFile(rejects, [Path(feed) for feed in feeds]) if rejects else nullcontext() as rejected:
        imports = tuple(read(feed, rejects=rejected, progress=_reading(progress, feed)) for feed in feeds)
    if not whole:
        return TakenIn(imports)
    return TakenIn(imports, whole.close(_ends(imports), force=force, dry_run=dry_run, stopped=stopped))


def sources(
    application: Application, feeds: Sequence[Path | str], *, allow_private: bool = False
) -> AbstractContextManager[list[Path | str]]:
    """Expand patterns and fetch what lies at addresses, for `take_in`; what was fetched goes when the context ends."""
    largest = int(application.settings.max_download_gib * (1 << 30))
    return fetched(feeds, DownloadRules(largest, allow_private))


def waiting(application: Application) -> int:
    """Return how many changes the index has not taken in, those in the hands of a worker included."""
    depth = application.outbox.depth()
    return depth.waiting + depth.leased


def _reading(progress: Progress, feed: Path | str) -> Callable[[int], None]:
    return lambda rows: progress("reading", rows, None, Path(feed).name)


def _ends(imports: Sequence[ImportSummary]) -> list[FeedEnd]:
    return [FeedEnd(summary.source, summary.good_rows, summary.ended_early) for summary in imports]


def drain(
    application: Application,
    progress: Progress = silent,
    stopped: Callable[[], bool] = lambda: False,
    longest: float = math.inf,
) -> DrainSummary | None:
    """Take what waits in the outbox into the index; None when another process holds the index.

    After `longest` seconds nothing more is begun. With nothing waiting no model is loaded and no index is opened.
    """
    try:
        if application.generations.live() is None and not application.outbox.anything_due():
            return DrainSummary()  # a change that comes from here on must find a generation that takes it
        ensure_live(application, progress)
        return application.worker().drain(progress, stopped, longest)
    except IndexHeld:
        return None


def drain_and_release(application: Application, stopped: Callable[[], bool]) -> DrainSummary | None:
    """Drain for a while, then let go of the embedded index: between two rounds of a worker, other processes get in.

    An idle round is one look into the queue.
    """
    if not application.worker().has_work():
        return DrainSummary()
    try:
        return drain(application, stopped=stopped, longest=ROUND_S)
    finally:
        application.release_indexes()
