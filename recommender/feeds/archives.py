"""ZIP archives: of one feed, which is unpacked within limits, and those that are spreadsheets."""

from __future__ import annotations

import gzip
import lzma
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from recommender.errors import BadFeed

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
"""The first bytes of a spreadsheet of Excel's older kind."""

LARGEST_UNPACKED = 4 << 30
"""Bytes that a feed may have when it is unpacked: 4 GiB, as for downloads."""

LARGEST_RATIO = 200
"""How many times its packed size a feed may have. Feeds shrink to a twentieth, bombs to a thousandth."""

SMALL = 64 << 20
"""Up to this size, in bytes, any ratio is allowed: 64 MiB."""

_SHEETS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
_NO_FEEDS = ("__macosx", ".")
"""Beginnings of folders and files that programs add to an archive."""

_CHUNK = 1 << 20

UNPACKING = (OSError, EOFError, zlib.error, lzma.LZMAError, struct.error)
"""What unpacking a damaged archive raises besides clear errors."""


def is_spreadsheet(path: Path) -> bool:
    """Tell a spreadsheet from any other archive."""
    with path.open("rb") as stream:
        if stream.read(8) == OLE:
            return True
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name in _SHEETS for name in archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, *UNPACKING):
        return False


def unpacked_size(path: Path) -> int:
    """Return how many bytes the parts of an archive have together; 0 for a file that is not an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, *UNPACKING):
        return 0


@contextmanager
def gunzip(name: str, path: Path) -> Iterator[Path]:
    """Open an archive that is gzipped as a file. Raises `BadFeed` for one that is too large unpacked."""
    with tempfile.NamedTemporaryFile(prefix="recommender-feed-") as unpacked:
        with gzip.open(path) as packed:
            _copy(name, packed, unpacked, path.stat().st_size)  # type: ignore[arg-type]
        unpacked.flush()
        yield Path(unpacked.name)


@contextmanager
def unpack_feed(name: str, path: Path) -> Iterator[tuple[str, Path]]:
    """Open the only feed of an archive: its name in messages, and its path while the context lasts.

    Raises `BadFeed` for an archive of several files or none, one that is damaged, encrypted, or too large unpacked.
    """
    with tempfile.NamedTemporaryFile(prefix="recommender-feed-") as unpacked:
        try:
            with zipfile.ZipFile(path) as archive:
                paths = (
                    (member, PurePosixPath(member.filename)) for member in archive.infolist() if not member.is_dir()
                )
                files = [
                    member
                    for member, path in paths
                    if path.stem.casefold() != "readme"
                    and not any(part.casefold().startswith(_NO_FEEDS) for part in path.parts)
                ]
                if len(files) != 1:
                    names = ", ".join(repr(member.filename[:60]) for member in files[:5]) or "none"
                    raise BadFeed(
                        f"{name}: the archive has {len(files):,} files ({names}); unpack it, and give the feeds"
                    )
                if files[0].flag_bits & 1:
                    raise BadFeed(f"{name}: the archive is encrypted; unpack it, and give the feed")
                member = files[0]
                with archive.open(member) as packed:
                    _copy(name, packed, unpacked, member.compress_size)  # type: ignore[arg-type]
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, *UNPACKING) as error:
            raise BadFeed(f"{name}: the archive is damaged ({error}); fetch it again") from error
        unpacked.flush()
        yield f"{name}/{PurePosixPath(member.filename).name}", Path(unpacked.name)


def _copy(name: str, packed: BinaryIO, unpacked: BinaryIO, packed_size: int) -> None:
    """Copy what is packed; the sizes that the archive states are not trusted."""
    size = 0
    while chunk := packed.read(_CHUNK):
        size += len(chunk)
        require_likely_size(name, size, packed_size)
        unpacked.write(chunk)


def require_likely_size(name: str, size: int, packed_size: int) -> None:
    """Raise `BadFeed` for more bytes than a feed of a packed size unpacks to."""
    if size > LARGEST_UNPACKED or (size > SMALL and size > LARGEST_RATIO * packed_size):
        raise BadFeed(f"{name}: unpacks to more than {size >> 20:,} MiB, which no feed does; check the archive")
