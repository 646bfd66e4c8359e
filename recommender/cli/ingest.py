"""`ingest` and `worker`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.ingest_output import say_reports, say_taken, taken_json
from recommender.cli.models import export_reason, say_export
from recommender.cli.options import Json
from recommender.cli.output import print_json, say
from recommender.cli.progress import ProgressBar
from recommender.errors import IndexHeld, UsageError

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.ingestion.worker import DrainSummary
    from recommender.jobs.watch import FeedWatch


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(ingest)
    app.command()(worker)


def ingest(
    feeds: Annotated[
        list[str],
        typer.Argument(
            help="Files or quoted patterns, - for standard input, http(s) addresses, or hf:NAME[:CONFIG][:SPLIT]: CSV,"
            " TSV, JSON Lines, Parquet, Google Merchant Center (TSV, XML), exports of Shopify and WooCommerce.",
            show_default=False,
        ),
    ],
    feed_format: Annotated[
        str,
        typer.Option(
            "--format", help="auto (by the content), csv, tsv, jsonl, parquet, google, shopify, woocommerce or hf."
        ),
    ] = "auto",
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="field=column, such as title=name; several times. Attributes: name the columns attribute:NAME.",
        ),
    ] = None,
    rejects: Annotated[
        Path | None, typer.Option(help="Write rejected rows with their reasons to this CSV file.")
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Fetch from addresses of private networks and this machine, too.")
    ] = False,
    queue_only: Annotated[bool, typer.Option("--queue-only", help="Leave the index to `recommender worker`.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="These feeds are the whole catalogue: deactivate what they lack.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="With --full: deactivate even if the feeds look broken.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read feeds into the catalogue and bring the index up to date."""
    from recommender.application.composition import open_application
    from recommender.feeds.formats import feed_format_of
    from recommender.jobs import ingest as jobs

    columns = _mapping(mapping or [])
    with open_application() as application, ProgressBar() as progress:
        known = {model.name for model in application.registry.list()}
        with jobs.open_sources(application, feeds, allow_private=allow_private) as sources:
            taken = jobs.import_feeds(
                application,
                sources,
                feed_format=feed_format_of(feed_format),
                mapping=columns,
                rejects=rejects,
                full=full,
                dry_run=dry_run,
                force=force,
                progress=progress,
            )
        if not as_json:
            say_taken(taken, dry_run)
        if dry_run:
            if as_json:
                print_json(taken_json(taken) | {"dry_run": True, "index": None})
            return
        try:
            drained = None if queue_only else jobs.drain(application, progress)
        except Exception as error:
            # What was read is committed; whoever asked for JSON learns of it beside the error that ends the process.
            if as_json:
                print_json(taken_json(taken) | {"index": None, "error": str(error)})
            raise
        reasons = _export_reasons(application, known)
        waiting = jobs.pending_changes(application)
    if as_json:
        index = None if drained is None else _drain_json(drained)
        print_json(taken_json(taken) | {"index": index, "waiting": waiting})
    else:
        say(_index_line(drained, waiting, queue_only))
        for name, reason in reasons.items():
            say_export(name, reason)
    taken.require_whole()  # last: what was read is in the index by then, and told


def _export_reasons(application: Application, known: set[str]) -> dict[str, str]:
    """Return why models that were registered meanwhile have no measured ONNX export, by name."""
    new = [model.name for model in application.registry.list() if model.name not in known]
    return {name: export_reason(application, name) for name in new}


def _mapping(pairs: list[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    for pair in pairs:
        field, equals, column = pair.partition("=")
        if not (equals and field.strip() and column.strip()):
            raise UsageError(f"--map {pair!r} is not field=column; write for example --map title=name")
        columns[field.strip()] = column.strip()
    return columns


def _index_line(drained: DrainSummary | None, waiting: int, queue_only: bool) -> str:
    if drained is None:
        why = "as asked" if queue_only else "another process holds the index; the next drain takes them in"
        return f"index: {waiting:,} changes queued, {why}"
    return _drain_line(drained)


def _drain_line(drained: DrainSummary) -> str:
    counts = drained.counts
    line = f"index: {counts.encoded:,} encoded, {counts.payloads:,} payload updates, {counts.deleted:,} deleted"
    failed = f", {drained.failed:,} failed (see `recommender queue failed`)" if drained.failed else ""
    return f"{line}{failed} in {drained.seconds:.1f} s"


def _drain_json(drained: DrainSummary) -> dict[str, object]:
    return {
        "applied": drained.applied,
        "failed": drained.failed,
        "encoded": drained.counts.encoded,
        "payloads": drained.counts.payloads,
        "deleted": drained.counts.deleted,
        "seconds": round(drained.seconds, 3),
    }


def worker(
    once: Annotated[bool, typer.Option("--once", help="Drain what waits and exit.")] = False,
    poll: Annotated[float, typer.Option(help="Seconds between two looks at an empty outbox.", min=0.05)] = 0.25,
    watch: Annotated[
        Path | None, typer.Option(help="Take in feeds as they appear in this folder; they go to its done/ or failed/.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="With --watch: each feed is the whole catalogue; what it lacks goes.")
    ] = False,
    feed_format: Annotated[str, typer.Option("--format", help="With --watch, as for `ingest`.")] = "auto",
    mapping: Annotated[list[str] | None, typer.Option("--map", help="With --watch, as for `ingest`.")] = None,
    as_json: Json = False,
) -> None:
    """Take queued catalogue changes into the index, until told to stop (SIGTERM, Ctrl-C)."""
    from recommender.application.composition import open_application
    from recommender.feeds.formats import feed_format_of
    from recommender.ingestion.loop import run_until_stopped
    from recommender.ingestion.shutdown import run_gracefully
    from recommender.jobs import ingest as jobs
    from recommender.jobs.watch import FeedWatch

    if as_json and not once:
        raise UsageError("--json is for --once: a worker that goes on has no last document to print")
    if watch is None and (full or mapping or feed_format != "auto"):
        raise UsageError("--full, --format and --map say how feeds are read; give their folder with --watch")
    with open_application() as application, ProgressBar(enabled=once) as progress:
        how = (feed_format_of(feed_format), _mapping(mapping or []), full)
        feeds = FeedWatch(application, watch, *how) if watch else None
        if not once:
            give_back = application.worker.give_back
            run_until_stopped(lambda stopped: _round(application, feeds, stopped), poll, say, give_back)
            return
        reports = list(feeds.take_present()) if feeds else []
        if not as_json:
            say_reports(reports)
        drained = run_gracefully(
            lambda stopped: jobs.drain(application, progress, stopped.is_set), application.worker.give_back, say
        )
    if drained is None:
        raise IndexHeld("another process holds the index; try again when it is done")
    if as_json:
        print_json(_drain_json(drained) | ({"feeds": [asdict(report) for report in reports]} if feeds else {}))
    else:
        say(_drain_line(drained))


def _round(application: Application, feeds: FeedWatch | None, stopped: Callable[[], bool]) -> DrainSummary | None:
    """Take in the feeds that have appeared, then what waits in the outbox."""
    from recommender.jobs import ingest as jobs

    if feeds:
        say_reports(feeds.take(stopped))
    return None if stopped() else jobs.drain_and_release(application, stopped)
