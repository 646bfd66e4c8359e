"""Our batches, handed to the trainer of sentence-transformers. Imports torch: import it where training starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.nn import Module

from recommender.training.batches import distinct_batches
from recommender.training.joint_loss import JointLoss
from recommender.training.neighbourhoods import neighbourhood_batches
from recommender.training.training_sets import EXCLUSIVE, GROUP, PASS, SHARED, TARGETS, Shape
from recommender.training.views import VIEWS, Label

_LEAST_FULL = 4
"""A last batch with less than this fraction of the rows of the others is dropped."""

ROWS_OF_A_LABEL = 4
"""Rows of one label in a batch, with whom each is compared: K of the paper's P x K batches (arXiv:1703.07737)."""


class DistinctBatchSampler(DefaultBatchSampler):
    """Batches of a training set in which no row holds a false negative of another, one pass after the other.

    Of a set of labelled texts each batch holds several of each of its labels: there the others are the negatives.
    """

    def __init__(self, dataset: Any, batch_size: int, drop_last: bool, seed: int = 0, **options: Any) -> None:
        super().__init__(dataset, batch_size=batch_size, drop_last=drop_last, seed=seed, **options)
        self._batches = _batches(dataset.with_format(None), batch_size, seed)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class NeighbourhoodSampler(DefaultBatchSampler):
    """Batches of product views in which near categories meet, one pass after the other.

    What is near is asked of the loss when a pass begins, so the negatives are hard for the model as it is by then.
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
        self._centroids, self._size, self._seed_of_order = centroids, batch_size, seed
        self._rounds = 0
        plain = dataset.with_format(None)
        self._rows: dict[int, list[int]] = defaultdict(list)
        for row, number in enumerate(plain[PASS][:]):
            self._rows[number].append(row)
        self._homes = [label[Label.HOME] for label in plain[TARGETS[Shape.VIEWS]][:]]

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        for number, rows in sorted(self._rows.items()):
            random = np.random.default_rng([self._seed_of_order, number])
            homes = [self._homes[row] for row in rows]
            centroids = self._centroids(self._rounds * len(self._rows) + number)
            batches = neighbourhood_batches(homes, centroids, self._size, random)
            yield from ([rows[index] for index in batch] for batch in batches[: self._whole(len(rows))])
        self._rounds += 1

    def __len__(self) -> int:
        return sum(self._whole(len(rows)) for rows in self._rows.values())

    def _whole(self, rows: int) -> int:
        """Return how many batches a pass has; a last one of a few rows would have few negatives, and is left out."""
        full, rest = divmod(rows, self._size)
        return full + (rest * _LEAST_FULL >= self._size or not full)


class EvenSampler(DefaultBatchSampler):
    """The batches of another sampler, as many as `processes` can share evenly: else some would wait for the others."""

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
    joint = next((found for loss in losses.values() if (found := _joint_loss(loss)) is not None), None)

    def make(dataset: Any, **options: Any) -> DefaultBatchSampler:
        if joint is not None and set(VIEWS) <= set(dataset.column_names):
            made: DefaultBatchSampler = NeighbourhoodSampler(joint.centroids, dataset, **options)
        else:
            made = DistinctBatchSampler(dataset, **options)
        return EvenSampler(made, processes, dataset, **options) if processes > 1 else made

    return make


def _joint_loss(loss: Module) -> JointLoss | None:
    return next((part for part in loss.modules() if isinstance(part, JointLoss)), None)


def label_batches(labels: Sequence[int], batch_size: int, random: np.random.Generator) -> list[list[int]]:
    """Distribute rows over batches of at most `batch_size`, of two labels or more with at least two rows each.

    A label that has one row alone, and what is left when only one label remains, is left out. `batch_size` is 4 or
    more.
    """
    waiting = _label_groups(labels, min(ROWS_OF_A_LABEL, batch_size // 2), random)
    batches: list[list[int]] = []
    batch: list[int] = []
    for group in waiting:
        if len(batch) + len(group) > batch_size:
            batches.append(batch)
            batch = []
        batch.extend(group)
    return [rows for rows in [*batches, batch] if len({labels[row] for row in rows}) > 1]


def _label_groups(labels: Sequence[int], size: int, random: np.random.Generator) -> list[list[int]]:
    """Split each label's rows, in random order, into groups of about `size` and at least two; shuffle the groups."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row in random.permutation(len(labels)):
        rows[labels[row]].append(int(row))
    groups = []
    for members in rows.values():
        starts = range(0, len(members), size)
        groups += [members[start : start + size] for start in starts if start + 1 < len(members)]
    return [groups[index] for index in random.permutation(len(groups))]


def _batches(dataset: Any, batch_size: int, seed: int) -> list[list[int]]:
    passes = dataset[PASS][:]
    batches = []
    for number in sorted(set(passes)):
        rows = [row for row, its_pass in enumerate(passes) if its_pass == number]
        random = np.random.default_rng([seed, number])
        batches += [[rows[i] for i in batch] for batch in _pass_batches(dataset, rows, batch_size, random)]
    return batches


def _pass_batches(dataset: Any, rows: list[int], batch_size: int, random: np.random.Generator) -> list[list[int]]:
    if GROUP in dataset.column_names:
        return label_batches(_values(dataset, GROUP, rows), batch_size, random)
    return distinct_batches(_values(dataset, EXCLUSIVE, rows), _values(dataset, SHARED, rows), batch_size, random)


def _values(dataset: Any, column: str, rows: list[int]) -> list[Any]:
    """Return a column's values; empty keys for a set that has none, whose rows may meet in any batch."""
    if column not in dataset.column_names:
        return [()] * len(rows)
    values = dataset[column][:]
    return [values[row] for row in rows]
