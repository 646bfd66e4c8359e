"""Our batches, handed to the trainer of sentence-transformers. Imports torch: import it where training starts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sentence_transformers.base.sampler import DefaultBatchSampler

from recommender.training.batches import distinct_batches
from recommender.training.training_sets import EXCLUSIVE, PASS, SHARED


class DistinctBatchSampler(DefaultBatchSampler):
    """Batches of a training set in which no row holds a false negative of another, one pass after the other."""

    def __init__(self, dataset: Any, batch_size: int, drop_last: bool, seed: int = 0, **options: Any) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, seed=seed, **options)
        self._batches = _batches(dataset.with_format(None), batch_size, seed)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


def _batches(dataset: Any, batch_size: int, seed: int) -> list[list[int]]:
    exclusive, shared, passes = (dataset[column][:] for column in (EXCLUSIVE, SHARED, PASS))
    batches = []
    for number in sorted(set(passes)):
        rows = [row for row, its_pass in enumerate(passes) if its_pass == number]
        random = np.random.default_rng([seed, number])
        claimed, touched = [exclusive[row] for row in rows], [shared[row] for row in rows]
        batches += [[rows[i] for i in batch] for batch in distinct_batches(claimed, touched, batch_size, random)]
    return batches
