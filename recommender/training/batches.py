"""Batches in which no row's texts are false negatives of another row.

In-batch losses take the other rows' positives and negatives as negatives; two products of one category in a batch
push each other away (sentence-transformers issues 608 and 1525).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LEAST_FULL = 4
"""A batch with less than this fraction of the largest one's rows is dropped: few negatives, little to learn."""


def distinct_batches(
    exclusive: Sequence[Sequence[int]],
    shared: Sequence[Sequence[int]],
    batch_size: int,
    random: np.random.Generator,
) -> list[list[int]]:
    """Distribute rows over batches of at most `batch_size`, in random order, so that no two of a batch clash.

    `exclusive[i]` are the keys that row i claims for itself (its texts, the category of its anchor and positive),
    `shared[i]` those that it merely touches (its negative's). Two rows clash when one claims what the other claims or
    touches. Rows that had to wait go first into the next batch, so that the common keys do not pile up at the end.
    """
    waiting = [int(row) for row in random.permutation(len(exclusive))]
    batches = []
    while waiting:
        batch, waiting = _fill(waiting, exclusive, shared, batch_size)
        batches.append(batch)
    largest = max(map(len, batches), default=0)
    return [batch for batch in batches if len(batch) * _LEAST_FULL >= largest]


def _fill(
    waiting: list[int], exclusive: Sequence[Sequence[int]], shared: Sequence[Sequence[int]], batch_size: int
) -> tuple[list[int], list[int]]:
    batch: list[int] = []
    passed: list[int] = []
    claimed: set[int] = set()
    touched: set[int] = set()
    for position, row in enumerate(waiting):
        if len(batch) == batch_size:
            return batch, passed + waiting[position:]
        claims, touches = exclusive[row], shared[row]
        if claimed.isdisjoint(claims) and touched.isdisjoint(claims) and claimed.isdisjoint(touches):
            batch.append(row)
            claimed.update(claims)
            touched.update(touches)
        else:
            passed.append(row)
    return batch, passed
