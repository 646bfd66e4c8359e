from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.training.batches import distinct_batches

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
