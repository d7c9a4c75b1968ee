"""Restores that somebody started alone."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column(
        "restores",
        sa.Column("break_glass", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
