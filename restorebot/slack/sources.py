"""What a restore is restored from, as blocks: a backup of the history, or an archive."""

from datetime import datetime

from restorebot.model import Source
from restorebot.slack.blocks import Block, fields, plain_section
from restorebot.slack.mrkdwn import code
from restorebot.slack.phrases import card as words
from restorebot.slack.phrases import request
from restorebot.slack.phrases.restore import age, archive_place, portal_and_address, stored_in

NAME_SHOWN = 300


def archive(source: Source) -> list[Block]:
    """Show where an archive lies, whole: what an approver says yes to.

    Nothing for a backup of the history.
    """
    if source.backup_id:
        return []
    return [plain_section(words.ARCHIVE, archive_place(source))]


def facts(source: Source, portal: str, url: str, now: datetime) -> list[Block]:
    """Show the modal's facts."""
    pairs = [
        (words.PORTAL, portal_and_address(portal, url)),
        age(source, now),
        (words.STORED_IN, stored_in(source.storage_type)),
    ]
    if source.backup_id:
        pairs.append((request.BACKUP_ID, code(source.backup_id)))
    name = plain_section(words.BACKUP, source.file_name, NAME_SHOWN)
    return [fields(pairs), name, *archive(source)]
