"""The picker: the modal in which a backup is chosen from the newest ones, or its name typed."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from restorebot.docspace.models import BackupRecord
from restorebot.errors import PortalError
from restorebot.model import PortalName
from restorebot.restores.named import NamedBackup, Wanted, is_usable
from restorebot.restores.portals import Portal
from restorebot.restores.preflight import ArchiveRef, BackupRef
from restorebot.slack.archive_form import (
    HISTORY,
    KIND,
    inputs,
    kind_select,
    parse_archive,
    selected_kind,
)
from restorebot.slack.blocks import (
    Block,
    context_block,
    input_block,
    modal,
    option,
    plain_section,
    section,
    select,
    text_input,
)
from restorebot.slack.forms import FieldErrors, StaleFields, input_value, selected_value
from restorebot.slack.mrkdwn import plain_text
from restorebot.slack.parsing import parse_backup
from restorebot.slack.phrases import picker as words
from restorebot.slack.phrases.answers import EXAMPLE_NAME

PICK = "restore_pick"
BACKUP = "backup"
OTHER = "other"

NEWEST = 100
"""Options of a static select (slack §3); clients filter them as one types."""

OPTION = 75
"""Characters of an option's text, and of its description (slack §3)."""

NAME_LIMIT = 300
HISTORY_ERROR_SHOWN = 1000


@dataclass(frozen=True, kw_only=True)
class PickerState:
    """What an open picker carries: where it belongs, and which fields it shows just now."""

    portal_name: PortalName
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

    ``facts_id`` is the ``external_id`` of the modal that answers it.
    """

    view_id: str
    facts_id: str
    user: str
    portal_name: PortalName
    channel: str
    wanted: Wanted


def picker_modal(
    portal: Portal,
    history: Sequence[BackupRecord] | PortalError,
    state: PickerState,
    now: datetime,
) -> Block:
    """Return the modal; ``history`` is newest first, or why it could not be read.

    Backups that cannot be restored are not offered.
    """
    if state.kind != HISTORY:
        shown = inputs(state.kind, state.module)
    elif isinstance(history, PortalError):
        problem = plain_section(words.NOT_READ, str(history), HISTORY_ERROR_SHOWN)
        shown = [problem, _other(words.NAME_LABEL)]
    else:
        shown = _backups(portal, history, now)
    return modal(
        [kind_select(state.kind), *shown, context_block(words.NOT_OFFERED)],
        callback_id=PICK,
        title=words.TITLE,
        close=words.CANCEL,
        submit=words.NEXT,
        private_metadata=state.pack(),
    )


def _backups(portal: Portal, records: Sequence[BackupRecord], now: datetime) -> list[Block]:
    usable = [record for record in records if is_usable(record, now)]
    if not usable:
        return [section(words.none_usable(portal.name)), _other(words.NAME_LABEL)]
    options = [_option(record, now) for record in usable[:NEWEST]]
    backups = select(options, placeholder=words.BACKUP_PLACEHOLDER)
    return [
        section(words.newest_first(portal.name, len(usable[NEWEST:]))),
        input_block(BACKUP, words.BACKUP_LABEL, backups, optional=True),
        _other(words.OTHER_NAME_LABEL),
    ]


def _other(label: str) -> Block:
    element = text_input(max_length=NAME_LIMIT, placeholder=EXAMPLE_NAME)
    return input_block(OTHER, label, element, optional=True)


def _option(record: BackupRecord, now: datetime) -> Block:
    name = plain_text(record.file_name, OPTION) or record.id
    age_and_place = words.age_and_place(now - record.created_on, record.storage_type)
    return option(name, record.id, plain_text(age_and_place, OPTION))


def parse_submission(view: Mapping[str, Any], user: str) -> Choice:
    """Return what a submitted picker asks for.

    Raise FieldErrors; StaleFields when the fields are not those of the kind that is chosen.
    """
    shown = PickerState.from_view(view)
    if shown.chosen(view) != shown:
        raise StaleFields({KIND: words.FIELDS_COMING})
    wanted: Wanted
    if shown.kind == HISTORY:
        wanted = _parse_backup(view)
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


def _parse_backup(view: Mapping[str, Any]) -> BackupRef | NamedBackup:
    """Return the backup that is chosen or typed. Raise FieldErrors."""
    chosen, typed = selected_value(view, BACKUP), input_value(view, OTHER)
    if chosen and typed:
        raise FieldErrors({OTHER: words.BOTH_GIVEN})
    if chosen:
        return BackupRef(chosen.lower())
    if not typed:
        shown = view["state"]["values"]
        first_field = next(block for block in (BACKUP, OTHER) if block in shown)
        raise FieldErrors({first_field: words.NONE_GIVEN})
    return parse_backup(typed)
