"""Pins and bans, keys of the HTTP service, and points that say more of their products."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_NOW = "CURRENT_TIMESTAMP"


def upgrade() -> None:
    op.create_table(
        "rule",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=10), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule"),
    )
    op.create_index("ix_rule_sku", "rule", ["sku"])
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("public_id", name="uq_api_key_public_id"),
    )
    # Points made so far lack what the new filters and orders ask for. Each product gets the next revision, so that
    # the drain writes its payload again; no text is encoded for that.
    op.execute("UPDATE product SET revision = revision + 1 WHERE active")
    op.execute(
        "UPDATE outbox SET revision = (SELECT revision FROM product WHERE product.sku = outbox.sku) "
        "WHERE sku IN (SELECT sku FROM product WHERE active)"
    )
    op.execute(
        "INSERT INTO outbox (sku, revision, enqueued_at, available_at, lease_owner, attempts, parked, error) "
        f"SELECT sku, revision, {_NOW}, {_NOW}, '', 0, false, '' FROM product "
        "WHERE active AND sku NOT IN (SELECT sku FROM outbox)"
    )


def downgrade() -> None:
    op.drop_table("api_key")
    op.drop_index("ix_rule_sku", "rule")
    op.drop_table("rule")
