"""Removing the temporary folders of processes that were killed."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

LEFTOVER_AGE_S = 24 * 3600
"""Age at which unfinished work was left by a crash: no training run, build, backup or copy takes a day."""


def remove_leftovers(parent: Path, pattern: str) -> None:
    """Remove the folders in `parent` that match a pattern and are too old to belong to a living process."""
    for folder in parent.glob(pattern):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > LEFTOVER_AGE_S:
            shutil.rmtree(folder, ignore_errors=True)
