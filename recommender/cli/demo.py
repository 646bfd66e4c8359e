"""`demo`: the whole story on the seed catalogue."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recommender.cli.finetune import print_result
from recommender.cli.output import say, stdout
from recommender.cli.progress import ProgressBar
from recommender.errors import BadInput

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.query import Hit

SHOWCASE = ("OS-1196", "FU-1102", "PT-1090")
"""Products that the split holds out, whose neighbours the base model confuses with those of a sibling category."""

BUDGET = timedelta(minutes=2, seconds=30)
"""Training time of the demo: enough to show the gain on two cores, within six minutes for the whole story."""

SHOWN = 5


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Go on with the demo's folder instead of a fresh one.")] = False,
) -> None:
    """Load the seed catalogue, show similar products, fine-tune, compare, switch over, show them again."""
    from recommender.application.composition import demo_home, open_application
    from recommender.jobs import finetune, ingest
    from recommender.training.options import TrainingOptions

    started = time.monotonic()
    home = demo_home()
    if not keep:
        shutil.rmtree(home, ignore_errors=True)
    feed = seed_folder() / "catalogue.csv.gz"
    with open_application(home=home, database_url="", qdrant_url="") as application, ProgressBar() as progress:
        _heading("1. Load the seed catalogue, embed it, index it")
        summary = ingest.ingest(application, [feed], progress=progress).imports[0]
        say(f"  {summary.created:,} products in {len(application.catalogue.category_sizes())} categories")
        _heading("2. Similar products with the base model")
        before = {sku: _show(application, sku) for sku in SHOWCASE}
        _heading("3. Fine-tune on the category tree, measure on held-out products, switch over")
        result = finetune.run(application, TrainingOptions(budget=BUDGET), progress=progress)
        print_result(result)
        _heading("4. The same products with the tuned model" if result.promoted else "4. The live model stays")
        for sku in SHOWCASE:
            _show(application, sku, before[sku])
    say(f"\ndone in {time.monotonic() - started:.0f} s. Look around:")
    say(f"  export RECOMMENDER_HOME={home}")
    say(f"  recommender similar {SHOWCASE[0]}")
    say('  recommender search "waterproof walking boots"')
    say("  recommender serve         # and open http://127.0.0.1:8000")


def seed_folder() -> Path:
    """Return the seed: inside the package in an installed wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_seed", package.parent / "seed"):
        if (folder / "catalogue.csv.gz").is_file():
            return folder
    raise BadInput("the seed catalogue is not part of this installation; use a checkout")


def _heading(text: str) -> None:
    stdout().print(f"\n[bold]{text}[/bold]")


def _show(application: Application, sku: str, before: Sequence[Hit] | None = None) -> Sequence[Hit]:
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
        say(f"  in the product's own category: {was} of {len(before)} before, {same} of {len(hits)} now; {new} new")
    return hits
