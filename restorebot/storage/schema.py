"""The tables, in words that SQLite and PostgreSQL share."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from restorebot.model import LIVE

REVISION = "0001"
"""The migration that this program's tables are at; the newest file in ``migrations/versions``."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return what is written."""
        if value is None:
            return None
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return what was read, in UTC."""
        if value is None:
            return None
        moment: datetime = value
        if moment.tzinfo is None:
            return moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

restores = Table(
    "restores",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("portal", String(255), nullable=False),
    Column("portal_url", String(2048), nullable=False),
    Column("source", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("notify", Boolean, nullable=False),
    Column("requester", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    # One modal asks once, however often Slack delivers its submit.
    Column("view_id", String(64), nullable=False, unique=True),
    Column("approvals_needed", Integer, nullable=False),
    Column("requested_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("starts_at", UtcDateTime),
    Column("approvers", JSON, nullable=False),
    Column("announce", JSON, nullable=False),
    Column("self_approved", Boolean, nullable=False),
    Column("break_glass", Boolean, nullable=False),
    Column("reminded", Boolean, nullable=False),
    Column("start_reminded", Boolean, nullable=False),
    Column("approved_at", UtcDateTime),
    Column("safety_storage", Integer),
    Column("safety_task_id", String(64)),
    Column("safety_progress", Integer, nullable=False),
    Column("safety_name", Text),
    Column("safety_made_at", UtcDateTime),
    Column("safety_watched_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    Column("previous_task_id", String(64)),
    Column("task_id", String(64)),
    Column("adopted", Boolean, nullable=False),
    Column("reply_seconds", Integer),
    Column("another_seen", Boolean, nullable=False),
    Column("phase", String(16)),
    Column("progress", Integer, nullable=False),
    Column("progress_changed_at", UtcDateTime),
    Column("missing_since", UtcDateTime),
    Column("missing_polls", Integer, nullable=False),
    Column("stalled", Boolean, nullable=False),
    Column("blocked_reason", Text),
    Column("outcome", Text),
    Column("decided_by", String(32)),
    Column("tenant_status", Integer),
    Column("ended_at", UtcDateTime),
    Column("verified", Boolean, nullable=False),
    Column("card_ts", String(32)),
    Column("card_version", Integer, nullable=False),
    Column("card_marked", Boolean, nullable=False),
)

Index("ix_restores_state_verified", restores.c.state, restores.c.verified)

_is_live = restores.c.state.in_(sorted(LIVE))
claim = Index(
    "uq_restores_live_portal",
    restores.c.portal_url,
    unique=True,
    sqlite_where=_is_live,
    postgresql_where=_is_live,
)
"""A portal's claim: at most one live restore (invariant I2), kept by the database itself."""

task = Index(
    "uq_restores_live_task",
    restores.c.task_id,
    unique=True,
    sqlite_where=_is_live,
    postgresql_where=_is_live,
)
"""A portal's task belongs to one live restore, though the portal have two addresses."""

votes = Table(
    "votes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("restore_id", ForeignKey("restores.id"), nullable=False),
    Column("user", String(32), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("restore_id", "user"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("restore_id", ForeignKey("restores.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    # Where it is announced; null for the restore's own thread.
    Column("channel", String(32)),
    Column("facts", JSON, nullable=False),
    # The audit head's short hash at the commit, which a closing post carries.
    Column("witness", String(16)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("attempted_at", UtcDateTime),
    # The message's ts in Slack; null while it waits, and for one that no channel takes.
    Column("sent_ts", String(32)),
    # When Slack took it, or it was given up; null while it waits.
    Column("done_at", UtcDateTime),
)

portal_keys = Table(
    "portal_keys",
    metadata,
    Column("portal_url", String(2048), primary_key=True),
    Column("encrypted", Text, nullable=False),
    Column("last_four", String(4), nullable=False),
    Column("stored_at", UtcDateTime, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("restore_id", String(36), nullable=False, index=True),
    Column("actor", String(32), nullable=False),
    Column("event", String(32), nullable=False),
    Column("old_state", String(16)),
    Column("new_state", String(16), nullable=False),
    Column("details", JSON, nullable=False),
    Column("hash", String(64), nullable=False),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)
