"""Copying files that are mostly holes, without filling these."""

from __future__ import annotations

import shutil
from pathlib import Path

_BLOCK = 4 << 10
_READ_AT_ONCE = 1 << 20
_SECTOR = 512
"""The unit of `st_blocks`, whatever the file system's own is."""


def copy_with_holes(source: str | Path, target: str | Path) -> str | Path:
    """Copy a file like `shutil.copy2`, but leave holes where it has some; return `target`.

    The engine reserves a megabyte for a file of a few bytes, thirty times in a shard. A hole takes neither room nor
    reading: a shard that was copied with its holes filled opened in 0.7 s in place of 0.1 s. A file without holes stays
    without: its room may have been reserved, as that of a log is, so that a full disk is found out in time.
    """
    status = Path(source).stat()
    if getattr(status, "st_blocks", status.st_size) * _SECTOR >= status.st_size:  # Windows tells of no blocks
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
