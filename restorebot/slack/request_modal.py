"""The modal: what each of its stages looks like, and how a submit is read.

Its ids live here and nowhere else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.docspace.client import START_BACKUP, START_RESTORE, backup_body, restore_body
from restorebot.errors import Refusal, Refused
from restorebot.model import HIDDEN_PARAMS, Restore, Source
from restorebot.restores.checks import CheckResult
from restorebot.restores.portals import Portal
from restorebot.restores.preflight import ArchiveRef, Report, SourceRef
from restorebot.restores.service import Draft
from restorebot.slack.client import CALL_ERRORS, error_code
from restorebot.slack.mrkdwn import Block, code, escape, mention, plain_section, plain_text, section
from restorebot.slack.sources import archive, facts

REQUEST = "restore_request"
DENIAL = "restore_denial"
REASON = "reason"
ALIAS = "alias"
NOTIFY = "notify"
STARTS = "starts"
ALONE = "alone"
ALONE_PHRASE = "alone_phrase"

REASON_LIMIT = 3000
"""Characters of a plain_text_input (Slack fact sheet, "Limits")."""

DENIAL_LIMIT = 1000
"""As many as the card shows."""

log = structlog.get_logger()

MARKS = {
    CheckResult.PASSED: ":white_check_mark:",
    CheckResult.WARNED: ":warning:",
    CheckResult.FAILED: ":x:",
    CheckResult.UNSURE: ":grey_question:",
}

CONSEQUENCES = (
    "*What a restore does*\n"
    "• It replaces all data of the portal. Every change since the backup is lost.\n"
    "• It cannot be cancelled once it has begun.\n"
    "• It logs everybody out. Everybody has to set a new password, and two-factor sign-in is "
    "cleared.\n"
    "• Every API key dies, restorebot's own included.\n"
    "• The ids of all backups change.\n"
    "• Mail goes to the portal's owner even if the others are not notified."
)


@dataclass(frozen=True)
class RequestMetadata:
    """What the modal carries from its opening to its submit."""

    portal: str
    portal_name: str
    source: Source
    channel: str

    def pack(self) -> str:
        """For ``private_metadata``, which holds 3,000 characters."""
        return json.dumps(
            [self.portal, self.portal_name, self.channel, self.source.to_json()], ensure_ascii=False
        )

    @classmethod
    def unpack(cls, text: str) -> "RequestMetadata":
        portal, portal_name, channel, source = json.loads(text)
        return cls(portal, portal_name, Source.from_json(source), channel)


class InvalidSubmission(Refusal):
    """What was typed does not do; ``errors`` maps block ids to the sentence under each field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class FieldErrors(InvalidSubmission):
    """Values to be typed anew."""


def loading_modal(**more: Any) -> Block:
    """The first stage, opened within the trigger's three seconds."""
    return modal(
        [section(":hourglass_flowing_sand: Loading: asking the portal about this backup…")], **more
    )


def refusal_modal(sentence: str, **more: Any) -> Block:
    """The second stage when there is none: why nothing can be asked."""
    return modal(
        [section(f":x: {escape(sentence, 900)}"), section("Nothing has been asked.")], **more
    )


def confirmation_modal(
    wanted: SourceRef,
    report: Report,
    portal: Portal,
    channel: str,
    now: datetime,
    *,
    may_break_glass: bool = False,
    **more: Any,
) -> Block:
    """The second stage: the facts and the checks; with inputs and a submit button only if every
    check passed.
    """
    checks = [_check_line(check.result, check.name, check.sentence) for check in report.checks]
    if not report.passed or report.source is None:
        known = (
            facts(report.source, report.alias, portal.docspace.url, now)
            if report.source
            else _named(wanted)
        )
        sentence = (
            "*This restore cannot be asked for now.* See what each failed check says, then try "
            "again."
        )
        return modal([*known, *checks, section(sentence)], **more)
    asked = RequestMetadata(report.alias, portal.name, report.source, channel)
    return modal(
        [
            *facts(report.source, report.alias, portal.docspace.url, now),
            *checks,
            section(CONSEQUENCES),
            *_inputs(report.alias),
            *(_alone(report.alias) if may_break_glass else []),
        ],
        submit={"type": "plain_text", "text": "Ask for approval"},
        private_metadata=asked.pack(),
        **more,
    )


