"""`worker`: from the outbox into the index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.ingest import FeedFlags, describe_drain, describe_feed, drain_json
from recommender.cli.output import say
from recommender.errors import BadFeed, IndexHeld, UsageError

if TYPE_CHECKING:
    from recommender.ingestion.worker import DrainSummary


@command
def worker(
    run: CommandRun,
    reading: FeedFlags,
    once: Annotated[bool, typer.Option("--once", help="Drain what waits and exit.")] = False,
    poll: Annotated[float, typer.Option(help="Seconds between two looks at an empty outbox.", min=0.05)] = 0.25,
    watch: Annotated[
        Path | None, typer.Option(help="Ingest feeds as they appear in this folder; they go to its done/ or failed/.")
    ] = None,
) -> Output | None:
    """Write queued catalogue changes into the index, until told to stop (SIGTERM, Ctrl-C).

    --format, --map, --full and --strict say how the feeds of --watch are read.
    """
    from recommender.ingestion.loop import run_gracefully, run_until_stopped
    from recommender.jobs import ingest as job
    from recommender.jobs.ingest import FeedWatch

    if run.as_json and not once:
        raise UsageError("--json is for --once: a worker that goes on has no last document to print")
    if watch is None and reading != FeedFlags():
        raise UsageError("--full, --strict, --format and --map say how feeds are read; give their folder with --watch")
    how = reading.read()
    application = run.open()
    feeds = FeedWatch(application, watch, *how, reading.full, reading.strict) if watch else None
    give_back = application.worker.give_back
    if not once:

        def work(stopped: Callable[[], bool]) -> DrainSummary | None:
            for report in feeds.take(stopped) if feeds else ():
                say(describe_feed(report))
            return None if stopped() else job.drain_and_release(application, stopped)

        run_until_stopped(work, poll, say, give_back)
        return None
    reports = list(feeds.take_present()) if feeds else []
    for report in reports:
        run.print_early(describe_feed(report))
    drained, code = run_gracefully(
        lambda stopped: (job.drain(application, run.progress, stopped.is_set), stopped.exit_code),
        give_back,
        say,
        endless=False,
    )
    told = {"feeds": [asdict(report) for report in reports]} if feeds else {}
    if drained is None:
        held = IndexHeld("another process holds the index; try again when it is done")
        return Output(told | {"error": str(held)}, "", error=held)
    waiting = job.pending_changes(application) if code else 0
    failure = next((BadFeed(f"feed {report.feed}: {report.error}") for report in reports if report.error), None)
    return Output(
        drain_json(drained) | told,
        describe_drain(drained),
        [f"stopped; {waiting:,} changes wait, and `recommender worker --once` goes on"] if waiting else [],
        exit_code=code if waiting else 0,
        error=failure,
    )
