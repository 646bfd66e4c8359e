"""What the catalogue and the outbox say about products now: enough to check a point by, without reading texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from recommender.database.engine import Database
from recommender.database.statements import in_chunks
from recommender.database.tables import OutboxRow, ProductRow


@dataclass(frozen=True, slots=True)
class ProductState:
    """The state of one SKU. `queued`: a change of it waits for the index and has not been parked."""

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
        columns = (ProductRow.sku, ProductRow.active, ProductRow.text_hash, ProductRow.revision)
        states: dict[str, ProductState] = {}
        for chunk in in_chunks(skus):
            waiting = select(OutboxRow.sku).where(OutboxRow.sku.in_(chunk), OutboxRow.parked.is_(False))
            with self._database.reading() as session:
                rows = session.execute(select(*columns).where(ProductRow.sku.in_(chunk))).all()
                queued = set(session.scalars(waiting))
            states |= dict.fromkeys(queued, _UNKNOWN)
            states |= {sku: ProductState(active, text, at, sku in queued) for sku, active, text, at in rows}
        return states
