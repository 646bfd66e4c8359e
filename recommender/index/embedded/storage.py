"""Where generations and their shards are on the disk. Whenever a process dies, every folder with a final name is whole.

A generation is built in a draft folder, which gets its name in one rename. Before its files are removed, it loses that
name. Its shard is made in the folder itself. Graphs are built on a copy of the shard, in a folder inside that of the
generation. When the copy is complete and on the disk, one small file names it. Replacing that file is the switch.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from uuid import uuid4

from recommender.errors import IndexHeld, Unavailable
from recommender.files import copy_with_holes, sync
from recommender.index.embedded.lock import GenerationLock

RESERVE = 32 << 20
"""Bytes that stay free on the disk: for the database, logs, and other writers."""

SMALL_SHARD = 128 << 20
"""Bytes of a shard of 10,000 points. Graphs of larger shards are built by another process, which checks the disk
itself."""

_DRAFT = ".draft-"
_DROPPED = ".dropped-"
_POINTER = ".shard"
_COPY = "shard-"


def draft_folder(parent: Path, name: str) -> Path:
    """Return an empty folder in `parent` to build `name` in; what an earlier attempt left there is removed."""
    draft = parent / f"{_DRAFT}{name}"
    if draft.exists():
        shutil.rmtree(draft)
    parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft.mkdir()
    return draft


def install(draft: Path, target: Path) -> None:
    """Give a finished folder its name. After this returns, a power loss does not take the name away again."""
    draft.rename(target)
    sync(target.parent)


def remove(parent: Path, name: str) -> None:
    """Remove the folder `name` of `parent` and what an attempt to build it left; neither needs to exist.

    It loses its name before its files, so that nobody ever opens a folder that is half gone. Files of an earlier
    removal that was cut short are removed too.
    """
    for leftover in (name, f"{_DRAFT}{name}"):
        if (parent / leftover).exists():
            (parent / leftover).rename(parent / f"{_DROPPED}{uuid4().hex}")
    if not parent.is_dir():
        return
    sync(parent)
    for dropped in parent.glob(f"{_DROPPED}*"):
        shutil.rmtree(dropped, ignore_errors=True)  # another process may be removing the same one


def shard_folder(folder: Path) -> Path:
    """Return the folder of the shard of a generation."""
    try:
        name = (folder / _POINTER).read_text(encoding="utf-8")
    except FileNotFoundError:
        return folder
    if not name.startswith(_COPY) or Path(name).name != name:
        raise ValueError(f"{folder / _POINTER} names {name!r}")
    return folder / name


def new_copy_folder(folder: Path) -> Path:
    """Return a folder for a copy of the shard of a generation; it does not exist yet.

    Raises `Unavailable` when the disk has no room for it.
    """
    # There must be room for a copy, for what is built from it before the old files are removed (twice its size), and a
    # reserve for others.
    size = sum(path.stat().st_size for path in shard_folder(folder).rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if free < 3 * size:
        raise Unavailable(
            f"the graphs of {folder.name} are built on a copy, for which the disk has {free >> 20} MiB; "
            f"make {3 * size >> 20} MiB free"
        )
    return folder / f"{_COPY}{uuid4().hex[:12]}"


def require_space(folder: Path, coming: int) -> None:
    """Raise `Unavailable` unless the disk has room for `coming` bytes more in a shard, and a reserve.

    The engine maps its files, which are mostly holes, into memory. If a hole can't be filled, the kernel ends the
    process with SIGBUS, whatever it is doing. So there must be room for all holes of a shard, and for a second copy of
    a small one, which the engine makes to build graphs.
    """
    shard, holes, held = shard_folder(folder), 0, 0
    for parent, _, names in os.walk(shard):
        for name in names:
            try:
                status = os.stat(Path(parent, name))  # noqa: PTH116 - hundreds of files before each batch
            except FileNotFoundError:  # a file of the engine's log, which it makes in advance under another name
                continue
            stored = getattr(status, "st_blocks", status.st_size // 512) * 512
            holes, held = holes + max(0, status.st_size - stored), held + stored
    needed = coming + holes + min(held, SMALL_SHARD) + RESERVE
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise Unavailable(
            f"the disk of {folder} is nearly full: {free >> 20} MiB are free and the next batch may take "
            f"{needed >> 20} MiB; make room, and changes are taken in again by themselves"
        )


def copy_shard(folder: Path, copy: Path) -> None:
    """Copy the shard of a generation to a new folder, completely or not at all. The caller stops writes meanwhile."""

    def ignore(parent: str, names: list[str]) -> set[str]:
        # Called for each folder below; no name of the engine looks like ours at any depth that matters.
        in_shard = (Path(parent) / "edge_config.json").exists()
        # The engine makes the next file of its log in advance, and may give it its name during the copy.
        return {name for name in names if (in_shard and name.startswith((".", _COPY))) or name.startswith("tmp-open-")}

    try:
        shutil.copytree(shard_folder(folder), copy, ignore=ignore, copy_function=copy_with_holes)
    except BaseException:
        shutil.rmtree(copy, ignore_errors=True)
        raise


def switch(folder: Path, copy: Path) -> None:
    """Make a complete copy that is on the disk the current shard. After this returns, a power loss does not undo it."""
    sync(folder)
    draft = folder / f"{_POINTER}.new"
    draft.write_text(copy.name, encoding="utf-8")
    sync(draft)
    draft.rename(folder / _POINTER)
    sync(folder)


def sweep(folder: Path) -> None:
    """Remove the shards that are not in use: copies that were given up, and those that were replaced.

    Only the process that holds the generation may call this. A copy that a dying process still has open is removed
    later.
    """
    current = shard_folder(folder)
    for path in folder.iterdir():
        if path.name.startswith(".") or path == current:
            continue  # names with a dot are ours: the lock, the pointer, the count of changes
        if current == folder and not path.name.startswith(_COPY):
            continue
        if not path.is_dir():
            path.unlink(missing_ok=True)
            continue
        try:
            with GenerationLock(path, path.name):
                shutil.rmtree(path, ignore_errors=True)
        except (IndexHeld, FileNotFoundError):
            continue


def sync_shard(shard: Path) -> None:
    """Return when every file of a shard, and every name in it, is on the disk."""
    for parent, _, files in os.walk(shard):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))


def sync_log(shard: Path) -> None:
    """Return when the write-ahead log of a shard is on the disk, and so all that was written is durable."""
    log = shard / "wal"
    for path in log.iterdir():
        if path.is_file():
            sync(path)
    sync(log)
