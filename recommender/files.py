"""Files that survive a crash, folders that one has left behind, and copies of sparse files."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path


def sync(path: Path) -> None:
    """Return when the content of a file, or the names in a folder, are on the disk."""
    if os.name == "nt" and path.is_dir():
        return  # Windows opens no folder for this, and makes renames durable by itself
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (path.is_dir() and error.errno == errno.EINVAL):  # some network disks sync files alone
            raise
    finally:
        os.close(handle)


_DRAFT = ".recommender-draft-"
"""The beginning of the names of the files that `replace_file` writes, which no other program gives its own."""


def replace_file(path: Path, content: bytes, readable: bool = False) -> None:
    """Replace a file in one step: a reader, or a crash at any moment, finds the old content or the new one.

    Only its owner may read it, unless it is made `readable` by all.
    """
    handle, temporary = tempfile.mkstemp(prefix=_DRAFT, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if readable:
            Path(temporary).chmod(0o644)  # mkstemp lets only the owner read the file
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def make_private(path: Path) -> None:
    """Create an empty file that only its owner may read, whatever the process's `umask`, if there is none."""
    with suppress(OSError):  # it exists, or its opener will say what is wrong
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


LEFTOVER_AGE_S = 24 * 3600
"""Age at which unfinished work was left by a crash: no training run, build, backup or copy takes a day."""


def remove_leftovers(parent: Path, pattern: str) -> None:
    """Remove the folders in `parent` that match a pattern and are too old to belong to a living process."""
    for folder in parent.glob(pattern):
        if folder.is_dir() and time.time() - folder.stat().st_mtime > LEFTOVER_AGE_S:
            shutil.rmtree(folder, ignore_errors=True)


_DRAFT_AGE_S = 3600
"""Writing one takes a moment."""


def remove_drafts(home: Path) -> None:
    """Remove the files that `replace_file` had begun in a home and the folders below it that it writes to.

    Nothing else is looked at: the home may be a folder that has other things, too.
    """
    places = ("", "models/*/", "runs/measures/")
    for path in [path for place in places for path in home.glob(f"{place}{_DRAFT}*")]:
        with suppress(OSError):  # another process removes the same ones
            if time.time() - path.stat().st_mtime > _DRAFT_AGE_S:
                path.unlink()


_BLOCK = 4 << 10
_READ_AT_ONCE = 1 << 20
_SECTOR = 512
"""The unit of `st_blocks`, whatever the file system's own is."""


def copy_with_holes(source: str | Path, target: str | Path) -> str | Path:
    """Copy a file like `shutil.copy2`, but keep its holes; return `target`.

    The engine reserves a megabyte for a file of a few bytes, thirty times in a shard. A hole needs neither room nor
    reading: a shard that was copied with its holes filled opened in 0.7 s in place of 0.1 s. A file without holes stays
    without: its room may have been reserved, as that of a log is, so that a full disk is found in time.
    """
    status = Path(source).stat()
    if getattr(status, "st_blocks", status.st_size) * _SECTOR >= status.st_size:  # Windows does not report blocks
        return shutil.copy2(source, target)
    zeros = bytes(_BLOCK)
    with Path(source).open("rb", _READ_AT_ONCE) as reader, Path(target).open("wb", _READ_AT_ONCE) as writer:
        while block := reader.read(_BLOCK):
            if block == zeros[: len(block)]:
                writer.seek(len(block), 1)
            else:
                writer.write(block)
        writer.truncate()
    shutil.copystat(source, target)
    return target
