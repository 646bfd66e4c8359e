"""Held-out products beside one of their own category, one of a category beside it, and any other."""

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
"""Of the draws: every model of an evaluation is asked about the same triplets."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutTriplets:
    """Rows of the corpus, one triplet for each query that has one, and a product drawn from the whole corpus: [t].

    `grades` [t, 3] are those of positive, negative and other beside the anchor: the depth of the common ancestor over
    the longer of the two paths, 1 in one leaf.
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
        """Return one value a triplet whose mean is Spearman's correlation of cosines with grades, over all pairs.

        The three pairs of one anchor depend on each other, so they stand together as one value.
        """
        anchors = vectors[self.anchor]
        others = (self.positive, self.negative, self.other)
        cosines = np.stack([(anchors * vectors[rows]).sum(axis=1) for rows in others], axis=1)
        values = spearman(cosines.ravel(), self.grades.ravel())
        return np.asarray(values.reshape(-1, 3).mean(axis=1), dtype=np.float64)


def held_out_triplets(
    corpus: Sequence[Product], queries: Sequence[int], groups: Mapping[int, Sequence[int]]
) -> HeldOutTriplets:
    """Draw for each query a positive of its leaf and a negative of the nearest category beside it.

    Neither is a variant of the query: `groups` has the rows of each row's variants. Queries that are alone in their
    leaf, or without a category beside it, give none.
    """
    tree = _Tree(corpus)
    draw = np.random.default_rng(SEED)
    rows = [row for query in queries if (row := _row(corpus, query, set(groups[query]), tree, draw)) is not None]
    anchor, positive, negative, other = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    grades = [[_grade(corpus[row[0]], corpus[found]) for found in row[1:]] for row in rows]
    return HeldOutTriplets(anchor, positive, negative, other, np.array(grades, dtype=np.float64).reshape(-1, 3))


class _Tree:
    """The members of each category and of those below it, and its children."""

    def __init__(self, corpus: Sequence[Product]) -> None:
        self.members: dict[Path, list[int]] = defaultdict(list)
        self._children: dict[Path, dict[Path, None]] = defaultdict(dict)
        self.leaf: dict[Path, list[int]] = defaultdict(list)
        self.size = len(corpus)
        for row, product in enumerate(corpus):
            self.leaf[product.category].append(row)
            for depth in range(1, len(product.category) + 1):
                node = product.category[:depth]
                self.members[node].append(row)
                self._children[node[:-1]][node] = None

    def beside(self, path: Path) -> list[Path]:
        """Return the other children of the nearest ancestor that has any."""
        for depth in range(len(path) - 1, -1, -1):
            others = [child for child in self._children[path[:depth]] if child != path[: depth + 1]]
            if others:
                return others
        return []


def _row(
    corpus: Sequence[Product], query: int, own: set[int], tree: _Tree, draw: np.random.Generator
) -> tuple[int, int, int, int] | None:
    path = corpus[query].category
    if not path or not (beside := tree.beside(path)):
        return None
    positive = _pick(tree.leaf[path], own, draw)
    # A category first, then a product in it: else the largest one beside would give nearly all the negatives.
    negative = _pick(tree.members[beside[int(draw.integers(len(beside)))]], own, draw)
    other = _pick(range(tree.size), own, draw)
    if positive is None or negative is None or other is None:
        return None
    return query, positive, negative, other


def _pick(rows: Sequence[int], barred: set[int], draw: np.random.Generator) -> int | None:
    for _ in range(8):
        if (row := int(rows[int(draw.integers(len(rows)))])) not in barred:
            return row
    left = [row for row in rows if row not in barred]  # the query's variants fill most of it
    return int(left[int(draw.integers(len(left)))]) if left else None


def _grade(first: Product, second: Product) -> float:
    longer = max(len(first.category), len(second.category))
    return common_depth(first.category, second.category) / max(1, longer)
