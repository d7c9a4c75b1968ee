"""What the command line shows of the database: the audit trail, and how restores ended."""

import csv
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TextIO

from restorebot.cli import tables
from restorebot.errors import Refused
from restorebot.model import ENDED, Restore
from restorebot.storage import audit
from restorebot.storage.store import ReadTransaction, open_read_only

COLUMNS = (
    "seq",
    "at",
    "restore_id",
    "portal",
    "actor",
    "event",
    "old_state",
    "new_state",
    "details",
    "hash",
)

WITNESS = re.compile(r"[0-9a-f]{6,64}")
"""A witness: the beginning of a hash, as closing posts show it."""


async def verify(url: str, witness: str) -> tuple[bool, str]:
    """Whether the audit trail fits, and what to say of it. Raises StorageError."""
    async with open_read_only(url) as conn:
        found = await audit.verify(conn, witness)
    if found.first_broken is not None:
        sentence = f"Row {found.first_broken} does not fit: it was changed, removed or cut off."
        return False, f"{sentence} The {found.rows} rows before it fit."
    if not found.has_witness:
        return False, (
            f"The {found.rows} rows fit each other, but none has the witness {witness}: the trail "
            "was cut or rewritten "
            "after that hash was shown, or the hash is of another database."
        )
    seen = f" and hold the witness {witness}" if witness else ""
    return True, f"All {found.rows} rows fit{seen}. The head is {found.head or 'empty'}."


async def export(url: str, out: TextIO, form: str, since: datetime | None, portal: str) -> None:
    """Write the trail as ``jsonl`` or ``csv``, row by row; from a time on, and of the portal with
    this alias.

    Raises StorageError, and Refused when the trail has no such portal.
    """
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n") if form == "csv" else None
    if table:
        table.writeheader()
    portals = set()
    async with open_read_only(url) as conn:
        async for row in audit.rows(conn):
            portals.add(row.portal)
            if (since and row.entry.at < since) or (
                portal and row.portal.lower() != portal.lower()
            ):
                continue
            plain = _plain(row)
            if table:
                table.writerow({name: _cell(value) for name, value in plain.items()})
            else:
                out.write(json.dumps(plain, ensure_ascii=False) + "\n")
    if portal and portal.lower() not in {name.lower() for name in portals}:
        there = ", ".join(sorted(filter(None, portals))) or "none yet"
        raise Refused(
            f"The trail has no portal {portal!r}. Portals go by their alias here; the trail has "
            f"{there}."
        )


def _plain(row: audit.Row) -> dict[str, Any]:
    values = {**vars(row), **vars(row.entry), "at": row.entry.at.isoformat()}
    return {name: values[name] for name in COLUMNS}


def _cell(value: Any) -> Any:
    """A spreadsheet takes what begins like this for a formula; a text from outside must not become
    one.
    """
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
    return (
        f"'{text}"
        if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r"))
        else text
    )


async def history(url: str, count: int) -> list[Restore]:
    """The latest restores that have ended, newest first. Raises StorageError."""
    async with open_read_only(url) as conn:
        return await ReadTransaction(conn).last_ended(None, count)


def show_history(restores: Iterable[Restore]) -> None:
    """Print restores as a table; times are UTC."""
    tables.print_table(
        (
            "restore",
            "portal",
            "backup",
            "asked by",
            "approved by",
            "how it ended",
            "when (UTC)",
            "took",
        ),
        [_ended(restore) for restore in restores],
    )


def _ended(restore: Restore) -> tuple[str, ...]:
    ended, posted = restore.ended_at, restore.posted_at
    return (
        restore.id[:8],
        restore.portal,
        restore.source.file_name,
        restore.requester,
        "nobody: break-glass" if restore.break_glass else ", ".join(restore.voters),
        restore.state.value,
        ended.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if ended else "",
        str(ended - posted).split(".")[0] if ended and posted and restore.state in ENDED else "",
    )
