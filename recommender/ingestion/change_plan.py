"""What changed products need in a generation: a new vector if the text changed, otherwise only a new payload.

Each point has the hash of the text that its vectors were made of, and the revision of the product that its payload
shows. A product whose text hash is unchanged keeps its vectors, so a change of price or stock encodes nothing. A point
that shows the current revision is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from recommender.catalogue.repository import StoredProduct
from recommender.index.protocol import point_id
from recommender.ingestion.targets import Target
from recommender.types import JsonObject, Product

NAMED = ("path", "other_paths", "attributes")
"""The parts of a payload whose names a search may hold, beside those of the text that is encoded."""


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a write did, in products; `encoded` counts the points that got a new vector.

    `renamed` counts those of `payloads` whose categories or attributes changed: searches name these, as they do texts.
    """

    encoded: int = 0
    payloads: int = 0
    untouched: int = 0
    deleted: int = 0
    renamed: int = 0

    @property
    def changes(self) -> int:
        """The number of points that were not current."""
        return self.encoded + self.payloads + self.deleted

    @property
    def changes_words(self) -> bool:
        """Whether the words changed by which searches are read, and not only prices, stock and the like."""
        return bool(self.encoded + self.deleted + self.renamed)

    def __add__(self, other: WriteCounts) -> WriteCounts:
        return WriteCounts(
            self.encoded + other.encoded,
            self.payloads + other.payloads,
            self.untouched + other.untouched,
            self.deleted + other.deleted,
            self.renamed + other.renamed,
        )


class PayloadUpdate(NamedTuple):
    """A point whose vectors are current, with its new payload and the payload that it has now (`known`)."""

    sku: str
    id: int
    payload: JsonObject
    known: JsonObject


class VectorUpdate(NamedTuple):
    """A point whose vectors must be made of a new text."""

    sku: str
    id: int
    text: str
    payload: JsonObject


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """The work that brings the points of one target in line with some products. None of it has been done yet."""

    target: Target
    deletions: Sequence[str] = ()
    payloads: Sequence[PayloadUpdate] = ()
    vectors: Sequence[VectorUpdate] = ()
    untouched: int = 0

    @property
    def counts(self) -> WriteCounts:
        """What applying the plan does."""
        renamed = sum(any(new.get(name) != known.get(name) for name in NAMED) for _, _, new, known in self.payloads)
        return WriteCounts(len(self.vectors), len(self.payloads), self.untouched, len(self.deletions), renamed)

    @property
    def texts(self) -> list[str]:
        """The texts that must be encoded for the plan."""
        return [update.text for update in self.vectors]

    def restrict(self, skus: Collection[str]) -> ChangePlan:
        """Return the part of the plan that is about these SKUs."""
        return replace(
            self,
            deletions=[sku for sku in self.deletions if sku in skus],
            payloads=[update for update in self.payloads if update.sku in skus],
            vectors=[update for update in self.vectors if update.sku in skus],
        )


def plan_changes(
    target: Target,
    products: Sequence[StoredProduct],
    gone: Sequence[str],
    text: Callable[[Product], str],
    payload: Callable[[StoredProduct], JsonObject],
) -> ChangePlan:
    """Compare products with their points and plan what must be done; the index is only read.

    Points of SKUs in `gone`, and of products that are no longer active, are deleted.
    """
    active = [stored for stored in products if stored.active]
    deletions = [*gone, *(stored.product.sku for stored in products if not stored.active)]
    ids = [point_id(stored.product.sku) for stored in active]
    points = {point.id: point.payload for point in target.index.retrieve(ids)} if ids else {}
    payloads: list[PayloadUpdate] = []
    vectors: list[VectorUpdate] = []
    for identity, stored in zip(ids, active, strict=True):
        known = points.get(identity, {})
        sku = stored.product.sku
        if known.get("text_hash") != stored.text_hash:
            vectors.append(VectorUpdate(sku, identity, text(stored.product), payload(stored)))
        elif known.get("revision") != stored.revision:
            payloads.append(PayloadUpdate(sku, identity, payload(stored), known))
    return ChangePlan(target, deletions, payloads, vectors, len(active) - len(payloads) - len(vectors))
