"""`index status | rebuild | verify | audit | optimize`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.options import Json, Keep, keeping
from recommender.cli.output import print_json, print_table, say
from recommender.cli.progress import ProgressBar
from recommender.errors import IndexHeld, Unavailable
from recommender.query import MAX_RESULTS

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.index.audit import Recall
    from recommender.index.generations import Generation
    from recommender.ingestion.verification import Verification

app = typer.Typer(help="The generations of points in the vector index.", no_args_is_help=True)

SHOWN = 10
"""SKUs of each kind that a person is shown; `--json` has them all."""


@app.command()
def status(as_json: Json = False) -> None:
    """List the generations: which model made them, their state, and how many points they hold."""
    from recommender.application.composition import open_application

    with open_application() as application:
        previous = application.generations.previous()
        rows = [_row(application, generation, previous) for generation in application.generations.list()]
    if as_json:
        print_json({"generations": rows})
        return
    columns = [("generation", "left"), ("model", "left"), ("state", "left"), ("role", "left"), ("points", "right")]
    print_table(
        columns,
        [(row["generation"], row["model"], row["state"], row["role"], _points_cell(row)) for row in rows],
    )
    for row in rows:
        if row["problem"]:
            say(f"{row['generation']}: {row['problem']}")


def _row(application: Application, generation: Generation, previous: Generation | None) -> dict[str, Any]:
    points, condition, problem = _points(application, generation)
    return {
        "generation": generation.name,
        "model": generation.model_name,
        "state": generation.state.value,
        "live": generation.live,
        "role": _role(generation, previous),
        "points": points,
        "condition": condition,
        "problem": problem,
        "created_at": generation.created_at,
        "ready_at": generation.ready_at,
    }


def _role(generation: Generation, previous: Generation | None) -> str:
    if generation.live:
        return "live"
    if previous is not None and generation.id == previous.id:
        return "previous"
    return "kept" if generation.state == "ready" else ""


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
def rebuild(keep: Keep = None, as_json: Json = False) -> None:
    """Build a new generation with the live model and switch to it; queries go on meanwhile."""
    from recommender.application.composition import open_application
    from recommender.jobs.rebuild import rebuild as build

    with open_application(**keeping(keep)) as application, ProgressBar() as progress:
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
    """Compare the live generation with the catalogue, product by product; exit 1 when differences remain.

    What waits in the queue is no difference: it is told by itself.
    """
    from recommender.application.composition import open_application

    with open_application() as application, ProgressBar() as progress:
        found = _compare(application, progress)
        left, waiting = found.without(found.queued), found.queued
        if repair and not found.clean:
            left, waiting = _repaired(application, found, progress)
    repaired = len(set(found.differing) - set(left.differing) - set(waiting)) if repair else 0
    kinds = {"missing": left.missing, "stale": left.stale, "orphaned": left.orphaned}
    if as_json:
        counts = {"checked": left.checked, "clean": left.clean, "repaired": repaired}
        print_json(counts | kinds | {"queued": waiting})
    else:
        _print_verification(left, kinds | {"queued": waiting}, repair, repaired)
    if not left.clean:
        raise typer.Exit(1)


def _compare(application: Application, progress: ProgressBar) -> Verification:
    from recommender.catalogue.product_states import ProductStates
    from recommender.ingestion.verification import verify as compare

    index = application.index(application.generations.require_live())
    return compare(index, application.catalogue, ProductStates(application.database), progress)


def _repaired(
    application: Application, found: Verification, progress: ProgressBar
) -> tuple[Verification, tuple[str, ...]]:
    """Queue what differs, drain, and return what is left, and what came into the queue only meanwhile."""
    from recommender.jobs.ingest import drain

    application.catalogue.enqueue(found.without(found.queued).differing)
    drain(application, progress)
    left = _compare(application, progress)
    known = frozenset(found.differing)
    new = tuple(sku for sku in left.queued if sku not in known)
    return left.without(new), new


def _print_verification(left: Verification, kinds: dict[str, tuple[str, ...]], repair: bool, repaired: int) -> None:
    for kind, skus in kinds.items():
        more = f" and {len(skus) - SHOWN:,} more" if len(skus) > SHOWN else ""
        say(f"{kind}: {len(skus):,}" + (f" ({', '.join(skus[:SHOWN])}{more})" if skus else ""))
    if repaired:
        say(f"{repaired:,} repaired")
    if left.clean:
        agreed = (
            "index and catalogue agree" if not kinds["queued"] else "but for what is queued, index and catalogue agree"
        )
        say(f"{agreed} on {left.checked:,} products")
    elif repair:
        say("these could not be repaired; see `recommender queue failed`, or build anew: `recommender index rebuild`")
    else:
        say("`recommender index verify --repair` brings them up to date")


@app.command()
def audit(
    queries: Annotated[int, typer.Option("--queries", help="Products whose neighbours are asked for.", min=1)] = 200,
    k: Annotated[int, typer.Option("-k", "--limit", help="Neighbours of each.", min=1, max=MAX_RESULTS)] = 10,
    as_json: Json = False,
) -> None:
    """Compare approximate with exact search over the live generation, without and with filters."""
    from recommender.application.composition import open_application
    from recommender.index.audit import audit as compare

    with open_application() as application, ProgressBar() as progress:
        live = application.generations.require_live()
        index = application.index(live)
        points = index.count()
        found = compare(index, queries, k, progress)
    if as_json:
        rows = [asdict(recall) for recall in found]
        print_json({"generation": live.name, "model": live.model_name, "points": points, "k": k, "recall": rows})
        return
    columns = [("filtered by", "left"), ("queries", "right"), (f"recall@{k}", "right"), ("lowest", "right")]
    columns += [("graph ms", "right"), ("exact ms", "right")]
    print_table(columns, [_recall_row(recall) for recall in found], f"{live.name}: {points:,} points")


def _recall_row(recall: Recall) -> tuple[str, ...]:
    if not recall.queries:
        return (recall.filtered_by, "0", "", "", "", "")
    shares = (f"{recall.recall:.4f}", f"{recall.lowest:.2f}")
    return (
        recall.filtered_by,
        f"{recall.queries:,}",
        *shares,
        f"{recall.approximate_ms:.2f}",
        f"{recall.exact_ms:.2f}",
    )


@app.command()
def optimize(as_json: Json = False) -> None:
    """Build the graph over points that were appended since the last time, and reclaim the space of deleted ones."""
    from recommender.application.composition import open_application

    with open_application() as application:
        live = application.generations.require_live()
        application.index(live).optimize()
    if as_json:
        print_json({"optimized": live.name})
    else:
        say("the live generation is optimised")
