"""The catalogue that a model was trained on, in 16 bytes a product: enough to tell how much has changed since.

A model folder keeps it as `catalogue.npy`: rows of (hash of the SKU, hash of text and category), sorted. Prices and
stock are not in it. Hashes of 8 bytes are as good as exact: the chance that any two SKUs of a million share theirs is 1
in 37 million.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recommender.files import replace_file

SNAPSHOT = "catalogue.npy"

Rows = NDArray[np.uint64]
"""One row for each product: [n, 2], sorted by the first column."""


@dataclass(frozen=True, slots=True)
class CatalogueChange:
    """How a catalogue differs from a snapshot. `products` are those that exist now, `share` is of them, at most 1."""

    products: int
    added: int
    removed: int
    changed: int

    @property
    def share(self) -> float:
        """Added, removed and changed products over all there are."""
        differing = self.added + self.removed + self.changed
        return min(1.0, differing / self.products) if self.products else float(differing > 0)


def snapshot_of(products: Iterable[tuple[str, str]]) -> Rows:
    """Return the snapshot of (SKU, text with category) pairs."""
    hashes = [(_hash(sku), _hash(content)) for sku, content in products]
    rows = np.array(hashes, dtype=np.uint64).reshape(-1, 2)
    return rows[np.argsort(rows[:, 0], kind="stable")]


def write_snapshot(folder: Path, rows: Rows) -> None:
    """Keep a snapshot in a model folder; a crash leaves the old one or the new one."""
    file = io.BytesIO()
    np.save(file, rows, allow_pickle=False)
    replace_file(folder / SNAPSHOT, file.getvalue())


def read_snapshot(folder: Path) -> Rows | None:
    """Return the snapshot of a model folder; None when it has none that can be read."""
    try:
        rows = np.load(folder / SNAPSHOT, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return rows if rows.dtype == np.uint64 and rows.ndim == 2 and rows.shape[1] == 2 else None


def change_since(before: Rows | None, now: Rows) -> CatalogueChange:
    """Count what differs between two snapshots; without an earlier one everything was added."""
    if before is None:
        return CatalogueChange(len(now), added=len(now), removed=0, changed=0)
    _, old, new = np.intersect1d(before[:, 0], now[:, 0], assume_unique=True, return_indices=True)
    return CatalogueChange(
        products=len(now),
        added=len(now) - len(new),
        removed=len(before) - len(old),
        changed=int(np.count_nonzero(before[old, 1] != now[new, 1])),
    )


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
