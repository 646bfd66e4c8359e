"""Folders that appear and disappear whole, whatever moment the process dies at."""

from __future__ import annotations

import shutil
from pathlib import Path
from uuid import uuid4

from recommender.fsync import sync

_DRAFT = ".draft-"
_DROPPED = ".dropped-"


def staging(parent: Path, name: str) -> Path:
    """Return an empty folder in `parent` to build `name` in; what an earlier attempt left there is removed."""
    draft = parent / f"{_DRAFT}{name}"
    if draft.exists():
        shutil.rmtree(draft)
    draft.mkdir(parents=True)
    return draft


def install(draft: Path, target: Path) -> None:
    """Give a finished folder its name. After this returns, a power loss does not take the name away again."""
    draft.rename(target)
    sync(target.parent)


def remove(parent: Path, name: str) -> None:
    """Remove the folder `name` of `parent` and what an attempt to build it left; neither need be there.

    It loses its name first and its files after, so that nobody ever opens a folder that is half gone. Files of an
    earlier removal that was cut short go now.
    """
    for leftover in (name, f"{_DRAFT}{name}"):
        if (parent / leftover).exists():
            (parent / leftover).rename(parent / f"{_DROPPED}{uuid4().hex}")
    if not parent.is_dir():
        return
    sync(parent)
    for dropped in parent.glob(f"{_DROPPED}*"):
        shutil.rmtree(dropped, ignore_errors=True)  # another process may be sweeping the same one
