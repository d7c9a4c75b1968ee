"""The audit trail: append-only rows, each carrying a hash over itself and the row before.

The one-row ``audit_head`` is updated first, so that writers queue up there instead of forking the chain, and a cut tail
shows against it. Its short hash also stands in each closing post, where no database editor reaches it.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import LargeBinary, Select, cast, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from restorebot.storage.schema import audit, audit_head, restores

SHORT = 12
"""Hex digits of a hash that people compare by eye."""

PAGE = 500
"""Rows that are in memory at once while the whole trail is read."""

WRITTEN = "%Y-%m-%d %H:%M:%S.%f"
"""How SQLite has a time."""


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


@dataclass(frozen=True)
class Verdict:
    """What looking at the whole trail found.

    ``misfit`` is the ``seq`` of the first row that does not fit, one past the end for a cut tail, None when all fit;
    ``head`` the short hash of the last row that fits, ``witnessed`` whether the trail has the witness asked for.
    """

    rows: int
    misfit: int | None
    head: str
    witnessed: bool


async def verify(conn: AsyncConnection, witness: str = "") -> Verdict:
    """Follow the chain from the first row to the head. ``witness`` is the beginning of a hash that it must contain."""
    before, count, witnessed = "", 0, not witness
    async for raw in await conn.stream(_raw_rows().execution_options(yield_per=PAGE)):
        try:
            row = _parsed(raw)
        except (ValueError, TypeError):
            row = None
        if row is None or row[0] != count + 1 or row[2] != chained(before, row[0], row[1]):
            return Verdict(count, count + 1, before[:SHORT], witnessed)
        count, before = row[0], row[2]
        witnessed = witnessed or before.startswith(witness)
    head = (await conn.execute(select(audit_head))).one()
    whole = (head.seq, head.hash) == (count, before)
    return Verdict(count, None if whole else count + 1, before[:SHORT], witnessed)


async def first_misfit(conn: AsyncConnection) -> int | None:
    """The ``seq`` of the first row that does not fit the chain, one past the end for a cut tail; None when all fits."""
    return (await verify(conn)).misfit


async def rows(
    conn: AsyncConnection, *, since: datetime | None = None, portal: str | None = None
) -> AsyncIterator[dict[str, Any]]:
    """The trail's rows in order, as plain JSON values; from a time on, and of the portal with this alias."""
    query = select(audit, restores.c.portal).join(restores, restores.c.id == audit.c.restore_id, isouter=True)
    if since:
        query = query.where(audit.c.at >= since)
    if portal:
        query = query.where(restores.c.portal == portal)
    query = query.order_by(audit.c.seq).execution_options(yield_per=PAGE)
    async for row in await conn.stream(query):
        yield {
            "seq": row.seq,
            "at": row.at.isoformat(),
            "restore_id": row.restore_id,
            "portal": row.portal,
            "actor": row.actor,
            "event": row.event,
            "old_state": row.old_state,
            "new_state": row.new_state,
            "details": row.details,
            "hash": row.hash,
        }


def _raw_rows() -> Select[Any]:
    """The rows byte for byte: what the driver would make of a touched one must not hide the touch."""
    texts = (audit.c.at, audit.c.restore_id, audit.c.actor, audit.c.event, audit.c.old_state, audit.c.new_state)
    columns = [cast(column, LargeBinary) for column in (*texts, audit.c.details, audit.c.hash)]
    return select(audit.c.seq, *columns).order_by(audit.c.seq)


def _parsed(raw: Any) -> tuple[int, Entry, str]:
    """Raises ValueError and TypeError where a value is not written as restorebot writes it."""
    seq, *values = raw
    texts = ["" if value is None else bytes(value).decode() for value in values]
    at, restore_id, actor, event, old_state, new_state, details, digest = texts
    moment = datetime.strptime(at, WRITTEN).replace(tzinfo=UTC)
    told = json.loads(details)
    if moment.strftime(WRITTEN) != at or json.dumps(told) != details:
        raise ValueError
    return seq, Entry(moment, restore_id, actor, event, old_state or None, new_state, told), digest
