"""`demo`: the whole story on the seed catalogue."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.command import CommandRun, command
from recommender.cli.finetune import print_result
from recommender.cli.output import stdout

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.query import Hit

SHOWCASE = ("OS-1196", "FU-1102", "PT-1090")
"""Products that the split holds out, whose neighbours the base model confuses with those of a sibling category."""

BUDGET = timedelta(minutes=2, seconds=30)
"""Training time of the demo: enough to show the gain on two cores, within six minutes for the whole story."""

SHOWN = 5


@command
def demo(
    run: CommandRun,
    keep: Annotated[bool, typer.Option("--keep", help="Continue with the demo's folder, not a fresh one.")] = False,
) -> None:
    """Load the seed catalogue, show similar products, fine-tune, compare, switch over, show them again."""
    from recommender.application.composition import demo_home
    from recommender.jobs import finetune, ingest
    from recommender.jobs.calibrate import seed_folder
    from recommender.training.options import TrainingOptions

    started = time.monotonic()
    home = demo_home()
    if not keep:
        shutil.rmtree(home, ignore_errors=True)
    feed = seed_folder() / "catalogue.csv.gz"
    application = run.open(home=home, database_url="", qdrant_url="")
    _print_heading("1. Load the seed catalogue, embed it, index it")
    summary = ingest.ingest(application, [feed], progress=run.progress).imports[0]
    run.print_early(f"  {summary.created:,} products in {len(application.catalogue.category_sizes())} categories")
    _print_heading("2. Similar products with the base model")
    before = {sku: _print_similar(application, sku) for sku in SHOWCASE}
    _print_heading("3. Fine-tune on the category tree, measure on held-out products, switch over")
    result = finetune.run(application, TrainingOptions(budget=BUDGET), progress=run.progress)
    run.progress.finish()
    print_result(result)
    _print_heading("4. The same products with the tuned model" if result.promoted else "4. The live model stays")
    for sku in SHOWCASE:
        _print_similar(application, sku, before[sku])
    lines = [
        f"\ndone in {time.monotonic() - started:.0f} s. Look around:",
        f"  export RECOMMENDER_HOME={home}",
        f"  recommender similar {SHOWCASE[0]}",
        '  recommender search "waterproof walking boots"',
        "  recommender serve         # and open http://127.0.0.1:8000",
    ]
    typer.echo("\n".join(lines))


def _print_heading(text: str) -> None:
    stdout().print(f"\n[bold]{text}[/bold]")


def _print_similar(application: Application, sku: str, before: Sequence[Hit] | None = None) -> Sequence[Hit]:
    from recommender.cli.result_tables import print_hits

    recommender = application.queries()
    product = recommender.product(sku)
    hits = recommender.similar(sku, SHOWN)
    print_hits(hits, f"similar to {sku}: {product.title} ({product.category[-1]})")
    if before is not None:
        known = {hit.sku for hit in before}
        same = sum(hit.card.category == product.category for hit in hits)
        was = sum(hit.card.category == product.category for hit in before)
        new = sum(hit.sku not in known for hit in hits)
        typer.echo(
            f"  in the product's own category: {was} of {len(before)} before, {same} of {len(hits)} now; {new} new"
        )
    return hits
