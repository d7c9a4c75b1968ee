"""What a restore is restored from, in words: a backup of the history, or an archive that somebody named."""

from restorebot.docspace.models import STORAGE_NAMES
from restorebot.model import Source
from restorebot.slack.texts import Block, code, escape, fields, quoted, when

UNSEEN = {"ssekey"}
"""Parameters that nobody needs to see."""


def stored_in(source: Source) -> str:
    return STORAGE_NAMES.get(source.storage_type, f"storage type {source.storage_type}")


def made(source: Source) -> str:
    """When it was made, in mrkdwn."""
    return when(source.created_on) if source.created_on else "not known"


def identity(source: Source) -> str:
    """What tells it from every other: its id in the history, or where its archive lies."""
    if source.backup_id:
        return f"Backup id {code(source.backup_id)}"
    named = [f"{escape(key)} {code(value, 200)}" for key, value in source.params if key not in UNSEEN]
    looked_at = [] if source.size is None else [f"{size(source.size)}, version {source.version}"]
    return ", ".join([f"storageType {source.storage_type}", *named, *looked_at])


def facts(source: Source, portal: str, url: str, age: str) -> list[Block]:
    """The modal's facts."""
    pairs = [
        ("Portal", f"{code(portal)}\n{escape(url)}"),
        ("Backup made", f"{made(source)}{age}"),
        ("Stored in", stored_in(source)),
        ("Backup id", code(source.backup_id)) if source.backup_id else ("Archive", identity(source)),
    ]
    return [fields(pairs), quoted("Backup", source.file_name, 300)]


def size(count: int) -> str:
    """Bytes in the unit that people read: ``1.4 GB``, in thousands."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
