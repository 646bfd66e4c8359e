"""Building graphs by a process of its own, on a copy, while the index answers and is written to."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.patience import PATIENCE_S
from support.points import DIMENSION, point_of, unit, words

from recommender.errors import Unavailable
from recommender.index.embedded import shard
from recommender.index.embedded.engine import EmbeddedEngine, EmbeddedIndex
from recommender.index.protocol import IndexQuery, Point, point_id
from recommender.types import Product

_TESTS = Path(__file__).parents[1]
COUNT = 1_500


@pytest.fixture
def engine(tmp_path: Path) -> EmbeddedEngine:
    return EmbeddedEngine(tmp_path / "index")


@pytest.fixture
def index(engine: EmbeddedEngine) -> Iterator[EmbeddedIndex]:
    index = engine.create("g0001", DIMENSION)
    index.upsert([_point(number) for number in range(COUNT)])
    yield index
    index.close()


def _point(number: int, brand: str = "") -> Point:
    return point_of(Product(f"p{number}", "t", brand=brand), lexical=words(number % 7, 10 + number % 5))


def _shards(engine: EmbeddedEngine) -> list[str]:
    """Return what lies in the folder of the generation but for our own small files."""
    return sorted(path.name for path in (engine.folder / "g0001").iterdir() if not path.name.startswith("."))


def test_it_is_built_to_the_end_everything_is_still_there_and_nothing_is_left_over(
    engine: EmbeddedEngine, index: EmbeddedIndex
) -> None:
    for _ in range(2):
        assert index.optimize_apart()
        (found,) = _shards(engine)
        assert found.startswith("shard-")
        assert index.count() == COUNT
    index.close()
    again = engine.open("g0001")
    assert again.count() == COUNT
    assert len(again.query(IndexQuery(5, dense=unit(1), lexical=words(1)))) == 5
    again.close()


def test_what_is_written_and_deleted_meanwhile_is_in_the_new_one(engine: EmbeddedEngine, index: EmbeddedIndex) -> None:
    """What is asked each tenth of a second whether to stop also is a moment at which the copy is at work."""
    turns = iter(range(1_000))

    def write() -> bool:
        turn = next(turns)
        index.upsert([_point(COUNT + turn), _point(turn, brand="changed")])
        index.overwrite_payloads([(point_id("p900"), _point(900, brand=f"b{turn}").payload)])
        index.delete([point_id(f"p{1_000 + turn}")])
        index.flush()
        return False

    assert index.optimize_apart(write)
    done = next(turns)
    _holds(index, done)
    index.close()
    again = engine.open("g0001")
    _holds(again, done)
    again.close()


def _holds(index: EmbeddedIndex, turns: int) -> None:
    expected = {point.id: point for point in _reference(turns)}
    found = {point.id: point for point in index.scroll(with_vectors=True)}
    assert found.keys() == expected.keys()
    for identity, point in found.items():
        assert point.payload == expected[identity].payload
        assert point.dense is not None and np.allclose(point.dense, expected[identity].dense, atol=1e-6)
    (hit, *_) = index.query(IndexQuery(1, lexical=words(COUNT % 7, 10 + COUNT % 5), ids=(point_id(f"p{COUNT}"),)))
    assert hit.score > 0


def _reference(turns: int) -> list[Point]:
    """Return the points that there are after so many turns of `write`."""
    points = {number: _point(number) for number in range(COUNT)}
    for turn in range(turns):
        points |= {COUNT + turn: _point(COUNT + turn), turn: _point(turn, brand="changed")}
        points[900] = _point(900, brand=f"b{turn}")
        points.pop(1_000 + turn, None)
    return list(points.values())


@pytest.mark.parametrize("apart", [False, True])
def test_what_words_can_reach_at_most_is_asked_again_after_a_build(index: EmbeddedIndex, apart: bool) -> None:
    """A build stops counting the words of points that are gone: those that are left become rarer, and score higher."""
    query = IndexQuery(COUNT, lexical=words(1, 10))
    index.delete([point_id(f"p{number}") for number in range(COUNT) if number % 7 < 4 and number % 5])
    index.query(query)
    if apart:
        index.optimize_apart()
    else:
        index.optimize()
    found = {point.id: point.score for point in index.query(query)}
    index.delete([2**64 - 1])  # no point is gone, but nothing is kept after this
    assert {point.id: point.score for point in index.query(query)} == found


def test_queries_go_on_without_a_pause_while_a_copy_takes_over(index: EmbeddedIndex) -> None:
    failed: list[Exception] = []
    asked = [0]
    over = threading.Event()

    def ask() -> None:
        try:
            while not over.is_set():
                assert len(index.query(IndexQuery(5, dense=unit(asked[0])))) == 5
                assert len(index.retrieve([point_id("p7")], with_vectors=True)) == 1
                asked[0] += 1
                over.wait(0.002)
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        assert index.optimize_apart()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert asked[0] > 100


def test_changes_add_up_until_graphs_are_built_and_count_on_from_what_came_meanwhile(index: EmbeddedIndex) -> None:
    assert [index.count_changes(300), index.count_changes(200)] == [300, 500]
    assert not index.optimize_apart(lambda: True)
    assert index.count_changes(1) == 501
    once = iter([index.upsert])

    def write() -> bool:
        for upsert in once:
            upsert([_point(1), _point(2)])
        return False

    assert index.optimize_apart(write)
    assert index.count_changes(5) == 7


def test_it_is_given_up_when_told_and_nothing_is_lost(engine: EmbeddedEngine, index: EmbeddedIndex) -> None:
    before = _shards(engine)
    assert not index.optimize_apart(lambda: True)
    assert _shards(engine) == before
    assert index.count() == COUNT


def test_closing_the_index_gives_it_up(engine: EmbeddedEngine, index: EmbeddedIndex) -> None:
    closing: list[threading.Thread] = []

    def close() -> bool:
        if not closing:
            closing.append(threading.Thread(target=index.close))
            closing[0].start()
        return False

    assert not index.optimize_apart(close)
    closing[0].join()
    again = engine.open("g0001")
    assert again.count() == COUNT
    again.close()


def test_a_second_one_at_the_same_time_is_told_to_wait(index: EmbeddedIndex) -> None:
    told: list[str] = []

    def second() -> bool:
        if not told:
            with pytest.raises(Unavailable) as caught:
                index.optimize_apart()
            told.append(str(caught.value))
        return False

    assert index.optimize_apart(second)
    assert "being built already" in told[0]


def test_one_that_fails_is_one_line_that_says_why_and_the_index_goes_on(
    engine: EmbeddedEngine, index: EmbeddedIndex
) -> None:
    settings = engine.folder / "g0001" / "edge_config.json"
    whole = settings.read_text()
    settings.write_text("{")
    with pytest.raises(Unavailable, match="could not be built") as caught:
        index.optimize_apart()
    assert "\n" not in str(caught.value) and "g0001" in str(caught.value)
    settings.write_text(whole)
    index.upsert([_point(COUNT)])
    assert index.count() == COUNT + 1
    assert not [name for name in _shards(engine) if name.startswith("shard-")]
    assert index.optimize_apart()
    assert index.count() == COUNT + 1


@pytest.mark.parametrize("step", ["copy_shard", "sync_shard", "sync_log", "switch"])
def test_a_disk_that_is_full_on_the_way_leaves_the_index_as_it_was(
    engine: EmbeddedEngine, index: EmbeddedIndex, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    act = getattr(shard, step)

    def full(folder: Path, *more: Path) -> object:
        if step in ("sync_shard", "sync_log") and not folder.name.startswith("shard-"):
            return act(folder)
        raise OSError(errno.ENOSPC, "No space left on device")

    index.flush()
    with monkeypatch.context() as patch:
        patch.setattr(shard, step, full)
        with pytest.raises(Unavailable, match="No space left"):
            index.optimize_apart()
    index.upsert([_point(COUNT)])
    index.flush()
    index.close()
    assert not [name for name in _shards(engine) if name.startswith("shard-")]
    again = engine.open("g0001")
    assert again.count() == COUNT + 1
    again.close()


_KILLED = f"""
import os, signal, sys, threading
from pathlib import Path
sys.path.insert(0, {str(_TESTS)!r})
from support.points import DIMENSION, point_of
from recommender.index.embedded import shard
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.types import Product

