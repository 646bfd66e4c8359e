"""The category tree over the products that a model learns from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

Path = tuple[str, ...]
"""A category: its names, outermost first."""


class ProductTree:
    """Which products share a category, and which categories are siblings.

    A product's `home` is its leaf, or, where the leaf holds fewer than two families, the nearest ancestor that
    holds two. A product without a category, or alone in its department, has no home.
    """

    def __init__(self, paths: Mapping[int, Path], families: Sequence[Hashable]) -> None:
        """Build the tree of `paths` (product index -> category, empty for none); `families` has one a product."""
        self._members: dict[Path, list[int]] = defaultdict(list)
        self._children: dict[Path, dict[Path, None]] = defaultdict(dict)
        families_of: dict[Path, set[Hashable]] = defaultdict(set)
        for index, path in paths.items():
            for depth in range(1, len(path) + 1):
                node = path[:depth]
                self._members[node].append(index)
                self._children[path[: depth - 1]][node] = None
                families_of[node].add(families[index])
        self.homes: dict[Path, list[int]] = defaultdict(list)
        for index, path in paths.items():
            home = path
            while home and len(families_of[home]) < 2:
                home = home[:-1]
            if home:
                self.homes[home].append(index)

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
