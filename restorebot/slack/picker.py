"""The picker: the modal in which a backup is chosen from the newest ones, or its id typed."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from restorebot.docspace.models import STORAGE_NAMES, BackupRecord
from restorebot.docspace.storages import REFUSED
from restorebot.errors import PortalError
from restorebot.model import PortalName, Source
from restorebot.restores.portals import Portal
from restorebot.slack.archive_form import (
    HISTORY,
    KIND,
    NOT_OFFERED,
    inputs,
    kind_select,
    selected_kind,
)
from restorebot.slack.archive_form import parse_archive as read_archive
from restorebot.slack.blocks import Block, context, modal, plain_section, section
from restorebot.slack.forms import FieldErrors, StaleFields, input_value
from restorebot.slack.mrkdwn import code, duration, plain_text
from restorebot.slack.parsing import EMPTY_GUID, GUID
from restorebot.slack.phrases.answers import EXAMPLE_ID

PICK = "restore_pick"
BACKUP = "backup"
OTHER = "other"

NEWEST = 100
"""Options of a static select (slack §3); clients filter them as one types."""

OPTION = 75
"""Characters of an option's text, and of its description."""


@dataclass(frozen=True, kw_only=True)
class PickerState:
    """What an open picker carries: where it belongs, and which fields it shows just now."""

    portal_name: PortalName
    channel: str
    kind: str = HISTORY
    module: str = ""

    def pack(self) -> str:
        return json.dumps([self.portal_name, self.channel, self.kind, self.module])

    @classmethod
    def from_view(cls, view: Mapping[str, Any]) -> "PickerState":
        portal_name, channel, kind, module = json.loads(view["private_metadata"])
        return cls(portal_name=portal_name, channel=channel, kind=kind, module=module)

    def chosen(self, view: Mapping[str, Any]) -> "PickerState":
        """The same with the kind and module that the person has chosen, whose fields may not be
        shown yet.
        """
        kind, module = selected_kind(view)
        return replace(self, kind=kind, module=module)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a submitted picker asks for; ``facts_id`` is the ``external_id`` of the window that
    answers it.
    """

    view_id: str
    facts_id: str
    user: str
    portal_name: PortalName
    channel: str
    wanted: str | Source


def picker_modal(
    portal: Portal,
    history: Sequence[BackupRecord] | PortalError,
    picker: PickerState,
    now: datetime,
) -> Block:
    """The modal. ``history`` is newest first, or the sentence that says why it could not be read.

    Backups that cannot be restored are not offered.
    """
    if picker.kind != HISTORY:
        shown = inputs(picker.kind, picker.module)
    elif isinstance(history, PortalError):
        shown = [
            plain_section("The backups could not be read", str(history), 1000),
            _other("The id of a backup"),
        ]
    else:
        shown = _backups(portal, history, now)
    blocks = [kind_select(picker.kind), *shown, context(NOT_OFFERED)]
    return modal(
        blocks,
        callback_id=PICK,
        title="Choose a backup",
        close="Cancel",
        submit="Next",
        private_metadata=picker.pack(),
    )


def _backups(portal: Portal, records: Sequence[BackupRecord], now: datetime) -> list[Block]:
    usable = [
        record
        for record in records
        if (not record.expires_on or record.expires_on > now) and record.storage_type not in REFUSED
    ]
    options = [_option(record, now) for record in usable[:NEWEST]]
    if not options:
        none = section(f"The history of {code(portal.name)} has no backup that can be restored.")
        return [none, _other("The id of a backup")]
    more = len(usable) - len(options)
    note = (
        f" The {more} older ones are not among them: `/restore list` shows all ids." if more else ""
    )
    select = {"type": "static_select", "action_id": "value", "options": options}
    return [
        section(f"Backups of {code(portal.name)}, newest first.{note}"),
        _input(
            BACKUP, "Backup", select | {"placeholder": _plain("Choose a backup, or type to filter")}
        ),
        _other("Or the id of another backup"),
    ]


def _other(label: str) -> Block:
    element = {
        "type": "plain_text_input",
        "action_id": "value",
        "max_length": 100,
        "placeholder": _plain(EXAMPLE_ID),
    }
    return _input(OTHER, label, element)


def parse_submission(view: Mapping[str, Any], user: str) -> Choice:
    """Raises FieldErrors; ``StaleFields`` when the fields are not those of the kind that is
    chosen.
    """
    shown = PickerState.from_view(view)
    if shown.chosen(view) != shown:
        raise StaleFields(
            {
                KIND: (
                    "The fields of this choice are coming up just now. Fill them in, then press "
                    "Next."
                )
            }
        )

    def choose(wanted: str | Source) -> Choice:
        return Choice(
            view_id=view["id"],
            facts_id=f"facts-{uuid.uuid4()}",
            user=user,
            portal_name=shown.portal_name,
            channel=shown.channel,
            wanted=wanted,
        )

    if shown.kind != HISTORY:
        return choose(read_archive(view, shown.kind, shown.module))
    values = view["state"]["values"]
    chosen = ((values.get(BACKUP) or {}).get("value") or {}).get("selected_option") or {}
    picked, other = str(chosen.get("value") or ""), input_value(view, OTHER)
    first = BACKUP if BACKUP in values else OTHER
    if picked and other:
        raise FieldErrors(
            {
                OTHER: (
                    "Choose a backup or type an id, not both. Empty this field to take the one "
                    "chosen."
                )
            }
        )
    if not picked and not other:
        raise FieldErrors({first: "Choose a backup, or type the id of one."})
    if other and (not GUID.fullmatch(other) or other == EMPTY_GUID):
        raise FieldErrors({OTHER: f"This is not a backup id. One looks like {EXAMPLE_ID}."})
    return choose((picked or other).lower())


def _option(record: BackupRecord, now: datetime) -> Block:
    stored = STORAGE_NAMES.get(record.storage_type, f"storage type {record.storage_type}")
    told = f"{duration(now - record.created_on)} old, in {stored}"
    name = plain_text(record.file_name, OPTION) or record.id
    return {
        "text": _plain(name),
        "description": _plain(plain_text(told, OPTION)),
        "value": record.id,
    }


def _input(block_id: str, label: str, element: Block) -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "optional": True,
        "label": _plain(label),
        "element": element,
    }


def _plain(text: str) -> Block:
    return {"type": "plain_text", "text": text}
