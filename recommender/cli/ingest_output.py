"""What reading feeds did to the catalogue, for a person and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from recommender.cli.output import say

if TYPE_CHECKING:
    from recommender.catalogue.full_sync import Departures
    from recommender.catalogue.importer import ImportSummary
    from recommender.ingestion.feed_folder import FeedReport
    from recommender.jobs.ingest import ImportOutcome


def say_taken(taken: ImportOutcome, dry_run: bool) -> None:
    """Tell of each feed, and of what is deactivated since the feeds lack it."""
    for summary in taken.imports:
        say(("dry run: " if dry_run else "") + _import_line(summary, dry_run))
    if taken.departures:
        say(("dry run: " if dry_run else "") + _departures_line(taken.departures, dry_run))
    if dry_run:
        say("dry run: nothing was changed")


def _import_line(summary: ImportSummary, dry_run: bool) -> str:
    texts = f" ({summary.to_encode:,} texts to encode)" if dry_run else ""
    counts = f"{summary.created:,} created, {summary.updated:,} updated{texts}, {summary.unchanged:,} unchanged"
    withdrawn = f", {summary.withdrawn:,} withdrawn" if summary.withdrawn else ""
    line = f"{summary.source}: {counts}, {summary.rejected:,} rejected{withdrawn} in {summary.seconds:.1f} s"
    if summary.ignored_columns:
        line += f" (columns not used: {', '.join(summary.ignored_columns)})"
    if summary.ended_early:
        line += f"; ended early: {summary.ended_early}"
    return line


def _departures_line(departures: Departures, dry_run: bool) -> str:
    if departures.refused:
        return f"would be refused: {departures.refused}" if dry_run else "full feed refused: nothing deactivated"
    count = departures.missing if dry_run else departures.deactivated
    return f"full feed: {count:,} of {departures.active:,} active products deactivated"


def taken_json(taken: ImportOutcome) -> dict[str, object]:
    """Return the JSON form; `full` only of full feeds."""
    document: dict[str, object] = {"imports": [_import_json(summary) for summary in taken.imports]}
    if taken.departures:
        document["full"] = {
            "active": taken.departures.active,
            "missing": taken.departures.missing,
            "deactivated": taken.departures.deactivated,
            "refused": taken.departures.refused,
        }
    return document


def _import_json(summary: ImportSummary) -> dict[str, object]:
    return {
        "source": summary.source,
        "created": summary.created,
        "updated": summary.updated,
        "unchanged": summary.unchanged,
        "rejected": summary.rejected,
        "to_encode": summary.to_encode,
        "withdrawn": summary.withdrawn,
        "ignored_columns": list(summary.ignored_columns),
        "ended_early": summary.ended_early,
        "seconds": round(summary.seconds, 3),
    }


def say_reports(reports: Iterable[FeedReport]) -> None:
    """Tell what became of each feed of a watched folder."""
    for report in reports:
        counts = f"{report.created:,} created, {report.updated:,} updated, {report.unchanged:,} unchanged"
        counts += f", {report.rejected:,} rejected, {report.deactivated:,} deactivated in {report.seconds:.1f} s"
        say(f"feed {report.feed}: {counts}" if not report.error else f"feed {report.feed} failed: {report.error}")
