"""`restorebot audit`: verify the trail and write it out."""

import csv
import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any, TextIO

from restorebot.errors import Refused
from restorebot.storage import audit
from restorebot.storage.store import open_read_only

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

NO_WITNESS = "A witness is 6 to 64 of the digits 0-9 and a-f: copy it from a closing post in Slack."

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula at the beginning of a cell."""


def no_format(name: str) -> str:
    """Say that there is no such format."""
    return f"There is no format {name!r}. Choose jsonl or csv."


def no_day(text: str) -> str:
    """Say that a text is neither a day nor a moment."""
    return f"{text!r} is no day. Write one as 2026-01-31 or 2026-01-31T12:00."


async def verify(url: str, witness: str | None) -> tuple[bool, str]:
    """Return whether the audit trail fits, and what to say of it. Raise StorageError.

    ``witness`` is the beginning of a hash that it must contain, if one is known.
    """
    async with open_read_only(url) as connection:
        found = await audit.verify(connection, witness)
    if found.first_broken is not None:
        return False, broken(found.first_broken, found.rows)
    head = found.head or "empty"
    if witness is None:
        return True, whole(found.rows, head)
    if not found.has_witness:
        return False, without_witness(found.rows, witness)
    return True, whole_with_witness(found.rows, witness, head)


def broken(seq: int, before: int) -> str:
    """Say which row does not fit, and how many before it do."""
    return (
        f"Row {seq} does not fit: it was changed, removed or cut off. "
        f"The {before} rows before it fit."
    )


def without_witness(rows: int, witness: str) -> str:
    """Say that the rows fit each other, but that somebody may have rewritten them all."""
    return (
        f"The {rows} rows fit each other, but none has the witness {witness}: the trail was "
        "cut or rewritten after that hash was shown, or the hash is of another database."
    )


def whole(rows: int, head: str) -> str:
    """Say that everything fits."""
    return f"All {rows} rows fit. {_head(head)}"


def whole_with_witness(rows: int, witness: str, head: str) -> str:
    """Say that everything fits, and that nobody has rewritten it all."""
    return f"All {rows} rows fit and hold the witness {witness}. {_head(head)}"


def _head(head: str) -> str:
    return f"The head is {head}."


async def export(
    url: str, out: TextIO, form: str, since: datetime | None, portal: str | None
) -> None:
    """Write the trail as ``jsonl`` or ``csv``, row by row.

    ``since`` is the first moment, ``portal`` the only portal's alias. Raise StorageError, and
    Refused when the trail has no such portal.
    """
    write = _writer(out, form)
    portals: set[str] = set()
    async with open_read_only(url) as connection:
        async for row in audit.rows(connection):
            portals.add(row.portal or "")
            if since and row.entry.at < since:
                continue
            if portal is None or _same(row.portal, portal):
                write(_plain(row))
    if portal is not None and not any(_same(name, portal) for name in portals):
        raise Refused(unknown_portal(portal, portals))


def unknown_portal(portal: str, portals: set[str]) -> str:
    """Say that no row is of this portal, and of which portals there are rows."""
    there = ", ".join(sorted(filter(None, portals))) or "none yet"
    missing = f"The trail has no portal {portal!r}."
    return f"{missing} Portals go by their alias here; the trail has {there}."


def _same(name: str | None, portal: str) -> bool:
    return name is not None and name.lower() == portal.lower()


def _writer(out: TextIO, form: str) -> Callable[[dict[str, Any]], None]:
    if form == "csv":
        table = csv.DictWriter(out, COLUMNS, lineterminator="\n")
        table.writeheader()
        return lambda plain: table.writerow({name: cell(one) for name, one in plain.items()})

    def write(plain: dict[str, Any]) -> None:
        out.write(json.dumps(plain, ensure_ascii=False) + "\n")

    return write


def _plain(row: audit.Row) -> dict[str, Any]:
    values = {**vars(row), **vars(row.entry), "at": row.entry.at.isoformat()}
    values["portal"] = row.portal or ""
    return {name: values[name] for name in COLUMNS}


def cell(value: Any) -> Any:
    """Return a value for a spreadsheet; a text from outside must not become a formula."""
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(FORMULA_SIGNS):
        return f"'{value}"
    return value
