"""`groups propose`: variants that no feed groups."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from recommender.cli.command import CommandRun, Output, command

app = typer.Typer(help="Groups of variants that the feeds do not name.", no_args_is_help=True)

SHOWN = 20
"""Groups that are printed; the report has all."""


@app.callback()
def keep_name() -> None:
    """Keep `propose` a command of its own, though it is the only one."""


@app.command()
@command
def propose(
    run: CommandRun,
    apply: Annotated[
        bool, typer.Option("--apply", help="Take the groups on; the next drain brings them into the index.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write all groups to this file: .txt, .json or .csv.")
    ] = None,
) -> Output:
    """Propose groups of products of one brand and category whose titles differ in colour, size or pack alone."""
    from recommender.jobs import groups as job

    application = run.open()
    found = job.find_groups(application)
    if report:
        job.write_report(found, report)
    changed = job.take_on(application, found) if apply else None
    products = sum(len(group.variants) for group in found)
    if changed is not None:
        told = f"{changed:,} products have a group now; `recommender worker --once` brings that into the index"
    else:
        told = "nothing was changed; --apply takes them on" if found else "nothing to take on"
    more = f"\n... and {len(found) - SHOWN:,} more; --report FILE writes all" if len(found) > SHOWN else ""
    text = job.render_groups(found[:SHOWN], "txt").rstrip() if found else ""
    document = {"groups": [asdict(group) for group in found], "products": products, "applied": changed}
    summary = f"{len(found):,} groups of {products:,} products: {told}"
    return Output(document, f"{text}{more}\n{summary}".lstrip())
