"""Feeds that appear in a folder, into the catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from recommender.application.composition import Application
from recommender.feeds.columns import field_mapping
from recommender.feeds.formats import FeedFormat
from recommender.ingestion.feed_folder import SETTLED_S, FeedFolder, FeedReport, printable
from recommender.jobs.ingest import TakenIn, take_in


def _never() -> bool:
    return False


class FeedWatch:
    """Reads the feeds of a folder as they appear; what they change is queued for the index.

    With `full` each feed is the whole catalogue, under the guards of `take_in`. Raises `BadInput` for a folder that
    feeds can't be moved about in, and `UsageError` for a mapping of an unknown field.
    """

    def __init__(
        self,
        application: Application,
        folder: Path,
        feed_format: FeedFormat = FeedFormat.AUTO,
        mapping: Mapping[str, str] | None = None,
        full: bool = False,
        settled_s: float = SETTLED_S,
    ) -> None:
        field_mapping(mapping or {})  # what no feed could be read with is told at once
        self._folder = FeedFolder(folder, settled_s)
        self._settled_s = settled_s
        self._read = partial(
            take_in, application, feed_format=feed_format, mapping=mapping, full=full, keep_partial=True
        )

    def take(self, stopped: Callable[[], bool] = _never) -> Iterator[FeedReport]:
        """Read what has settled since it was last looked at, and tell what became of each feed.

        Raises `Unavailable` when the database goes away; the feed in hand stays, and is read again.
        """
        return self._folder.take_feeds(lambda path: _report(path, self._read([path], stopped=stopped)), stopped)

    def take_present(self) -> Iterator[FeedReport]:
        """Read what lies in the folder now, when it has stood still for long enough to be taken."""
        if self._folder.look():
            time.sleep(self._settled_s)
        return self.take()


def _report(path: Path, taken: TakenIn) -> FeedReport:
    (summary,) = taken.imports
    gone = taken.departures
    ended = f"ended early: {summary.ended_early}" if summary.ended_early else ""
    return FeedReport(
        feed=printable(path.name),
        created=summary.created,
        updated=summary.updated,
        unchanged=summary.unchanged,
        rejected=summary.rejected,
        deactivated=gone.deactivated if gone else summary.withdrawn,
        seconds=summary.seconds,
        error=gone.refused if gone and gone.refused else ended,
    )
