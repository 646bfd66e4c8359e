"""Bringing points in line with products: encode what has a new text, update the payload of the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import numpy as np

from recommender.catalogue.repository import StoredProduct
from recommender.embedding.encoder import Encoder, Vectors
from recommender.index.payload import product_payload
from recommender.index.protocol import Point, StoredPoint, VectorIndex, point_id
from recommender.types import JsonObject, Product, SparseVector


@dataclass(frozen=True, slots=True)
class WriteCounts:
    """What a write did, in products; `encoded` counts the points that got a new vector."""

    encoded: int = 0
    payloads: int = 0
    untouched: int = 0
    deleted: int = 0

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
    """Whether queries are answered from it; a generation that is being built closes its gaps before it goes live."""


class _Change(NamedTuple):
    id: UUID
    text: str
    payload: JsonObject


class PointWriter:
    """Writes products into a target. `text` and `lexical` are the ones that queries are made with too."""

    def __init__(self, text: Callable[[Product], str], lexical: Callable[[str], SparseVector]) -> None:
        self._text = text
        self._lexical = lexical

    def write(self, target: Target, products: Sequence[StoredProduct], gone: Sequence[str] = ()) -> WriteCounts:
        """Make the points of `products` current and remove those of the SKUs in `gone`; durable on return.

        A product that is no longer active is removed too. Writing the same state twice changes nothing.
        """
        active = [stored for stored in products if stored.active]
        removed = [*gone, *(stored.product.sku for stored in products if not stored.active)]
        if removed:
            target.index.delete([point_id(sku) for sku in removed])
        counts = self._write_active(target, active) + WriteCounts(deleted=len(removed))
        target.index.flush()
        return counts

    def _write_active(self, target: Target, products: Sequence[StoredProduct]) -> WriteCounts:
        if not products:
            return WriteCounts()
        ids = [point_id(stored.product.sku) for stored in products]
        existing = {point.id: point for point in target.index.retrieve(ids)}
        new: list[_Change] = []
        payloads: list[tuple[UUID, JsonObject]] = []
        for identifier, stored in zip(ids, products, strict=True):
            point = existing.get(identifier)
            if _is_current(point, stored):
                continue
            payload = product_payload(stored.product, stored.text_hash) | {"revision": stored.revision}
            if point is not None and point.payload.get("text_hash") == stored.text_hash:
                payloads.append((identifier, payload))
            else:
                new.append(_Change(identifier, self._text(stored.product), payload))
        if payloads:
            target.index.overwrite_payloads(payloads)
        if new:
            self._write_new(target, new)
        return WriteCounts(len(new), len(payloads), len(products) - len(new) - len(payloads))

    def _write_new(self, target: Target, changes: Sequence[_Change]) -> None:
        vectors = _encode_distinct(target.encoder(), [change.text for change in changes])
        target.index.upsert(
            [
                Point(change.id, vector, self._lexical(change.text), change.payload)
                for change, vector in zip(changes, vectors, strict=True)
            ]
        )


def _is_current(point: StoredPoint | None, stored: StoredProduct) -> bool:
    return (
        point is not None
        and point.payload.get("revision") == stored.revision
        and point.payload.get("text_hash") == stored.text_hash
    )


def _encode_distinct(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    distinct = list(dict.fromkeys(texts))
    if len(distinct) == len(texts):
        return encoder.encode(texts)
    position = {text: row for row, text in enumerate(distinct)}
    vectors = encoder.encode(distinct)
    return vectors[np.fromiter((position[text] for text in texts), dtype=np.intp, count=len(texts))]
