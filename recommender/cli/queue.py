"""`queue status | failed | retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.output import print_table

app = typer.Typer(help="Catalogue changes on their way into the index.", no_args_is_help=True)


@app.command()
@command
def status(run: CommandRun) -> Output:
    """Show how many changes wait, are being worked on, and were parked after failing."""
    depth = run.open().outbox.depth()
    document = {
        "waiting": depth.waiting,
        "leased": depth.leased,
        "parked": depth.parked,
        "oldest_seconds": round(depth.oldest_seconds, 1),
    }
    counts = f"waiting {depth.waiting:,}, leased {depth.leased:,}, parked {depth.parked:,}"
    return Output(document, f"{counts}; oldest {depth.oldest_seconds:.0f} s")


@app.command("failed")
@command
def list_failures(
    run: CommandRun, limit: Annotated[int, typer.Option(help="How many to list at most.", min=1, max=1_000_000)] = 100
) -> Output:
    """List the changes that failed: those that are parked, and those that will be tried again."""
    failures = run.open().outbox.failing(limit)
    document = {
        "failed": [
            {
                "sku": each.sku,
                "error": each.error,
                "attempts": each.attempts,
                "parked": each.parked,
                "next_try": each.next_try,
            }
            for each in failures
        ]
    }
    if not failures:
        return Output(document, "nothing has failed")
    rows = [
        (each.sku, str(each.attempts), f"{each.next_try:%H:%M:%S} UTC" if each.next_try else "parked", each.error)
        for each in failures
    ]
    columns = [("sku", "left"), ("attempts", "right"), ("next try", "left"), ("error", "left")]
    return Output(document, lambda: print_table(columns, rows))


@app.command()
@command
def retry(
    run: CommandRun,
    skus: Annotated[list[str] | None, typer.Argument(help="The SKUs to try again; all that failed by default.")] = None,
) -> Output:
    """Put failed changes back into the queue."""
    known = [sku for sku in skus or () if sku.isprintable()]  # no other, such as half of a byte of UTF-8, is stored
    count = 0 if skus and not known else run.open().outbox.retry(known or None)
    return Output(
        {"retried": count}, f"{count:,} changes queued again; `recommender worker --once` writes them into the index"
    )
