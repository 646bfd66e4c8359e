"""The statements that read the state of products, compare products with the catalogue, and write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.orm import Session

from recommender.database.engine import Database
from recommender.database.statements import execute_many, in_chunks, insert_into, table_of
from recommender.database.tables import OutboxRow, ProductRow

_PRODUCT = table_of(ProductRow)
CONTENT = tuple(
    column.name
    for column in _PRODUCT.columns
    if column.name not in {"id", "active", "revision", "created_at", "updated_at"}
)
"""Columns that come from the product; the others identify the row, or count and date its changes."""


@dataclass(frozen=True, slots=True)
class KnownProduct:
    """The part of a stored product that its new state is compared with."""

    id: int
    content_hash: str
    text_hash: str
    active: bool
    revision: int
    group_id: str = ""

    def is_current(self, content_hash: str) -> bool:
        """Tell whether writing a product with this hash would change nothing."""
        return self.active and self.content_hash == content_hash

    def needs_encoding(self, text_hash: str) -> bool:
        """Tell whether the index must encode the text: it has changed, or it left the index with its product."""
        return not self.active or self.text_hash != text_hash


def find_products(
    session: Session, skus: Sequence[str], *conditions: ColumnElement[bool], lock: bool = True
) -> dict[str, KnownProduct]:
    """Find those of the SKUs that the catalogue has; with `lock` they are locked until the transaction ends."""
    columns = (ProductRow.content_hash, ProductRow.text_hash, ProductRow.active, ProductRow.revision)
    statement = select(ProductRow.sku, ProductRow.id, *columns, ProductRow.group_id).where(*conditions)
    if lock:
        # Every writer locks rows in the same order, so that two writers can't block each other. SQLite has no row
        # locks.
        statement = statement.order_by(ProductRow.sku).with_for_update()
    known: dict[str, KnownProduct] = {}
    for chunk in in_chunks(sorted(skus)):
        rows = session.execute(statement.where(ProductRow.sku.in_(chunk)))
        known.update((row[0], KnownProduct(*row[1:])) for row in rows)
    return known


def insert_products(session: Session, rows: Sequence[Mapping[str, object]], at: datetime) -> None:
    """Write new products; `rows` have the columns of `CONTENT`."""
    if not rows:
        return
    first = {"active": True, "revision": 1, "created_at": at, "updated_at": at}
    statement = insert_into(session, _PRODUCT).values(first)
    # Another writer of a server database may have inserted the same SKU meanwhile. Then ours is the later change.
    later = {name: statement.excluded[name] for name in (*CONTENT, "active", "updated_at") if name != "sku"}
    counted = {"revision": _PRODUCT.c.revision + 1}
    execute_many(session, statement.on_conflict_do_update(index_elements=["sku"], set_=later | counted), rows)


def replace_products(session: Session, rows: Sequence[Mapping[str, object]], at: datetime) -> None:
    """Overwrite the products with the id `known_id`; the rows have the columns of `CONTENT` beside it."""
    if not rows:
        return
    written: dict[str, Any] = {name: bindparam(name) for name in CONTENT if name != "sku"}
    changed = {"active": True, "updated_at": at, "revision": _PRODUCT.c.revision + 1}
    statement = update(_PRODUCT).where(_PRODUCT.c.id == bindparam("known_id")).values(written | changed)
    execute_many(session, statement, [{name: row[name] for name in (*written, "known_id")} for row in rows])


@dataclass(frozen=True, slots=True)
class ProductState:
    """The state of one SKU. `queued`: a change of it waits for the index and is not parked."""

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
