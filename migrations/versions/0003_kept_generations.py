"""Generations that were live are kept fresh: when they left, and which changes they did not take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("generation", sa.Column("live_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "missed",
        sa.Column("generation_id", sa.Integer(), nullable=False),
        sa.Column("sku", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["generation_id"], ["generation.id"], name="fk_missed_generation_id_generation", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("generation_id", "sku", name="pk_missed"),
    )
    # What was not live took no changes so far, and nobody knows any more which.
    op.execute(
        "INSERT INTO missed (generation_id, sku) SELECT generation.id, product.sku FROM generation, product "
        "WHERE generation.state = 'ready' AND generation.id NOT IN (SELECT generation_id FROM live)"
    )


def downgrade() -> None:
    op.drop_table("missed")
    op.drop_column("generation", "live_until")
