"""Which rows of a training set meet in a batch. In-batch losses take the other rows of a batch as negatives.

- `distinct_batches`: no row's texts are false negatives of another row. Two products of one category in a batch would
  push each other away (sentence-transformers issues 608 and 1525).
- `label_batches`: several rows of each label, for losses that compare the rows of a label with the others.
- `neighbourhood_batches`: products of near categories, so that the negatives are hard ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_FULL = 4
"""A batch with less than this fraction of the rows of a full one is dropped: few negatives, little to learn."""

ROWS_PER_LABEL = 4
"""Rows of one label in a batch, with which each is compared: K of the paper's P x K batches (arXiv:1703.07737)."""

PER_HOME = 4
"""Products of one category that come together: it takes two to be alike, and more leave fewer categories a batch."""

NEIGHBOURHOOD = 16
"""Products in a neighbourhood. A batch holds several, so that it has easy negatives too."""


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

    A label that has one row alone is left out, and so is what remains when only one label is left. `batch_size` is 4
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

    `homes[i]` is the category of row i (-1: none), `centroids` [homes, d] are unit vectors: the nearer two are, the
    likelier their products meet. Negative mining by the composition of the batch, after NGAME (Dahiya et al. 2023,
    "NGAME: Negative Mining-aware Mini-batching for Extreme Classification"): no text is encoded to find them.
    """
    order = _neighbours_in_turn(_chunks(homes, PER_HOME, random), centroids, random)
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


def _neighbours_in_turn(
    chunks: dict[int, list[list[int]]], centroids: NDArray[np.float32], random: np.random.Generator
) -> list[int]:
    """Return all rows: a chunk at random, those of the homes nearest to it, another at random, and so on."""
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
    return order
