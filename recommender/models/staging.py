"""Moves a model folder into the registry: a crash leaves it complete, or leaves a folder marked as unfinished."""

from __future__ import annotations

import errno
import shutil
import time
from collections.abc import Collection
from pathlib import Path
from uuid import uuid4

from recommender.errors import UsageError
from recommender.files import sync

_MARK = ".registering"
"""A file that marks a folder as not yet registered; it is removed when the model's row is committed."""

_STAGED = ".incoming-"

_LEFTOVER_AGE_S = 3600
"""A folder marked longer than this was left by a crash: copying the largest model takes minutes."""


def stage(folder: Path, models_dir: Path, *, copy: bool) -> Path:
    """Move a folder, or a copy of it, into `models_dir` under a temporary name, marked as unfinished.

    A folder on another disk is copied even if `copy` is not set; the caller then removes it.
    """
    staged = models_dir / f"{_STAGED}{uuid4().hex}"
    if not copy:
        (folder / _MARK).touch()
        try:
            folder.rename(staged)
            return staged
        except OSError as error:
            (folder / _MARK).unlink()
            if error.errno != errno.EXDEV:
                raise
    staged.mkdir()
    (staged / _MARK).touch()
    shutil.copytree(folder, staged, dirs_exist_ok=True)
    return staged


def mark(folder: Path) -> None:
    """Mark a folder as unfinished, if it exists: when its row is gone, it counts as left over."""
    if folder.is_dir():
        (folder / _MARK).touch()


def unstage(staged: Path, folder: Path) -> None:
    """Undo `stage`: the folder goes back to where it came from, or its copy is removed."""
    if not staged.exists():
        return  # already in place; its row may have been committed, so the mark stays
    if folder.exists():
        shutil.rmtree(staged)
        return
    (staged / _MARK).unlink()
    staged.rename(folder)


def make_durable(folder: Path) -> None:
    """Return when every file of a folder is on the disk and readable only by its owner, wherever it came from."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o700 if path.is_dir() else 0o600)
        sync(path)


def put_in_place(staged: Path, target: Path) -> None:
    """Rename a staged folder to its final name. The caller must hold the uncommitted row of that name.

    A marked folder of that name was left by a crash and is replaced. Raises `UsageError` for any other.
    """
    if target.is_dir() and (target / _MARK).exists():
        shutil.rmtree(target)
    if target.exists():
        raise UsageError(f"{target} is in the way and not registered; remove it, or choose another name")
    staged.rename(target)
    sync(target.parent)


def finish(folder: Path) -> None:
    """Remove the mark from a folder whose row is committed."""
    (folder / _MARK).unlink(missing_ok=True)


def remove_leftovers(models_dir: Path, registered: Collection[str]) -> None:
    """Remove the folders of interrupted registrations, and the marks that were left on registered models."""
    for mark in models_dir.glob(f"*/{_MARK}"):
        folder = mark.parent
        if folder.name in registered:
            mark.unlink(missing_ok=True)
        elif time.time() - mark.stat().st_mtime > _LEFTOVER_AGE_S:
            shutil.rmtree(folder)
