"""What the gate said of a model, and whether it was promoted in spite of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("model", sa.Column("gate", sa.String(length=20), server_default="", nullable=False))
    # A verdict was only told so far; this is how one begins that lets a model pass.
    model = sa.table("model", sa.column("verdict", sa.Text()), sa.column("gate", sa.String()))
    passed = model.c.verdict.like("category_p10 rose from %")
    op.execute(model.update().where(model.c.verdict != "").values(gate=sa.case((passed, "passed"), else_="refused")))


def downgrade() -> None:
    op.drop_column("model", "gate")
