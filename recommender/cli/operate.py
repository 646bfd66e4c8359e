"""`status` and `doctor`: what an operator asks first."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from recommender.cli.options import Json
from recommender.cli.output import print_json, say

if TYPE_CHECKING:
    from recommender.application.composition import Application


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(status)
    app.command()(doctor)


def status(as_json: Json = False) -> None:
    """Show what is installed here: products, live model and generation, and the queue."""
    from recommender.application.composition import open_application

    with open_application() as application:
        found = _status(application)
    if as_json:
        print_json(found)
        return
    found["last_import"] = found["last_import"] and _import_line(found["last_import"])
    for name, value in found.items():
        typer.echo(f"{name.replace('_', ' '):<12} {_plain(value)}")


def _import_line(run: dict[str, Any]) -> str:
    counts = ", ".join(f"{run[kind]:,} {kind}" for kind in ("created", "updated", "unchanged", "rejected"))
    when = f"{run['finished_at'] or run['started_at']:%Y-%m-%d %H:%M} UTC"
    note = f"by process {run['holder']}" if run["holder"] else run["error"]
    return f"{run['source']}: {run['status']}{f' ({note})' if note else ''}, {counts}, {when}"


def _status(application: Application) -> dict[str, Any]:
    from recommender.catalogue.runs import last_run
    from recommender.jobs.status import status_of

    found = status_of(application)
    run = last_run(application.database)
    return {
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
        "last_import": None if run is None else asdict(run),
    }


def _plain(value: Any) -> str:
    if value is None:
        return "none yet"
    return f"{value:,}" if isinstance(value, int) else str(value)


def doctor(as_json: Json = False) -> None:
    """Check everything that could be wrong and say what to do about it; exit 1 when something is."""
    from recommender.jobs.diagnose import examine

    findings = examine()
    if as_json:
        print_json({"findings": [{"check": f.check, "ok": f.ok, "detail": f.detail} for f in findings]})
    else:
        for finding in findings:
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.check:<12} {finding.detail}")
    if not all(finding.ok for finding in findings):
        say("something needs attention")
        raise typer.Exit(1)
