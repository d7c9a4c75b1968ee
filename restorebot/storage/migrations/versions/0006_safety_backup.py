"""The backup that is made before a restore."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("restores", sa.Column("safety_task", sa.String(64)))
    op.add_column(
        "restores", sa.Column("safety_progress", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("restores", sa.Column("safety_storage", sa.Integer()))
    op.add_column("restores", sa.Column("safety_name", sa.Text()))
    op.add_column("restores", sa.Column("safety_made_at", sa.DateTime(timezone=True)))
