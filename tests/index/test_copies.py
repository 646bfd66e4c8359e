"""Copies of an index: as large on the disk as what they are copies of."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from support.points import DIMENSION, point_of

from recommender.files import copy_with_holes
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.embedded.storage import copy_shard
from recommender.types import Product

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="holes show in the blocks that a file takes")


def _taken(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def test_a_copy_of_a_shard_takes_no_more_room_than_the_shard(tmp_path: Path) -> None:
    index = EmbeddedEngine(tmp_path).create("g0001", DIMENSION)
    index.upsert([point_of(Product(f"p{number}", "t")) for number in range(100)])
    index.flush()
    segments = tmp_path / "g0001" / "segments"
    taken, size = _taken(segments), sum(path.stat().st_size for path in segments.rglob("*") if path.is_file())
    assert taken < size / 2, "the engine leaves no holes any more: nothing is shown here"
    copy = tmp_path / "copy"
    copy_shard(tmp_path / "g0001", copy)
    index.close()
    assert _taken(copy / "segments") <= 1.2 * taken
    again = EmbeddedEngine(copy.parent).open(copy.name)
    assert again.count() == 100
    again.close()


@pytest.mark.parametrize("head", [b"", b"a", b"a" * 70_000])
@pytest.mark.parametrize("tail", [b"", b"z"])
def test_a_copy_has_every_byte(tmp_path: Path, head: bytes, tail: bytes) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with source.open("wb") as file:
        file.write(head)
        file.seek(300_000)
        file.write(tail)
        file.truncate()
    os.utime(source, ns=(10**18, 10**18))
    copy_with_holes(source, target)
    assert target.read_bytes() == head + bytes(300_000 - len(head)) + tail
    assert target.stat().st_mtime_ns == 10**18


def test_room_that_was_reserved_stays_reserved(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(1 << 20))
    copy_with_holes(source, target)
    assert target.stat().st_blocks * 512 >= 1 << 20
