"""The picker: the modal in which a backup is chosen from the newest ones, or its id typed."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from restorebot.docspace.models import BackupRecord
from restorebot.docspace.storages import name_of, refusal_of
from restorebot.errors import PortalError
from restorebot.restores.portals import Portal
from restorebot.restores.preflight import ArchiveRef, BackupRef, SourceRef
from restorebot.slack.archive_form import (
    HISTORY,
    KIND,
    NOT_OFFERED,
    input_block,
    inputs,
    kind_select,
    parse_archive,
    selected_kind,
    selected_value,
    text_object,
)
from restorebot.slack.mrkdwn import (
    Block,
    code,
    context,
    duration,
    plain_section,
    plain_text,
    section,
)
from restorebot.slack.parsing import EMPTY_GUID, EXAMPLE_ID, GUID
from restorebot.slack.request_modal import FieldErrors, InvalidSubmission, input_value, modal

PICK = "restore_pick"
BACKUP = "backup"
OTHER = "other"

NEWEST = 100
"""Options of a static select (Slack fact sheet, "Limits"); clients filter them as one types."""

OPTION = 75
"""Characters of an option's text, and of its description."""

ID_LIMIT = 100

NOT_READ = "The backups could not be read"
FIELDS_COMING = "The fields of this choice are coming up just now. Fill them in, then press Next."
BOTH_GIVEN = "Choose a backup or type an id, not both. Empty this field to take the one chosen."
NONE_GIVEN = "Choose a backup, or type the id of one."
NOT_AN_ID = f"This is not a backup id. One looks like {EXAMPLE_ID}."


def none_usable(portal: str) -> str:
    """Return what is said of a history without anything to restore, in mrkdwn."""
    return f"The history of {code(portal)} has no backup that can be restored."


def newest_first(portal: str, more: int) -> str:
    """Return what is said above the backups, in mrkdwn; ``more`` are older and not offered."""
    said = f"Backups of {code(portal)}, newest first."
    if more:
        said += f" The {more} older ones are not among them: `/restore list` shows all ids."
    return said


class StaleFields(InvalidSubmission):
    """The window still shows another kind's fields; it has to be drawn afresh."""


@dataclass(frozen=True, kw_only=True)
class PickerState:
    """What an open picker carries: where it belongs, and which fields it shows just now."""

    portal_name: str
    channel: str
    kind: str = HISTORY
    module: str | None = None

    def pack(self) -> str:
        """Return it as ``private_metadata``."""
        return json.dumps([self.portal_name, self.channel, self.kind, self.module])

    @classmethod
    def from_view(cls, view: Mapping[str, Any]) -> "PickerState":
        """Return what an open picker carries."""
        portal_name, channel, kind, module = json.loads(view["private_metadata"])
        return cls(portal_name=portal_name, channel=channel, kind=kind, module=module)

    def chosen(self, view: Mapping[str, Any]) -> "PickerState":
        """Return the same with the kind and module that the person has chosen.

        Their fields may not be shown yet.
        """
        kind, module = selected_kind(view)
        return replace(self, kind=kind, module=module)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a submitted picker asks for.

    ``facts_id`` is the ``external_id`` of the window that answers it.
    """

    view_id: str
    facts_id: str
    user: str
    portal_name: str
    channel: str
    wanted: SourceRef


def picker_modal(
    portal: Portal,
    history: Sequence[BackupRecord] | PortalError,
    picker: PickerState,
    now: datetime,
) -> Block:
    """Return the modal; ``history`` is newest first, or why it could not be read.

    Backups that cannot be restored are not offered.
    """
    if picker.kind != HISTORY:
        shown = inputs(picker.kind, picker.module)
    elif isinstance(history, PortalError):
        shown = [plain_section(NOT_READ, str(history), 1000), _other("The id of a backup")]
    else:
        shown = _backups(portal, history, now)
    return modal(
        [kind_select(picker.kind), *shown, context(NOT_OFFERED)],
        PICK,
        "Choose a backup",
        submit=text_object("Next"),
        private_metadata=picker.pack(),
    )


def _backups(portal: Portal, records: Sequence[BackupRecord], now: datetime) -> list[Block]:
    usable = [record for record in records if _is_usable(record, now)]
    if not usable:
        return [section(none_usable(portal.name)), _other("The id of a backup")]
    select = {
        "type": "static_select",
        "action_id": "value",
        "options": [_option(record, now) for record in usable[:NEWEST]],
        "placeholder": text_object("Choose a backup, or type to filter"),
    }
    return [
        section(newest_first(portal.name, len(usable[NEWEST:]))),
        input_block(BACKUP, "Backup", select),
        _other("Or the id of another backup"),
    ]


def _is_usable(record: BackupRecord, now: datetime) -> bool:
    if record.expires_on and record.expires_on <= now:
        return False
    return refusal_of(record.storage_type) is None


def _other(label: str) -> Block:
    element = {
        "type": "plain_text_input",
        "action_id": "value",
        "max_length": ID_LIMIT,
        "placeholder": text_object(EXAMPLE_ID),
    }
    return input_block(OTHER, label, element)


def parse_submission(view: Mapping[str, Any], user: str) -> Choice:
    """Return what a submitted picker asks for.

    Raise FieldErrors; StaleFields when the fields are not those of the kind that is chosen.
    """
    shown = PickerState.from_view(view)
    if shown.chosen(view) != shown:
        raise StaleFields({KIND: FIELDS_COMING})
    wanted: SourceRef
    if shown.kind == HISTORY:
        wanted = BackupRef(_parse_backup_id(view))
    else:
        wanted = ArchiveRef(parse_archive(view, shown.kind, shown.module))
    return Choice(
        view_id=view["id"],
        facts_id=f"facts-{uuid.uuid4()}",
        user=user,
        portal_name=shown.portal_name,
        channel=shown.channel,
        wanted=wanted,
    )


def _parse_backup_id(view: Mapping[str, Any]) -> str:
    """Return the id that is chosen or typed, in small letters. Raise FieldErrors."""
    values = view["state"]["values"]
    picked, typed = selected_value(values, BACKUP, "value"), input_value(view, OTHER)
    if picked and typed:
        raise FieldErrors({OTHER: BOTH_GIVEN})
    if picked:
        return picked.lower()
    if not typed:
        first_field = next(block for block in (BACKUP, OTHER) if block in values)
        raise FieldErrors({first_field: NONE_GIVEN})
    if not GUID.fullmatch(typed) or typed == EMPTY_GUID:
        raise FieldErrors({OTHER: NOT_AN_ID})
    return typed.lower()


def _option(record: BackupRecord, now: datetime) -> Block:
    told = f"{duration(now - record.created_on)} old, in {name_of(record.storage_type)}"
    name = plain_text(record.file_name, OPTION) or record.id
    return {
        "text": text_object(name),
        "description": text_object(plain_text(told, OPTION)),
        "value": record.id,
    }
