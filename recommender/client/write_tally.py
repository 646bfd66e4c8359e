"""What became of the products of a write, gathered from the answers to its calls."""

from __future__ import annotations

from collections.abc import Sequence

from recommender.errors import BadInput
from recommender.query import WRITE_STATUSES, WriteResult
from recommender.types import JsonObject

NAMED = 5
"""Rejected products that a message names."""


class WriteTally:
    """Gathers the items of one batch after another."""

    def __init__(self) -> None:
        self._skus: dict[str, list[str]] = {status: [] for status in WRITE_STATUSES}
        self._rejected: list[str] = []
        self._ignored: dict[str, None] = {}

    def add(self, items: Sequence[JsonObject]) -> None:
        """Add what became of some products."""
        for item in items:
            sku, status = str(item.get("sku", "")), str(item.get("status", ""))
            if status == "rejected":
                self._rejected.append(f"{sku[:60]!r} ({item.get('reason') or 'no reason given'})")
            elif status in self._skus:
                self._skus[status].append(sku)
            self._ignored |= dict.fromkeys(item.get("ignored") or ())

    def result(self) -> WriteResult:
        """Return what was done. Raises `BadInput` that names the rejected products, when all others are stored."""
        if self._rejected:
            more = len(self._rejected) - NAMED
            named = ", ".join(self._rejected[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
            done = sum(map(len, self._skus.values()))
            raise BadInput(f"{len(self._rejected):,} of the products are rejected, {done:,} are in: {named}")
        statuses = {status: tuple(dict.fromkeys(skus)) for status, skus in self._skus.items()}
        return WriteResult(**statuses, ignored=tuple(self._ignored))
