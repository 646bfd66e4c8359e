"""`ingest`: from feeds into the catalogue and the index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.ingest_output import describe_drain, describe_outcome, drain_json, outcome_json
from recommender.cli.models import export_reason
from recommender.errors import UsageError

if TYPE_CHECKING:
    from recommender.feeds.formats import FeedFormat


@dataclass(frozen=True, slots=True)
class FeedFlags:
    """How feeds are read."""

    feed_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="auto (by the content), csv, tsv, jsonl, parquet, google, shopify, woocommerce, magento,"
            " prestashop or hf.",
        ),
    ] = "auto"
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="field=column, such as title=name; field= reads no column for it. Repeatable. Attributes: name the"
            " columns attribute:NAME.",
        ),
    ] = None
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
            help="Files or quoted patterns, - for standard input, http(s) addresses, or hf:NAME[:CONFIG][:SPLIT]: CSV,"
            " TSV, JSON Lines, Parquet, Google Merchant Center (TSV, XML), exports of Shopify and WooCommerce.",
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
    force: Annotated[
        bool, typer.Option("--force", help="With --full: deactivate even if the feeds look broken.")
    ] = False,
) -> Output:
    """Read feeds into the catalogue and bring the index up to date."""
    from recommender.jobs import ingest as job

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
            dry_run=dry_run,
            force=force,
            progress=run.progress,
        )
    lines = describe_outcome(outcome, dry_run)
    if dry_run:
        return Output(outcome_json(outcome) | {"dry_run": True, "index": None}, "\n".join(lines))
    run.print_early("\n".join(lines))
    try:
        drained = None if queue_only else job.drain(application, run.progress)
    except Exception as error:  # noqa: BLE001 - the output raises it again
        # What was read is committed: the document tells of it, beside the error that ends the process.
        return Output(outcome_json(outcome) | {"index": None, "error": str(error)}, "", error=error)
    waiting = job.pending_changes(application)
    new = [model.name for model in application.registry.list() if model.name not in known]
    reasons = [(name, export_reason(application, name)) for name in new]
    if drained is None:
        why = "as asked" if queue_only else "another process holds the index; the next drain takes them in"
        text = f"index: {waiting:,} changes queued, {why}"
    else:
        text = describe_drain(drained)
    document = outcome_json(outcome) | {"index": drained and drain_json(drained), "waiting": waiting}
    return Output(document, text, [f"{name}: {why}" for name, why in reasons if why], error=outcome.refusal())
