"""Archives as nobody should write them: a backup or a model that is unpacked, or one line, and nothing outside.

`make fuzz` runs these again and again, on other examples each time. What failed once stands in `SEEDS`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recommender.backup.archive import CATALOGUE, FORMAT, MANIFEST, MODELS, unpack
from recommender.errors import RecommenderError
from recommender.models import bundle

FEW = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CONTENTS = {
    "created_at": "2026-01-01T00:00:00+00:00", "version": "0.1.0", "schema": "0001", "products": 0, "waiting": 0,
    "models": ["tiny"], "index": None, "checks": [],
}  # fmt: skip
FIELDS = st.dictionaries(st.sampled_from([*CONTENTS, "other"]), JSON, max_size=2)
NAMES = st.one_of(
    st.sampled_from([
        CATALOGUE, f"{MODELS}/tiny/model.safetensors", "points.bin", MANIFEST, "../outside", "/outside", "models/../x",
        "models//x", "models/./x", "models\\x", "C:x", "", ".", "models", "models/" + "d/" * 60 + "x", "a" * 300,
    ]),
    st.text(st.characters(codec="utf-8"), max_size=12),
)  # fmt: skip
KINDS = st.sampled_from([tarfile.REGTYPE] * 6 + [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE])
MEMBERS = st.lists(st.tuples(NAMES, st.binary(max_size=40), KINDS, st.integers(-1, 1 << 40) | st.none()), max_size=5)
DAMAGE = st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 255)), max_size=4)

NAMELESS = io.BytesIO()
with zipfile.ZipFile(NAMELESS, "w") as _packed:
    _packed.writestr(zipfile.ZipInfo("x"), b"")  # without the time: each process that runs tests makes it anew
    _packed.filelist[0].filename = ""

SEEDS: list[tuple[bytes, str]] = [
    (b"", "tar"),
    (b"\x1f\x8b", "tar"),
    (b"\x1f\x8b\x08\x04" + b"\xff" * 20, "tar"),
    (b"PK\x05\x06" + b"\xff" * 18, "zip"),
    (b"PK\x05\x06" + b"\0" * 18, "zip"),
    (NAMELESS.getvalue(), "zip"),
]
"""Archives over which a reader once failed, or might."""


def _tar(members: list[tuple[str, bytes, bytes, int | None]], fields: dict[str, Any], zipped: bool) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        digests = {}
        for name, content, kind, _ in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(content))
            digests[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        manifest = json.dumps({"format": FORMAT, "contents": CONTENTS | fields, "members": digests}).encode()
        last = tarfile.TarInfo(MANIFEST)
        last.size = len(manifest)
        tar.addfile(last, io.BytesIO(manifest))
    return gzip.compress(file.getvalue()) if zipped else file.getvalue()


def _zip(members: list[tuple[str, bytes, bytes, int | None]]) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content, kind, size in members:
            member = zipfile.ZipInfo(name or "x")
            member.external_attr = 0o120777 << 16 if kind == tarfile.SYMTYPE else 0
            packed.writestr(member, content)
            member.file_size = member.file_size if size is None or size < 0 else size
    return file.getvalue()


def _read(folder: Path, content: bytes, suffix: str) -> None:
    """Unpack into a folder of its own: nothing comes to lie beside it, and what is wrong is one line."""
    readers: dict[str, Callable[[Path, Path], object]] = {"tar": unpack, "zip": bundle.unpack}
    place = folder / "place"
    place.mkdir(exist_ok=True)
    archive, target = place / "archive", place / "target"
    archive.write_bytes(content)
    if suffix == "tar":
        target.mkdir()
    try:
        readers[suffix](archive, target)
    except RecommenderError as error:
        assert "\n" not in str(error), str(error)
    assert {path.name for path in place.iterdir()} <= {"archive", "target"}
    assert [path.name for path in folder.iterdir()] == ["place"]
    assert not any(path.is_symlink() for path in place.rglob("*"))
    for path in sorted(place.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@FEW
@given(members=MEMBERS, fields=FIELDS, zipped=st.booleans(), damage=DAMAGE, length=st.none() | st.integers(0, 12_000))
def test_no_backup_ends_in_a_traceback_or_outside_of_its_folder(
    tmp_path: Path,
    members: list[tuple[str, bytes, bytes, int | None]],
    fields: dict[str, Any],
    zipped: bool,
    damage: list[tuple[int, int]],
    length: int | None,
) -> None:
    _read(tmp_path, _damaged(_tar(members, fields, zipped), damage, length), "tar")


@FEW
@given(members=MEMBERS, damage=DAMAGE, length=st.none() | st.integers(0, 2_000))
def test_no_model_in_a_zip_file_ends_in_a_traceback_or_outside_of_its_folder(
    tmp_path: Path,
    members: list[tuple[str, bytes, bytes, int | None]],
    damage: list[tuple[int, int]],
    length: int | None,
) -> None:
    _read(tmp_path, _damaged(_zip(members), damage, length), "zip")


def _damaged(content: bytes, damage: list[tuple[int, int]], length: int | None) -> bytes:
    made = bytearray(content[:length])
    for place, byte in damage:
        if made:
            made[place % len(made)] = byte
    return bytes(made)


@pytest.mark.parametrize(("content", "suffix"), SEEDS)
def test_what_failed_once_fails_no_more(tmp_path: Path, content: bytes, suffix: str) -> None:
    _read(tmp_path, content, suffix)