folder, step, when = sys.argv[1:]
index = EmbeddedEngine(Path(folder)).create("g0001", DIMENSION)
index.upsert([point_of(Product(f"p{{n}}", "t")) for n in range({COUNT})])
index.flush()
turn, act = [0], getattr(shard, step)

def write():
    turn[0] += 1
    index.upsert([point_of(Product(f"new{{turn[0]}}", "t"))])
    index.delete([point_of(Product(f"p{{turn[0]}}", "t")).id])
    index.flush()
    print(turn[0], flush=True)
    return False

def killed(*arguments):
    if step in ("sync_shard", "sync_log") and not arguments[0].name.startswith("shard-"):
        return act(*arguments)
    if when == "after":
        act(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(shard, step, killed)
write()
index.optimize_apart(write)
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["copy_shard", "sync_shard", "sync_log", "switch", "sweep"])
def test_a_process_that_is_killed_on_the_way_leaves_a_whole_index_with_all_that_was_acknowledged(
    engine: EmbeddedEngine, step: str, when: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(engine.folder), step, when],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    turns = len(done.stdout.split())
    index = engine.open("g0001")
    skus = {str(point.payload["sku"]) for point in index.scroll()}
    acknowledged = {f"new{turn}" for turn in range(1, turns + 1)}
    gone = {f"p{turn}" for turn in range(1, turns + 1)}
    untouched = {f"p{number}" for number in range(COUNT)} - gone
    assert skus - {f"new{turns + 1}", f"p{turns + 1}"} == (acknowledged | untouched) - {f"p{turns + 1}"}
    assert len(index.query(IndexQuery(5, dense=unit(1)))) == 5
    assert len([name for name in _shards(engine) if name.startswith("shard-")]) <= 1
    assert index.optimize_apart()
    assert index.count() == len(skus)
    index.close()
