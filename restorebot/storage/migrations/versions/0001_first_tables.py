"""The first tables."""

import sqlalchemy as sa
from alembic import op

from restorebot.storage.schema import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("restore_id", sa.String(length=36), nullable=False),
        sa.Column("actor", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("old_state", sa.String(length=16), nullable=True),
        sa.Column("new_state", sa.String(length=16), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit"),
    )
    op.create_index("ix_audit_restore_id", "audit", ["restore_id"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "restores",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("portal", sa.String(length=255), nullable=False),
        sa.Column("portal_url", sa.String(length=2048), nullable=False),
        sa.Column("source", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("notify", sa.Boolean(), nullable=False),
        sa.Column("requester", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("view_id", sa.String(length=64), nullable=False),
        sa.Column("approvals_needed", sa.Integer(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=True),
        sa.Column("approvers", sa.JSON(), nullable=False),
        sa.Column("announce", sa.JSON(), nullable=False),
        sa.Column("self_approved", sa.Boolean(), nullable=False),
        sa.Column("break_glass", sa.Boolean(), nullable=False),
        sa.Column("reminded", sa.Boolean(), nullable=False),
        sa.Column("start_reminded", sa.Boolean(), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("safety_storage", sa.Integer(), nullable=True),
        sa.Column("safety_task_id", sa.String(length=64), nullable=True),
        sa.Column("safety_progress", sa.Integer(), nullable=False),
        sa.Column("safety_name", sa.Text(), nullable=True),
        sa.Column("safety_made_at", UtcDateTime(), nullable=True),
        sa.Column("safety_watched_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("previous_task_id", sa.String(length=64), nullable=True),
        sa.Column("task_id", sa.String(length=64), nullable=True),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.Column("reply_seconds", sa.Integer(), nullable=True),
        sa.Column("another_seen", sa.Boolean(), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=True),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("progress_changed_at", UtcDateTime(), nullable=True),
        sa.Column("missing_since", UtcDateTime(), nullable=True),
        sa.Column("missing_polls", sa.Integer(), nullable=False),
        sa.Column("stalled", sa.Boolean(), nullable=False),
        sa.Column("blocked_reason", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.String(length=32), nullable=True),
        sa.Column("tenant_status", sa.Integer(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("card_ts", sa.String(length=32), nullable=True),
        sa.Column("card_version", sa.Integer(), nullable=False),
        sa.Column("card_marked", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_restores"),
        sa.UniqueConstraint("view_id", name="uq_restores_view_id"),
    )
    op.create_index("ix_restores_state_verified", "restores", ["state", "verified"], unique=False)
    op.create_index(
        "uq_restores_live_portal",
        "restores",
        ["portal_url"],
        unique=True,
        sqlite_where=sa.text("state IN ('backing_up', 'restoring', 'starting', 'unknown')"),
        postgresql_where=sa.text("state IN ('backing_up', 'restoring', 'starting', 'unknown')"),
    )
    op.create_index(
        "uq_restores_live_task",
        "restores",
        ["task_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('backing_up', 'restoring', 'starting', 'unknown')"),
        postgresql_where=sa.text("state IN ('backing_up', 'restoring', 'starting', 'unknown')"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("restore_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("witness", sa.String(length=16), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("attempted_at", UtcDateTime(), nullable=True),
        sa.Column("sent_ts", sa.String(length=32), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["restore_id"], ["restores.id"], name="fk_outbox_restore_id"),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_restore_id", "outbox", ["restore_id"], unique=False)
    op.create_table(
        "votes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("restore_id", sa.String(length=36), nullable=False),
        sa.Column("user", sa.String(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["restore_id"], ["restores.id"], name="fk_votes_restore_id"),
        sa.PrimaryKeyConstraint("id", name="pk_votes"),
        sa.UniqueConstraint("restore_id", "user", name="uq_votes_restore_id_user"),
    )
    op.create_table(
        "portal_keys",
        sa.Column("portal_url", sa.String(length=2048), nullable=False),
        sa.Column("encrypted", sa.Text(), nullable=False),
        sa.Column("last_four", sa.String(length=4), nullable=False),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("portal_url", name="pk_portal_keys"),
    )
    op.bulk_insert(
        sa.table("audit_head", sa.column("id"), sa.column("seq"), sa.column("hash")),
        [{"id": 1, "seq": 0, "hash": ""}],
    )
