from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.evaluation.neighbours import NOTHING, top_k


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int, list[list[int]]]:
    """Small whole numbers, so that scores are exact and ties are many."""
    queries, corpus, width = draw(st.integers(1, 6)), draw(st.integers(1, 20)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    exclude = [sorted(draw(st.sets(st.integers(0, corpus - 1), max_size=corpus))) for _ in range(queries)]
    vectors = (random.integers(-2, 3, (rows, width)).astype(np.float32) for rows in (queries, corpus))
    return (*vectors, draw(st.integers(1, 25)), exclude)


@settings(max_examples=150, deadline=None)
@given(searches())
def test_the_nearest_are_those_of_a_full_sort_with_ties_in_corpus_order(
    search: tuple[np.ndarray, np.ndarray, int, list[list[int]]],
) -> None:
    queries, corpus, k, exclude = search
    found = top_k(queries, corpus, k, exclude)
    for row, query in enumerate(queries):
        left = [index for index in range(len(corpus)) if index not in exclude[row]]
        best = sorted(left, key=lambda index: (-float(query @ corpus[index]), index))[:k]
        assert found[row].tolist() == best + [NOTHING] * (k - len(best))


def test_a_corpus_of_many_blocks_gives_what_one_block_gives() -> None:
    random = np.random.default_rng(0)
    corpus = random.standard_normal((50_000, 4)).astype(np.float32)
    queries = corpus[:400]  # more than fit into one block
    found = top_k(queries, corpus, 5)
    for row in (0, 334, 335, 399):
        assert found[row].tolist() == np.argsort(-(corpus @ queries[row]))[:5].tolist()


def test_no_queries_have_no_neighbours() -> None:
    assert top_k(np.zeros((0, 3), np.float32), np.ones((4, 3), np.float32), 2).shape == (0, 2)
