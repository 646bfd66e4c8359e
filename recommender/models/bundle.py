"""The public files of a registered model, as the Hub lays them out, written to a folder or a zip file."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from recommender.errors import BadInput, UsageError
from recommender.models.catalogue_snapshot import SNAPSHOT
from recommender.models.manifest import CARD, FILE_NAME, Manifest, manifest_json
from recommender.models.model_card import model_card, public_data, public_name

ZIP = ".zip"

MOST_FILES = 10_000
LARGEST = 64 << 30
RATIO, FLOOR = 20, 16 << 20
"""Bounds of what is unpacked: weights hardly shrink, and a model has a few dozen files. A bomb of zeros shrinks to a
thousandth."""

_DAMAGE = (
    OSError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, IndexError,
)  # fmt: skip
"""What `zipfile` raises over a damaged file; the last for a member without a name."""

_PRIVATE = (".*", "*.bin", "*.py", "checkpoint-*", "runs", "eval", SNAPSHOT)
"""Files and folders that are not published. One of them is the snapshot, which shows which products the shop has."""


def public_files(folder: Path, manifest: Manifest, repo: str = "") -> dict[str, Path | bytes]:
    """Return what is published of a model folder: path there -> file or content.

    Card and manifest are written for readers of `repo`, without any path of this machine.
    """
    hyper_parameters = public_data(manifest.hyper_parameters)
    public = replace(manifest, base=public_name(manifest.base), hyper_parameters=hyper_parameters)
    files: dict[str, Path | bytes] = {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(fnmatch(part, private) for part in path.relative_to(folder).parts for private in _PRIVATE)
    }
    return files | {CARD: model_card(public, repo).encode(), FILE_NAME: manifest_json(public).encode()}


def write_bundle(files: Mapping[str, Path | bytes], target: Path) -> None:
    """Write all files, or none, into a new folder, or into a new zip file if the name ends in `.zip`.

    Raises `UsageError` when something has that name already, and `BadInput` when it can't be written.
    """
    if target.exists() or target.is_symlink():
        raise UsageError(f"{target} exists already; give a name that does not")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
            staged = Path(temporary) / target.name
            if target.suffix.lower() == ZIP:
                # Zip has no dates before 1980, which files of some containers and package managers have.
                with zipfile.ZipFile(staged, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as packed:
                    for name, source in files.items():
                        if isinstance(source, bytes):
                            packed.writestr(name, source)
                        else:
                            packed.write(source, name)
            else:
                for name, source in files.items():
                    path = staged / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if isinstance(source, bytes):
                        path.write_bytes(source)
                    else:
                        shutil.copyfile(source, path)
            staged.rename(target)
    except OSError as error:
        raise BadInput(f"{target} can't be written ({error.strerror or error}); give another place") from error


def unpack(archive: Path, target: Path) -> Path:
    """Unpack a zip file of a model into `target` and return its folder. Raises `BadInput` for anything else."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = packed.infolist()
            # No more is written than a header states: zipfile stops if a member has more.
            total, limit = sum(member.file_size for member in members), FLOOR + RATIO * archive.stat().st_size
            target.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(target).free
            if len(members) > MOST_FILES or total > min(limit, LARGEST):
                raise BadInput(
                    f"{archive} holds {len(members):,} files and unpacks to {total:,} bytes; a model has at most "
                    f"{MOST_FILES:,} files and, packed to that size, {min(limit, LARGEST):,} bytes"
                )
            if total > free:
                raise BadInput(f"{archive} unpacks to {total:,} bytes, and {target} has room for {free:,}; make room")
            packed.extractall(target)  # leaves `..` and absolute paths out, and makes no links
    except _DAMAGE as error:
        raise BadInput(f"{archive} can't be unpacked ({error}); give a zip file of a model folder") from error
    inside = [path for path in target.iterdir() if not path.name.startswith((".", "__"))]
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else target
