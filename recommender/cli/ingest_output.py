"""What reading feeds did to the catalogue, for a person and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recommender.catalogue.full_sync import DeactivationSummary
    from recommender.catalogue.importer import ImportSummary
    from recommender.ingestion.feed_folder import FeedReport
    from recommender.ingestion.worker import DrainSummary
    from recommender.jobs.ingest import ImportOutcome


def describe_outcome(outcome: ImportOutcome, dry_run: bool) -> list[str]:
    """Return a line for each feed, and one for the products that are deactivated because the feeds lack them."""
    lines = [_import_line(summary, dry_run) for summary in outcome.imports]
    if outcome.deactivation:
        lines.append(_deactivation_line(outcome.deactivation, dry_run))
    return [*(f"dry run: {line}" for line in lines), "dry run: nothing was changed"] if dry_run else lines


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


def _deactivation_line(deactivation: DeactivationSummary, dry_run: bool) -> str:
    if deactivation.refused:
        return f"would be refused: {deactivation.refused}" if dry_run else "full feed refused: nothing deactivated"
    count = deactivation.missing if dry_run else deactivation.deactivated
    return f"full feed: {count:,} of {deactivation.active:,} active products deactivated"


def outcome_json(outcome: ImportOutcome) -> dict[str, object]:
    """Return the JSON form; `full` only of full feeds."""
    document: dict[str, object] = {"imports": [_import_json(summary) for summary in outcome.imports]}
    if outcome.deactivation:
        document["full"] = asdict(outcome.deactivation)
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


def describe_drain(drained: DrainSummary) -> str:
    """Return in words what went into the index."""
    counts = drained.counts
    line = f"index: {counts.encoded:,} encoded, {counts.payloads:,} payload updates, {counts.deleted:,} deleted"
    failed = f", {drained.failed:,} failed (see `recommender queue failed`)" if drained.failed else ""
    return f"{line}{failed} in {drained.seconds:.1f} s"


def drain_json(drained: DrainSummary) -> dict[str, object]:
    """Return the JSON form of what went into the index."""
    return {
        "applied": drained.applied,
        "failed": drained.failed,
        "encoded": drained.counts.encoded,
        "payloads": drained.counts.payloads,
        "deleted": drained.counts.deleted,
        "seconds": round(drained.seconds, 3),
    }


def describe_feed(report: FeedReport) -> str:
    """Return in words what became of one feed of a watched folder."""
    if report.error:
        return f"feed {report.feed} failed: {report.error}"
    counts = f"{report.created:,} created, {report.updated:,} updated, {report.unchanged:,} unchanged"
    return (
        f"feed {report.feed}: {counts}, {report.rejected:,} rejected, {report.deactivated:,} deactivated "
        f"in {report.seconds:.1f} s"
    )
