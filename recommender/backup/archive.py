"""The file of a backup: a tar, plain or gzipped, laid out like a home; its last member says what must be in it."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from recommender.errors import BadInput, Unavailable, one_line
from recommender.types import Progress, silent

FORMAT = 1
"""Number of this layout; another one is refused."""

CATALOGUE = "catalogue.db"
MODELS = "models"
POINTS = "points"
MANIFEST = "manifest.json"
_TOP = frozenset({CATALOGUE, MODELS, POINTS, MANIFEST})

GZIPPED = (".gz", ".tgz")
"""Endings of names that ask for a gzipped archive."""

_GZIP_LEVEL = 1
"""Compression level: vectors and weights hardly shrink at any, and the texts between them do so at the first."""

_CHUNK = 1 << 20
"""Bytes copied at a time."""

_LARGEST_READ = 16 << 20
"""Bytes of a header that are read at once: our own have a few hundred."""

_MOST_MEMBERS = 200_000
_LARGEST_MANIFEST = 64 << 20
"""Largest manifest, in bytes; each member takes about 150."""
_RATIO, _FLOOR = 100, 16 << 20
"""A backup may unpack to 100 times its size and 16 MiB: texts shrink to a fifth, zeros of a bomb to a thousandth."""


@dataclass(frozen=True, slots=True)
class IndexContents:
    """The live generation of a backup: which model made it, with which runtime, and how many points there are."""

    model: str
    fingerprint: str
    dimension: int
    runtime: str
    points: int


@dataclass(frozen=True, slots=True)
class BackupContents:
    """What a backup holds, and what it was made of. `index` is None if it was left out, or nothing was live."""

    created_at: str
    version: str
    schema: str
    products: int
    waiting: int
    models: tuple[str, ...]
    index: IndexContents | None
    checks: tuple[str, ...] = ()
    """The checks that the copy of the catalogue passed before this was called a backup."""


class ArchiveWriter:
    """Writes an archive. `finish` makes it complete and durable; without it no reader takes the file for a backup."""

    def __init__(self, path: Path, *, gzipped: bool) -> None:
        self._file = path.open("wb")
        self._zip = gzip.GzipFile("", "wb", _GZIP_LEVEL, self._file) if gzipped else None
        self._tar = tarfile.open(fileobj=self._zip or self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed in `finish`
        self._members: dict[str, dict[str, Any]] = {}

    def add_file(self, name: str, path: Path) -> str:
        """Add a file as it is now, and return the SHA-256 of what was added."""
        with path.open("rb") as file:
            return self._add(name, os.fstat(file.fileno()).st_size, file)

    def add_bytes(self, name: str, content: bytes) -> None:
        """Add a file of this content."""
        self._add(name, len(content), BytesIO(content))

    def _add(self, name: str, size: int, file: IO[bytes]) -> str:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = size, int(time.time()), 0o600
        reader = _HashingReader(file)
        self._tar.addfile(member, reader)
        self._members[name] = {"size": size, "sha256": reader.digest.hexdigest()}
        return reader.digest.hexdigest()

    def finish(self, contents: BackupContents) -> None:
        """Add the manifest, and return when everything is on the disk."""
        manifest = {"format": FORMAT, "contents": asdict(contents), "members": self._members}
        self.add_bytes(MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1).encode())
        self._tar.close()
        if self._zip is not None:
            self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _HashingReader:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def unpack(archive: Path, folder: Path, progress: Progress = silent) -> BackupContents:
    """Unpack a backup into an empty folder and return what it holds, if every byte is as it was written.

    Raises `BadInput` for a file that is not a backup, a damaged or cut-off one, one that names a place outside of the
    folder or holds anything but plain files, and one that would unpack to far more than its size; `Unavailable` for a
    full disk.
    """
    written: dict[str, tuple[int, str]] = {}
    try:
        with _open(archive) as tar:
            for member in tar:
                if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
                    raise BadInput(
                        f"{archive}: {member.name!r} is a link, a folder or a device; a backup holds only plain files"
                    )
                parts = PurePosixPath(member.name).parts
                strange = "\\" in member.name or ":" in member.name or member.name != "/".join(parts)
                if strange or ".." in parts or not parts or parts[0] not in _TOP:
                    raise BadInput(f"{archive}: {member.name!r} does not belong in a backup; give another copy")
                if member.name in written or len(written) >= _MOST_MEMBERS:
                    raise BadInput(f"{archive} holds {member.name!r} twice, or far too many files; no backup does")
                if member.size > shutil.disk_usage(folder).free:
                    raise Unavailable(
                        f"{member.name} of the backup takes {member.size:,} bytes, more than {folder} has room for"
                    )
                path = folder / member.name
                source = tar.extractfile(member)
                if source is None:
                    raise tarfile.ReadError(f"{member.name!r} can't be read")
                path.parent.mkdir(parents=True, exist_ok=True)
                digest, done = hashlib.sha256(), 0
                with path.open("xb") as file:
                    while chunk := source.read(_CHUNK):
                        digest.update(chunk)
                        file.write(chunk)
                        done += len(chunk)
                if done != member.size:
                    raise EOFError("it ends in the middle of a file")
                written[member.name] = done, digest.hexdigest()
                progress("unpacking", len(written), None, member.name)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError) as error:
        raise BadInput(f"{archive} is no backup, or a damaged one ({one_line(error)}); give another copy") from error
    except OSError as error:
        raise Unavailable(f"{archive} can't be unpacked ({error.strerror or error}); check file and disk") from error
    if written.pop(MANIFEST, None) is None:
        raise BadInput(f"{archive} has no {MANIFEST} at its end: it is cut off, or no backup; give another copy")
    contents, members = _read_manifest(archive, folder / MANIFEST)
    for name in sorted(written.keys() ^ members.keys()):
        raise BadInput(f"{archive}: {name!r} is {'not in it' if name in members else 'not of it'}; give another copy")
    for name, found in written.items():
        if found != members[name]:
            raise BadInput(f"{archive}: {name!r} is not as it was written (its SHA-256 differs); give another copy")
    return contents


@contextmanager
def _open(archive: Path) -> Iterator[tarfile.TarFile]:
    if not archive.is_file():
        raise BadInput(f"{archive} is no file; give one that `recommender backup` has written")
    with archive.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        limit = _FLOOR + _RATIO * archive.stat().st_size
        source = _ForwardReader(gzip.GzipFile(fileobj=file) if zipped else file, archive, limit)
        with tarfile.open(fileobj=source, mode="r:") as tar:  # type: ignore[call-overload] # three methods are all it calls
            yield tar


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _ForwardReader:
    """A file that is read once, from start to end, up to a limit: a hostile archive can do only bounded harm."""

    def __init__(self, file: _Readable, archive: Path, limit: int) -> None:
        self._file = file
        self._archive = archive
        self._limit = limit
        self._place = 0

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _LARGEST_READ:
            raise tarfile.ReadError(f"a header of {size} bytes")
        data = self._file.read(size)
        self._place += len(data)
        if self._place > self._limit:
            raise BadInput(f"{self._archive} unpacks to more than {self._limit:,} bytes, which no backup does; refused")
        return data

    def seek(self, place: int) -> int:
        if place < self._place:
            raise tarfile.ReadError("a member that begins before the end of another")
        while self._place < place and self.read(min(_CHUNK, place - self._place)):
            pass
        return self._place

    def tell(self) -> int:
        return self._place


def _read_manifest(archive: Path, path: Path) -> tuple[BackupContents, dict[str, tuple[int, str]]]:
    from pydantic import TypeAdapter  # a process that makes backups does not need it

    try:
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise ValueError("it is far too long")
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            raise BadInput(
                f"{archive} has format {manifest['format']}, this version reads {FORMAT}; upgrade recommender"
            )
        members = {name: (member["size"], member["sha256"]) for name, member in manifest["members"].items()}
        return TypeAdapter(BackupContents).validate_python(manifest["contents"]), members
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise BadInput(f"{archive}: its {MANIFEST} can't be read ({one_line(error)}); give another copy") from error
