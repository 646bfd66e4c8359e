"""`status` and `doctor`: what an operator asks first."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from recommender.cli.command import CommandRun, Output, command

_COUNTS = ("created", "updated", "unchanged", "rejected")
"""Counts of an import, which are written at its end."""


@command
def status(run: CommandRun) -> Output:
    """Show what is installed here: products, live model and generation, and the queue."""
    from recommender.catalogue.import_runs import KILLED, RUNNING, last_run
    from recommender.jobs.diagnose import status_of

    application = run.open()
    found = status_of(application)
    latest = last_run(application.database)
    document: dict[str, Any] = {
        "home": str(application.settings.home.resolve()),
        "database": application.database.engine.url.render_as_string(hide_password=True),
        "engine": application.settings.qdrant_url or "embedded",
        "products": found.products,
        "categories": found.categories,
        "model": found.model,
        "generation": found.generation,
        "waiting": found.waiting,
        "leased": found.leased,
        "parked": found.parked,
        "last_import": None,
    }
    lines = dict(document)
    if latest is not None:
        document["last_import"] = told = {name: value for name, value in asdict(latest).items() if name != "id"}
        if latest.status == RUNNING or latest.error == KILLED:
            told |= dict.fromkeys(_COUNTS)
        known = [f"{told[name]:,} {name}" for name in _COUNTS if told[name] is not None]
        counts = ", ".join(known) or "counts unknown"
        note = f"by process {latest.holder}" if latest.holder else latest.error
        state = f"{latest.status} ({note})" if note else latest.status
        when = f"{latest.finished_at or latest.started_at:%Y-%m-%d %H:%M} UTC"
        lines["last_import"] = f"{latest.source}: {state}, {counts}, {when}"
    shown = {name: f"{value:,}" if isinstance(value, int) else value or "none yet" for name, value in lines.items()}
    return Output(document, "\n".join(f"{name.replace('_', ' '):<12} {value}" for name, value in shown.items()))


@command
def doctor(
    run: CommandRun,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every file of every model, and encode a sample of the index again.")
    ] = False,
    size: Annotated[
        str | None,
        typer.Option(help="Say what so many products take instead, as `200k`, `5m` or `1b`: memory, disk, machines."),
    ] = None,
) -> Output:
    """Check everything that could be wrong, and say what to do about it; exit code 1 when something is wrong."""
    if size is not None:
        from recommender.jobs import sizing

        found = sizing.size(sizing.parse_count(size))
        shown = sizing.describe(found)
        note = "how each figure is computed, and what to set: docs/scaling.md"
        return Output(asdict(found), "\n".join(f"{name:<20} {value}" for name, value in shown.items()), [note])
    from recommender.jobs.diagnose import examine

    findings = examine(deep, run.progress)
    document = {"findings": [{"check": each.check, "ok": each.ok, "detail": each.detail} for each in findings]}
    lines = [f"{'ok  ' if each.ok else 'FAIL'} {each.check:<12} {each.detail}" for each in findings]
    if all(each.ok for each in findings):
        return Output(document, "\n".join(lines))
    return Output(document, "\n".join(lines), ["something needs attention"], exit_code=1)
