"""Triplets from product categories: two products of one category, and one from a sibling category.

The textbook form, TripletLoss over these triplets alone, is `--loss triplet`. The default loss, `joint`, learns from
categories in another way (`joint_loss`). `mnrl`, `cached-mnrl` and `gist` train on these triplets and on other pairs.
`batch-hard`, `cosent`, `cosine`, `softmax` and `contrastive` draw their rows from them (`catalogue_sets`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recommender.evaluation.triplets import CategoryTree, Path
from recommender.types import common_depth

LEAF_CAP = 200
"""The most anchors that one leaf gives to a pass. In a real shop one leaf of 791 held 1,766 of 6,679 products."""

_TRIES = 12
"""Draws before a search gives up: enough to skip a family that fills nine tenths of a category."""


class ProductTree(CategoryTree):
    """The category tree of products to train on.

    A product's `home` is its leaf, or, where the leaf holds fewer than two families, the nearest ancestor that
    holds two. A product without a category, or alone in its department, has no home.
    """

    def __init__(
        self, paths: Mapping[int, Path], families: Sequence[Hashable], others: Sequence[Sequence[Path]] = ()
    ) -> None:
        """Build the tree of `paths` (product index -> category, empty for none); `families` has one for each product.

        `others` are the other categories of each product. They are not part of the tree.
        """
        super().__init__(paths)
        self._categories = {index: {path, *others[index]} for index, path in paths.items() if index < len(others)}
        self.homes: dict[Path, list[int]] = defaultdict(list)
        shared = {node for node, members in self._members.items() if len({families[index] for index in members}) > 1}
        for index, path in paths.items():
            if home := _nearest(path, shared):
                self.homes[home].append(index)

    def nearest_home(self, path: Path) -> Path:
        """Return the longest part of a path that is the home of products; empty if there is none."""
        return _nearest(path, self.homes)

    def share_category(self, one: int, other: int) -> bool:
        """Tell whether two products share a category, also one that they are not trained towards."""
        return not self._categories.get(one, set()).isdisjoint(self._categories.get(other, ()))


def _nearest(path: Path, nodes: Container[Path]) -> Path:
    while path and path not in nodes:
        path = path[:-1]
    return path


@dataclass(frozen=True, slots=True)
class Triplet:
    """Indexes of three products: `anchor` and `positive` share a category, `negative` is from a sibling category."""

    anchor: int
    positive: int
    negative: int
    home: Path


def sample_triplets(
    tree: ProductTree,
    families: Sequence[Hashable],
    texts: Sequence[str],
    random: np.random.Generator,
    cap: int = LEAF_CAP,
) -> list[Triplet]:
    """Draw one triplet for each product that has a home, for at most `cap` products of one home.

    The positive and the negative are of another family than the anchor and have another text. A product without such a
    pair gives no triplet. The order follows the tree; batches are shuffled later.
    """
    triplets = []
    for home in sorted(tree.homes):
        anchors: Sequence[int] = tree.homes[home]
        if len(anchors) > cap:
            anchors = [int(index) for index in random.choice(anchors, size=cap, replace=False)]
        for anchor in anchors:
            triplet = _triplet(tree, families, texts, random, home, anchor)
            if triplet is not None:
                triplets.append(triplet)
    return triplets


def draw_distant(tree: ProductTree, paths: Sequence[Path], triplet: Triplet, random: np.random.Generator) -> int | None:
    """Draw a product that is farther from the anchor than its siblings: outside the parent that they share.

    Returns None when nothing is found: in a tree of one level every other category is a sibling.
    """
    parent = tree.siblings(triplet.home)[0][:-1]
    if not parent:
        return None
    draws = _draws(range(len(paths)), random)
    return next((index for index in draws if paths[index] and common_depth(paths[index], parent) < len(parent)), None)


def _triplet(
    tree: ProductTree,
    families: Sequence[Hashable],
    texts: Sequence[str],
    random: np.random.Generator,
    home: Path,
    anchor: int,
) -> Triplet | None:
    def differs(other: int) -> bool:
        return families[other] != families[anchor] and texts[other] != texts[anchor]

    siblings = tree.siblings(home)
    positive = next(filter(differs, _draws(tree.members(home), random)), None)
    if positive is None or not siblings:
        return None
    # A sibling first, then a product in it: otherwise the largest sibling would give nearly all the negatives.
    for _ in range(_TRIES):
        negative = _pick(tree.members(siblings[int(random.integers(len(siblings)))]), random)
        if differs(negative) and not tree.share_category(anchor, negative) and texts[negative] != texts[positive]:
            return Triplet(anchor, positive, negative, home)
    return None


def _draws(indexes: Sequence[int], random: np.random.Generator) -> Iterator[int]:
    for _ in range(_TRIES):
        yield _pick(indexes, random)


def _pick(indexes: Sequence[int], random: np.random.Generator) -> int:
    return indexes[int(random.integers(len(indexes)))]
