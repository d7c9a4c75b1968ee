"""The audit trail: append-only rows, each carrying a hash over itself and the row before.

The one-row ``audit_head`` is updated first, so that writers queue up there instead of forking the chain, and a cut tail
shows against it. Its short hash also stands in each closing post, where no database editor reaches it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from restorebot.storage.schema import audit, audit_head

SHORT = 12
"""Hex digits of a hash that people compare by eye."""


@dataclass(frozen=True)
class Entry:
    """One event. ``actor`` is a Slack user id, ``restorebot`` or ``portal``; states are None before the first."""

    at: datetime
    restore_id: str
    actor: str
    event: str
    old_state: str | None
    new_state: str
    details: Mapping[str, Any]


def chained(before: str, seq: int, entry: Entry) -> str:
    """The hash of a row: SHA-256, in hex, over the hash before it and the row's own canonical JSON."""
    row = [
        seq,
        entry.at.isoformat(),
        entry.restore_id,
        entry.actor,
        entry.event,
        entry.old_state,
        entry.new_state,
        entry.details,
    ]
    text = before + json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


async def append(conn: AsyncConnection, entry: Entry) -> str:
    """Add one row inside the caller's transaction; returns the new head's short hash."""
    head = (
        await conn.execute(
            update(audit_head)
            .where(audit_head.c.id == 1)
            .values(seq=audit_head.c.seq + 1)
            .returning(audit_head.c.seq, audit_head.c.hash)
        )
    ).one()
    digest = chained(head.hash, head.seq, entry)
    await conn.execute(
        insert(audit).values(
            seq=head.seq,
            at=entry.at,
            restore_id=entry.restore_id,
            actor=entry.actor,
            event=entry.event,
            old_state=entry.old_state,
            new_state=entry.new_state,
            details=dict(entry.details),
            hash=digest,
        )
    )
    await conn.execute(update(audit_head).where(audit_head.c.id == 1).values(hash=digest))
    return digest[:SHORT]


async def first_misfit(conn: AsyncConnection) -> int | None:
    """The ``seq`` of the first row that does not fit the chain, one past the end for a cut tail; None when all fits."""
    before, expected = "", 0
    rows = await conn.stream(select(audit).order_by(audit.c.seq))
    async for row in rows:
        expected += 1
        entry = Entry(row.at, row.restore_id, row.actor, row.event, row.old_state, row.new_state, row.details)
        if row.seq != expected or row.hash != chained(before, row.seq, entry):
            return expected
        before = row.hash
    head = (await conn.execute(select(audit_head))).one()
    return None if (head.seq, head.hash) == (expected, before) else expected + 1
