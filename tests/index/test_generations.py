from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from recommender.database.engine import Database
from recommender.database.tables import Base, LiveRow, ModelRow
from recommender.errors import NoLiveModel, NotFound, Refused
from recommender.index.generation import Generation, GenerationState
from recommender.index.generations import Generations


@pytest.fixture
def model(database: Database) -> int:
    return _model(database, "base")


@pytest.fixture
def tuned(database: Database, model: int) -> int:
    return _model(database, "tuned")


@pytest.fixture
def third(database: Database, tuned: int) -> int:
    return _model(database, "third")


@pytest.fixture
def generations(database: Database) -> Generations:
    return Generations(database)


def _model(database: Database, name: str) -> int:
    with database.writing() as session:
        row = ModelRow(name=name, base="a-base", fingerprint="f" * 64, dimension=8)
        session.add(row)
        session.flush()
        return row.id


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


def test_a_first_generation_does_not_replace_one_that_went_live_before_it(generations: Generations, model: int) -> None:
    live, late = _ready(generations, model), _ready(generations, model)
    generations.switch(live, first=True)
    with pytest.raises(Refused, match="another one did"):
        generations.switch(late, first=True)
    generations.switch(live, first=True)
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


def test_changes_must_reach_the_live_generation_those_being_built_and_those_kept(
    generations: Generations, model: int, tuned: int
) -> None:
    retired, previous, live = _ready(generations, tuned), _ready(generations, model), _ready(generations, tuned)
    building = generations.start(model, "f" * 64, 8)
    for generation in (retired, previous, live):
        generations.switch(generation)
    generations.retire(retired)
    assert [one.name for one in generations.followers()] == [live.name, building.name, previous.name]


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_as_many_generations_are_kept_as_asked_for_the_last_ones_first(
    keep: int, generations: Generations, model: int, tuned: int, third: int
) -> None:
    made = [_ready(generations, which) for which in (model, tuned, third, model)]
    for generation in made:
        generations.switch(generation)
    generations.retire_beyond(keep)
    states = [generation.state for generation in generations.list()]
    # The first one is of the live one's model: there is nothing to go back to it for.
    assert states == [GenerationState.RETIRED] * (3 - keep) + [GenerationState.READY] * (1 + keep)
    assert (generations.previous() is None) == (keep == 0)


def test_a_rebuilt_generation_is_not_kept_beside_its_successor(
    generations: Generations, model: int, tuned: int
) -> None:
    for which in (model, tuned, tuned):
        generations.switch(_ready(generations, which))
    generations.retire_beyond(2)
    assert [one.state for one in generations.list()] == [
        GenerationState.READY,
        GenerationState.RETIRED,
        GenerationState.READY,
    ]


def test_what_a_generation_missed_is_queued_by_the_switch_that_makes_it_live(
    database: Database, model: int, tuned: int
) -> None:
    queued: list[list[str]] = []
    generations = Generations(database, lambda _session, skus: queued.append(list(skus)))
    first, second = _ready(generations, model), _ready(generations, tuned)
    for generation in (first, second):
        generations.switch(generation)
    assert not generations.note_missed(second.name, ["A"])  # live: it may not miss anything
    assert generations.note_missed(first.name, ["B", "A"]) and generations.note_missed(first.name, ["B", "C"])
    queued.clear()
    generations.rollback()
    assert queued == [["A", "B", "C"]]
    generations.rollback()
    assert queued[1:] == [[]]
    generations.rollback()
    assert queued[2:] == [[]]


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
