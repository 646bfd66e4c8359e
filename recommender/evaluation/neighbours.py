"""The nearest vectors of a corpus, found exactly, a block of queries at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Indexes = NDArray[np.int64]

NOTHING = -1
"""The row of a missing neighbour, if a query has fewer than were asked for."""

_BLOCK_SCORES = 1 << 24
"""Scores in memory at a time: 64 MiB of float32, which is 335 queries against 50,000 products."""


def top_k(
    queries: NDArray[np.float32],
    corpus: NDArray[np.float32],
    k: int,
    exclude: Sequence[Sequence[int]] | Sequence[Indexes] | None = None,
) -> Indexes:
    """Return the rows of `corpus` [n, d] nearest to each of `queries` [q, d] by dot product, best first: int64 [q, k].

    `exclude[i]` lists rows that query i must not find. Equal scores are in the order of the corpus. If fewer than k
    rows are left, the rest is `NOTHING`.
    """
    found = np.full((len(queries), k), NOTHING, dtype=np.int64)
    for start, scores in score_blocks(queries, corpus):
        for row, line in enumerate(scores):
            if exclude is not None:
                line[np.asarray(exclude[start + row], dtype=np.int64)] = -np.inf
            # The partition finds only the k-th score; which of several equal ones come before the cut is undefined.
            cut = np.partition(line, len(line) - k)[len(line) - k] if k < len(line) else -np.inf
            candidates = np.flatnonzero((line >= cut) & (line > -np.inf))
            best = candidates[np.argsort(-line[candidates], kind="stable")][:k]
            found[start + row, : len(best)] = best
    return found


def score_blocks(
    queries: NDArray[np.float32], corpus: NDArray[np.float32]
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the dot products of queries with the corpus in blocks of rows, each with the index of its first query."""
    step = max(1, _BLOCK_SCORES // max(1, len(corpus)))
    for start in range(0, len(queries), step):
        yield start, queries[start : start + step] @ corpus.T
