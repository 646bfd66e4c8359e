from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from recommender.errors import UsageError
from recommender.evaluation import metrics
from recommender.evaluation.neighbours import NOTHING


def test_precision_counts_the_own_leaf_over_what_is_possible() -> None:
    leaf = np.array([0, 0, 0, 1, -1])
    top = np.array([[1, 3, 2], [4, 0, NOTHING]])
    values = metrics.category_precision(top, leaf, np.array([0, 1]), np.array([2, 1]), k=3)
    assert values.tolist() == [1.0, 0.0]
    assert metrics.category_precision(top, leaf, np.array([0, 1]), np.array([2, 1]), k=1).tolist() == [1.0, 0.0]


def test_a_missing_neighbour_is_no_hit_even_for_the_last_products_leaf() -> None:
    values = metrics.category_precision(
        np.array([[NOTHING, NOTHING]]), np.array([0, 1]), np.array([1]), np.array([1]), k=2
    )
    assert values.tolist() == [0.0]


def test_the_gain_grows_from_0_apart_to_7_in_one_leaf() -> None:
    gains = metrics.graded_gain(np.array([0, 1, 3]), np.array([4, 3, 3]))
    assert gains.tolist() == [0.0, 1.0, 7.0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 30), st.integers(1, 10))
def test_the_rank_of_a_known_item_is_one_more_than_what_scores_higher(
    seed: int, queries: int, corpus: int, k: int
) -> None:
    random = np.random.default_rng(seed)
    asked = random.integers(-2, 3, (queries, 3)).astype(np.float32)
    stored = random.integers(-2, 3, (corpus, 3)).astype(np.float32)
    target = random.integers(0, corpus, queries)
    values = metrics.reciprocal_ranks(metrics.known_item_ranks(asked, stored, target), k)
    for row in range(queries):
        scores = [float(asked[row] @ vector) for vector in stored]
        rank = 1 + sum(score > scores[target[row]] for score in scores)
        assert values[row] == (1 / rank if rank <= k else 0)


def test_vectors_that_are_no_numbers_find_nothing() -> None:
    broken = np.full((3, 2), np.nan, np.float32)
    assert metrics.known_item_ranks(broken, broken, np.arange(3)).tolist() == [4, 4, 4]


def test_what_is_alike_is_no_wrong_answer() -> None:
    asked, stored = np.eye(2, dtype=np.float32), np.array([[0.9, 0.1], [0.8, 0.9], [0.5, 0.5], [1, 1]], np.float32)
    target = np.array([2, 0])
    assert metrics.known_item_ranks(asked, stored, target).tolist() == [4, 4]
    assert metrics.known_item_ranks(asked, stored, target, [[0, 2, 3], [0]]).tolist() == [2, 4]


def test_a_triplet_is_right_when_the_positive_is_strictly_nearer() -> None:
    anchors = np.array([[1, 0], [1, 0], [1, 0]], np.float32)
    near, far = np.array([[1, 0], [0, 1], [1, 0]], np.float32), np.array([[0, 1], [1, 0], [1, 0]], np.float32)
    assert metrics.triplet_accuracy(anchors, near, far).tolist() == [1.0, 0.0, 0.0]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 200), st.integers(2, 8))
