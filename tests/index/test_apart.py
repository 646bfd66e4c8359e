"""Building graphs in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.points import DIMENSION, point_of, unit

from recommender.errors import Unavailable
from recommender.index.embedded import EmbeddedEngine
from recommender.index.protocol import IndexQuery
from recommender.types import Product


@pytest.fixture
def engine(tmp_path: Path) -> EmbeddedEngine:
    engine = EmbeddedEngine(tmp_path / "index")
    index = engine.create("g0001", DIMENSION)
    index.upsert([point_of(Product(f"p{number}", "t")) for number in range(1_500)])
    index.close()
    return engine


def _all_there(engine: EmbeddedEngine) -> bool:
    index = engine.open("g0001")
    try:
        return index.count() == 1_500 and len(index.query(IndexQuery(5, dense=unit(1)))) == 5
    finally:
        index.close()


def test_it_is_built_to_the_end_and_everything_is_still_there(engine: EmbeddedEngine) -> None:
    assert engine.optimize("g0001", lambda: False)
    assert _all_there(engine)


def test_changes_add_up_until_graphs_are_built(engine: EmbeddedEngine) -> None:
    assert [engine.changed("g0001", 300), engine.changed("g0001", 200)] == [300, 500]
    assert not engine.optimize("g0001", lambda: True)
    assert engine.changed("g0001", 1) == 501
    assert engine.optimize("g0001", lambda: False)
    assert engine.changed("g0001", 2) == 2


def test_it_is_given_up_when_told_and_nothing_is_lost(engine: EmbeddedEngine) -> None:
    assert not engine.optimize("g0001", lambda: True)
    assert _all_there(engine)


def test_a_generation_that_somebody_has_open_is_left_alone(engine: EmbeddedEngine) -> None:
    index = engine.open("g0001")
    assert not engine.optimize("g0001", lambda: False)
    assert index.count() == 1_500
    index.close()
    assert _all_there(engine)


def test_a_generation_that_can_not_be_read_is_one_line_that_says_why(engine: EmbeddedEngine) -> None:
    (engine.folder / "g0001" / "edge_config.json").write_text("{")
    with pytest.raises(Unavailable, match="could not be built") as caught:
        engine.optimize("g0001", lambda: False)
    assert "\n" not in str(caught.value)
