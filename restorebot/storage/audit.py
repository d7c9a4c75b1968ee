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

from sqlalchemy import ColumnElement, LargeBinary, Select, cast, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from restorebot.errors import DatabaseError
from restorebot.storage import problems
from restorebot.storage.schema import audit, audit_head

SHORT_HASH_LENGTH = 12
"""Hex digits of a hash that people compare by eye."""

PAGE = 500
"""Rows that are in memory at once while the whole trail is read."""

SQLITE_TIME = "%Y-%m-%d %H:%M:%S.%f"
"""How SQLite has a time."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event.

    ``actor`` is a Slack user id, ``restorebot`` or ``portal``; ``old_state`` is None for the first.
    """

    at: datetime
    restore_id: str
    actor: str
    event: str
    old_state: str | None
    new_state: str
    details: Mapping[str, Any]


def row_hash(before: str, seq: int, entry: Entry) -> str:
    """Return a row's hash: SHA-256, in hex, over the hash before it and its canonical JSON."""
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


async def append(connection: AsyncConnection, entry: Entry) -> str:
    """Add one row inside the caller's transaction; return the new head's short hash."""
    the_head = audit_head.c.id == 1
    next_seq = (
        update(audit_head)
        .where(the_head)
        .values(seq=audit_head.c.seq + 1)
        .returning(audit_head.c.seq, audit_head.c.hash)
    )
    head = (await connection.execute(next_seq)).one()
    digest = row_hash(head.hash, head.seq, entry)
    row = {**vars(entry), "seq": head.seq, "details": dict(entry.details), "hash": digest}
    await connection.execute(insert(audit).values(row))
    await connection.execute(update(audit_head).where(the_head).values(hash=digest))
    return digest[:SHORT_HASH_LENGTH]


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What following the whole trail found.

    ``first_broken`` is the ``seq`` of the first row that does not fit, one past the end for a cut
    tail, None when all fit. ``head`` is the short hash of the last row that fits, ``has_witness``
    whether the trail has the witness asked for.
    """

    rows: int
    first_broken: int | None
    head: str
    has_witness: bool


async def verify(connection: AsyncConnection, witness: str | None = None) -> Verification:
    """Follow the chain from the first row to the head.

    ``witness`` is the beginning of a hash that it must contain, None for any chain.
    """
    before, count, has_witness = "", 0, witness is None
    first_broken: int | None = None
    async for raw in await connection.stream(raw_rows()):
        row = verified_row(raw, count + 1, before)
        if row is None:
            first_broken = count + 1
            break
        count, before = row.seq, row.hash
        if witness is not None and before.startswith(witness):
            has_witness = True
    else:
        heads = (await connection.execute(select(audit_head))).all()
        if [(head.id, head.seq, head.hash) for head in heads] != [(1, count, before)]:
            first_broken = count + 1
    return Verification(
        rows=count,
        first_broken=first_broken,
        head=before[:SHORT_HASH_LENGTH],
        has_witness=has_witness,
    )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the trail as it stands.

    ``portal`` is the alias in the row's own request, None where that is gone.
    """

    seq: int
    entry: Entry
    hash: str
    portal: str | None = None


async def rows(connection: AsyncConnection) -> AsyncIterator[Row]:
    """Return the trail's rows in order.

    Raise DatabaseError at one that restorebot has not written.
    """
    portals: dict[str, str] = {}
    async for raw in await connection.stream(raw_rows()):
        row = _parse(raw)
        if row is None:
            raise DatabaseError(problems.unreadable_row(raw[0]))
        if row.entry.old_state is None and "portal" in row.entry.details:
            # From the chained row: the restore's own row could be changed without a trace here.
            portals[row.entry.restore_id] = str(row.entry.details["portal"])
        yield replace(row, portal=portals.get(row.entry.restore_id))


def verified_row(raw: Sequence[Any], seq: int, before: str) -> Row | None:
    """Return the row, if it has this ``seq`` and continues the chain after the hash ``before``."""
    row = _parse(raw)
    if row is None or row.seq != seq or row.hash != row_hash(before, seq, row.entry):
        return None
    return row


def raw_rows() -> Select[Any]:
    """Select the rows byte for byte with their types.

    What the driver would make of a touched one must not hide the touch.
    """
    columns: list[ColumnElement[Any]] = []
    for column in _TEXTS:
        columns += [func.typeof(column), cast(column, LargeBinary)]
    query = select(audit.c.seq, *columns).order_by(audit.c.seq)
    return query.execution_options(yield_per=PAGE)


_TEXTS = (
    audit.c.at,
    audit.c.restore_id,
    audit.c.actor,
    audit.c.event,
    audit.c.new_state,
    audit.c.details,
    audit.c.hash,
    audit.c.old_state,
)
"""The columns that hold text; the last one may be null."""


def _parse(raw: Sequence[Any]) -> Row | None:
    """Return the row, None where a value is not written as restorebot writes it."""
    seq, types, values = raw[0], raw[1::2], raw[2::2]
    if any(kind != "text" for kind in types[:-1]) or types[-1] not in {"text", "null"}:
        return None
    try:
        texts = [bytes(value).decode() for value in values[:-1]]
        at, restore_id, actor, event, new_state, details, digest = texts
        old_state = None
        if types[-1] == "text":
            old_state = bytes(values[-1]).decode()
        moment = datetime.strptime(at, SQLITE_TIME).replace(tzinfo=UTC)
        facts = json.loads(details)
    except ValueError:
        return None
    if moment.strftime(SQLITE_TIME) != at or json.dumps(facts) != details:
        return None
    if not isinstance(facts, dict):
        return None
    entry = Entry(
        at=moment,
        restore_id=restore_id,
        actor=actor,
        event=event,
        old_state=old_state,
        new_state=new_state,
        details=facts,
    )
    return Row(seq=seq, entry=entry, hash=digest)
