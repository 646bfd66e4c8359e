"""Importing the feeds that appear in a folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from recommender.application.composition import Application
from recommender.feeds.columns import field_mapping
from recommender.feeds.formats import FeedFormat
from recommender.ingestion.feed_folder import SETTLED_S, FeedFolder, FeedReport, printable
from recommender.jobs.ingest import import_feeds


class FeedWatch:
    """Imports the feeds of a folder as they appear; what they change is queued for the index.

    With `full` each feed is the whole catalogue, under the guards of `import_feeds`. Raises `BadInput` for a folder
    that feeds can't be moved about in, and `UsageError` for a mapping of an unknown field.
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
        field_mapping(mapping or {})  # a mapping that no feed could be read with fails now, not at the first feed
        self._folder = FeedFolder(folder, settled_s)
        self._settled_s = settled_s
        self._import = partial(
            import_feeds, application, feed_format=feed_format, mapping=mapping, full=full, keep_partial=True
        )

    def take(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[FeedReport]:
        """Import what has settled since the last look, and report what became of each feed.

        Raises `Unavailable` when the database goes away; the feed that was being read stays, and is read again.
        """

        def import_one(path: Path) -> FeedReport:
            outcome = self._import([path], stopped=stopped)
            (summary,), deactivation = outcome.imports, outcome.deactivation
            ended = f"ended early: {summary.ended_early}" if summary.ended_early else ""
            return FeedReport(
                feed=printable(path.name),
                created=summary.created,
                updated=summary.updated,
                unchanged=summary.unchanged,
                rejected=summary.rejected,
                deactivated=deactivation.deactivated if deactivation else summary.withdrawn,
                seconds=summary.seconds,
                error=deactivation.refused if deactivation and deactivation.refused else ended,
            )

        return self._folder.take_feeds(import_one, stopped)

    def take_present(self) -> Iterator[FeedReport]:
        """Import what lies in the folder now, once it has stood still for long enough."""
        if self._folder.look():
            time.sleep(self._settled_s)
        return self.take()
