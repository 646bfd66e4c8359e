"""Feeds into the catalogue, and what they changed into the index."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from recommender.bootstrap.application import Application
from recommender.bootstrap.models import ensure_live
from recommender.catalogue.feeds import FeedFormat, check_feed
from recommender.catalogue.importer import ImportSummary, import_feed
from recommender.catalogue.rejections import RejectsFile
from recommender.errors import IndexHeld
from recommender.ingestion.worker import DrainSummary
from recommender.types import Progress, silent


@dataclass(frozen=True, slots=True)
class IngestResult:
    """What a run did. `drained` is None when the index was not to be had, with `waiting` changes queued."""

    imports: tuple[ImportSummary, ...]
    drained: DrainSummary | None
    waiting: int


def ingest(
    application: Application,
    feeds: Sequence[Path],
    *,
    feed_format: FeedFormat = FeedFormat.AUTO,
    mapping: Mapping[str, str] | None = None,
    rejects: Path | None = None,
    index: bool = True,
    progress: Progress = silent,
) -> IngestResult:
    """Read feeds into the catalogue, then drain the outbox into the index unless told not to.

    When another process keeps the embedded index the changes stay queued for the next drain.
    """
    imports = take_in(application, feeds, feed_format=feed_format, mapping=mapping, rejects=rejects, progress=progress)
    drained = drain(application, progress) if index else None
    return IngestResult(imports, drained, waiting(application))


def take_in(
    application: Application,
    feeds: Sequence[Path],
    *,
    feed_format: FeedFormat = FeedFormat.AUTO,
    mapping: Mapping[str, str] | None = None,
    rejects: Path | None = None,
    progress: Progress = silent,
) -> tuple[ImportSummary, ...]:
    """Read feeds into the catalogue and queue what changed. Every feed is looked at before the first row is written."""
    for feed in feeds:
        check_feed(feed, feed_format, mapping or {})
    with RejectsFile(rejects, feeds) if rejects else nullcontext() as rejected:
        return tuple(_import(application, feed, feed_format, mapping or {}, rejected, progress) for feed in feeds)


def waiting(application: Application) -> int:
    """Return how many changes the index has not taken in, those in the hands of a worker included."""
    depth = application.outbox.depth()
    return depth.waiting + depth.leased


def _import(
    application: Application,
    feed: Path,
    feed_format: FeedFormat,
    mapping: Mapping[str, str],
    rejects: RejectsFile | None,
    progress: Progress,
) -> ImportSummary:
    return import_feed(
        application.catalogue,
        application.database,
        feed,
        format=feed_format,
        mapping=mapping,
        rejects=rejects,
        progress=lambda rows: progress("reading", rows, None, feed.name),
    )


def drain(
    application: Application, progress: Progress = silent, stopped: Callable[[], bool] = lambda: False
) -> DrainSummary | None:
    """Take what waits in the outbox into the index; None when another process holds the index.

    With nothing waiting no model is loaded and no index is opened.
    """
    try:
        if application.outbox.depth().waiting or application.generations.live() is not None:
            ensure_live(application, progress)
        return application.worker().drain(progress, stopped)
    except IndexHeld:
        return None


def drain_and_release(application: Application, stopped: Callable[[], bool]) -> DrainSummary | None:
    """Drain, then let go of the embedded index: between two rounds of a worker, queries of other processes get in."""
    try:
        return drain(application, stopped=stopped)
    finally:
        application.release_indexes()