def _named(wanted: SourceRef) -> list[Block]:
    if isinstance(wanted, ArchiveRef):
        return archive(wanted.source)
    return [section(f"Backup id {code(wanted.backup_id)}")]


FURTHEST_START = timedelta(days=14)
"""How far ahead a start may be planned."""


def parse_submission(view: Mapping[str, Any], requester: str, now: datetime) -> Draft:
    """What a submit asks for. Raises FieldErrors."""
    asked = RequestMetadata.unpack(view["private_metadata"])
    reason, alias = input_value(view, REASON), input_value(view, ALIAS)
    errors = {}
    if not reason:
        errors[REASON] = "Say why, so that an approver can judge."
    if alias != asked.portal:
        errors[ALIAS] = (
            f"This is not the portal's alias. Type {plain_text(asked.portal, 100)} exactly."
        )
    alone = _ticked(view, ALONE)
    if alone and input_value(view, ALONE_PHRASE) != break_glass_phrase(asked.portal):
        errors[ALONE_PHRASE] = (
            f"To start alone, type exactly: {break_glass_phrase(asked.portal)}. Or untick the box "
            "above."
        )
    starts_at = _moment(view, STARTS)
    if starts_at and (sentence := _unfit(starts_at, asked.source, now)):
        errors[STARTS] = sentence
    if errors:
        raise FieldErrors(errors)
    return Draft(
        asked.portal,
        asked.portal_name,
        asked.source,
        reason,
        _ticked(view, NOTIFY),
        requester,
        asked.channel,
        view["id"],
        alone,
        starts_at,
    )


def _moment(view: Mapping[str, Any], block: str) -> datetime | None:
    chosen = view["state"]["values"].get(block, {}).get("value", {}).get("selected_date_time")
    return datetime.fromtimestamp(int(chosen), UTC) if chosen else None


def _unfit(starts_at: datetime, source: Source, now: datetime) -> str:
    """Why a restore cannot be planned for this time, as a sentence; empty when it can."""
    if starts_at <= now:
        return (
            "This time is over. Choose a later one, or empty the field to start as soon as it is "
            "approved."
        )
    if starts_at > now + FURTHEST_START:
        return (
            f"A start can be planned at most {FURTHEST_START.days} days ahead. Choose an earlier "
            "time."
        )
    if source.expires_on and source.expires_on <= starts_at:
        return "The backup expires before then. Choose an earlier time, or another backup."
    return ""


def denial_modal(restore: Restore) -> Block:
    """The modal that asks an approver why not."""
    limit = {"max_length": DENIAL_LIMIT, "multiline": True}
    blocks = [
        section(f"{mention(restore.requester)} asks to restore {code(restore.portal)}."),
        plain_section("Reason", restore.reason, 1000),
        _text_input(REASON, "Why not? The thread will say so.", **limit),
    ]
    submit = {"type": "plain_text", "text": "Deny"}
    return modal(blocks, DENIAL, "Deny a restore", submit=submit, private_metadata=restore.id)


def dry_run(backup_id: str, report: Report, portal: Portal) -> list[str]:
    """What would happen, in lines: every check, and what would be sent. Nothing has been."""
    checks = [
        f"{MARKS[check.result]} {check.name}: {escape(check.sentence, 900)}"
        for check in report.checks
    ]
    source = report.source
    if not report.passed or source is None:
        return [
            f"*A dry run of {code(backup_id)}: nothing was started*",
            *checks,
            "*This restore could not be asked for now.*",
        ]
    url = escape(portal.docspace.url)
    safety, sent = [], _post(url, START_RESTORE, restore_body(source, notify=False))
    if portal.safety_backup:
        asked = _post(url, START_BACKUP, backup_body(portal.safety_backup))
        safety = [f"A safety backup would be asked for first:\n{asked}"]
    return [
        f"*A dry run of {code(source.backup_id)}: nothing was started*",
        *checks,
        *safety,
        f"After approval this would be sent, once:\n{sent}",
    ]


