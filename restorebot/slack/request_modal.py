"""The request's modal: what each of its stages looks like, and how a submit is read.

Its ids live here and nowhere else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from restorebot.model import PortalAlias, PortalName, Source
from restorebot.restores.checks import Check, CheckResult
from restorebot.restores.planned_start import problem_with
from restorebot.restores.portals import Portal
from restorebot.restores.preflight import ArchiveRef, Report, SourceRef
from restorebot.restores.service import REASON_LIMIT, Draft
from restorebot.slack import sources
from restorebot.slack.blocks import (
    VALUE,
    Block,
    checkbox,
    datetime_picker,
    input_block,
    modal,
    section,
    text_input,
    text_object,
)
from restorebot.slack.forms import FieldErrors, input_value, is_ticked
from restorebot.slack.mrkdwn import plain_text
from restorebot.slack.phrases import request as words

REQUEST = "restore_request"
REASON = "reason"
ALIAS = "alias"
NOTIFY = "notify"
STARTS = "starts"
ALONE = "alone"
ALONE_PHRASE = "alone_phrase"

SENTENCE_SHOWN = 900
"""Characters of a check's sentence."""

MARKS: Mapping[CheckResult, str] = {
    CheckResult.PASSED: ":white_check_mark:",
    CheckResult.WARNED: ":warning:",
    CheckResult.FAILED: ":x:",
    CheckResult.UNSURE: ":grey_question:",
}


@dataclass(frozen=True, kw_only=True)
class RequestMetadata:
    """What the modal carries from its opening to its submit."""

    portal: PortalAlias
    portal_name: PortalName
    source: Source
    channel: str

    def pack(self) -> str:
        """Return it for ``private_metadata``, which holds 3,000 characters."""
        parts = [self.portal, self.portal_name, self.channel, self.source.to_json()]
        return json.dumps(parts, ensure_ascii=False)

    @classmethod
    def unpack(cls, text: str) -> "RequestMetadata":
        """Parse what ``pack`` returned."""
        portal, portal_name, channel, source = json.loads(text)
        return cls(
            portal=portal,
            portal_name=portal_name,
            source=Source.from_json(source),
            channel=channel,
        )


@dataclass(frozen=True)
class Window:
    """Which modal it is on a stack: the ``external_id`` it goes by, and what closes it."""

    external_id: str | None = None
    close: str | None = None


FIRST_WINDOW = Window()
"""The modal that a command or a click opens, with none underneath."""


def loading_modal(window: Window = FIRST_WINDOW) -> Block:
    """Return the first stage, opened within the trigger's three seconds."""
    return _modal([section(words.LOADING)], window)


def refusal_modal(sentence: str, window: Window = FIRST_WINDOW) -> Block:
    """Return the second stage when there is none: why nothing can be asked."""
    return _modal([section(words.refused(sentence)), section(words.NOTHING_ASKED)], window)


def confirmation_modal(
    wanted: SourceRef,
    report: Report,
    *,
    portal: Portal,
    channel: str,
    now: datetime,
    may_break_glass: bool = False,
    window: Window = FIRST_WINDOW,
) -> Block:
    """Return the second stage: the facts and the checks.

    It has inputs and a submit button only if every check passed.
    """
    source = report.source
    known = _as_asked(wanted)
    if source is not None:
        known = sources.facts(source, report.alias or portal.name, portal.docspace.url, now)
    checks = [_check_line(check) for check in report.checks]
    if not report.passed or source is None or report.alias is None:
        return _modal([*known, *checks, section(words.CANNOT_BE_ASKED)], window)
    metadata = RequestMetadata(
        portal=report.alias,
        portal_name=portal.name,
        source=source,
        channel=channel,
    )
    blocks = [*known, *checks, section(words.CONSEQUENCES), *_inputs(report.alias)]
    if may_break_glass:
        blocks += _break_glass_inputs(report.alias)
    return _modal(blocks, window, submit=words.SUBMIT, private_metadata=metadata.pack())


def _modal(
    blocks: Sequence[Block],
    window: Window,
    *,
    submit: str | None = None,
    private_metadata: str | None = None,
) -> Block:
    close = words.CANCEL
    if submit is None:
        close = words.CLOSE
    return modal(
        blocks,
        callback_id=REQUEST,
        title=words.TITLE,
        close=window.close or close,
        submit=submit,
        private_metadata=private_metadata,
        external_id=window.external_id,
    )


def _as_asked(wanted: SourceRef) -> list[Block]:
    """Show what was asked for, where the portal has told nothing of it."""
    if isinstance(wanted, ArchiveRef):
        return sources.archive(wanted.source)
    return [section(words.backup_id(wanted.backup_id))]


def _check_line(check: Check) -> Block:
    # plain_text, because a sentence may quote the portal, which is not to be trusted with markup.
    sentence = plain_text(check.sentence, SENTENCE_SHOWN)
    text = words.check_line(MARKS[check.result], check.name, sentence)
    return {"type": "section", "text": text_object(text) | {"emoji": True}}


def _inputs(alias: str) -> list[Block]:
    reason = text_input(multiline=True, max_length=REASON_LIMIT)
    notify = checkbox(words.MAIL_OPTION, NOTIFY)
    return [
        input_block(REASON, words.REASON_LABEL, reason),
        input_block(ALIAS, words.alias_label(alias), text_input()),
        input_block(NOTIFY, words.MAIL_LABEL, notify, optional=True),
        input_block(
            STARTS,
            words.START_LABEL,
            datetime_picker(),
            optional=True,
            hint=words.START_HINT,
        ),
    ]


def _break_glass_inputs(alias: str) -> list[Block]:
    """Return the break-glass part, which only those see who are named for it."""
    alone = checkbox(words.ALONE_OPTION, ALONE)
    return [
        section(words.BREAK_GLASS),
        input_block(ALONE, words.ALONE_LABEL, alone, optional=True),
        input_block(ALONE_PHRASE, words.alone_label(alias), text_input(), optional=True),
    ]


def parse_submission(view: Mapping[str, Any], requester: str, now: datetime) -> Draft:
    """Return what a submit asks for. Raise FieldErrors."""
    metadata = RequestMetadata.unpack(view["private_metadata"])
    reason = input_value(view, REASON)
    alone = is_ticked(view, ALONE)
    starts_at = _moment(view, STARTS)
    errors: dict[str, str] = {}
    if not reason:
        errors[REASON] = words.REASON_NEEDED
    if input_value(view, ALIAS) != metadata.portal:
        errors[ALIAS] = words.wrong_alias(metadata.portal)
    if alone and input_value(view, ALONE_PHRASE) != words.alone_phrase(metadata.portal):
        errors[ALONE_PHRASE] = words.wrong_phrase(metadata.portal)
    if starts_at:
        problem = problem_with(starts_at, metadata.source, now)
        if problem:
            errors[STARTS] = problem
    if errors:
        raise FieldErrors(errors)
    return Draft(
        portal=metadata.portal,
        portal_name=metadata.portal_name,
        source=metadata.source,
        reason=reason,
        notify=is_ticked(view, NOTIFY),
        requester=requester,
        channel=metadata.channel,
        view_id=view["id"],
        break_glass=alone,
        starts_at=starts_at,
    )


def _moment(view: Mapping[str, Any], block_id: str) -> datetime | None:
    state = view["state"]["values"].get(block_id, {}).get(VALUE, {})
    chosen = state.get("selected_date_time")
    if not chosen:
        return None
    return datetime.fromtimestamp(int(chosen), UTC)
