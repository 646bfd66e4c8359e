"""Batches: which rows are together in one, and samplers as sentence-transformers' trainer takes them. Imports torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch.nn import Module

from recommender.training.joint_loss import JointLoss
from recommender.training.training_set import EXCLUSIVE, GROUP, PASS, SHARED, TARGETS, VIEWS, Label, Shape

LEAST_FULL = 4
"""A batch with fewer rows than this fraction (one in four) of a full one is dropped: it has few negatives, and little
to learn from."""

ROWS_PER_LABEL = 4
"""Rows of one label in a batch, with which each is compared: K of the paper's P x K batches (arXiv:1703.07737)."""

PER_HOME = 4
"""Products of one category that come together. It takes two to learn that they are alike; more would leave fewer
categories in a batch."""

NEIGHBOURHOOD = 16
"""Products in a neighbourhood. A batch has several neighbourhoods, so that it has easy negatives too."""


def distinct_batches(
    exclusive: Sequence[Sequence[int]],
    shared: Sequence[Sequence[int]],
    batch_size: int,
    random: np.random.Generator,
) -> list[list[int]]:
    """Distribute rows over batches of at most `batch_size`, in random order, so that no two of a batch clash.

    `exclusive[i]` are the keys that row i claims for itself (its texts, the category of its anchor and positive),
    `shared[i]` those that it merely uses (its negative's). Two rows clash if one claims what the other claims or uses.
    Rows that had to wait go first into the next batch, so that the common keys do not pile up at the end.
    """
    waiting = [int(row) for row in random.permutation(len(exclusive))]
    batches = []
    while waiting:
        batch: list[int] = []
        deferred: list[int] = []
        claimed: set[int] = set()
        touched: set[int] = set()
        for position, row in enumerate(waiting):
            if len(batch) == batch_size:
                deferred += waiting[position:]
                break
            claims, touches = exclusive[row], shared[row]
            if claimed.isdisjoint(claims) and touched.isdisjoint(claims) and claimed.isdisjoint(touches):
                batch.append(row)
                claimed.update(claims)
                touched.update(touches)
            else:
                deferred.append(row)
        batches.append(batch)
        waiting = deferred
    largest = max(map(len, batches), default=0)
    return [batch for batch in batches if len(batch) * LEAST_FULL >= largest]


