"""Feeds whose items each may have parts of their own: every set of names is matched to the fields once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

MAX_NAMES = 2_000
"""Sets of names whose columns are remembered, and names that nothing is read from that are kept for the report."""

Matched = TypeVar("Matched")


class Shapes(Generic[Matched]):
    """Remembers what `match` found for a set of names, and the names of which `ignored` says that nothing is read."""

    def __init__(
        self, match: Callable[[tuple[str, ...]], Matched], ignored: Callable[[Matched], Sequence[str]]
    ) -> None:
        self._match = match
        self._ignored_by = ignored
        self._known: dict[tuple[str, ...], Matched] = {}
        self._ignored: dict[str, None] = {}

    @property
    def leftover_names(self) -> tuple[str, ...]:
        """Names that nothing was read from, in the items matched so far."""
        return tuple(self._ignored)

    def of(self, names: tuple[str, ...]) -> Matched:
        """Return what the names of an item match."""
        found = self._known.get(names)
        if found is None:
            found = self._match(names)
            if len(self._known) >= MAX_NAMES:
                self._known.clear()
            self._known[names] = found
            new = [name for name in dict.fromkeys(self._ignored_by(found)) if name not in self._ignored]
            self._ignored.update(dict.fromkeys(new[: max(0, MAX_NAMES - len(self._ignored))]))
        return found
