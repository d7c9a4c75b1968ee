"""The audit trail: append-only rows, each carrying a hash over itself and the row before.

The one-row ``audit_head`` is updated first, so that writers queue up there instead of forking the
chain, and a cut tail shows against it. Its short hash also stands in each closing post, where no
database editor reaches it.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import LargeBinary, Select, cast, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from restorebot.errors import DatabaseError
from restorebot.storage.schema import audit, audit_head

SHORT_HASH_LENGTH = 12
"""Hex digits of a hash that people compare by eye."""

PAGE = 500
"""Rows that are in memory at once while the whole trail is read."""

WRITTEN = "%Y-%m-%d %H:%M:%S.%f"
"""How SQLite has a time."""


@dataclass(frozen=True)
class Entry:
    """One event.

    ``actor`` is a Slack user id, ``restorebot`` or ``portal``; states are None before the first.
    """

    at: datetime
    restore_id: str
    actor: str
    event: str
    old_state: str | None
    new_state: str
    details: Mapping[str, Any]


def row_hash(before: str, seq: int, entry: Entry) -> str:
    """The hash of a row: SHA-256, in hex, over the hash before it and the row's own canonical
    JSON.
    """
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
    digest = row_hash(head.hash, head.seq, entry)
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
    return digest[:SHORT_HASH_LENGTH]


@dataclass(frozen=True)
class Verification:
    """What looking at the whole trail found.

    ``first_broken`` is the ``seq`` of the first row that does not fit, one past the end for a cut
    tail, None when all fit; ``head`` the short hash of the last row that fits, ``has_witness``
    whether the trail has the witness asked for.
    """

    rows: int
    first_broken: int | None
    head: str
    has_witness: bool


async def verify(conn: AsyncConnection, witness: str = "") -> Verification:
    """Follow the chain from the first row to the head.

    ``witness`` is the beginning of a hash that it must contain.
    """
    before, count, has_witness = "", 0, not witness
    async for raw in await conn.stream(raw_rows()):
        row = verified_row(raw, count + 1, before)
        if row is None:
            return Verification(count, count + 1, before[:SHORT_HASH_LENGTH], has_witness)
        count, before = row.seq, row.hash
        has_witness = has_witness or before.startswith(witness)
    heads = (await conn.execute(select(audit_head))).all()
    whole = [(head.id, head.seq, head.hash) for head in heads] == [(1, count, before)]
    return Verification(
        count, None if whole else count + 1, before[:SHORT_HASH_LENGTH], has_witness
    )


@dataclass(frozen=True)
class Row:
    """One row of the trail as it stands.

    ``portal`` is the alias in the row's own request, empty where that is gone.
    """

    seq: int
    entry: Entry
    hash: str
    portal: str = ""


async def rows(conn: AsyncConnection) -> AsyncIterator[Row]:
    """The trail's rows in order. Raises StorageError at one that restorebot has not written."""
    portals: dict[str, str] = {}
    async for raw in await conn.stream(raw_rows()):
        row = _parsed(raw)
        if row is None:
            raise DatabaseError(
                f"Row {raw[0]} of the audit trail was changed and cannot be read. See restorebot "
                "audit verify."
            )
        if row.entry.old_state is None:
            # From the chained row: the restore's own row could be changed without a trace here.
            portals[row.entry.restore_id] = str(row.entry.details.get("portal", ""))
        yield replace(row, portal=portals.get(row.entry.restore_id, ""))


def verified_row(raw: Sequence[Any], seq: int, before: str) -> Row | None:
    """The row, if it is the one with this ``seq`` and continues the chain after the hash
    ``before``.
    """
    row = _parsed(raw)
    return row if row and row.seq == seq and row.hash == row_hash(before, seq, row.entry) else None


def raw_rows() -> Select[Any]:
    """The rows byte for byte with their types: what the driver would make of a touched one must not
    hide the touch.
    """
    typed = [part for column in _TEXTS for part in (func.typeof(column), cast(column, LargeBinary))]
    return select(audit.c.seq, *typed).order_by(audit.c.seq).execution_options(yield_per=PAGE)


_TEXTS = (
    *(
        audit.c.at,
        audit.c.restore_id,
        audit.c.actor,
        audit.c.event,
        audit.c.new_state,
        audit.c.details,
        audit.c.hash,
    ),
    audit.c.old_state,
)


def _parsed(raw: Sequence[Any]) -> Row | None:
    """The row, None where a value is not written as restorebot writes it."""
    seq, types, values = raw[0], raw[1::2], raw[2::2]
    if any(kind != "text" for kind in types[:-1]) or types[-1] not in {"text", "null"}:
        return None
    try:
        at, restore_id, actor, event, new_state, details, digest = (
            bytes(value).decode() for value in values[:-1]
        )
        old_state = None if types[-1] == "null" else bytes(values[-1]).decode()
        moment = datetime.strptime(at, WRITTEN).replace(tzinfo=UTC)
        told = json.loads(details)
    except ValueError:
        return None
    if moment.strftime(WRITTEN) != at or json.dumps(told) != details or not isinstance(told, dict):
        return None
    return Row(seq, Entry(moment, restore_id, actor, event, old_state, new_state, told), digest)
