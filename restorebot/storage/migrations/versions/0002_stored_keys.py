"""API keys stored by `restorebot key set`, encrypted."""

import sqlalchemy as sa
from alembic import op

from restorebot.storage.schema import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "portal_keys",
        sa.Column("portal_url", sa.String(length=2048), nullable=False),
        sa.Column("encrypted", sa.Text(), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("portal_url", name="pk_portal_keys"),
    )
