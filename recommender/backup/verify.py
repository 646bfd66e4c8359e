"""Whether a backup can be restored: it is restored into an empty folder, and counted."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from recommender.backup.restore import RestoreResult, restore
from recommender.settings import Settings
from recommender.types import Progress, silent


@dataclass(frozen=True, slots=True)
class BackupCheck:
    """What a restore of a backup brought back; `problems` are where that differs from its manifest."""

    restored: RestoreResult
    problems: tuple[str, ...]


def verify_backup(
    settings: Settings, file: Path, folder: Path | None = None, progress: Progress = silent
) -> BackupCheck:
    """Restore a backup into an empty folder, in `folder` or else among the temporary ones, and compare counts.

    The installation of these settings is not changed: catalogue and index of the copy are embedded. Raises as `restore`
    does for a file that can't be restored.
    """
    with tempfile.TemporaryDirectory(prefix="recommender-verify-", dir=folder) as home:
        empty = settings.model_copy(update={"home": Path(home), "database_url": "", "qdrant_url": ""})
        done = restore(empty, file, progress=progress)
    stated = done.contents
    problems = [
        f"{found:,} {what}, and its manifest says {said:,}"
        for what, found, said in (
            ("products", done.products, stated.products),
            ("models", len(done.models), len(stated.models)),
        )
        if found != said
    ]
    if stated.index is not None and done.points + stated.waiting < done.products:
        problems.append(f"{done.points:,} points for {done.products:,} products, of which {stated.waiting:,} waited")
    return BackupCheck(done, tuple(problems))
