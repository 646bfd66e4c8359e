"""Comparing what the index holds with what the catalogue says, as a stream."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from recommender.batching import batches
from recommender.catalogue.product_states import ProductState
from recommender.catalogue.repository import Catalogue, StoredProduct
from recommender.index.protocol import StoredPoint, VectorIndex, point_id
from recommender.types import Progress, silent

BATCH = 1000

LOOKS = 2
"""How often what seems to differ is looked at again: to pass for a difference, one must change before each look."""

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
    """What a point is judged by."""

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
        self._skus: dict[_Kind, list[str]] = {kind: [] for kind in _Kind}
        self._queued: list[str] = []

    def add(self, found: Mapping[str, _Kind]) -> None:
        for sku, kind in (found if self._states is None else self._confirmed(found, self._states)).items():
            self._skus[kind].append(sku)

    def _confirmed(self, found: Mapping[str, _Kind], states: States) -> Mapping[str, _Kind]:
        # Point and product were read at two moments; a change that a worker applied in between is no difference.
        known: Mapping[str, ProductState] = {}
        for _ in range(LOOKS if found else 0):
            known = states(list(found))
            points = {point.id: point for point in self._index.retrieve([point_id(sku) for sku in found])}
            found = dict(_differences((sku, points.get(point_id(sku)), known.get(sku)) for sku in found))
        self._queued += [sku for sku in found if sku in known and known[sku].queued]
        return found

    def result(self, checked: int) -> Verification:
        missing, stale, orphaned = (tuple(self._skus[kind]) for kind in _Kind)
        return Verification(checked, missing, stale, orphaned, tuple(self._queued))


def verify(
    index: VectorIndex, catalogue: Catalogue, states: States | None = None, progress: Progress = silent
) -> Verification:
    """Compare every point with its product by text hash and revision.

    With `states`, a change that lands while this runs is no difference, and what waits in the outbox is told apart;
    without, both count. Memory: 16 bytes a product, and the SKUs that differ.
    """
    findings = _Findings(index, states)
    seen = array("Q")
    total = catalogue.count()
    for batch in batches(index.scroll(BATCH), BATCH):
        seen.extend(_key(point.id) for point in batch)
        findings.add(_compared(batch, catalogue))
        progress("comparing", len(seen), max(total, len(seen)))
    missing = _add_missing(findings, catalogue, np.sort(np.frombuffer(seen, dtype=np.uint64)))
    return findings.result(len(seen) + missing)


def _key(identity: UUID) -> int:
    # Half of the id, 60 bits of a hash: that one product of a million hides behind another has a chance of 1 in 2
    # million.
    return identity.int >> 64


def _compared(batch: Sequence[StoredPoint], catalogue: Catalogue) -> dict[str, _Kind]:
    points = {str(point.payload["sku"]): point for point in batch}
    products = catalogue.get_many(list(points))
    return dict(_differences((sku, point, products.get(sku)) for sku, point in points.items()))


def _add_missing(findings: _Findings, catalogue: Catalogue, seen: NDArray[np.uint64]) -> int:
    count = 0
    for batch in batches(catalogue.products(), BATCH):
        missing = _unseen(batch, seen)
        findings.add(dict.fromkeys(missing, _Kind.MISSING))
        count += len(missing)
    return count


def _unseen(batch: Sequence[StoredProduct], seen: NDArray[np.uint64]) -> list[str]:
    if not len(seen):
        return [stored.product.sku for stored in batch]
    keys = np.array([_key(point_id(stored.product.sku)) for stored in batch], dtype=np.uint64)
    places = np.minimum(np.searchsorted(seen, keys), len(seen) - 1)
    return [stored.product.sku for stored, here in zip(batch, seen[places] == keys, strict=True) if not here]


def _differences(judged: Iterator[tuple[str, StoredPoint | None, _State | None]]) -> Iterator[tuple[str, _Kind]]:
    for sku, point, state in judged:
        kind = _difference(point, state)
        if kind is not None:
            yield sku, kind


def _difference(point: StoredPoint | None, state: _State | None) -> _Kind | None:
    if state is None or not state.active:
        return None if point is None else _Kind.ORPHANED
    if point is None:
        return _Kind.MISSING
    held = (point.payload.get("text_hash"), point.payload.get("revision"))
    return None if held == (state.text_hash, state.revision) else _Kind.STALE
