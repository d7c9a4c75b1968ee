"""What a restore is restored from, in words: a backup of the history, or an archive that somebody
named.
"""

from datetime import datetime

from restorebot.docspace.storages import name_of
from restorebot.model import Source
from restorebot.slack.mrkdwn import Block, code, date, duration, escape, fields, plain_section


def stored_in(source: Source) -> str:
    return name_of(source.storage_type)


def made(source: Source, now: datetime | None = None) -> tuple[str, str]:
    """What is known of its age, as a label and mrkdwn; with ``now``, also how long ago that was.

    A file's time is that of its upload: the backup in it may be much older.
    """
    label, moment = ("Backup made", source.created_on)
    if source.changed_on:
        label, moment = "File last changed", source.changed_on
    ago = f"\n{duration(now - moment)} ago" if now and moment else ""
    return label, f"{date(moment)}{ago}" if moment else "not known"


def archive(source: Source) -> list[Block]:
    """Where an archive lies, whole: what an approver says yes to.

    Nothing for a backup of the history.
    """
    if source.backup_id:
        return []
    named = [f"{key} {value}" for key, value in source.shown_params.items()]
    looked_at = [] if source.size is None else [f"{size(source.size)}, version {source.version}"]
    return [
        plain_section(
            "Archive", ", ".join([f"storageType {source.storage_type}", *named, *looked_at])
        )
    ]


def facts(source: Source, portal: str, url: str, now: datetime) -> list[Block]:
    """The modal's facts."""
    pairs = [
        ("Portal", f"{code(portal)}\n{escape(url)}"),
        made(source, now),
        ("Stored in", stored_in(source)),
    ]
    pairs += [("Backup id", code(source.backup_id))] if source.backup_id else []
    return [fields(pairs), plain_section("Backup", source.file_name, 300), *archive(source)]


def size(count: int) -> str:
    """Bytes in the unit that people read: ``1.4 GB``, in thousands."""
    amount = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"
