"""`ingest`: from feeds into the catalogue and the index, and the report on that, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.errors import BadInput, Refused, UsageError

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.catalogue.importer import FeedPreview
    from recommender.feeds.formats import FeedFormat
    from recommender.feeds.understanding import Understanding
    from recommender.ingestion.feed_folder import FeedReport
    from recommender.ingestion.worker import DrainSummary
    from recommender.jobs.ingest import ImportOutcome


SHOWN_REJECTIONS = 10
"""Rejected rows that a preview shows."""


def describe_outcome(outcome: ImportOutcome, dry_run: bool) -> list[str]:
    """Return a line for each feed, and one for the products that are deactivated because the feeds lack them."""
    lines = []
    for summary in outcome.imports:
        texts = f" ({summary.to_encode:,} texts to encode)" if dry_run else ""
        counts = f"{summary.created:,} created, {summary.updated:,} updated{texts}, {summary.unchanged:,} unchanged"
        hidden = f", {summary.left_out:,} not offered" if summary.left_out else ""
        hidden += f", {summary.withdrawn:,} withdrawn" if summary.withdrawn else ""
        line = f"{summary.source}: {counts}, {summary.rejected:,} rejected{hidden} in {summary.seconds:.1f} s"
        if summary.ignored_columns:
            line += f" (columns not used: {', '.join(summary.ignored_columns)})"
        lines.append(f"{line}; ended early: {summary.ended_early}" if summary.ended_early else line)
        if summary.understood:
            lines += describe_understanding(summary.understood, summary.warnings)
    if (whole := outcome.deactivation) and whole.refused:
        lines.append(f"would be refused: {whole.refused}" if dry_run else "full feed refused: nothing deactivated")
    elif whole:
        count = whole.missing if dry_run else whole.deactivated
        lines.append(f"full feed: {count:,} of {whole.active:,} active products deactivated")
    return [*(f"dry run: {line}" for line in lines), "dry run: nothing was changed"] if dry_run else lines


def describe_understanding(understood: Understanding, warnings: Sequence[str]) -> list[str]:
    """Return how a feed was read: its format, the column of each field, and what looks wrong about it."""
    read = [(f"{field.field} from {field.column!r}", field.example) for field in understood.fields if field.column]
    columns = ", ".join(f"{what} ({example})" if example else what for what, example in read)
    lines = [f"  read as {understood.format} (by {understood.why})", f"  {columns}"]
    lines += [f"  warning: {warning}" for warning in warnings]
    return lines + [f"  {'lost' if remark.lost else 'note'}: {remark}" for remark in understood.remarks]


def describe_preview(preview: FeedPreview) -> str:
    """Return what importing the first rows of a feed would do."""
    counts = f"{preview.products:,} products, {len(preview.rejections):,} rejected, {preview.left_out:,} not offered"
    lines = [f"{preview.source}: the first {preview.rows:,} rows give {counts}; nothing is written"]
    lines.append(f"  read as {preview.understood.format} (by {preview.understood.why})")
    width = max((len(field.column or "several") for field in preview.understood.fields), default=0)
    for field in preview.understood.fields:
        example = f"  {field.example}" if field.example else ""
        lines.append(f"  {field.field:<12}  {field.column or 'several':<{width}}  {field.filled:>6,}{example}")
    if preview.ignored_columns:
        lines.append(f"  columns not used: {', '.join(preview.ignored_columns)}")
    lines += [f"  warning: {warning}" for warning in preview.warnings]
    lines += [f"  {'lost' if remark.lost else 'note'}: {remark}" for remark in preview.understood.remarks]
    rejected = preview.rejections[:SHOWN_REJECTIONS]
    return "\n".join([*lines, *(f"  rejected: line {each.line:,}: {each.reason}" for each in rejected)])


def outcome_json(outcome: ImportOutcome) -> dict[str, object]:
    """Return the JSON form; `full` only for full feeds."""
    document: dict[str, object] = {
        "imports": [asdict(summary) | {"seconds": round(summary.seconds, 3)} for summary in outcome.imports]
    }
    return document | ({"full": asdict(outcome.deactivation)} if outcome.deactivation else {})


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
    line = (
        f"feed {report.feed}: {counts}, {report.rejected:,} rejected, {report.deactivated:,} deactivated "
        f"in {report.seconds:.1f} s"
    )
    if report.understood:
        columns = ", ".join(f"{each['field']} from {each['column']!r}" for each in report.understood["fields"])
        line += f"; read as {report.understood['format']}: {columns}"
    return "; ".join([line, *(f"warning: {warning}" for warning in report.warnings)])


@dataclass(frozen=True, slots=True)
class FeedFlags:
    """How feeds are read."""

    feed_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="auto (by the content), csv, tsv, jsonl, xlsx, parquet, google, hf, or the name of a platform, such"
            " as shopify.",
        ),
    ] = "auto"
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="field=column, such as title=name; field= reads no column for it. Repeatable. Attributes: "
            "attribute:colour=shade.",
        ),
    ] = None
    strict: Annotated[bool, typer.Option("--strict", help="Fail (exit code 4) if there is a warning about a feed.")] = (
        False
    )
    full: Annotated[bool, typer.Option("--full", help="The feed is the whole catalogue: deactivate what it lacks.")] = (
        False
    )

    def read(self) -> tuple[FeedFormat, dict[str, str]]:
        """Return the format and the column of each mapped field. Raises `UsageError`."""
        from recommender.feeds.formats import feed_format_of

        columns: dict[str, str] = {}
        for pair in self.mapping or []:
            field, equals, column = pair.partition("=")
            if not (equals and field.strip()):
                raise UsageError(f"--map {pair!r} is not field=column; write for example --map title=name")
            columns[field.strip()] = column.strip()
        return feed_format_of(self.feed_format), columns


@command
def ingest(
    run: CommandRun,
    feeds: Annotated[
        list[str],
        typer.Argument(
            help="Files or quoted patterns, - for standard input, http(s) addresses, or hf:NAME of the Hub: CSV, TSV,"
            " JSON, Parquet, XLSX, Google Merchant Center, and exports of Shopify, WooCommerce and other platforms.",
            show_default=False,
        ),
    ],
    reading: FeedFlags,
    rejects: Annotated[
        Path | None, typer.Option(help="Write rejected rows with their reasons to this CSV file.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Allow addresses of private networks and of this machine.")
    ] = False,
    queue_only: Annotated[bool, typer.Option("--queue-only", help="Leave the index to `recommender worker`.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what is understood of the first rows, and write nothing.")
    ] = False,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="The rows only say what changes (sku,price): the rest of each product stays."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="With --full: go on even if the feeds look broken.")] = False,
) -> Output:
    """Read feeds into the catalogue and bring the index up to date."""
    from recommender.jobs import ingest as job

    if explain and partial:
        raise UsageError("--explain reads whole products; try parts of them with --partial --dry-run")
    if explain:
        return _explain(feeds, reading, allow_private)
    feed_format, columns = reading.read()
    application = run.open()
    known = {model.name for model in application.registry.list()}
    with job.open_sources(application, feeds, allow_private=allow_private) as sources:
        outcome = job.import_feeds(
            application,
            sources,
            feed_format=feed_format,
            mapping=columns,
            rejects=rejects,
            full=reading.full,
            partial_rows=partial,
            dry_run=dry_run,
            force=force,
            progress=run.progress,
        )
    lines = describe_outcome(outcome, dry_run)
    if dry_run:
        failure, document = outcome.error(reading.strict), outcome_json(outcome) | {"dry_run": True, "index": None}
        return Output(document, "\n".join(lines), error=None if isinstance(failure, Refused) else failure)
    run.print_early("\n".join(lines))
    return _fill_index(run, application, outcome, known, queue_only, reading.strict)


def _fill_index(
    run: CommandRun, application: Application, outcome: ImportOutcome, known: set[str], queue_only: bool, strict: bool
) -> Output:
    """Bring the index up to date with the import, and report both; `known` models existed before."""
    from recommender.jobs import ingest as job

    try:
        drained = None if queue_only else job.drain(application, run.progress)
    except Exception as error:  # noqa: BLE001 - what was read is committed, and the output tells of it and raises this
        return Output(outcome_json(outcome) | {"index": None, "error": str(error)}, "", error=error)
    waiting = job.pending_changes(application)
    new = [model.name for model in application.registry.list() if model.name not in known]
    why = "as asked" if queue_only else "another process holds the index; the next drain applies them"
    text = describe_drain(drained) if drained else f"index: {waiting:,} changes queued, {why}"
    document = outcome_json(outcome) | {"index": drained and drain_json(drained), "waiting": waiting}
    notes = [f"{name}: {reason}" for name in new if (reason := application.registry.manifest(name).export.reason)]
    return Output(document, text, notes, error=outcome.error(strict))


def _explain(feeds: list[str], reading: FeedFlags, allow_private: bool) -> Output:
    from recommender.jobs import ingest as job

    previews = job.preview_feeds(feeds, *reading.read(), allow_private=allow_private)
    doubts = [doubt for preview in previews for doubt in job.doubts_of(preview)]
    error = BadInput(f"--strict: {doubts[0]}") if reading.strict and doubts else None
    text = "\n".join(map(describe_preview, previews))
    return Output({"feeds": [asdict(preview) for preview in previews]}, text, error=error)
