"""What a restore is restored from, in words: a backup, or an archive that somebody named."""

from datetime import datetime

from restorebot.docspace.storages import name_of
from restorebot.model import Source
from restorebot.slack.mrkdwn import Block, code, date, duration, escape, fields, plain_section

NOT_KNOWN = "not known"


def stored_in(source: Source) -> str:
    """Return where it is kept, in words."""
    return name_of(source.storage_type)


def made(source: Source, now: datetime | None = None) -> tuple[str, str]:
    """Return what is known of its age, as a label and mrkdwn.

    With ``now``, it says too how long ago that was. A file's time is that of its upload: the backup
    in it may be much older.
    """
    label, moment = "Backup made", source.created_on
    if source.changed_on is not None:
        label, moment = "File last changed", source.changed_on
    if moment is None:
        return label, NOT_KNOWN
    if now is None:
        return label, date(moment)
    return label, f"{date(moment)}\n{duration(now - moment)} ago"


def archive(source: Source) -> list[Block]:
    """Return where an archive lies, whole: what an approver says yes to.

    Nothing for a backup of the history.
    """
    if source.backup_id:
        return []
    parts = [f"storageType {source.storage_type}"]
    parts += [f"{key} {value}" for key, value in source.shown_params.items()]
    if source.size is not None:
        parts.append(f"{size(source.size)}, version {source.version}")
    return [plain_section("Archive", ", ".join(parts))]


def facts(source: Source, portal: str, url: str, now: datetime) -> list[Block]:
    """Return the facts that the modal shows."""
    pairs = [
        ("Portal", f"{code(portal)}\n{escape(url)}"),
        made(source, now),
        ("Stored in", stored_in(source)),
    ]
    if source.backup_id:
        pairs.append(("Backup id", code(source.backup_id)))
    return [fields(pairs), plain_section("Backup", source.file_name, 300), *archive(source)]


def size(count: int) -> str:
    """Return bytes in the unit that people read: ``1.4 GB``, in thousands."""
    if count < 1000:
        return f"{count} bytes"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 1000:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:.1f} TB"
