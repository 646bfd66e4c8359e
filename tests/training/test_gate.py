from __future__ import annotations

import numpy as np
import pytest

from recommender.errors import BadInput
from recommender.evaluation.suite import MetricValue, Report
from recommender.training.gate import GUARDS, PRIMARY, decide


def report(model: str, queries: int = 200, seed: int = 0, **gains: float) -> Report:
    """A report whose values differ from those of another seed-alike report by `gains` plus a little noise."""
    metrics = {}
    for name in (PRIMARY, *GUARDS):
        level = np.random.default_rng(1).uniform(0.3, 0.6, queries)
        noise = np.random.default_rng([seed, len(name)]).normal(0, 0.05, queries)
        noise -= noise.mean()
        metrics[name] = MetricValue.of(level + (noise if seed else 0) + gains.get(name, 0.0))
    return Report(model=model, encoder="onnx-int8", queries=queries, metrics=metrics, seconds=1.0)


def without(source: Report, *names: str) -> Report:
    metrics = {name: value for name, value in source.metrics.items() if name not in names}
    return Report(source.model, source.encoder, source.queries, metrics, source.seconds)


BASE = report("base")
BETTER = {PRIMARY: 0.1, GUARDS[0]: 0.05, GUARDS[1]: 0.05}


def test_a_model_that_is_better_at_both_passes() -> None:
    verdict = decide(BASE, None, report("tuned", seed=1, **BETTER))
    assert verdict.passed
    assert [line.name for line in verdict.lines] == [PRIMARY, *GUARDS]
    assert all(line.low <= line.difference <= line.high for line in verdict.lines)
    assert verdict.lines[0].difference == pytest.approx(0.1)
    assert "over base" in verdict.reason


def test_a_model_that_forgot_which_product_is_which_is_refused() -> None:
    verdict = decide(BASE, None, report("textbook", seed=1, **{PRIMARY: 0.1, GUARDS[0]: -0.2}))
    assert not verdict.passed
    assert [line.passed for line in verdict.lines] == [True, False, True]
    assert GUARDS[0] in verdict.reason


def test_a_guard_may_lose_a_hair_but_not_more_than_two_percent() -> None:
    level = BASE.metrics[GUARDS[1]].mean
    assert decide(BASE, None, report("t", seed=1, **{PRIMARY: 0.1, GUARDS[1]: -0.019 * level})).passed
    assert not decide(BASE, None, report("t", seed=1, **{PRIMARY: 0.1, GUARDS[1]: -0.021 * level})).passed


def test_a_gain_that_may_be_chance_is_refused() -> None:
    verdict = decide(BASE, None, report("tuned", seed=1, **{PRIMARY: 0.002}))
    assert not verdict.passed
    assert "not surely above" in verdict.reason


def test_a_model_as_good_as_the_base_is_refused() -> None:
    assert not decide(BASE, None, report("same")).passed


def test_a_model_must_beat_the_live_one_too() -> None:
    live = report("live", seed=2, **{PRIMARY: 0.2})
    verdict = decide(BASE, live, report("tuned", seed=1, **BETTER))
    assert not verdict.passed
    assert "live's" in verdict.reason
    assert {line.against for line in verdict.lines} == {"base", "live"}


def test_a_live_base_is_compared_once() -> None:
    assert len(decide(BASE, BASE, report("tuned", seed=1, **BETTER)).lines) == 3


def test_a_catalogue_without_descriptions_is_judged_by_its_categories() -> None:
    verdict = decide(without(BASE, *GUARDS), None, without(report("tuned", seed=1, **BETTER), *GUARDS))
    assert verdict.passed
    assert len(verdict.lines) == 1


def test_without_the_primary_metric_nothing_passes() -> None:
    verdict = decide(without(BASE, PRIMARY), None, without(report("tuned", seed=1, **BETTER), PRIMARY))
    assert not verdict.passed
    assert "could not be measured" in verdict.reason


def test_a_handful_of_queries_is_said() -> None:
    verdict = decide(report("base", 20), None, report("tuned", 20, seed=1, **BETTER))
    assert verdict.reason.endswith("judged on 20 held-out queries only")


def test_reports_on_other_queries_are_not_compared() -> None:
    with pytest.raises(BadInput, match="same split"):
        decide(BASE, None, report("tuned", 100, seed=1, **BETTER))
