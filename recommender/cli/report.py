"""`--report FILE`, of `finetune` and `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from recommender.application.composition import Application
    from recommender.jobs.report import PlannedReport

ReportFile = Annotated[
    Path | None, typer.Option("--report", help="Write what was measured to this file, as a page to read and send.")
]


def plan_report(application: Application, path: Path | None, seed: int) -> PlannedReport | None:
    """Return the report that was asked for, checked before any work is done; None when there was none."""
    if path is None:
        return None
    from recommender.jobs.report import PlannedReport

    return PlannedReport(application, path, seed)
