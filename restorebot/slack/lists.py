"""What `/restore list`, `status` and `history` print: lines, put into as few messages as Slack's
limits let them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from restorebot.docspace.models import BackupRecord
from restorebot.docspace.storages import name_of
from restorebot.model import Restore
from restorebot.restores.portals import Portal
from restorebot.slack.cards import TITLES
from restorebot.slack.mrkdwn import (
    SECTION,
    Block,
    code,
    date,
    duration,
    escape,
    mention,
    mentions,
    section,
)

SECTIONS = 4
"""Sections of a message: all blocks together may have about 13,000 characters (Slack fact sheet,
"Posting").
"""

NAME = 120


def messages(lines: Iterable[str]) -> list[list[Block]]:
    """The lines in order, as the blocks of one or more messages."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < SECTION:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    blocks = [section(text) for text in texts]
    return [blocks[start : start + SECTIONS] for start in range(0, len(blocks), SECTIONS)]


def backups(portal: Portal, records: Sequence[BackupRecord], now: datetime) -> list[str]:
    """Every backup of a portal, newest first, with its id to copy."""
    if not records:
        return [f"The history of {code(portal.name)} has no backups."]
    many = "1 backup" if len(records) == 1 else f"{len(records)} backups"
    return [f"*{many} of {code(portal.name)}*", *(_backup(record, now) for record in records)]


def _backup(record: BackupRecord, now: datetime) -> str:
    expired = " · *expired*" if record.expires_on and record.expires_on <= now else ""
    return (
        f"{code(record.id)} {escape(record.file_name, NAME)} · {date(record.created_on)} · "
        f"{name_of(record.storage_type)}{expired}"
    )


def status(
    restores: Sequence[Restore], links: Mapping[str, str], portals: Sequence[str]
) -> list[str]:
    """What is open and running; ``links`` are the addresses of the cards by restore id."""
    if not restores:
        return [f"No restore of {_names(portals)} is open or running."]
    return [
        f"*{len(restores)} open*",
        *(open_line(restore, links.get(restore.id, "")) for restore in restores),
    ]


def open_line(restore: Restore, link: str) -> str:
    """One open restore; ``link`` is its card's address, if there is one."""
    title = f"Restore of {escape(restore.portal)}: {TITLES[restore.state]}"
    shown = f"<{link}|{title}>" if link else title
    starts = (
        f" · starts {date(restore.starts_at)}" if restore.is_planned and restore.starts_at else ""
    )
    return f"• {shown}{starts} · asked by {mention(restore.requester)} {date(restore.requested_at)}"


def history(restores: Sequence[Restore], portals: Sequence[str]) -> list[str]:
    """How the last restores ended, newest first."""
    if not restores:
        return [f"No restore of {_names(portals)} has ended yet."]
    title = "*The last restore*" if len(restores) == 1 else f"*The last {len(restores)} restores*"
    return [title, *(ended_line(restore) for restore in restores)]


def _names(portals: Sequence[str]) -> str:
    return ", ".join(code(name) for name in portals)


def ended_line(restore: Restore) -> str:
    """One ended restore."""
    yes = f", approved by {mentions(restore.voters)}" if restore.votes else ""
    yes = ", started alone (break-glass)" if restore.break_glass else yes
    took = (
        f", took {duration(restore.ended_at - restore.posted_at)}"
        if restore.ended_at and restore.posted_at
        else ""
    )
    at = f" {date(restore.ended_at)}" if restore.ended_at else ""
    return (
        f"• {code(restore.portal)} from {escape(restore.source.file_name, NAME)}: "
        f"*{TITLES[restore.state]}*{at}{took} "
        f"· asked by {mention(restore.requester)}{yes}"
    )
