"""`index status | rebuild | verify | optimize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, print_table, say
from recommender.cli.progress import ProgressBar
from recommender.errors import IndexHeld, Unavailable

if TYPE_CHECKING:
    from recommender.bootstrap.application import Application
    from recommender.index.generations import Generation
    from recommender.ingestion.verify import Verification

app = typer.Typer(help="The generations of points in the vector index.", no_args_is_help=True)

SHOWN = 10
"""SKUs of each kind that a person is shown; `--json` has them all."""


@app.command()
def status(as_json: Json = False) -> None:
    """List the generations: which model made them, their state, and how many points they hold."""
    from recommender.bootstrap.application import open_application

    with open_application() as application:
        rows = [_row(application, generation) for generation in application.generations.list()]
    if as_json:
        print_json({"generations": rows})
        return
    columns = [("generation", "left"), ("model", "left"), ("state", "left"), ("live", "left"), ("points", "right")]
    print_table(
        columns,
        [
            (row["generation"], row["model"], row["state"], "live" if row["live"] else "", _points_cell(row))
            for row in rows
        ],
    )
    for row in rows:
        if row["problem"]:
            say(f"{row['generation']}: {row['problem']}")


def _row(application: Application, generation: Generation) -> dict[str, Any]:
    points, condition, problem = _points(application, generation)
    return {
        "generation": generation.name,
        "model": generation.model_name,
        "state": generation.state.value,
        "live": generation.live,
        "points": points,
        "condition": condition,
        "problem": problem,
        "created_at": generation.created_at,
        "ready_at": generation.ready_at,
    }


def _points(application: Application, generation: Generation) -> tuple[int | None, str, str]:
    """Return how many points a generation holds, whether it is open to us, and what keeps it from that."""
    try:
        if generation.name not in application.engine.names():
            return None, "absent", ""
        return application.index(generation).count(), "open", ""
    except IndexHeld as error:
        return None, "held", str(error)
    except Unavailable as error:
        return None, "broken", str(error)


def _points_cell(row: dict[str, Any]) -> str:
    if row["points"] is not None:
        return f"{row['points']:,}"
    return "" if row["condition"] == "absent" else str(row["condition"])


@app.command()
def rebuild(as_json: Json = False) -> None:
    """Build a new generation with the live model and switch to it; queries go on meanwhile."""
    from recommender.bootstrap.application import open_application
    from recommender.bootstrap.models import rebuild as build

    with open_application() as application, ProgressBar() as progress:
        generation = build(application, progress)
        points = application.index(generation).count()
    if as_json:
        print_json({"generation": generation.name, "model": generation.model_name, "points": points})
    else:
        say(f"generation {generation.name} is live: {points:,} products, model {generation.model_name}")


@app.command()
def verify(
    repair: Annotated[bool, typer.Option("--repair", help="Queue what differs and bring it up to date.")] = False,
    as_json: Json = False,
) -> None:
    """Compare the live generation with the catalogue, product by product; exit 1 when differences remain."""
    from recommender.bootstrap.application import open_application

    with open_application() as application, ProgressBar() as progress:
        found = left = _compare(application)
        if repair and not found.clean:
            left = _repaired(application, found, progress)
    repaired = len(set(found.differing) - set(left.differing))
    kinds = {"missing": left.missing, "stale": left.stale, "orphaned": left.orphaned}
    if as_json:
        print_json({"checked": left.checked, "clean": left.clean, "repaired": repaired} | kinds)
    else:
        _print_verification(left, kinds, repair, repaired)
    if not left.clean:
        raise typer.Exit(1)


def _compare(application: Application) -> Verification:
    from recommender.ingestion.verify import verify as compare

    return compare(application.index(application.generations.require_live()), application.catalogue)


def _repaired(application: Application, found: Verification, progress: ProgressBar) -> Verification:
    from recommender.bootstrap.ingest import drain

    application.catalogue.enqueue(found.differing)
    drain(application, progress)
    return _compare(application)


def _print_verification(left: Verification, kinds: dict[str, tuple[str, ...]], repair: bool, repaired: int) -> None:
    for kind, skus in kinds.items():
        more = f" and {len(skus) - SHOWN:,} more" if len(skus) > SHOWN else ""
        say(f"{kind}: {len(skus):,}" + (f" ({', '.join(skus[:SHOWN])}{more})" if skus else ""))
    if repaired:
        say(f"{repaired:,} repaired")
    if left.clean:
        say(f"index and catalogue agree on {left.checked:,} products")
    elif repair:
        say("these could not be repaired; see `recommender queue failed`, or build anew: `recommender index rebuild`")
    else:
        say("`recommender index verify --repair` brings them up to date")


@app.command()
def optimize(as_json: Json = False) -> None:
    """Build the graph over points that were appended since the last time, and reclaim the space of deleted ones."""
    from recommender.bootstrap.application import open_application

    with open_application() as application:
        live = application.generations.require_live()
        application.index(live).optimize()
    if as_json:
        print_json({"optimized": live.name})
    else:
        say("the live generation is optimised")
