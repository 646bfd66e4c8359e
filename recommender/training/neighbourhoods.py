"""Batches of neighbourhoods: products of near categories meet, so that the negatives in a batch are hard ones.

Negative mining by the composition of the batch, after NGAME (Dahiya et al. 2023, "NGAME: Negative Mining-aware
Mini-batching for Extreme Classification"): no text is encoded to find them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PER_HOME = 4
"""Products of one category that come together: it takes two to be alike, and more leave fewer categories a batch."""

NEIGHBOURHOOD = 16
"""Products in a neighbourhood. A batch holds several, so that it has easy negatives too."""


def neighbourhood_batches(
    homes: Sequence[int], centroids: NDArray[np.float32], batch_size: int, random: np.random.Generator
) -> list[list[int]]:
    """Distribute rows over batches of `batch_size`, the last one perhaps smaller; each row stands in one batch.

    `homes[i]` is the category of row i (-1: none), `centroids` [homes, d] are unit vectors: the nearer two are, the
    likelier their products meet.
    """
    order = _neighbours_in_turn(_chunks(homes, random), centroids, random)
    blocks = [order[start : start + NEIGHBOURHOOD] for start in range(0, len(order), NEIGHBOURHOOD)]
    rows = [row for block in random.permutation(len(blocks)) for row in blocks[int(block)]]
    return [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]


def _chunks(homes: Sequence[int], random: np.random.Generator) -> dict[int, list[list[int]]]:
    rows: dict[int, list[int]] = defaultdict(list)
    for row in random.permutation(len(homes)):
        rows[homes[int(row)]].append(int(row))
    return {
        home: [members[start : start + PER_HOME] for start in range(0, len(members), PER_HOME)]
        for home, members in rows.items()
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
