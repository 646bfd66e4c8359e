"""What the engine does to a process: panics, and files that it maps on a disk that is full."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import qdrant_edge as edge

from recommender.errors import Unavailable
from recommender.index.embedded import shard as shards
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.embedded.shard import Shard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A generation of a few points, closed."""
    with_points = EmbeddedEngine(tmp_path / "index").create("g1", 4)
    with_points.close()
    return tmp_path / "index" / "g1"


def _break(folder: Path) -> None:
    """Cut a file in half over which the engine panics when it opens it."""
    path = next(folder.rglob("is_null/status.dat"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _panic(folder: Path) -> BaseException:
    """Return a panic of the engine itself."""
    copy = Path(shutil.copytree(folder, folder.parent / ".broken"))
    _break(copy)
    with pytest.raises(BaseException, match="index out of bounds") as caught:
        edge.EdgeShard.load(str(copy))
    assert not isinstance(caught.value, Exception)
    return caught.value


def test_a_shard_over_which_the_engine_panics_is_one_line_that_names_the_rebuild(folder: Path) -> None:
    _break(folder)
    with pytest.raises(Unavailable, match="recommender index rebuild") as caught:
        EmbeddedEngine(folder.parent).open("g1")
    assert len(str(caught.value).splitlines()) == 1


def test_after_a_panic_the_shard_is_opened_anew_and_not_too_often(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "FIRST_REOPEN_PAUSE_S", 1.0)
    panic, shard = _panic(folder), Shard("g1", folder)
    with pytest.raises(Unavailable, match="recommender index rebuild"), shard.reading() as first:
        raise panic
    with shard.reading() as second:
        assert second is not first
        assert second.count(edge.CountRequest(exact=True)) == 0
    with pytest.raises(Unavailable), shard.reading():
        raise panic
    with pytest.raises(Unavailable, match="opened again in a moment"), shard.reading():
        pass
    time.sleep(1.1)
    with shard.reading() as third:
        assert third.count(edge.CountRequest(exact=True)) == 0
    shard.close()


def test_what_ends_a_process_is_not_taken_for_an_error_of_the_engine(folder: Path) -> None:
    shard = Shard("g1", folder)
    with pytest.raises(KeyboardInterrupt), shard.reading():
        raise KeyboardInterrupt
    shard.close()
