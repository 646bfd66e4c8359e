"""Compares the index with the catalogue, as a stream."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from recommender.batching import batches
from recommender.catalogue.product_statements import ProductState
from recommender.catalogue.repository import Catalogue, StoredProduct
from recommender.embedding.encoder import Vectors
from recommender.index.protocol import StoredPoint, VectorIndex, point_id
from recommender.types import Progress, silent

BATCH = 1000

LOOKS = 2
"""How often an apparent difference is looked at again. A false one is reported only if the product changes before each
look."""

MAX_LENGTH_ERROR = 0.01
"""Tolerance of the square of a vector's length. Engines keep unit vectors; in half precision they are a thousandth
off."""

MIN_COSINE = 0.99
"""Tolerance between a stored vector and the same text encoded again. Runtimes that may share one index differ by
0.0001, and a server that keeps vectors in half precision by a thousandth."""

States = Callable[[Sequence[str]], Mapping[str, ProductState]]
Encode = Callable[[Sequence[StoredProduct]], Vectors]
"""Returns the vectors of products as the encoder of the index makes them: float32 [n, d]."""


@dataclass(frozen=True, slots=True)
class Verification:
    """SKUs that the index lacks, has in another state, or has although the catalogue has no such active product.

    `damaged` are in the right state, but their vector is not that of their text. `encoded` is how many vectors were
    compared. `queued` are those of all these SKUs whose change waits in the outbox: the next drain brings them up to
    date. `foreign` are the ids of points that somebody else has written: they belong to no product.
    """

    checked: int
    missing: tuple[str, ...]
    stale: tuple[str, ...]
    orphaned: tuple[str, ...]
    damaged: tuple[str, ...] = ()
    queued: tuple[str, ...] = ()
    encoded: int = 0
    foreign: tuple[str, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether index and catalogue agree."""
        return not self.differing and not self.foreign

    @property
    def differing(self) -> tuple[str, ...]:
        """Every SKU that needs work."""
        return self.missing + self.stale + self.orphaned + self.damaged

    def without(self, skus: Sequence[str]) -> Verification:
        """Return the same findings without some SKUs."""
        left_out = frozenset(skus)
        return replace(
            self,
            missing=tuple(sku for sku in self.missing if sku not in left_out),
            stale=tuple(sku for sku in self.stale if sku not in left_out),
            orphaned=tuple(sku for sku in self.orphaned if sku not in left_out),
            damaged=tuple(sku for sku in self.damaged if sku not in left_out),
        )


class _Kind(StrEnum):
    MISSING = "missing"
    STALE = "stale"
    ORPHANED = "orphaned"
    DAMAGED = "damaged"


class _State(Protocol):
    """What a point is compared with."""

    @property
    def active(self) -> bool: ...
    @property
    def text_hash(self) -> str: ...
    @property
    def revision(self) -> int: ...


class _Findings:
    """What was found so far. With `states`, an apparent difference is looked at again before it counts."""

    def __init__(self, index: VectorIndex, states: States | None) -> None:
        self._index = index
        self._states = states
        self.skus: dict[_Kind, list[str]] = {kind: [] for kind in _Kind}
        self.queued: list[str] = []

    def add(self, found: Mapping[str, _Kind]) -> None:
        known: Mapping[str, ProductState] = {}
        if self._states is not None and found:
            # Point and product were read at two moments; a change that a worker applied in between is not a difference.
            for _ in range(LOOKS):
                known = self._states(list(found))
                points = {point.id: point for point in self._index.retrieve([point_id(sku) for sku in found])}
                found = _differences((sku, points.get(point_id(sku)), known.get(sku)) for sku in found)
        for sku, kind in found.items():
            self.skus[kind].append(sku)
            if sku in known and known[sku].queued:
                self.queued.append(sku)


def verify(
    index: VectorIndex,
    catalogue: Catalogue,
    states: States | None = None,
    progress: Progress = silent,
    encode: Encode | None = None,
    sample: int = 0,
) -> Verification:
    """Compare every point with its product by text hash and revision.

    With `states`, a change that is applied while this runs is not a difference, and what waits in the outbox is
    reported separately. Without `states`, both count as differences. With `encode`, which makes vectors again, the
    length of every vector is checked. A vector whose length is not 1 is compared with what `encode` makes, and so are
    about `sample` others, drawn at random. This takes 16 bytes of memory a product, and the SKUs that differ.
    """
    findings = _Findings(index, states)
    seen = array("Q")
    encoded, total = 0, catalogue.count()
    share = sample / max(total, 1)
    for batch in batches(index.scroll(BATCH, with_vectors=encode is not None), BATCH):
        seen.extend(point.id for point in batch)
        points = {str(point.payload["sku"]): point for point in batch}
        products = catalogue.get_many(list(points))
        differences = _differences((sku, point, products.get(sku)) for sku, point in points.items())
        findings.add(differences)
        if encode is not None:
            suspects = [
                (products[sku], vector)
                for sku, point in points.items()
                if sku not in differences and (_is_no_unit(vector := point.dense) or random.random() < share)  # noqa: S311 - a sample
            ]
            expected = encode([stored for stored, _ in suspects]) if suspects else ()
            for (suspect, vector), right in zip(suspects, expected, strict=True):
                if not right.any():  # a text without a word that the model knows has a vector of zeros
                    same = vector is not None and not vector.any()
                else:
                    same = not _is_no_unit(vector) and float(np.asarray(vector) @ right) >= MIN_COSINE
                if not same:
                    findings.skus[_Kind.DAMAGED].append(suspect.product.sku)
            encoded += len(suspects)
        progress("comparing", len(seen), max(total, len(seen)))
    # More points than were returned are changes that came meanwhile, or not of products, which takes a walk to tell.
    foreign = index.foreign() if index.count(exact=True) != len(seen) else ()
    checked = len(seen)
    in_order = np.sort(np.frombuffer(seen, dtype=np.uint64))
    for some in batches(catalogue.products(), BATCH):
        ids = np.array([point_id(each.product.sku) for each in some], dtype=np.uint64)
        places = np.minimum(np.searchsorted(in_order, ids), len(in_order) - 1)
        known = in_order[places] == ids if len(in_order) else np.zeros(len(ids), dtype=bool)
        unseen = [each.product.sku for each, is_known in zip(some, known, strict=True) if not is_known]
        findings.add(dict.fromkeys(unseen, _Kind.MISSING))
        checked += len(unseen)
    missing, stale, orphaned, damaged = (tuple(findings.skus[kind]) for kind in _Kind)
    return Verification(checked, missing, stale, orphaned, damaged, tuple(findings.queued), encoded, foreign)


def _is_no_unit(vector: NDArray[np.float32] | None) -> bool:
    return vector is None or not abs(float(vector @ vector) - 1) < MAX_LENGTH_ERROR  # NaN fails every comparison


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
