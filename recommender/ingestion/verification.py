"""Comparing what the index holds with what the catalogue says, as a stream."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from recommender.batching import batches
from recommender.catalogue.product_statements import ProductState
from recommender.catalogue.repository import Catalogue, StoredProduct
from recommender.index.protocol import StoredPoint, VectorIndex, point_id
from recommender.types import Progress, silent

BATCH = 1000

LOOKS = 2
"""How often what seems to differ is looked at again. Something that is no difference is reported only if it changes
before each look."""

States = Callable[[Sequence[str]], Mapping[str, ProductState]]


@dataclass(frozen=True, slots=True)
class Verification:
    """SKUs that the index lacks, holds in another state, or holds although the catalogue has no such active product.

    `queued` are those among them whose change waits in the outbox: the next drain brings them up to date.
    """

    checked: int
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    orphaned: tuple[str, ...]
    queued: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether index and catalogue agree."""
        return not (self.missing or self.stale or self.orphaned)

    @property
    def differing(self) -> tuple[str, ...]:
        """Every SKU that needs work."""
        return self.missing + self.stale + self.orphaned

    def without(self, skus: Sequence[str]) -> Verification:
        """Return the same findings but for those of some SKUs."""
        left_out = frozenset(skus)
        return replace(
            self,
            missing=tuple(sku for sku in self.missing if sku not in left_out),
            stale=tuple(sku for sku in self.stale if sku not in left_out),
            orphaned=tuple(sku for sku in self.orphaned if sku not in left_out),
        )


class _Kind(StrEnum):
    MISSING = "missing"
    STALE = "stale"
    ORPHANED = "orphaned"


class _State(Protocol):
    """What a point is compared with."""

    @property
    def active(self) -> bool: ...
    @property
    def text_hash(self) -> str: ...
    @property
    def revision(self) -> int: ...


class _Findings:
    """What was found so far. With `states`, what seems to differ is looked at again before it counts."""

    def __init__(self, index: VectorIndex, states: States | None) -> None:
        self._index = index
        self._states = states
        self.skus: dict[_Kind, list[str]] = {kind: [] for kind in _Kind}
        self.queued: list[str] = []

    def add(self, found: Mapping[str, _Kind]) -> None:
        known: Mapping[str, ProductState] = {}
        if self._states is not None and found:
            # Point and product were read at two moments; a change that a worker applied in between is no difference.
            for _ in range(LOOKS):
                known = self._states(list(found))
                points = {point.id: point for point in self._index.retrieve([point_id(sku) for sku in found])}
                found = _differences((sku, points.get(point_id(sku)), known.get(sku)) for sku in found)
        for sku, kind in found.items():
            self.skus[kind].append(sku)
            if sku in known and known[sku].queued:
                self.queued.append(sku)


def verify(
    index: VectorIndex, catalogue: Catalogue, states: States | None = None, progress: Progress = silent
) -> Verification:
    """Compare every point with its product by text hash and revision.

    With `states`, a change that is applied while this runs is no difference, and what waits in the outbox is told
    apart; without, both count. Memory: 16 bytes a product, and the SKUs that differ.
    """
    findings = _Findings(index, states)
    seen = array("Q")
    total = catalogue.count()
    for batch in batches(index.scroll(BATCH), BATCH):
        seen.extend(_short_id(point.id) for point in batch)
        points = {str(point.payload["sku"]): point for point in batch}
        products = catalogue.get_many(list(points))
        findings.add(_differences((sku, point, products.get(sku)) for sku, point in points.items()))
        progress("comparing", len(seen), max(total, len(seen)))
    checked = len(seen)
    in_order = np.sort(np.frombuffer(seen, dtype=np.uint64))
    for stored in batches(catalogue.products(), BATCH):
        unseen = _without_point(stored, in_order)
        findings.add(dict.fromkeys(unseen, _Kind.MISSING))
        checked += len(unseen)
    missing, stale, orphaned = (tuple(findings.skus[kind]) for kind in _Kind)
    return Verification(checked, missing, stale, orphaned, tuple(findings.queued))


def _short_id(identity: UUID) -> int:
    # Half of the id, 60 bits of a hash: the chance that one product of a million hides behind another is 1 in 2
    # million.
    return identity.int >> 64


def _without_point(products: Sequence[StoredProduct], seen: NDArray[np.uint64]) -> list[str]:
    if not len(seen):
        return [stored.product.sku for stored in products]
    ids = np.array([_short_id(point_id(stored.product.sku)) for stored in products], dtype=np.uint64)
    places = np.minimum(np.searchsorted(seen, ids), len(seen) - 1)
    return [stored.product.sku for stored, here in zip(products, seen[places] == ids, strict=True) if not here]


def _differences(pairs: Iterable[tuple[str, StoredPoint | None, _State | None]]) -> dict[str, _Kind]:
    """Return how each point differs from the state of its product, for those that do."""
    found: dict[str, _Kind] = {}
    for sku, point, state in pairs:
        if state is None or not state.active:
            if point is not None:
                found[sku] = _Kind.ORPHANED
        elif point is None:
            found[sku] = _Kind.MISSING
        elif (point.payload.get("text_hash"), point.payload.get("revision")) != (state.text_hash, state.revision):
            found[sku] = _Kind.STALE
    return found