def _post(url: str, path: str, body: Mapping[str, Any]) -> str:
    """A request as it would be sent, less what nobody needs to see."""
    params = [pair for pair in body["storageParams"] if pair["key"] not in HIDDEN_PARAMS]
    shown = json.dumps({**body, "storageParams": params}, ensure_ascii=False)
    return f"`POST {url}{path}`\n```{escape(shown, 2000)}```"


def parse_denial(view: Mapping[str, Any]) -> tuple[str, str]:
    """The restore's id and the reason. Raises FieldErrors."""
    reason = input_value(view, REASON)
    if not reason:
        raise FieldErrors({REASON: "Say why, so that the person who asked knows what to change."})
    return view["private_metadata"], reason


async def open_modal(
    client: AsyncWebClient, trigger_id: str, view: Block, retry: str
) -> Mapping[str, Any]:
    """Open a modal; returns Slack's view. Raises Refused, whose last sentence is ``retry``."""
    try:
        opened = await client.views_open(trigger_id=trigger_id, view=view)
    except CALL_ERRORS as error:
        log.info("modal_open_failed", reason=error_code(error))
        raise Refused(
            f"Slack did not open the window in time, and nothing has been done. {retry}"
        ) from None
    return dict(opened["view"])


def input_value(view: Mapping[str, Any], block: str) -> str:
    return (view["state"]["values"][block]["value"].get("value") or "").strip()


def modal(
    blocks: list[Block],
    callback: str = REQUEST,
    title: str = "Restore a portal",
    close: str = "",
    **more: Any,
) -> Block:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": {"type": "plain_text", "text": title},
        "close": {
            "type": "plain_text",
            "text": close or ("Cancel" if "submit" in more else "Close"),
        },
        "blocks": blocks,
        **more,
    }


def _check_line(result: CheckResult, name: str, sentence: str) -> Block:
    # plain_text, because a sentence may quote the portal, which is not to be trusted with markup.
    text = f"{MARKS[result]} {name}: {plain_text(sentence, 900)}"
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": True}}


def _text_input(block: str, label: str, **more: Any) -> Block:
    element = {"type": "plain_text_input", "action_id": "value", **more}
    return {
        "type": "input",
        "block_id": block,
        "label": {"type": "plain_text", "text": label},
        "element": element,
    }


def break_glass_phrase(alias: str) -> str:
    """What somebody types who starts a restore alone."""
    return f"restore {plain_text(alias, 100)} without approval"


def _alone(alias: str) -> list[Block]:
    """The break-glass part of the modal, which only those see who are named for it."""
    return [
        section(
            ":rotating_light: *Break-glass.* You may start this restore alone. The channel and the "
            "approvers are told "
            "loudly, and the audit trail keeps it."
        ),
        _checkbox(ALONE, "Without approval", "Start alone, without waiting for an approver"),
        {
            **_text_input(ALONE_PHRASE, f'To start alone, type "{break_glass_phrase(alias)}"'),
            "optional": True,
        },
    ]


def _ticked(view: Mapping[str, Any], block: str) -> bool:
    return bool(view["state"]["values"].get(block, {}).get("value", {}).get("selected_options"))


def _checkbox(block: str, label: str, option: str) -> Block:
    element = {
        "type": "checkboxes",
        "action_id": "value",
        "options": [{"text": {"type": "plain_text", "text": option}, "value": block}],
    }
    return {
        "type": "input",
        "block_id": block,
        "optional": True,
        "label": {"type": "plain_text", "text": label},
        "element": element,
    }


def _inputs(alias: str) -> list[Block]:
    return [
        _text_input(REASON, "Why is this restore needed?", multiline=True, max_length=REASON_LIMIT),
        _text_input(ALIAS, f"Type {plain_text(alias, 100)} to confirm"),
        _checkbox(NOTIFY, "Mail", "Notify all users by mail"),
        {
            "type": "input",
            "block_id": STARTS,
            "optional": True,
            "label": {"type": "plain_text", "text": "Start at"},
            "hint": {
                "type": "plain_text",
                "text": "Leave it empty to start as soon as it is approved.",
            },
            "element": {"type": "datetimepicker", "action_id": "value"},
        },
    ]
