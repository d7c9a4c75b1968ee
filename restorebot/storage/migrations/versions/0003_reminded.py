"""Whether the approvers have been reminded of a request."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "restores", sa.Column("reminded", sa.Boolean(), nullable=False, server_default=sa.false())
    )
