"""Bringing points in line with products: encode what has a new text, update the payload of the rest."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from recommender.catalogue.repository import StoredProduct
from recommender.embedding.encoder import Encoder
from recommender.errors import Unavailable
from recommender.index.payload import POPULARITY_ATTRIBUTE, product_payload
from recommender.index.protocol import Point, StoredPoint, VectorIndex, point_id
from recommender.ingestion.encoding import TextVectors, Vector
from recommender.types import JsonObject, Product, SparseVector


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a write did, in products; `encoded` counts the points that got a new vector."""

    encoded: int = 0
    payloads: int = 0
    untouched: int = 0
    deleted: int = 0

    @property
    def changed(self) -> int:
        """Points that are not as they were."""
        return self.encoded + self.payloads + self.deleted

    def __add__(self, other: WriteCounts) -> WriteCounts:
        return WriteCounts(
            self.encoded + other.encoded,
            self.payloads + other.payloads,
            self.untouched + other.untouched,
            self.deleted + other.deleted,
        )


@dataclass(frozen=True, slots=True)
class Target:
    """A generation that is open for writing, with the encoder of the model that made it."""

    name: str
    index: VectorIndex
    encoder: Callable[[], Encoder]
    """Called only when there is a text to encode: a run of price changes never loads a model."""
    live: bool = True
    """Whether queries are answered from it; what another one does not take is noted, and it gets it later."""


@dataclass(frozen=True, slots=True)
class Unopened:
    """A generation that follows the catalogue, is not live, and can't be opened now; `reason` says why."""

    name: str
    reason: Unavailable
    live: bool = False


class PayloadChange(NamedTuple):
    """A point whose text is current, and what is to be known of its product."""

    sku: str
    id: UUID
    payload: JsonObject


class TextChange(NamedTuple):
    """A point whose text is new or another: its vectors are to be made."""

    sku: str
    id: UUID
    text: str
    payload: JsonObject


@dataclass(frozen=True, slots=True)
class Plan:
    """What brings the points of one target in line with some products; nothing of it has been done."""

    target: Target
    gone: Sequence[str] = ()
    payloads: Sequence[PayloadChange] = ()
    texts: Sequence[TextChange] = ()
    untouched: int = 0

    @property
    def counts(self) -> WriteCounts:
        """What applying it does."""
        return WriteCounts(len(self.texts), len(self.payloads), self.untouched, len(self.gone))

    def only(self, skus: Collection[str]) -> Plan:
        """Return the part of it that is about these SKUs."""
        return replace(
            self,
            gone=[sku for sku in self.gone if sku in skus],
            payloads=[change for change in self.payloads if change.sku in skus],
            texts=[change for change in self.texts if change.sku in skus],
        )


class PointWriter:
    """Writes products into a target. `text` and `lexical` are the ones that queries are made with too.

    `popularity_attribute` names the attribute of a product that says how popular it is.
    """

    def __init__(
        self,
        text: Callable[[Product], str],
        lexical: Callable[[str], SparseVector],
        popularity_attribute: str = POPULARITY_ATTRIBUTE,
    ) -> None:
        self._text = text
        self._lexical = lexical
        self._popularity_attribute = popularity_attribute

    def write(self, target: Target, products: Sequence[StoredProduct], gone: Sequence[str] = ()) -> WriteCounts:
        """Make the points of `products` current and remove those of the SKUs in `gone`; durable on return.

        A product that is no longer active is removed too. Writing the same state twice changes nothing.
        """
        plan = self.plan(target, products, gone)
        vectors = TextVectors()
        counts = self.apply(plan, vectors.of(target.encoder, [change.text for change in plan.texts]))
        target.index.flush()
        return counts

    def plan(self, target: Target, products: Sequence[StoredProduct], gone: Sequence[str] = ()) -> Plan:
        """Compare products with their points and say what has to be done; the index is only read."""
        active = [stored for stored in products if stored.active]
        removed = [*gone, *(stored.product.sku for stored in products if not stored.active)]
        ids = [point_id(stored.product.sku) for stored in active]
        existing = {point.id: point for point in target.index.retrieve(ids)} if ids else {}
        texts: list[TextChange] = []
        payloads: list[PayloadChange] = []
        for identity, stored in zip(ids, active, strict=True):
            point = existing.get(identity)
            if _is_current(point, stored):
                continue
            payload = self._payload(stored)
            if _has_text(point, stored):
                payloads.append(PayloadChange(stored.product.sku, identity, payload))
            else:
                texts.append(TextChange(stored.product.sku, identity, self._text(stored.product), payload))
        return Plan(target, removed, payloads, texts, len(active) - len(texts) - len(payloads))

    def apply(self, plan: Plan, vectors: Mapping[str, Vector]) -> WriteCounts:
        """Do what was planned, with the vectors of its texts; durable once the index is flushed."""
        index = plan.target.index
        if plan.gone:
            index.delete([point_id(sku) for sku in plan.gone])
        if plan.payloads:
            index.overwrite_payloads([(change.id, change.payload) for change in plan.payloads])
        if plan.texts:
            index.upsert([self._point(change, vectors[change.text]) for change in plan.texts])
        return plan.counts

    def _payload(self, stored: StoredProduct) -> JsonObject:
        payload = product_payload(stored.product, stored.text_hash, stored.created_at, self._popularity_attribute)
        return payload | {"revision": stored.revision}

    def _point(self, change: TextChange, vector: Vector) -> Point:
        return Point(change.id, vector, self._lexical(change.text), change.payload)


def _has_text(point: StoredPoint | None, stored: StoredProduct) -> bool:
    return point is not None and point.payload.get("text_hash") == stored.text_hash


def _is_current(point: StoredPoint | None, stored: StoredProduct) -> bool:
    return point is not None and _has_text(point, stored) and point.payload.get("revision") == stored.revision
