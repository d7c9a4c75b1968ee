"""`restorebot history`: how restores ended."""

from collections.abc import Iterable
from datetime import datetime

from restorebot.cli import tables
from restorebot.model import Restore
from restorebot.slack.phrases import approval
from restorebot.slack.phrases.restore import with_mark
from restorebot.storage.store import ReadTransaction, open_read_only
from restorebot.times import duration, utc_minute

COLUMNS = (
    "restore",
    "portal",
    "backup",
    "asked by",
    "approved by",
    "how it ended",
    "when (UTC)",
    "took",
)


async def last_ended(url: str, count: int) -> list[Restore]:
    """Return the latest restores that have ended, newest first. Raise StorageError."""
    async with open_read_only(url) as connection:
        return await ReadTransaction(connection).last_ended(None, count)


def print_history(restores: Iterable[Restore]) -> None:
    """Print restores as a table; times are UTC."""
    tables.print_table(COLUMNS, [row(restore) for restore in restores])


def row(restore: Restore) -> tuple[str, ...]:
    """Return what the table says of one restore, a cell for each of COLUMNS."""
    took = ""
    if restore.took is not None:
        took = duration(restore.took)
    return (
        restore.id[:8],
        restore.portal,
        restore.source.file_name,
        restore.requester,
        approval.in_table(restore),
        with_mark(restore.state.value, restore),
        _minute(restore.ended_at),
        took,
    )


def _minute(moment: datetime | None) -> str:
    if moment is None:
        return ""
    return utc_minute(moment)