def label_batches(labels: Sequence[int], batch_size: int, random: np.random.Generator) -> list[list[int]]:
    """Distribute rows over batches of at most `batch_size`, of two labels or more with at least two rows each.

    A label with a single row is left out, and so are the rows at the end if only one label is left. `batch_size` is 4
    or more.
    """
    chunks = _chunks(labels, min(ROWS_PER_LABEL, batch_size // 2), random)
    groups = [chunk for of_label in chunks.values() for chunk in of_label if len(chunk) > 1]
    batches: list[list[int]] = []
    batch: list[int] = []
    for place in random.permutation(len(groups)):
        group = groups[int(place)]
        if len(batch) + len(group) > batch_size:
            batches.append(batch)
            batch = []
        batch.extend(group)
    return [rows for rows in [*batches, batch] if len({labels[row] for row in rows}) > 1]


def neighbourhood_batches(
    homes: Sequence[int], centroids: NDArray[np.float32], batch_size: int, random: np.random.Generator
) -> list[list[int]]:
    """Distribute rows over batches of `batch_size`, the last one perhaps smaller; each row is in one batch.

    `homes[i]` is the category of row i (-1: none), `centroids` [homes, d] are unit vectors. The nearer two of them are,
    the likelier their products are in one batch. This mines negatives by the composition of the batch, after NGAME
    (Dahiya et al. 2023, "NGAME: Negative Mining-aware Mini-batching for Extreme Classification"): no text is encoded to
    find them.
    """
    chunks = _chunks(homes, PER_HOME, random)
    order = [row for chunk in chunks.pop(-1, []) for row in chunk]
    left = np.zeros(len(centroids), dtype=np.int64)
    for home, waiting in chunks.items():
        left[home] = len(waiting)
    seeds = [int(home) for home in random.permutation(np.repeat(np.arange(len(left)), left))]
    for seed in seeds:
        if not left[seed]:
            continue
        block: list[int] = []
        nearness = np.where(left > 0, centroids @ centroids[seed], -np.inf)
        nearness[seed] = np.inf  # a home is nearest to itself, whatever the rounding
        near = iter(np.argsort(-nearness, kind="stable")[: NEIGHBOURHOOD * 2])
        home = int(next(near))
        while len(block) < NEIGHBOURHOOD and left[home]:
            block += chunks[home].pop()
            left[home] -= 1
            home = int(next(near, home))
        order += block
    blocks = [order[start : start + NEIGHBOURHOOD] for start in range(0, len(order), NEIGHBOURHOOD)]
    rows = [row for block in random.permutation(len(blocks)) for row in blocks[int(block)]]
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]


def _chunks(keys: Sequence[int], size: int, random: np.random.Generator) -> dict[int, list[list[int]]]:
    """Return the rows of each key in random order, in chunks of `size`, the last one perhaps smaller."""
    rows: dict[int, list[int]] = defaultdict(list)
    for row in random.permutation(len(keys)):
        rows[keys[int(row)]].append(int(row))
    return {
        key: [members[start : start + size] for start in range(0, len(members), size)] for key, members in rows.items()
    }


class DistinctBatchSampler(DefaultBatchSampler):
    """Batches of a training set in which no row has a false negative among the others, one pass after the other.

    In a set of labelled texts, each batch has several texts of each of its labels, because there the others are the
    negatives. sentence-transformers' own samplers keep equal texts apart and group labels, but know neither categories
    nor passes.
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
            else:  # rows without keys may be in any batch
                none: list[tuple[int, ...]] = [()] * len(rows)
                batches = distinct_batches(keys.get(EXCLUSIVE, none), keys.get(SHARED, none), batch_size, random)
            self._batches += [[rows[index] for index in batch] for batch in batches]

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class NeighbourhoodSampler(DefaultBatchSampler):
    """Batches of product views in which near categories come together, one pass after the other.

    The loss decides which are near when a pass begins, so the negatives are hard for the model at that time. The
    trainer says which round over all drawn passes it is in, also when it resumes in one process.
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
        plain = dataset.with_format(None)
        self._rows = _rows_by_pass(plain)
        self._homes = [label[Label.HOME] for label in plain[TARGETS[Shape.VIEWS]][:]]

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        for number, rows in sorted(self._rows.items()):
            random = np.random.default_rng([self._order_seed, number])
            homes = [self._homes[row] for row in rows]
            centroids = self._centroids(self.epoch * len(self._rows) + number)
            batches = neighbourhood_batches(homes, centroids, self._size, random)
            yield from ([rows[index] for index in batch] for batch in batches[: self._batch_count(len(rows))])

    def __len__(self) -> int:
        return sum(self._batch_count(len(rows)) for rows in self._rows.values())

    def _batch_count(self, rows: int) -> int:
        """Return how many batches a pass has. A last batch of a few rows would have few negatives, and is left out."""
        full, rest = divmod(rows, self._size)
        return full + (rest * LEAST_FULL >= self._size or not full)


class EvenSampler(DefaultBatchSampler):
    """The batches of another sampler, as many as `processes` can share evenly: no process waits for the others."""

    def __init__(self, batches: DefaultBatchSampler, processes: int, dataset: Any, **options: Any) -> None:
        super().__init__(dataset, **options)
        self._all = batches
        self._count = len(batches) // processes * processes

    def set_epoch(self, epoch: int) -> None:
        """Say which round over the rows begins."""
        self._all.set_epoch(epoch)

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the row numbers of each batch."""
        return islice(self._all, self._count)

    def __len__(self) -> int:
        return self._count


def sampler_for(losses: Mapping[str, Module], processes: int = 1) -> Callable[..., DefaultBatchSampler]:
    """Return the function that makes the batch sampler of a dataset, as the trainer calls it."""
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
