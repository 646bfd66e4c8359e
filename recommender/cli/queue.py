"""`queue status | failed | retry`."""

from __future__ import annotations

from typing import Annotated

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, print_table, say

app = typer.Typer(help="Catalogue changes on their way into the index.", no_args_is_help=True)


@app.command()
def status(as_json: Json = False) -> None:
    """Show how much waits, is being worked on, and was put aside after failing."""
    from recommender.bootstrap.application import open_application

    with open_application() as application:
        depth = application.outbox.depth()
    if as_json:
        print_json(
            {
                "waiting": depth.waiting,
                "leased": depth.leased,
                "parked": depth.parked,
                "oldest_seconds": round(depth.oldest_seconds, 1),
            }
        )
        return
    counts = f"waiting {depth.waiting:,}, leased {depth.leased:,}, parked {depth.parked:,}"
    say(f"{counts}; oldest {depth.oldest_seconds:.0f} s")


@app.command()
def failed(as_json: Json = False) -> None:
    """List the changes that were put aside, with their errors."""
    from recommender.bootstrap.application import open_application

    with open_application() as application:
        parked = application.outbox.parked()
    if as_json:
        print_json({"failed": [{"sku": sku, "error": error} for sku, error in parked]})
    elif parked:
        print_table([("sku", "left"), ("error", "left")], parked)
    else:
        say("nothing has failed")


@app.command()
def retry(
    skus: Annotated[list[str] | None, typer.Argument(help="SKUs to try again; none: all that failed.")] = None,
    as_json: Json = False,
) -> None:
    """Put failed changes back into the queue."""
    from recommender.bootstrap.application import open_application

    with open_application() as application:
        count = application.outbox.retry(skus or None)
    if as_json:
        print_json({"retried": count})
    else:
        say(f"{count:,} changes queued again; `recommender worker --once` takes them in")
