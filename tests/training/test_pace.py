from __future__ import annotations

import pytest

from recommender.training.pace import TrainingPace, learning_rate_factor


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def run(pace: TrainingPace, clock: Clock, seconds_of_step: list[float]) -> list[float]:
    progress = []
    for seconds in seconds_of_step:
        clock.now += seconds
        pace.advance()
        progress.append(pace.progress)
        if pace.is_over:
            break
    return progress


def test_without_a_budget_progress_is_the_share_of_steps() -> None:
    clock = Clock()
    assert run(TrainingPace(10, None, clock), clock, [1.0] * 20) == pytest.approx([step / 10 for step in range(1, 11)])


def test_a_budget_that_does_not_bind_changes_nothing() -> None:
    free, bound = Clock(), Clock()
    assert run(TrainingPace(50, None, free), free, [1.0] * 50) == run(TrainingPace(50, 500, bound), bound, [1.0] * 50)


def test_a_run_that_can_t_make_all_its_steps_still_ends_its_decay_in_time() -> None:
    clock = Clock()
    pace = TrainingPace(1000, 60, clock)
    progress = run(pace, clock, [1.0] * 1000)
    assert 55 <= clock.now <= 60
    assert progress[-1] == pytest.approx(1)
    assert progress == sorted(progress)


def test_a_machine_that_slows_down_makes_fewer_steps_in_the_same_time() -> None:
    clock = Clock()
    pace = TrainingPace(1000, 100, clock)
    progress = run(pace, clock, [1.0] * 30 + [4.0] * 1000)
    assert clock.now <= 105
    assert 40 < pace.step < 55
    assert progress[-1] == pytest.approx(1)


def test_time_for_evaluations_is_not_taken_for_the_time_of_a_step() -> None:
    clock = Clock()
    pace = TrainingPace(20, 1000, clock)
    run(pace, clock, [1.0] * 10)
    clock.now += 300
    pace.pause(reserve=300)
    run(pace, clock, [1.0])
    assert pace.planned == 20


def test_what_is_reserved_for_the_end_is_left_over() -> None:
    clock = Clock()
    pace = TrainingPace(1000, 100, clock)
    pace.pause(reserve=40)
    run(pace, clock, [1.0] * 1000)
    assert 55 <= clock.now <= 60


def test_a_budget_shorter_than_a_step_makes_one_step() -> None:
    clock = Clock()
    pace = TrainingPace(100, 0.5, clock)
    assert not pace.is_over
    assert run(pace, clock, [3.0] * 100) == [1.0]


def test_the_learning_rate_rises_and_falls_linearly() -> None:
    factors = [learning_rate_factor(progress, 0.2) for progress in (0, 0.1, 0.2, 0.6, 1)]
    assert factors == pytest.approx([0, 0.5, 1, 0.5, 0])
    assert learning_rate_factor(0, 0) == 1
