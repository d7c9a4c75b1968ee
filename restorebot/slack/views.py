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
from restorebot.errors import Refused
from restorebot.model import UNSHOWN, Restore, Source
from restorebot.restores.portals import Portal
from restorebot.restores.preflight import Report, Result
from restorebot.restores.service import Draft
from restorebot.slack.calls import UNANSWERED, reason_of
from restorebot.slack.sources import archive, facts
from restorebot.slack.texts import Block, code, escape, plain, quoted, section, user

REQUEST = "restore_request"
DENIAL = "restore_denial"
REASON = "reason"
ALIAS = "alias"
NOTIFY = "notify"
STARTS = "starts"
ALONE = "alone"
ALONE_PHRASE = "alone_phrase"

REASON_LIMIT = 3000
"""Characters of a plain_text_input (slack §3)."""

DENIAL_LIMIT = 1000
"""As many as the card shows."""

log = structlog.get_logger()

MARKS = {
    Result.PASSED: ":white_check_mark:",
    Result.WARNED: ":warning:",
    Result.FAILED: ":x:",
    Result.UNSURE: ":grey_question:",
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
class Asked:
    """What the modal carries from its opening to its submit."""

    portal: str
    portal_name: str
    source: Source
    channel: str

    def pack(self) -> str:
        """For ``private_metadata``, which holds 3,000 characters."""
        return json.dumps(
            [self.portal, self.portal_name, self.channel, self.source.plain()], ensure_ascii=False
        )

    @classmethod
    def unpack(cls, text: str) -> "Asked":
        portal, portal_name, channel, source = json.loads(text)
        return cls(portal, portal_name, Source.of(source), channel)


class FieldErrors(Refused):
    """What was typed does not do; ``errors`` maps block ids to the sentence under each field."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


def loading(**more: Any) -> Block:
    """The first stage, opened within the trigger's three seconds."""
    return modal(
        [section(":hourglass_flowing_sand: Loading: asking the portal about this backup…")], **more
    )


def refused(sentence: str, **more: Any) -> Block:
    """The second stage when there is none: why nothing can be asked."""
    return modal(
        [section(f":x: {escape(sentence, 900)}"), section("Nothing has been asked.")], **more
    )


def filled(
    wanted: str | Source,
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
    asked = Asked(report.alias, portal.name, report.source, channel)
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


def _named(wanted: str | Source) -> list[Block]:
    return archive(wanted) if isinstance(wanted, Source) else [section(f"Backup id {code(wanted)}")]


FARTHEST = timedelta(days=14)
"""How far ahead a start may be planned."""


def read(view: Mapping[str, Any], requester: str, now: datetime) -> Draft:
    """What a submit asks for. Raises FieldErrors."""
    asked = Asked.unpack(view["private_metadata"])
    reason, alias = typed(view, REASON), typed(view, ALIAS)
    errors = {}
    if not reason:
        errors[REASON] = "Say why, so that an approver can judge."
    if alias != asked.portal:
        errors[ALIAS] = f"This is not the portal's alias. Type {plain(asked.portal, 100)} exactly."
    alone = _ticked(view, ALONE)
    if alone and typed(view, ALONE_PHRASE) != phrase(asked.portal):
        errors[ALONE_PHRASE] = (
            f"To start alone, type exactly: {phrase(asked.portal)}. Or untick the box above."
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
    if starts_at > now + FARTHEST:
        return f"A start can be planned at most {FARTHEST.days} days ahead. Choose an earlier time."
    if source.expires_on and source.expires_on <= starts_at:
        return "The backup expires before then. Choose an earlier time, or another backup."
    return ""


def denial(restore: Restore) -> Block:
    """The modal that asks an approver why not."""
    limit = {"max_length": DENIAL_LIMIT, "multiline": True}
    blocks = [
        section(f"{user(restore.requester)} asks to restore {code(restore.portal)}."),
        quoted("Reason", restore.reason, 1000),
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
    params = [pair for pair in body["storageParams"] if pair["key"] not in UNSHOWN]
    shown = json.dumps({**body, "storageParams": params}, ensure_ascii=False)
    return f"`POST {url}{path}`\n```{escape(shown, 2000)}```"


def read_denial(view: Mapping[str, Any]) -> tuple[str, str]:
    """The restore's id and the reason. Raises FieldErrors."""
    reason = typed(view, REASON)
    if not reason:
        raise FieldErrors({REASON: "Say why, so that the person who asked knows what to change."})
    return view["private_metadata"], reason


async def open_modal(
    client: AsyncWebClient, trigger_id: str, view: Block, retry: str
) -> Mapping[str, Any]:
    """Open a modal; returns Slack's view. Raises Refused, whose last sentence is ``retry``."""
    try:
        opened = await client.views_open(trigger_id=trigger_id, view=view)
    except UNANSWERED as error:
        log.info("modal_not_opened", reason=reason_of(error))
        raise Refused(
            f"Slack did not open the window in time, and nothing has been done. {retry}"
        ) from None
    return dict(opened["view"])


def typed(view: Mapping[str, Any], block: str) -> str:
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


def _check_line(result: Result, name: str, sentence: str) -> Block:
    # plain_text, because a sentence may quote the portal, which is not to be trusted with markup.
    text = f"{MARKS[result]} {name}: {plain(sentence, 900)}"
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": True}}


def _text_input(block: str, label: str, **more: Any) -> Block:
    element = {"type": "plain_text_input", "action_id": "value", **more}
    return {
        "type": "input",
        "block_id": block,
        "label": {"type": "plain_text", "text": label},
        "element": element,
    }


def phrase(alias: str) -> str:
    """What somebody types who starts a restore alone."""
    return f"restore {plain(alias, 100)} without approval"


def _alone(alias: str) -> list[Block]:
    """The break-glass part of the modal, which only those see who are named for it."""
    return [
        section(
            ":rotating_light: *Break-glass.* You may start this restore alone. The channel and the "
            "approvers are told "
            "loudly, and the audit trail keeps it."
        ),
        _checkbox(ALONE, "Without approval", "Start alone, without waiting for an approver"),
        {**_text_input(ALONE_PHRASE, f'To start alone, type "{phrase(alias)}"'), "optional": True},
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
        _text_input(ALIAS, f"Type {plain(alias, 100)} to confirm"),
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
