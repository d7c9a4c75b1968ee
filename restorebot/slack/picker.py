"""The picker: the modal in which a backup is chosen from the newest ones, or its id typed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from restorebot.docspace.models import STORAGE_NAMES, BackupRecord
from restorebot.docspace.storages import REFUSED
from restorebot.model import Source
from restorebot.restores.portals import Portal
from restorebot.slack.fields import HISTORY, NOT_OFFERED, inputs, kind_select
from restorebot.slack.fields import chosen as kind_chosen
from restorebot.slack.fields import read as read_archive
from restorebot.slack.grammar import EXAMPLE, GUID, NO_BACKUP
from restorebot.slack.texts import Block, code, context, lasting, plain, quoted, section
from restorebot.slack.views import FieldErrors, modal, typed

PICK = "restore_pick"
BACKUP = "backup"
OTHER = "other"

NEWEST = 100
"""Options of a static select (Slack fact sheet, "Limits"); clients filter them as one types."""

OPTION = 75
"""Characters of an option's text."""


@dataclass(frozen=True)
class Choice:
    """What a submitted picker asks for."""

    view_id: str
    user: str
    portal_name: str
    channel: str
    wanted: str | Source


def choice(
    portal: Portal,
    records: Sequence[BackupRecord],
    channel: str,
    now: datetime,
    kind: str = HISTORY,
    module: str = "s3",
) -> Block:
    """The modal. ``records`` are newest first; those that cannot be restored are not offered.

    ``kind`` and ``module`` are what has been chosen in it so far, and decide its fields.
    """
    metadata = json.dumps([portal.name, channel])
    if kind != HISTORY:
        blocks = [kind_select(kind), *inputs(kind, module), context(NOT_OFFERED)]
        return modal(blocks, PICK, "Choose a backup", submit=_plain("Next"), private_metadata=metadata)
    usable = [
        record
        for record in records
        if (not record.expires_on or record.expires_on > now) and record.storage_type not in REFUSED
    ]
    options = [_option(record, now) for record in usable[:NEWEST]]
    more = len(usable) - len(options)
    note = f" The {more} older ones are not among them: `/restore list` shows all ids." if more else ""
    blocks = [section(f"Backups of {code(portal.name)}, newest first.{note}")]
    if options:
        select = {"type": "static_select", "action_id": "value", "options": options}
        blocks.append(_input(BACKUP, "Backup", select | {"placeholder": _plain("Choose a backup, or type to filter")}))
    else:
        blocks = [section(f"The history of {code(portal.name)} has no backup that can be restored.")]
    other = {"type": "plain_text_input", "action_id": "value", "max_length": 100, "placeholder": _plain(EXAMPLE)}
    blocks.append(_input(OTHER, "Or the id of another backup", other))
    blocks = [kind_select(kind), *blocks, context(NOT_OFFERED)]
    return modal(blocks, PICK, "Choose a backup", submit=_plain("Next"), private_metadata=metadata)


def unread(sentence: str) -> Block:
    """The modal when the history could not be read."""
    return modal([quoted("The backups could not be read", sentence, 1000)], PICK, "Choose a backup")


def read(view: Mapping[str, Any], user: str) -> Choice:
    """Raises FieldErrors."""
    portal_name, channel = json.loads(view["private_metadata"])
    kind, module = kind_chosen(view)
    if kind != HISTORY:
        return Choice(view["id"], user, portal_name, channel, read_archive(view, kind, module))
    values = view["state"]["values"]
    chosen = ((values.get(BACKUP) or {}).get("value") or {}).get("selected_option") or {}
    picked, other = str(chosen.get("value") or ""), typed(view, OTHER)
    shown = BACKUP if BACKUP in values else OTHER
    if picked and other:
        raise FieldErrors({OTHER: "Choose a backup or type an id, not both. Empty this field to take the one chosen."})
    if not picked and not other:
        raise FieldErrors({shown: "Choose a backup, or type the id of one below."})
    if other and (not GUID.fullmatch(other) or other == NO_BACKUP):
        raise FieldErrors({OTHER: f"This is not a backup id. One looks like {EXAMPLE}."})
    return Choice(view["id"], user, portal_name, channel, (picked or other).lower())


def _option(record: BackupRecord, now: datetime) -> Block:
    stored = STORAGE_NAMES.get(record.storage_type, f"storage type {record.storage_type}")
    tail = f" · {lasting(now - record.created_on)} old · {stored}"
    return {"text": _plain(plain(record.file_name, OPTION - len(tail)) + tail), "value": record.id}


def _input(block_id: str, label: str, element: Block) -> Block:
    return {"type": "input", "block_id": block_id, "optional": True, "label": _plain(label), "element": element}


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
