"""`queue status | failed | retry`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, print_table, say

if TYPE_CHECKING:
    from recommender.catalogue.outbox import Failure

app = typer.Typer(help="Catalogue changes on their way into the index.", no_args_is_help=True)


@app.command()
def status(as_json: Json = False) -> None:
    """Show how much waits, is being worked on, and was put aside after failing."""
    from recommender.application.composition import open_application

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
def failed(
    limit: Annotated[int, typer.Option(help="How many to list.", min=1)] = 100,
    as_json: Json = False,
) -> None:
    """List the changes that failed: those put aside, and those that are tried again by themselves."""
    from recommender.application.composition import open_application

    with open_application() as application:
        failures = application.outbox.failing(limit)
    if as_json:
        print_json({"failed": [_json(failure) for failure in failures]})
    elif failures:
        columns = [("sku", "left"), ("attempts", "right"), ("next try", "left"), ("error", "left")]
        print_table(columns, [_row(failure) for failure in failures])
    else:
        say("nothing has failed")


def _json(failure: Failure) -> dict[str, Any]:
    return {
        "sku": failure.sku,
        "error": failure.error,
        "attempts": failure.attempts,
        "parked": failure.parked,
        "next_try": failure.next_try,
    }


def _row(failure: Failure) -> tuple[str, ...]:
    when = "put aside" if failure.next_try is None else f"{failure.next_try:%H:%M:%S} UTC"
    return (failure.sku, str(failure.attempts), when, failure.error)


@app.command()
def retry(
    skus: Annotated[list[str] | None, typer.Argument(help="SKUs to try again; none: all that failed.")] = None,
    as_json: Json = False,
) -> None:
    """Put failed changes back into the queue."""
    from recommender.application.composition import open_application

    with open_application() as application:
        count = application.outbox.retry(skus or None)
    if as_json:
        print_json({"retried": count})
    else:
        say(f"{count:,} changes queued again; `recommender worker --once` takes them in")
