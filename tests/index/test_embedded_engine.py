"""What only the embedded engine must stand: other processes, and death at any moment."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.patience import PATIENCE_S
from support.points import DIMENSION, point_of, unit

from recommender.errors import BadInput, IndexHeld, NotFound, Unavailable
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.index.embedded.query import BatchedSearch
from recommender.index.protocol import IndexQuery, point_id
from recommender.index.query_plan import plan_of
from recommender.query import Filters
from recommender.types import Product

_TESTS = Path(__file__).parents[1]
_PREAMBLE = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(_TESTS)!r})
from support.points import DIMENSION, point_of
from recommender.errors import IndexHeld
from recommender.index.embedded.engine import EmbeddedEngine
from recommender.types import Product
engine = EmbeddedEngine(Path(sys.argv[1]))
"""


@pytest.fixture
def engine(tmp_path: Path) -> EmbeddedEngine:
    return EmbeddedEngine(tmp_path / "index")


def _in_another_process(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _PREAMBLE + code, str(folder)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_another_process_is_told_that_the_index_is_held(engine: EmbeddedEngine) -> None:
    index = engine.create("g0001", DIMENSION)
    code = (
        "for attempt in (engine.open, engine.drop, lambda name: engine.create(name, DIMENSION)):\n"
        "    try: attempt('g0001')\n"
        "    except IndexHeld as error: print(error)\n"
    )
    result = _in_another_process(engine.folder, code)
    lines = result.stdout.splitlines()
    assert len(lines) == 3, result.stderr
    assert all("'g0001' is open already" in line and "running service" in line for line in lines)
    index.upsert([point_of(Product("still-here", "t"))])
    index.close()
    assert _in_another_process(engine.folder, "print(engine.open('g0001').count())").stdout == "1\n"


def test_a_process_that_is_turned_away_does_no_harm_to_the_one_that_is_at_work(engine: EmbeddedEngine) -> None:
    index = engine.create("g0001", DIMENSION)
    code = "while True:\n    try: engine.open('g0001')\n    except IndexHeld: print('knocked', flush=True)\n"
    command = [sys.executable, "-c", _PREAMBLE + code, str(engine.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "knocked\n"
        try:
            for number in range(20):
                index.upsert([point_of(Product(f"p{number}", "t", brand=f"b{number}"))])
                index.flush()
        finally:
            other.kill()
    assert index.count() == 20
    index.close()


def test_the_same_process_can_not_open_or_drop_an_open_generation(engine: EmbeddedEngine) -> None:
    index = engine.create("g0001", DIMENSION)
    with pytest.raises(IndexHeld):
        engine.open("g0001")
    with pytest.raises(IndexHeld):
        engine.drop("g0001")
    assert index.count() == 0
    index.close()
    index.close()
    engine.drop("g0001")
    assert list(engine.folder.iterdir()) == []


@pytest.mark.parametrize("optimized", [False, True])
def test_what_was_flushed_survives_a_kill(engine: EmbeddedEngine, optimized: bool) -> None:
    code = (
        "index = engine.create('g0001', DIMENSION)\n"
        "index.upsert([point_of(Product(f'p{n}', 't')) for n in range(1200)])\n"
        "index.delete([point_of(Product('p0', 't')).id])\n"
        f"index.optimize() if {optimized} else None\n"
        "index.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    result = _in_another_process(engine.folder, code)
    assert result.returncode == -signal.SIGKILL, result.stderr
    index = engine.open("g0001")
    assert {point.payload["sku"] for point in index.scroll()} == {f"p{n}" for n in range(1, 1200)}
    assert len(index.query(IndexQuery(5, dense=unit(1)))) == 5
    index.close()


def test_what_was_flushed_survives_the_loss_of_all_that_had_not_come_to_the_disk(
    engine: EmbeddedEngine, tmp_path: Path
) -> None:
    """`flush` brings the engine's log to the disk, nothing else: from that and older files it must make the rest."""
    index = engine.create("g0001", DIMENSION)
    index.upsert([point_of(Product(f"p{number}", "t")) for number in range(1_000)])
    index.optimize()
    index.close()
    index = engine.open("g0001")
    folder, left = engine.folder / "g0001", tmp_path / "left" / "g0001"
    shutil.copytree(folder, left)
    index.upsert([point_of(Product(f"p{number}", "t")) for number in range(900, 1_300)])
    index.overwrite_payloads([(point_id("p5"), point_of(Product("p5", "another title")).payload)])
    index.delete([point_id("p6"), point_id("p1299")])
    index.flush()
    shutil.rmtree(left / "wal")
    shutil.copytree(folder / "wal", left / "wal")
    survivor = EmbeddedEngine(left.parent).open("g0001")
    for point in survivor.scroll(with_vectors=True):
        (same,) = index.retrieve([point.id], with_vectors=True)
        assert point.payload == same.payload
        assert point.dense is not None and np.array_equal(point.dense, same.dense if same.dense is not None else [])
    assert survivor.count() == index.count() == 1_298
    survivor.close()
    index.close()


def test_a_creation_that_was_killed_leaves_no_generation_and_no_litter(engine: EmbeddedEngine) -> None:
    code = (
        "import recommender.index.embedded.engine as embedded\n"
        "embedded.install = lambda draft, target: os.kill(os.getpid(), signal.SIGKILL)\n"
        "engine.create('g0001', DIMENSION)\n"
    )
    assert _in_another_process(engine.folder, code).returncode == -signal.SIGKILL
    assert list(engine.folder.iterdir()) != []
    assert engine.names() == []
    with pytest.raises(NotFound):
        engine.open("g0001")
    index = engine.create("g0001", DIMENSION)
    index.close()
    assert [path.name for path in engine.folder.iterdir()] == ["g0001"]


def test_what_a_killed_removal_left_goes_with_the_next_one(engine: EmbeddedEngine) -> None:
    engine.create("g0001", DIMENSION).close()
    (engine.folder / "g0001").rename(engine.folder / ".dropped-0123")
    assert engine.names() == []
    engine.drop("g0001")
    assert list(engine.folder.iterdir()) == []


@pytest.mark.parametrize("damage", ["edge_config.json", "segments/*/segment.json", "wal/*"])
def test_a_damaged_folder_is_one_line_that_says_what_to_do(engine: EmbeddedEngine, damage: str) -> None:
    index = engine.create("g0001", DIMENSION)
    index.upsert([point_of(Product("a", "t"))])
    index.close()
    damaged = [path for path in (engine.folder / "g0001").glob(damage) if path.is_file()]
    assert damaged
    for path in damaged:
        path.write_bytes(b"not what it was")
    with pytest.raises(Unavailable, match=r"^generation 'g0001' can't be used.*recommender index rebuild") as caught:
        engine.open("g0001")
    assert "\n" not in str(caught.value)
    engine.create("g0001", DIMENSION).close()
    assert engine.names() == ["g0001"]


def test_an_empty_folder_is_no_generation_to_use(engine: EmbeddedEngine) -> None:
    (engine.folder / "g0001").mkdir(parents=True)
    with pytest.raises(Unavailable, match="index rebuild"):
        engine.open("g0001")


@pytest.mark.parametrize("name", ["", "..", "../other", "a/b", ".hidden"])
def test_a_name_can_not_lead_out_of_the_folder(engine: EmbeddedEngine, name: str) -> None:
    for act in (engine.open, engine.drop):
        with pytest.raises(BadInput, match="generation name"):
            act(name)


def test_a_closed_index_says_so_instead_of_crashing(engine: EmbeddedEngine) -> None:
    index = engine.create("g0001", DIMENSION)
    index.close()
    with pytest.raises(Unavailable):
        index.count()


@pytest.mark.parametrize(
    ("filters", "left", "width"),
    [
        (Filters(), 100, None),
        (Filters(in_stock=True), 85, 117),
        (Filters(in_stock=True), 40, 200),
        (Filters(in_stock=True), 0, 200),
        (Filters(categories=(("Sport",),)), 40, None),  # the graph has edges of its own for categories
    ],
)
def test_a_walk_is_as_much_wider_as_a_filter_thins_the_graph(filters: Filters, left: int, width: int | None) -> None:
    plan = plan_of(IndexQuery(10, unit(1), filters=filters))
    assert plan is not None
    search = BatchedSearch(plan, {}, lambda where: 100 if where is None else left)
    assert [request.params and request.params.hnsw_ef for request in search.requests] == [width]
