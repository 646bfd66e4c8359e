from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from recommender.errors import BadInput
from recommender.evaluation.reports import MetricValue, Report, Slice, SliceKind
from recommender.training.promotion_gate import CHANCE, GUARDS, PRIMARY, GateRule, Judged, Searched, decide, to_json


def report(model: str, queries: int = 200, seed: int = 0, **gains: float) -> Report:
    """Return a report whose values differ from those of another with the same seed by `gains` plus a little noise."""
    metrics = {}
    for name in (PRIMARY, *GUARDS):
        level = np.random.default_rng(1).uniform(0.3, 0.6, queries)
        noise = np.random.default_rng([seed, len(name)]).normal(0, 0.05, queries)
        noise -= noise.mean()
        metrics[name] = MetricValue.of(level + (noise if seed else 0) + gains.get(name, 0.0))
    return Report(model=model, encoder="onnx-int8", queries=queries, metrics=metrics, seconds=1.0)


def sliced(source: Report, queries: int = 100, lost: Mapping[str, float] | None = None, seed: int = 0) -> Report:
    """Add forty departments of `queries` each; all but the `lost` ones move by noise alone."""
    slices: dict[Slice, dict[str, MetricValue]] = {}
    for number in range(40):
        part = Slice(SliceKind.DEPARTMENT, f"d{number}")
        slices[part] = {}
        for name in (PRIMARY, *GUARDS, "diversity10"):
            level = np.random.default_rng([2, number]).uniform(0.3, 0.6, queries)
            noise = np.random.default_rng([seed, number, len(name)]).normal(0, 0.25, queries) if seed else 0
            slices[part][name] = MetricValue.of(level + noise - (lost or {}).get(part.name, 0.0))
    return replace(source, slices=slices)


def searched(hybrid: float, lexical: float, name: str = "search_ndcg10") -> Searched:
    def one(model: str, level: float) -> Report:
        values = MetricValue.of(np.full(30, level) + np.linspace(-0.1, 0.1, 30))
        return Report(model, "onnx-int8", 30, {name: values}, 1.0)

    return Searched(one("tuned hybrid", hybrid), one("tuned lexical", lexical))


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
    assert decide(BASE, None, report("t", seed=1, **{PRIMARY: 0.1, GUARDS[1]: -0.008 * level})).passed
    assert not decide(BASE, None, report("t", seed=1, **{PRIMARY: 0.1, GUARDS[1]: -0.021 * level})).passed


@pytest.mark.parametrize(("queries", "passed"), [(9, True), (2000, False)])
def test_a_loss_that_chance_explains_refuses_nothing(queries: int, passed: bool) -> None:
    base = report("base", queries=queries)
    tuned = report(
        "t", seed=1, queries=queries, **{PRIMARY: 0.3, GUARDS[1]: -0.0125}
    )  # less than a standard error of nine
    verdict = decide(base, None, tuned)
    assert tuned.metrics[GUARDS[1]].mean < 0.98 * base.metrics[GUARDS[1]].mean
    assert verdict.passed is passed


@pytest.mark.parametrize(("lost", "passed"), [(0.0, True), (0.04, False)])
def test_the_ranks_tell_a_loss_of_a_guard_from_chance(lost: float, passed: bool) -> None:
    noisy = report("t", seed=1, **{PRIMARY: 0.1})
    swings = np.where(np.arange(200) % 2, 0.5, -0.5) - 0.02  # a mean loss of 4% that looks like chance
    metrics = {**noisy.metrics, GUARDS[1]: MetricValue.of(BASE.metrics[GUARDS[1]].values + swings)}
    assert decide(BASE, None, replace(noisy, metrics=metrics)).passed
    steady = np.random.default_rng(3).uniform(0.3, 0.6, 200)
    moved = np.random.default_rng(4).normal(0, 0.1, 200)
    ranks = CHANCE[GUARDS[1]]
    before = replace(BASE, metrics={**BASE.metrics, ranks: MetricValue.of(steady)})
    after = replace(noisy, metrics={**metrics, ranks: MetricValue.of(steady + moved - moved.mean() - lost)})
    assert decide(before, None, after).passed is passed


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


def test_the_reason_mentions_a_small_number_of_queries() -> None:
    verdict = decide(report("base", 20), None, report("tuned", 20, seed=1, **BETTER))
    assert verdict.reason.endswith("judged on 20 held-out queries only")


@pytest.mark.parametrize(("queries", "passed"), [(7, False), (8, True)])
def test_a_gain_on_a_handful_of_queries_lets_nothing_through(queries: int, passed: bool) -> None:
    verdict = decide(report("base", queries), None, report("tuned", queries, seed=1, **BETTER))
    assert verdict.passed is passed
    assert ("on fewer than 8 held-out queries" in verdict.reason) is not passed


