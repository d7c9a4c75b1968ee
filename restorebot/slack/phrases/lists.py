"""The lines of `/restore list`, `status` and `history`."""

from collections.abc import Iterable
from datetime import datetime

from restorebot.docspace.models import BackupRecord
from restorebot.model import Restore
from restorebot.slack.mrkdwn import (
    code,
    date,
    escape,
    mention,
)
from restorebot.slack.phrases import approval
from restorebot.slack.phrases.restore import TITLES, starts, stored_in, with_end, with_mark
from restorebot.times import duration

EXPIRED = "*expired*"

NAME_SHOWN = 120
"""Characters of a backup's file name."""


def no_backups(portal: str) -> str:
    """Say that the history is empty."""
    return f"The history of {code(portal)} has no backups."


def backups_of(portal: str, count: int) -> str:
    """Head a list of backups."""
    if count == 1:
        return f"*1 backup of {code(portal)}*"
    return f"*{count} backups of {code(portal)}*"


def backup_line(record: BackupRecord, now: datetime) -> str:
    """Describe one backup, beginning with its id to copy."""
    parts = [
        f"{code(record.id)} {escape(record.file_name, NAME_SHOWN)}",
        date(record.created_on),
        stored_in(record.storage_type),
    ]
    if record.expires_on and record.expires_on <= now:
        parts.append(EXPIRED)
    return " · ".join(parts)


def nothing_open(portals: Iterable[str]) -> str:
    """Say that nothing is open."""
    return f"No restore of {portal_names(portals)} is open or running."


def open_count(count: int) -> str:
    """Head a list of open restores."""
    return f"*{count} open*"


def nothing_ended(portals: Iterable[str]) -> str:
    """Say that nothing has ended."""
    return f"No restore of {portal_names(portals)} has ended yet."


def last_restores(count: int) -> str:
    """Head a list of ended restores."""
    if count == 1:
        return "*The last restore*"
    return f"*The last {count} restores*"


def portal_names(portals: Iterable[str]) -> str:
    """List portals."""
    return ", ".join(code(name) for name in portals)


def asked_by(restore: Restore) -> str:
    """Say who asked for it."""
    return f"asked by {mention(restore.requester)}"


def open_line(restore: Restore, link: str | None) -> str:
    """Describe one open restore; ``link`` is its card's address, if there is one."""
    shown = f"Restore of {escape(restore.portal)}: {TITLES[restore.state]}"
    if link:
        shown = f"<{link}|{shown}>"
    if restore.is_planned:
        shown = f"{shown} · starts {starts(restore)}"
    return f"• {shown} · {asked_by(restore)} {date(restore.requested_at)}"


def ended_line(restore: Restore) -> str:
    """Describe one ended restore."""
    end = with_end(f"*{with_mark(TITLES[restore.state], restore)}*", restore)
    if restore.took is not None:
        end = f"{end}, took {duration(restore.took)}"
    name = escape(restore.source.file_name, NAME_SHOWN)
    line = f"• {code(restore.portal)} from {name}: {end} · {asked_by(restore)}"
    approved = approval.in_list(restore)
    if approved is None:
        return line
    return f"{line}, {approved}"
