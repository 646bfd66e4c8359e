from __future__ import annotations

from collections import Counter

import numpy as np
from datasets import Dataset
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from recommender.training.sampler import (
    EvenSampler,
    NeighbourhoodSampler,
    distinct_batches,
    label_batches,
    neighbourhood_batches,
)

Keys = list[list[int]]
KEYS = st.lists(st.integers(0, 15), max_size=3)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(KEYS, KEYS), max_size=60), st.integers(1, 8), st.integers(0, 9))
def test_no_row_of_a_batch_claims_what_another_claims_or_touches(
    rows: list[tuple[list[int], list[int]]], batch_size: int, seed: int
) -> None:
    exclusive, shared = [row[0] for row in rows], [row[1] for row in rows]
    batches = distinct_batches(exclusive, shared, batch_size, np.random.default_rng(seed))
    for batch in batches:
        assert 1 <= len(batch) <= batch_size
        for one in batch:
            for other in set(batch) - {one}:
                assert not set(exclusive[one]) & {*exclusive[other], *shared[other]}
    placed = [row for batch in batches for row in batch]
    assert len(placed) == len(set(placed))


def test_every_row_is_used_when_nothing_clashes() -> None:
    batches = distinct_batches([[row] for row in range(100)], [[]] * 100, 32, np.random.default_rng(0))
    assert sorted(map(len, batches)) == [4, 32, 32, 32] or sorted(map(len, batches)) == [32, 32, 32]


def test_a_common_key_is_spread_over_the_batches_from_the_start() -> None:
    exclusive = [[0]] * 8 + [[row] for row in range(1, 153)]
    batches = distinct_batches(exclusive, [[]] * 160, 16, np.random.default_rng(0))
    assert len(batches) == 10
    assert all(len(batch) == 16 for batch in batches)


def test_rows_that_only_touch_a_key_share_a_batch() -> None:
    batches = distinct_batches([[1], [2], [3]], [[9], [9], [9]], 8, np.random.default_rng(0))
    assert len(batches) == 1


def test_the_order_follows_the_seed() -> None:
    rows = [[row] for row in range(64)]
    one, same, other = (distinct_batches(rows, [[]] * 64, 8, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == same
    assert one != other


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=80), st.integers(4, 20), st.integers(0, 9))
def test_a_batch_of_labelled_texts_has_two_labels_or_more_with_two_rows_each(
    labels: list[int], batch_size: int, seed: int
) -> None:
    batches = label_batches(labels, batch_size, np.random.default_rng(seed))
    placed = [row for batch in batches for row in batch]
    assert len(placed) == len(set(placed))
    for batch in batches:
        counts = Counter(labels[row] for row in batch)
        assert len(batch) <= batch_size
        assert len(counts) >= 2
        assert min(counts.values()) >= 2


def test_every_row_is_in_one_batch() -> None:
    random = np.random.default_rng(0)
    homes = [int(home) for home in random.integers(-1, 30, size=500)]
    batches = neighbourhood_batches(homes, unit(random, 30), 64, random)
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    assert [len(batch) for batch in batches] == [64] * 7 + [52]


def test_products_of_near_categories_meet_more_often_than_those_of_far_ones() -> None:
    random = np.random.default_rng(0)
    directions = np.eye(8, dtype=np.float32)
    centroids = np.repeat(directions, 4, axis=0) + 0.05 * random.standard_normal((32, 8)).astype(np.float32)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    homes = [home for home in range(32) for _ in range(4)]
    batches = neighbourhood_batches(homes, centroids, 32, random)
    together = [np.bincount([homes[row] // 4 for row in batch], minlength=8) for batch in batches]
    assert np.mean([(counts**2).sum() for counts in together]) > 3 * 32 * 32 / 8


def test_products_of_one_category_come_in_small_groups() -> None:
    random = np.random.default_rng(0)
    homes = [0] * 200 + [home for home in range(1, 61) for _ in range(5)]
    batches = neighbourhood_batches(homes, unit(random, 61), 50, random)
    assert max(sum(homes[row] == 0 for row in batch) for batch in batches) < 40


def unit(random: np.random.Generator, count: int) -> np.ndarray:
    vectors = random.standard_normal((count, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_resumed_run_asks_for_the_categories_of_the_round_that_it_is_in() -> None:
    rows = {"pass": [0, 0, 1, 1], "label": [[0], [1], [0], [1]]}
    asked: list[int] = []

    def centroids(number: int) -> NDArray[np.float32]:
        asked.append(number)
        return np.eye(2, dtype=np.float32)

    sampler = NeighbourhoodSampler(centroids, Dataset.from_dict(rows), batch_size=2, drop_last=False)
    sampler.set_epoch(3)  # as the trainer says after it skipped the first rounds
    list(EvenSampler(sampler, 2, None, batch_size=2, drop_last=False))
    assert asked == [6, 7]
    shared = EvenSampler(sampler, 2, None, batch_size=2, drop_last=False)
    shared.set_epoch(4)
    list(shared)
    assert asked[2:] == [8, 9]
