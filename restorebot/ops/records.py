"""What the command line shows of the database: the audit trail, and how restores ended."""

import csv
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table

from restorebot.model import ENDED, Restore
from restorebot.storage import audit
from restorebot.storage.store import Reading, opened_to_look

COLUMNS = ("seq", "at", "restore_id", "portal", "actor", "event", "old_state", "new_state", "details", "hash")

WITNESS = re.compile(r"[0-9a-f]{6,64}")
"""A witness: the beginning of a hash, as closing posts show it."""


async def verify(url: str, witness: str) -> tuple[bool, str]:
    """Whether the audit trail fits, and what to say of it. Raises StorageError."""
    async with opened_to_look(url) as conn:
        found = await audit.verify(conn, witness)
    if found.misfit is not None:
        sentence = f"Row {found.misfit} does not fit: it was changed, removed or cut off."
        return False, f"{sentence} The {found.rows} rows before it fit."
    if not found.witnessed:
        return False, (
            f"The {found.rows} rows fit each other, but none has the witness {witness}: the trail was cut or rewritten "
            "after that hash was shown, or the hash is of another database."
        )
    seen = f" and hold the witness {witness}" if witness else ""
    return True, f"All {found.rows} rows fit{seen}. The head is {found.head or 'empty'}."


async def export(url: str, out: TextIO, form: str, since: datetime | None, portal: str | None) -> int:
    """Write the trail as ``jsonl`` or ``csv``, row by row; returns how many rows. Raises StorageError."""
    count = 0
    table = csv.DictWriter(out, COLUMNS, lineterminator="\n") if form == "csv" else None
    if table:
        table.writeheader()
    async with opened_to_look(url) as conn:
        async for row in audit.rows(conn, since=since, portal=portal):
            if table:
                table.writerow({name: _cell(row[name]) for name in COLUMNS})
            else:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _cell(value: Any) -> Any:
    """A spreadsheet takes what begins like this for a formula; a text from outside must not become one."""
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


async def history(url: str, count: int) -> list[Restore]:
    """The latest restores that have ended, newest first. Raises StorageError."""
    async with opened_to_look(url) as conn:
        return await Reading(conn).last_ended(None, count)


def show_history(restores: Iterable[Restore], console: Console) -> None:
    """Print restores as a table; times are UTC."""
    table = Table("restore", "portal", "backup", "asked by", "approved by", "how it ended", "when (UTC)", "took")
    for restore in restores:
        ended, posted = restore.ended_at, restore.posted_at
        table.add_row(
            restore.id[:8],
            restore.portal,
            restore.source.file_name,
            restore.requester,
            ", ".join(restore.voters),
            restore.state.value,
            ended.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if ended else "",
            str(ended - posted).split(".")[0] if ended and posted and restore.state in ENDED else "",
        )
    console.print(table)
