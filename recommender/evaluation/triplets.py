"""Held-out products beside one of their own category, one of a neighbouring category, and any other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.embedding.encoder import Vectors
from recommender.evaluation.metrics import Values, spearman, triplet_accuracy
from recommender.evaluation.neighbours import Indexes
from recommender.types import Product, common_depth

SEED = 0
"""Seed of the draws: every model of an evaluation is asked about the same triplets."""

Path = tuple[str, ...]
"""A category: its names, outermost first."""


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutTriplets:
    """Rows of the corpus, one triplet for each query that has one, and a product drawn from the whole corpus: [t].

    `grades` [t, 3] are those of positive, negative and other beside the anchor: the depth of the common ancestor
    divided by the longer of the two paths, 1 in one leaf.
    """

    anchor: Indexes
    positive: Indexes
    negative: Indexes
    other: Indexes
    grades: Values

    def __len__(self) -> int:
        return len(self.anchor)

    def accuracy(self, vectors: Vectors) -> Values:
        """Return 1 for each triplet whose positive is nearer to the anchor than its negative: [t]."""
        return triplet_accuracy(vectors[self.anchor], vectors[self.positive], vectors[self.negative])

    def correlation(self, vectors: Vectors) -> Values:
        """Return a value for each triplet whose mean is Spearman's correlation of cosines with grades, over all pairs.

        The three pairs of one anchor depend on each other, so together they are one value.
        """
        anchors = vectors[self.anchor]
        others = (self.positive, self.negative, self.other)
        cosines = np.stack([(anchors * vectors[rows]).sum(axis=1) for rows in others], axis=1)
        values = spearman(cosines.ravel(), self.grades.ravel())
        return np.asarray(values.reshape(-1, 3).mean(axis=1), dtype=np.float64)


def held_out_triplets(
    corpus: Sequence[Product], queries: Sequence[int], groups: Mapping[int, Sequence[int]]
) -> HeldOutTriplets:
    """Draw for each query a positive of its leaf and a negative of the nearest neighbouring category.

    Neither is a variant of the query: `groups` has the rows of each row's variants. Queries that are alone in their
    leaf, or without a neighbouring category, give none.
    """
    paths = [product.category for product in corpus]
    tree, draw = CategoryTree(dict(enumerate(paths))), np.random.default_rng(SEED)
    leaves: dict[Path, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        leaves[path].append(row)
    rows = []
    for query in queries:
        path, own = paths[query], set(groups[query])
        if not path or not (beside := tree.siblings(path)):
            continue
        positive = _pick(leaves[path], own, draw)
        # A category first, then a product in it: otherwise the largest neighbour would give nearly all the negatives.
        negative = _pick(tree.members(beside[int(draw.integers(len(beside)))]), own, draw)
        other = _pick(range(len(corpus)), own, draw)
        if positive is not None and negative is not None and other is not None:
            rows.append((query, positive, negative, other))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    grades = [
        [common_depth(paths[row[0]], paths[other]) / max(1, len(paths[row[0]]), len(paths[other])) for other in row[1:]]
        for row in rows
    ]
    graded = np.array(grades, dtype=np.float64).reshape(-1, 3)
    return HeldOutTriplets(columns[0], columns[1], columns[2], columns[3], graded)


class CategoryTree:
    """Which products are in each category or below it, and which categories are siblings."""

    def __init__(self, paths: Mapping[int, Path]) -> None:
        """Build the tree of `paths` (product index -> category, empty for none)."""
        self._members: dict[Path, list[int]] = defaultdict(list)
        self._children: dict[Path, dict[Path, None]] = defaultdict(dict)
        for index, path in paths.items():
            for depth in range(1, len(path) + 1):
                self._members[path[:depth]].append(index)
                self._children[path[: depth - 1]][path[:depth]] = None

    def members(self, node: Path) -> Sequence[int]:
        """Return the products in a category and below it."""
        return self._members.get(node, ())

    def siblings(self, node: Path) -> Sequence[Path]:
        """Return the other children of the nearest ancestor that has any."""
        for depth in range(len(node) - 1, -1, -1):
            others = [child for child in self._children[node[:depth]] if child != node[: depth + 1]]
            if others:
                return others
        return ()


def _pick(rows: Sequence[int], barred: set[int], draw: np.random.Generator) -> int | None:
    for _ in range(8):
        if (row := int(rows[int(draw.integers(len(rows)))])) not in barred:
            return row
    left = [row for row in rows if row not in barred]  # the query's variants fill most of it
    return int(left[int(draw.integers(len(left)))]) if left else None