def test_reports_on_other_queries_are_not_compared() -> None:
    with pytest.raises(BadInput, match="same split"):
        decide(BASE, None, report("tuned", 100, seed=1, **BETTER))


def test_slices_that_move_by_chance_let_a_good_model_through() -> None:
    tuned = report("tuned", seed=1, **BETTER)
    refused = alone = 0
    for seed in range(1, 21):
        verdict = decide(sliced(BASE), None, sliced(tuned, seed=seed))
        lines = [line for line in verdict.lines if line.rule is GateRule.SLICE]
        assert len(lines) == 40 * 3
        assert sum(line.tuned < 0.98 * line.reference for line in lines) > 10
        alone += any(line.high < 0 for line in lines)
        refused += not verdict.passed
    assert alone >= 10  # so many would be refused if each slice were held to an interval of its own
    assert refused <= 2


def test_a_department_that_is_lost_is_refused_and_named() -> None:
    tuned = sliced(report("tuned", seed=1, **BETTER), lost={"d7": 0.2}, seed=3)
    verdict = decide(sliced(BASE), None, tuned)
    assert not verdict.passed
    assert {line.name for line in verdict.lines if not line.passed} == {
        f"{name}, department: d7" for name in (PRIMARY, *GUARDS)
    }
    assert "department: d7 fell from base's" in verdict.reason
    assert verdict.reason.endswith("and 2 more")


def test_a_slice_that_surely_loses_less_than_two_percent_is_let_through() -> None:
    lost = {f"d{number}": 0.004 for number in range(40)}
    verdict = decide(sliced(BASE), None, sliced(report("tuned", seed=1, **BETTER), lost=lost))
    assert all(line.high < 0 for line in verdict.lines if line.rule is GateRule.SLICE)
    assert verdict.passed


def test_a_slice_of_fewer_than_fifty_queries_has_no_say() -> None:
    tuned = sliced(report("tuned", seed=1, **BETTER), 49, lost={"d7": 0.3})
    assert decide(sliced(BASE, 49), None, tuned).passed
    assert not decide(sliced(BASE, 50), None, sliced(report("t", seed=1, **BETTER), 50, lost={"d7": 0.3})).passed


def test_slices_are_compared_with_the_live_model_too() -> None:
    live = sliced(report("live", seed=2), lost=dict.fromkeys(["d3"], -0.3))
    verdict = decide(sliced(BASE), live, sliced(report("tuned", seed=1, **BETTER)))
    assert not verdict.passed
    assert {line.against for line in verdict.lines if not line.passed} == {"live"}


def test_supplied_judgements_are_guards() -> None:
    def judged(tuned: float, live: float = 0.5) -> Judged:
        reports = [
            Report(model, "onnx", 30, {"ndcg@10": MetricValue.of(np.full(30, level))}, 1.0)
            for model, level in (("base hybrid", 0.5), ("live hybrid", live), ("tuned hybrid", tuned))
        ]
        return Judged(*reports)

    tuned, live = report("tuned", seed=1, **BETTER), report("live", seed=2)
    assert decide(BASE, live, tuned, judged=[judged(0.495)]).passed
    assert not decide(BASE, live, tuned, judged=[judged(0.485)]).passed
    verdict = decide(BASE, live, tuned, judged=[judged(0.495, live=0.6)])
    assert [line.against for line in verdict.lines if not line.passed] == ["live hybrid"]
    assert "judged ndcg@10" in verdict.reason


@pytest.mark.parametrize("name", ["search_ndcg10", "ndcg@10"])
def test_hybrid_search_must_not_be_below_words_alone(name: str) -> None:
    tuned = report("tuned", seed=1, **BETTER)
    assert decide(BASE, None, tuned, searched=searched(0.7, 0.7, name)).passed
    verdict = decide(BASE, None, tuned, searched=searched(0.69, 0.7, name))
    assert not verdict.passed
    assert "words alone" in verdict.reason
    assert verdict.lines[-1].rule is GateRule.WORDS


def test_a_verdict_is_json_with_every_line() -> None:
    verdict = decide(sliced(BASE), None, sliced(report("tuned", seed=1, **BETTER)), searched=searched(0.8, 0.7))
    stored = json.loads(json.dumps(to_json(verdict)))
    assert stored["passed"] is True
    assert [line["rule"] for line in stored["lines"]] == ["better", "guard", "guard", *["slice"] * 120, "words"]
    assert stored["lines"][0]["queries"] == 200
