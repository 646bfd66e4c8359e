from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from recommender.database.engine import Database
from recommender.database.tables import Base, LiveRow, ModelRow
from recommender.errors import NoLiveModel, NotFound, Refused
from recommender.index.generations import Generation, Generations, GenerationState


@pytest.fixture
def model(database: Database) -> int:
    with database.writing() as session:
        row = ModelRow(name="base", base="a-base", fingerprint="f" * 64, dimension=8)
        session.add(row)
        session.flush()
        return row.id


@pytest.fixture
def tuned(database: Database, model: int) -> int:
    with database.writing() as session:
        row = ModelRow(name="tuned", base="a-base", fingerprint="e" * 64, dimension=8)
        session.add(row)
        session.flush()
        return row.id


@pytest.fixture
def generations(database: Database) -> Generations:
    return Generations(database)


def _ready(generations: Generations, model: int) -> Generation:
    generation = generations.start(model, "f" * 64, 8)
    generations.ready(generation)
    return generation


def _live_name(generations: Generations) -> str | None:
    live = generations.live()
    return live.name if live else None


def test_a_generation_starts_in_building_with_a_name_of_its_own(generations: Generations, model: int) -> None:
    first, second = generations.start(model, "f" * 64, 8), generations.start(model, "f" * 64, 8)
    assert (first.name[:6], second.name[:6]) == ("g0001-", "g0002-")
    assert (first.state, first.live, first.ready_at) == (GenerationState.BUILDING, False, None)
    assert (first.model_name, first.fingerprint, first.dimension) == ("base", "f" * 64, 8)
    assert [generation.name for generation in generations.list()] == [first.name, second.name]


def test_two_installations_on_one_server_never_choose_the_same_name(tmp_path: Path) -> None:
    names = set()
    for folder in ("one", "two"):
        with Database(f"sqlite:///{tmp_path / folder}.db") as database:
            Base.metadata.create_all(database.engine)
            with database.writing() as session:
                session.add(ModelRow(name="base", base="a-base", fingerprint="f" * 64, dimension=8))
            names.add(Generations(database).start(1, "f" * 64, 8).name)
    assert len(names) == 2


def test_a_generation_of_no_model_is_refused(generations: Generations) -> None:
    with pytest.raises(NotFound, match="99"):
        generations.start(99, "f", 8)
    assert generations.list() == []


def test_before_the_first_switch_nothing_is_live(generations: Generations, model: int) -> None:
    _ready(generations, model)
    assert generations.live() is None
    assert generations.previous() is None
    with pytest.raises(NoLiveModel):
        generations.rollback()


def test_only_a_ready_generation_goes_live_and_a_refusal_changes_nothing(generations: Generations, model: int) -> None:
    live = _ready(generations, model)
    generations.switch(live)
    building = generations.start(model, "f" * 64, 8)
    with pytest.raises(Refused, match="building"):
        generations.switch(building)
    assert (_live_name(generations), generations.previous()) == (live.name, None)


def test_a_switch_remembers_what_was_live(generations: Generations, model: int, tuned: int) -> None:
    first, second, third = (_ready(generations, which) for which in (model, tuned, model))
    for generation in (first, second, third, third):
        generations.switch(generation)
    previous = generations.previous()
    assert _live_name(generations) == third.name
    assert previous is not None and previous.name == second.name
    assert [generation.live for generation in generations.list()] == [False, False, True]


def test_live_stays_one_row(generations: Generations, model: int, database: Database) -> None:
    for _ in range(3):
        generations.switch(_ready(generations, model))
    with database.reading() as session:
        assert len(session.scalars(select(LiveRow)).all()) == 1


def test_rolling_back_twice_returns(generations: Generations, model: int) -> None:
    first, second = _ready(generations, model), _ready(generations, model)
    generations.switch(first)
    with pytest.raises(NotFound, match="no previous"):
        generations.rollback()
    generations.switch(second)
    back = generations.rollback()
    assert (back.name, back.live) == (first.name, True)
    assert generations.rollback().name == second.name
    assert _live_name(generations) == second.name


def test_a_rebuild_with_the_same_model_is_no_step_to_go_back_from(
    generations: Generations, model: int, tuned: int
) -> None:
    base, promoted, rebuilt = (_ready(generations, which) for which in (model, tuned, tuned))
    for generation in (base, promoted, rebuilt):
        generations.switch(generation)
    assert generations.rollback().name == base.name


def test_changes_must_reach_the_live_generation_and_those_being_built(
    generations: Generations, model: int, tuned: int
) -> None:
    previous, live = _ready(generations, model), _ready(generations, tuned)
    building = generations.start(model, "f" * 64, 8)
    for generation in (previous, live):
        generations.switch(generation)
    assert [generation.name for generation in generations.followers()] == [live.name, building.name]


def test_neither_the_live_nor_the_previous_generation_can_be_retired(
    generations: Generations, model: int, tuned: int
) -> None:
    first, second, third = (_ready(generations, which) for which in (model, tuned, model))
    for generation in (first, second):
        generations.switch(generation)
        with pytest.raises(Refused, match="live"):
            generations.retire(generation)
    with pytest.raises(Refused, match="rollback"):
        generations.retire(first)
    generations.switch(third)
    generations.retire(first)
    generations.retire(first)
    assert generations.list()[0].state is GenerationState.RETIRED


def test_a_retired_generation_never_comes_back(generations: Generations, model: int) -> None:
    generation = generations.start(model, "f" * 64, 8)
    generations.retire(generation)
    for act in (generations.ready, generations.switch):
        with pytest.raises(Refused, match="retired"):
            act(generation)


def test_ready_is_recorded_once(generations: Generations, model: int) -> None:
    generation = _ready(generations, model)
    first = generations.list()[0]
    generations.ready(generation)
    assert generations.list()[0] == first
    assert first.state is GenerationState.READY and first.ready_at is not None
