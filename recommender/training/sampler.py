"""Batch samplers as the trainer of sentence-transformers takes them. Imports torch: import it where training starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.nn import Module

from recommender.training.batches import LEAST_FULL, distinct_batches, label_batches, neighbourhood_batches
from recommender.training.joint_loss import JointLoss
from recommender.training.training_set import EXCLUSIVE, GROUP, PASS, SHARED, TARGETS, VIEWS, Label, Shape


class DistinctBatchSampler(DefaultBatchSampler):
    """Batches of a training set in which no row holds a false negative of another, one pass after the other.

    Of a set of labelled texts each batch holds several of each of its labels: there the others are the negatives.
    sentence-transformers' own samplers keep equal texts apart and group labels, but know neither categories nor passes.
    """

    def __init__(self, dataset: Any, batch_size: int, drop_last: bool, seed: int = 0, **options: Any) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, seed=seed, **options)
        plain = dataset.with_format(None)
        columns = {name: plain[name][:] for name in (EXCLUSIVE, SHARED, GROUP) if name in plain.column_names}
        self._batches: list[list[int]] = []
        for number, rows in sorted(_rows_by_pass(plain).items()):
            random = np.random.default_rng([seed, number])
            keys = {name: [values[row] for row in rows] for name, values in columns.items()}
            if GROUP in keys:
                batches = label_batches(keys[GROUP], batch_size, random)
            else:  # rows without keys may meet in any batch
                none: list[tuple[int, ...]] = [()] * len(rows)
                batches = distinct_batches(keys.get(EXCLUSIVE, none), keys.get(SHARED, none), batch_size, random)
            self._batches += [[rows[index] for index in batch] for batch in batches]

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class NeighbourhoodSampler(DefaultBatchSampler):
    """Batches of product views in which near categories meet, one pass after the other.

    The loss decides what is near when a pass begins, so the negatives are hard for the model at that time.
    """

    def __init__(
        self,
        centroids: Callable[[int], NDArray[np.float32]],
        dataset: Any,
        batch_size: int,
        drop_last: bool,
        seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, seed=seed, **options)
        self._centroids, self._size, self._order_seed = centroids, batch_size, seed
        self._rounds = 0
        plain = dataset.with_format(None)
        self._rows = _rows_by_pass(plain)
        self._homes = [label[Label.HOME] for label in plain[TARGETS[Shape.VIEWS]][:]]

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        for number, rows in sorted(self._rows.items()):
            random = np.random.default_rng([self._order_seed, number])
            homes = [self._homes[row] for row in rows]
            centroids = self._centroids(self._rounds * len(self._rows) + number)
            batches = neighbourhood_batches(homes, centroids, self._size, random)
            yield from ([rows[index] for index in batch] for batch in batches[: self._batch_count(len(rows))])
        self._rounds += 1

    def __len__(self) -> int:
        return sum(self._batch_count(len(rows)) for rows in self._rows.values())

    def _batch_count(self, rows: int) -> int:
        """Return how many batches a pass has; a last one of a few rows would have few negatives, and is left out."""
        full, rest = divmod(rows, self._size)
        return full + (rest * LEAST_FULL >= self._size or not full)


class EvenSampler(DefaultBatchSampler):
    """The batches of another sampler, as many as `processes` can share evenly: no process waits for the others."""

    def __init__(self, batches: DefaultBatchSampler, processes: int, dataset: Any, **options: Any) -> None:
        super().__init__(dataset, **options)
        self._all = batches
        self._count = len(batches) // processes * processes

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        return islice(self._all, self._count)

    def __len__(self) -> int:
        return self._count


def sampler_for(losses: Mapping[str, Module], processes: int = 1) -> Callable[..., DefaultBatchSampler]:
    """Return what makes the batch sampler of a dataset, as the trainer calls it."""
    parts = (part for loss in losses.values() for part in loss.modules())
    joint = next((part for part in parts if isinstance(part, JointLoss)), None)

    def make(dataset: Any, **options: Any) -> DefaultBatchSampler:
        if joint is not None and set(VIEWS) <= set(dataset.column_names):
            sampler: DefaultBatchSampler = NeighbourhoodSampler(joint.centroids, dataset, **options)
        else:
            sampler = DistinctBatchSampler(dataset, **options)
        return EvenSampler(sampler, processes, dataset, **options) if processes > 1 else sampler

    return make


def _rows_by_pass(dataset: Any) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = defaultdict(list)
    for row, number in enumerate(dataset[PASS][:]):
        rows[number].append(row)
    return rows
