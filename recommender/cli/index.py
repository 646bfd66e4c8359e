"""`index status | rebuild | verify | audit | export | optimize`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from recommender.cli.command import CommandRun, Output, command
from recommender.cli.options import KeepFlags, Limit
from recommender.cli.output import print_table
from recommender.errors import IndexHeld, Unavailable
from recommender.index.generation import GenerationState
from recommender.query.limits import DEFAULT_K

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.index.generation import Generation

app = typer.Typer(help="The generations of points in the vector index.", no_args_is_help=True)

SHOWN = 10
"""SKUs of each kind that are printed; `--json` has all of them."""


@app.command()
@command
def status(run: CommandRun) -> Output:
    """List the generations: which model made them, their state, and how many points they hold."""
    application = run.open()
    previous = application.generations.previous()
    found = [_describe(application, generation, previous) for generation in application.generations.list()]
    columns = [
        ("generation", "left"),
        ("model", "left"),
        ("runtime", "left"),
        ("state", "left"),
        ("role", "left"),
        ("language", "left"),
        ("points", "right"),
    ]
    rows = []
    for each in found:
        condition = each["condition"] if each["problem"] else ""
        points = condition if each["points"] is None else f"{each['points']:,}"
        rows.append(
            [each["generation"], each["model"], each["runtime"], each["state"], each["role"], each["language"], points]
        )
    if any(each["layout"] for each in found):
        columns.append(("layout", "left"))
        for row, each in zip(rows, found, strict=True):
            row.append(", ".join(f"{name} {value}" for name, value in each["layout"].items()))
    problems = [f"{each['generation']}: {each['problem']}" for each in found if each["problem"]]
    return Output({"generations": found}, lambda: print_table(columns, rows), problems)


def _describe(application: Application, generation: Generation, previous: Generation | None) -> dict[str, Any]:
    points, condition, problem, layout = None, "absent", "", {}
    here, kept = True, generation.live or generation.state is GenerationState.READY
    try:
        here = generation.name in application.engine.names()
        if here or kept:  # one that is kept must be there: opening it says what is wrong
            points, condition = application.index(generation).count(), "open"
            layout = application.engine.layout(generation.name)
    except IndexHeld as error:
        condition, problem = "held", str(error)
    except Unavailable as error:
        condition, problem = "broken" if here else "absent", str(error)
    if generation.live:
        role = "live"
    elif previous is not None and generation.id == previous.id:
        role = "previous"
    else:
        role = "kept" if generation.state == "ready" else ""
    return {
        "generation": generation.name,
        "model": generation.model_name,
        "runtime": generation.runtime,
        "state": generation.state.value,
        "live": generation.live,
        "role": role,
        "language": generation.language,
        "points": points,
        "condition": condition,
        "layout": layout,
        "problem": problem,
        "created_at": generation.created_at,
        "ready_at": generation.ready_at,
    }


@app.command()
@command
def rebuild(
    run: CommandRun,
    keep: KeepFlags,
    force: Annotated[bool, typer.Option("--force", help="Even if far fewer products would be live than now.")] = False,
) -> Output:
    """Build a new generation with the live model and switch to it; queries continue meanwhile."""
    from recommender.jobs.rebuild import rebuild as build

    application = run.open(**keep.settings())
    generation = build(application, run.progress, force)
    points = application.index(generation).count()
    return Output(
        {"generation": generation.name, "model": generation.model_name, "points": points},
        f"generation {generation.name} is live: {points:,} products, model {generation.model_name}",
    )


@app.command()
@command
def verify(
    run: CommandRun,
    repair: Annotated[bool, typer.Option("--repair", help="Queue what differs and bring it up to date.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Encode a sample again and compare the vectors.")] = False,
) -> Output:
    """Compare the live generation with the catalogue, product by product; exit 1 when differences remain.

    What waits in the queue is counted by itself and is no difference.
    """
    from recommender.jobs.ingest import drain
    from recommender.jobs.verify import remove_damaged, verify_live

    application = run.open()
    found = verify_live(application, run.progress, deep)
    left, queued = found.without(found.queued), found.queued
    if repair and not found.clean:
        remove_damaged(application, left)
        application.catalogue.enqueue(left.differing)
        drain(application, run.progress)
        again = verify_live(application, run.progress, deep)
        known = frozenset(found.differing)
        queued = tuple(sku for sku in again.queued if sku not in known)  # what came into the queue only meanwhile
        left = again.without(queued)
    mended = {*found.differing, *found.foreign}.difference(left.differing, left.foreign, queued)
    repaired = len(mended) if repair else 0
    kinds = {"missing": left.missing, "stale": left.stale, "orphaned": left.orphaned, "damaged": left.damaged}
    kinds |= {"foreign": left.foreign, "queued": queued}
    lines = []
    for kind, skus in kinds.items():
        more = f" and {len(skus) - SHOWN:,} more" if len(skus) > SHOWN else ""
        lines.append(f"{kind}: {len(skus):,}" + (f" ({', '.join(skus[:SHOWN])}{more})" if skus else ""))
    if repaired:
        lines.append(f"{repaired:,} repaired")
    if left.clean:
        agreed = "but for what is queued, index and catalogue agree" if queued else "index and catalogue agree"
        vectors = f", and so do the vectors of {left.encoded:,} that were encoded again" if deep else ""
        lines.append(f"{agreed} on {left.checked:,} products{vectors}")
        advice = []
    elif repair:
        advice = ["these could not be repaired; see `recommender queue failed`, or run `recommender index rebuild`"]
    else:
        advice = ["`recommender index verify --repair` brings them up to date"]
    document = {"checked": left.checked, "clean": left.clean, "encoded": left.encoded, "repaired": repaired} | kinds
    return Output(document, "\n".join(lines), advice, exit_code=0 if left.clean else 1)


@app.command()
@command
def audit(
    run: CommandRun,
    queries: Annotated[int, typer.Option("--queries", help="Products whose neighbours are asked for.", min=1)] = 200,
    k: Limit = DEFAULT_K,
) -> Output:
    """Compare approximate with exact search over the live generation, without and with filters."""
    from recommender.index.audit import audit as compare

    application = run.open()
    live = application.generations.require_live()
    index = application.index(live)
    points = index.count()
    found = compare(index, queries, k, run.progress)
    columns = [("filtered by", "left"), ("queries", "right"), (f"recall@{k}", "right"), ("lowest", "right")]
    columns += [("graph ms", "right"), ("exact ms", "right")]
    document = {
        "generation": live.name,
        "model": live.model_name,
        "points": points,
        "k": k,
        "recall": [asdict(recall) for recall in found],
    }
    rows = []
    for each in found:
        shares = (f"{each.recall:.4f}", f"{each.lowest:.2f}", f"{each.approximate_ms:.2f}", f"{each.exact_ms:.2f}")
        rows.append((each.filtered_by, f"{each.queries:,}", *(shares if each.queries else [""] * 4)))
    return Output(document, lambda: print_table(columns, rows, f"{live.name}: {points:,} points"))


@app.command()
@command
def export(
    run: CommandRun, file: Annotated[Path, typer.Argument(metavar="FILE.parquet", help="File to write.")]
) -> Output:
    """Write SKU, vector and payload of every point of the live generation into a Parquet file."""
    from recommender.jobs.encode import export_index

    done = export_index(run.open(), file, run.progress)
    return Output(asdict(done), f"{done.rows:,} points of {done.model} are in {done.path}")


@app.command()
@command
def optimize(run: CommandRun) -> Output:
    """Build the graph over points that were appended since the last time, and reclaim the space of deleted ones."""
    application = run.open()
    live = application.generations.require_live()
    application.index(live).optimize()
    return Output({"optimized": live.name}, "the live generation is optimised")
