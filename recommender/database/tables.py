"""Every table, as SQLAlchemy 2 typed models. Migrations follow these; `doctor` reports where they differ."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from recommender.types import PRICE_SCALE

_SQLITE_INTEGER = BigInteger().with_variant(Integer, "sqlite")


class Price(TypeDecorator[Decimal]):
    """An exact decimal. SQLite has none, so there it is an integer of ten-thousandths."""

    impl = Numeric(14, PRICE_SCALE)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Store an integer on SQLite and a NUMERIC elsewhere."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(14, PRICE_SCALE))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Scale on the way in."""
        if value is None or dialect.name != "sqlite":
            return value
        return int(value.scaleb(PRICE_SCALE).to_integral_value())

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Scale back, without trailing zeros beyond the cents."""
        if value is None:
            return None
        exact = Decimal(value).scaleb(-PRICE_SCALE) if dialect.name == "sqlite" else Decimal(value)
        return exact.quantize(Decimal("0.01")) if exact == exact.quantize(Decimal("0.01")) else exact.normalize()


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time. SQLite drops the zone, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Convert to UTC on the way in."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Put the zone back on the way out."""
        if value is None:
            return None
        return value if value.tzinfo else value.replace(tzinfo=UTC)


def now() -> datetime:
    """Return the current time, aware and in UTC."""
    return datetime.now(UTC)


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """The declarative base; constraint names follow one convention, so migrations can name them anywhere."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class CategoryRow(Base):
    """A node of the category tree: adjacency list, with the whole path beside it for reading and for prefixes.

    `key` is the path without regard to case: `Shoes > Boots` and `SHOES > boots` are one category, written as most of
    its first products wrote it.
    """

    __tablename__ = "category"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(200))
    path: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text, unique=True)
    depth: Mapped[int]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"), index=True, default=None)


class ProductRow(Base):
    """A product. `revision` grows with every change; `content_hash` covers the row, `text_hash` what is encoded.

    `other_categories` are paths, one a line: the database can group by a text, so that they are counted without reading
    products.
    """

    __tablename__ = "product"
    __table_args__ = (CheckConstraint("price IS NULL OR price >= 0", name="price_not_negative"),)

    id: Mapped[int] = mapped_column(_SQLITE_INTEGER, primary_key=True, init=False)
    sku: Mapped[str] = mapped_column(String(200), unique=True)
    title: Mapped[str] = mapped_column(Text)
    text_hash: Mapped[str] = mapped_column(String(32))
    content_hash: Mapped[str] = mapped_column(String(32))
    group_id: Mapped[str] = mapped_column(String(200), default="", index=True)
    gtin: Mapped[str] = mapped_column(String(200), default="")
    mpn: Mapped[str] = mapped_column(String(200), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    brand: Mapped[str] = mapped_column(String(200), default="")
    category_id: Mapped[int | None] = mapped_column(ForeignKey("category.id"), index=True, default=None)
    other_categories: Mapped[str] = mapped_column(Text, default="")
    price: Mapped[Decimal | None] = mapped_column(Price, default=None)
    currency: Mapped[str] = mapped_column(String(3), default="")
    availability: Mapped[str] = mapped_column(String(20), default="in_stock")
    url: Mapped[str] = mapped_column(Text, default="")
    image: Mapped[str] = mapped_column(Text, default="")
    attributes: Mapped[dict[str, str]] = mapped_column(JSON, default_factory=dict)
    active: Mapped[bool] = mapped_column(default=True)
    revision: Mapped[int] = mapped_column(_SQLITE_INTEGER, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)


class ImportRunRow(Base):
    """One reading of one feed, with its counts. `status` is running, done, failed or interrupted.

    `holder` is the process that runs it, named like a lease owner; empty when the run has ended. `error` says why one
    failed or was interrupted.
    """

    __tablename__ = "import_run"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    source: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(20), default="running")
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    holder: Mapped[str] = mapped_column(String(64), default="")
    error: Mapped[str] = mapped_column(Text, default="")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class OutboxRow(Base):
    """A change that the index does not have yet: one row for each SKU, with its latest revision.

    The row is written in the transaction of the change. It is removed only while it still names the revision that was
    applied, so a change that arrives meanwhile is never acknowledged by the work on an earlier one.
    """

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_ready", "parked", "available_at"),)

    sku: Mapped[str] = mapped_column(String(200), primary_key=True)
    revision: Mapped[int] = mapped_column(_SQLITE_INTEGER)
    enqueued_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
    available_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
    lease_owner: Mapped[str] = mapped_column(String(64), default="")
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    parked: Mapped[bool] = mapped_column(default=False)
    error: Mapped[str] = mapped_column(Text, default="")


class ModelRow(Base):
    """A registered model; its folder is `models/NAME`, with its manifest."""

    __tablename__ = "model"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    base: Mapped[str] = mapped_column(Text)
    fingerprint: Mapped[str] = mapped_column(String(64))
    dimension: Mapped[int]
    metrics: Mapped[dict[str, Any]] = mapped_column(JSON, default_factory=dict)
    verdict: Mapped[str] = mapped_column(Text, default="")
    gate: Mapped[str] = mapped_column(String(20), default="", server_default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)


class GenerationRow(Base):
    """A set of points made by one model. `state` is building, ready or retired; `live_until` ends its live time.

    `language` and `words` say how its BM25 weights are made, from a catalogue of `catalogue_size` products. `runtime`
    is what encodes its texts.
    """

    __tablename__ = "generation"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    dimension: Mapped[int]
    language: Mapped[str] = mapped_column(String(40), default="none")
    words: Mapped[str] = mapped_column(Text, default="", deferred=True)
    catalogue_size: Mapped[int] = mapped_column(_SQLITE_INTEGER, default=0)
    runtime: Mapped[str] = mapped_column(String(20), default="")
    state: Mapped[str] = mapped_column(String(20), default="building")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
    ready_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    live_until: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class MissedRow(Base):
    """A change that a generation lacks because it was not live; queued again in the transaction that makes it live."""

    __tablename__ = "missed"

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id", ondelete="CASCADE"), primary_key=True)
    sku: Mapped[str] = mapped_column(String(200), primary_key=True)


class RuleRow(Base):
    """A pin or a ban of one product for a query, below a category, or everywhere; or what other words `query` means."""

    __tablename__ = "rule"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    action: Mapped[str] = mapped_column(String(10))
    sku: Mapped[str] = mapped_column(String(200), index=True)
    query: Mapped[str] = mapped_column(Text, default="")
    category: Mapped[str] = mapped_column(Text, default="")
    position: Mapped[int] = mapped_column(default=1)
    starts_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    note: Mapped[str] = mapped_column(Text, default="")
    means: Mapped[str] = mapped_column(Text, default="")
    one_way: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)


class SearchRow(Base):
    """A text that was searched for: how often, when last, and how sure the answer was then."""

    __tablename__ = "search"

    text: Mapped[str] = mapped_column(String(300), primary_key=True)
    searches: Mapped[int] = mapped_column(_SQLITE_INTEGER, default=1)
    confidence: Mapped[str] = mapped_column(String(10), default="none")
    first_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now, index=True)


class ApiKeyRow(Base):
    """A key of the HTTP service: only the hash of its secret, and what it may do (`read`, `write`), and where.

    `routes` are beginnings of paths, one a line; empty means all. `origins` are those of pages, one a line: a key that
    has some is for browsers on these pages. A row is never removed: that there was a key keeps the service closed.
    """

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    secret_hash: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    routes: Mapped[str] = mapped_column(Text, default="")
    origins: Mapped[str] = mapped_column(Text, default="")


class DeliveryRow(Base):
    """The last version of a shop system's product that its webhooks sent, and the SKUs that it had then.

    `skus` is a list in JSON, or null for a product that was not offered; those of a parent are its variations'.
    """

    __tablename__ = "delivery"

    platform: Mapped[str] = mapped_column(String(20), primary_key=True)
    identity: Mapped[str] = mapped_column(String(100), primary_key=True)
    version: Mapped[str] = mapped_column(String(80), default="")
    skus: Mapped[str] = mapped_column(Text, default="[]")


class LiveRow(Base):
    """The one live generation, and with it the one live model; a switch is an update of this single row."""

    __tablename__ = "live"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    generation_id: Mapped[int] = mapped_column(ForeignKey("generation.id"))
    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    previous_generation_id: Mapped[int | None] = mapped_column(ForeignKey("generation.id"), default=None)
    switched_at: Mapped[datetime] = mapped_column(UtcDateTime, default_factory=now)
