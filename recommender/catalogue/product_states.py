"""What the catalogue and the outbox say of products right now: enough to judge a point by, without reading texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from recommender.catalogue.statements import in_chunks
from recommender.database.engine import Database
from recommender.database.tables import OutboxRow, ProductRow


@dataclass(frozen=True, slots=True)
class ProductState:
    """Of one SKU. `queued`: a change of it waits for the index, and was not put aside."""

    active: bool
    text_hash: str
    revision: int
    queued: bool


_UNKNOWN = ProductState(active=False, text_hash="", revision=0, queued=True)


class ProductStates:
    """Reads the states of products. Safe to use from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, skus: Sequence[str]) -> dict[str, ProductState]:
        """Return the states of those SKUs that the catalogue or the outbox knows.

        Products are read before the outbox. A row leaves the outbox after the index has its change, so a point that is
        read after this call is at least as new as the state of a product that is not queued.
        """
        states: dict[str, ProductState] = {}
        for chunk in in_chunks(skus):
            states |= self._chunk(chunk)
        return states

    def _chunk(self, skus: Sequence[str]) -> dict[str, ProductState]:
        columns = (ProductRow.sku, ProductRow.active, ProductRow.text_hash, ProductRow.revision)
        waiting = select(OutboxRow.sku).where(OutboxRow.sku.in_(skus), OutboxRow.parked.is_(False))
        with self._database.reading() as session:
            rows = session.execute(select(*columns).where(ProductRow.sku.in_(skus))).all()
            queued = set(session.scalars(waiting))
        states = dict.fromkeys(queued, _UNKNOWN)
        return states | {
            row.sku: ProductState(row.active, row.text_hash, row.revision, row.sku in queued) for row in rows
        }