def test_the_mean_of_the_values_is_the_rank_correlation(seed: int, count: int, levels: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.integers(0, levels, count).astype(np.float64)
    cosines = scores + random.normal(scale=2, size=count)
    if len(set(scores)) < 2:
        assert not metrics.spearman(cosines, scores).any()
    else:
        assert metrics.spearman(cosines, scores).mean() == pytest.approx(spearmanr(cosines, scores).statistic)


def test_the_interval_of_a_rank_correlation_is_that_of_resampled_pairs() -> None:
    random = np.random.default_rng(5)
    scores = random.integers(0, 4, 500).astype(np.float64)
    cosines = scores + random.normal(scale=2, size=500)
    resampled = [
        spearmanr(cosines[rows], scores[rows]).statistic for rows in (random.integers(0, 500, 500) for _ in range(500))
    ]
    expected = np.quantile(resampled, [0.025, 0.975])
    assert metrics.bootstrap_interval(metrics.spearman(cosines, scores)) == pytest.approx(expected, abs=0.015)


def test_exposure_is_even_at_0_and_one_sided_near_1() -> None:
    assert metrics.exposure_gini(np.array([3, 3, 3, 3])) == pytest.approx(0)
    assert metrics.exposure_gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert metrics.exposure_gini(np.array([1, 3])) == pytest.approx(0.25)
    with pytest.raises(UsageError, match="leave the measure out"):
        metrics.exposure_gini(np.zeros(3, dtype=np.int64))


def test_a_result_of_one_direction_has_no_diversity_and_opposite_ones_the_most() -> None:
    one, other = [1.0, 0.0], [0.0, 1.0]
    assert metrics.list_diversity(np.array([one, one, one], np.float32)) == pytest.approx(0)
    assert metrics.list_diversity(np.array([one, other], np.float32)) == pytest.approx(1)
    assert metrics.list_diversity(np.array([one, one, other], np.float32)) == pytest.approx(2 / 3)


_rankings = st.lists(st.sampled_from("abcdefghij"), unique=True, max_size=10)
_grades = st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(0, 3), min_size=1).filter(
    lambda grades: any(grades.values())
)


@settings(max_examples=200, deadline=None)
@given(_rankings, _grades, st.integers(1, 10))
def test_ranking_measures_are_what_their_formulas_say(ranked: list[str], grades: dict[str, int], k: int) -> None:
    def discounted(values: list[int]) -> float:
        return sum((2**grade - 1) / math.log2(place + 2) for place, grade in enumerate(values[:k]))

    relevant = {item for item, grade in grades.items() if grade > 0}
    ideal = discounted(sorted(grades.values(), reverse=True))
    got = discounted([grades.get(item, 0) for item in ranked])
    assert metrics.ndcg_at_k(ranked, grades, k) == pytest.approx(got / ideal)
    found = [item in relevant for item in ranked[:k]]
    assert metrics.recall_at_k(ranked, relevant, k) == sum(found) / len(relevant)
    assert metrics.mrr_at_k(ranked, relevant, k) == (1 / (found.index(True) + 1) if any(found) else 0)
    assert metrics.hit_at_1(ranked, relevant) == float(found[:1] == [True])


def test_without_a_relevant_item_ndcg_is_not_defined() -> None:
    with pytest.raises(UsageError, match="leave the query out"):
        metrics.ndcg_at_k(["a"], {"a": 0})


def test_the_interval_is_the_same_for_the_same_seed_and_holds_the_mean() -> None:
    values = np.random.default_rng(1).uniform(size=300)
    low, high = metrics.bootstrap_interval(values, seed=3)
    assert (low, high) == metrics.bootstrap_interval(values, seed=3)
    assert (low, high) != metrics.bootstrap_interval(values, seed=4)
    assert low < values.mean() < high


def test_the_interval_is_about_as_wide_as_the_normal_one() -> None:
    values = np.random.default_rng(1).normal(size=2000)
    low, high = metrics.bootstrap_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / math.sqrt(len(values)), rel=0.15)


def test_drawing_in_blocks_keeps_the_interval_of_many_values() -> None:
    values = np.random.default_rng(1).normal(size=9000)  # 466 samples to a block
    low, high = metrics.bootstrap_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / math.sqrt(len(values)), rel=0.15)


def test_a_paired_difference_is_the_first_less_the_second() -> None:
    random = np.random.default_rng(2)
    hard = random.uniform(size=400)
    better = hard + 0.05 + random.normal(scale=0.05, size=400)
    mean, low, high = metrics.paired_bootstrap(better, hard)
    assert mean == pytest.approx((better - hard).mean())
    assert 0 < low < mean < high
    # Unpaired, the spread between easy and hard queries would hide so small a difference.
    assert high - low < 0.02


def test_values_of_different_queries_can_not_be_paired() -> None:
    with pytest.raises(UsageError, match="same queries"):
        metrics.paired_bootstrap(np.zeros(3), np.zeros(4))
    with pytest.raises(UsageError, match="no value"):
        metrics.bootstrap_interval(np.zeros(0))
