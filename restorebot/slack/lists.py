"""What `/restore list`, `status` and `history` print.

Lines are put into as few messages as Slack's limits let them.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from restorebot.docspace.models import BackupRecord
from restorebot.model import Restore
from restorebot.restores.portals import Portal
from restorebot.slack.blocks import SECTION, Block, section
from restorebot.slack.phrases import lists as words

SECTIONS = 4
"""Sections of a message: all blocks together may have about 13,000 characters (slack §3)."""


def messages(lines: Iterable[str]) -> list[list[Block]]:
    """Return the lines in order, as the blocks of one or more messages."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < SECTION:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    blocks = [section(text) for text in texts]
    return [blocks[start : start + SECTIONS] for start in range(0, len(blocks), SECTIONS)]


def backups(portal: Portal, records: Sequence[BackupRecord], now: datetime) -> list[str]:
    """Return every backup of a portal, newest first, with its id to copy."""
    if not records:
        return [words.no_backups(portal.name)]
    lines = [words.backups_of(portal.name, len(records))]
    lines += [words.backup_line(record, now) for record in records]
    return lines


def status(
    restores: Sequence[Restore], links: Mapping[str, str | None], portals: Sequence[str]
) -> list[str]:
    """Return what is open and running; ``links`` are the addresses of the cards by restore id."""
    if not restores:
        return [words.nothing_open(portals)]
    lines = [words.open_count(len(restores))]
    lines += [words.open_line(restore, links.get(restore.id)) for restore in restores]
    return lines


def history(restores: Sequence[Restore], portals: Sequence[str]) -> list[str]:
    """Return how the last restores ended, newest first."""
    if not restores:
        return [words.nothing_ended(portals)]
    lines = [words.last_restores(len(restores))]
    lines += [words.ended_line(restore) for restore in restores]
    return lines
