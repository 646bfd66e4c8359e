"""`index status | rebuild | verify | optimize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, print_table, say
from recommender.cli.progress import ProgressBar
from recommender.errors import NoLiveModel

if TYPE_CHECKING:
    from recommender.bootstrap.application import Application
    from recommender.index.generations import Generation

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
            (row["generation"], row["model"], row["state"], "live" if row["live"] else "", _number(row["points"]))
            for row in rows
        ],
    )


def _row(application: Application, generation: Generation) -> dict[str, Any]:
    here = generation.name in application.engine.names()
    return {
        "generation": generation.name,
        "model": generation.model_name,
        "state": generation.state.value,
        "live": generation.live,
        "points": application.index(generation).count() if here else None,
        "created_at": generation.created_at,
        "ready_at": generation.ready_at,
    }


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _live(application: Application) -> Generation:
    live = application.generations.live()
    if live is None:
        raise NoLiveModel("nothing is indexed yet; run `recommender ingest FEED` first")
    return live


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
    """Compare the live generation with the catalogue, product by product."""
    from recommender.bootstrap.application import open_application
    from recommender.bootstrap.ingest import drain
    from recommender.ingestion.verify import verify as compare

    with open_application() as application, ProgressBar() as progress:
        live = _live(application)
        found = compare(application.index(live), application.catalogue)
        if repair and not found.clean:
            application.catalogue.enqueue(found.differing)
            drain(application, progress)
    kinds = {"missing": found.missing, "stale": found.stale, "orphaned": found.orphaned}
    if as_json:
        print_json({"checked": found.checked, "repaired": repair and not found.clean} | kinds)
        return
    for kind, skus in kinds.items():
        more = f" and {len(skus) - SHOWN:,} more" if len(skus) > SHOWN else ""
        say(f"{kind}: {len(skus):,}" + (f" ({', '.join(skus[:SHOWN])}{more})" if skus else ""))
    if found.clean:
        say(f"index and catalogue agree on {found.checked:,} products")
    else:
        say("repaired" if repair else "`recommender index verify --repair` brings them up to date")


@app.command()
def optimize() -> None:
    """Build the graph over points that were appended since the last time, and reclaim the space of deleted ones."""
    from recommender.bootstrap.application import open_application

    with open_application() as application:
        application.index(_live(application)).optimize()
    say("the live generation is optimised")
