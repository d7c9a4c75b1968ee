"""Restores that start at a planned time, and the channels that are told of a restore."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("restores", sa.Column("starts_at", sa.DateTime(timezone=True)))
    op.add_column(
        "restores",
        sa.Column("start_reminded", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column("restores", sa.Column("announce", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("outbox", sa.Column("channel", sa.String(32), nullable=False, server_default=""))
