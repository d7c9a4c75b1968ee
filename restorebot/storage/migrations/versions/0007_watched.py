"""When the safety backup of a planned restore was last looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("restores", sa.Column("watched_at", sa.DateTime(timezone=True)))
