"""The card: the one channel message of a restore, drawn from its row alone."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from restorebot.model import ALLOWED, Action, Phase, Restore, State
from restorebot.slack.mrkdwn import (
    Block,
    code,
    context,
    date,
    duration,
    escape,
    fallback_text,
    fields,
    header,
    mention,
    mentions,
    plain_section,
    plain_text,
    section,
    utc_text,
)
from restorebot.slack.sources import archive, made, stored_in

APPROVE = "restore_approve"
DENY = "restore_deny"
WITHDRAW = "restore_withdraw"
STOP = "restore_stop"
AGAIN = "restore_again"
SETTLE_RUNNING = "restore_settle_running"
SETTLE_FINISHED = "restore_settle_finished"
SETTLE_NOT_STARTED = "restore_settle_not_started"

BAR = 20
"""Characters of the progress bar."""

REASON_SHOWN = 1000

TITLES = {
    State.REQUESTED: "waiting for approval",
    State.APPROVED: "approved",
    State.BACKING_UP: "safety backup",
    State.STARTING: "starting",
    State.RESTORING: "running",
    State.UNKNOWN: "outcome unknown",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
    State.CLOSED: "closed",
    State.DENIED: "denied",
    State.WITHDRAWN: "withdrawn",
    State.EXPIRED: "expired",
    State.STOPPED: "stopped",
    State.VOID: "void",
}

PHASES = {
    Phase.QUEUED: "queued: the portal has not begun yet",
    Phase.FETCHING: "the archive is being fetched",
    Phase.LOADING: "the portal is locked and data is going in",
    Phase.DONE: "done",
}


@dataclass(frozen=True)
class CardContext:
    """What a card shows beside its row: who may approve, and how long this portal's last restores
    took.
    """

    approvers: tuple[str, ...]
    durations: tuple[timedelta, ...] = ()


def card(restore: Restore, card_context: CardContext) -> tuple[str, list[Block]]:
    """The message's fallback ``text`` and its blocks."""
    title = f"Restore of {restore.portal}: {TITLES[restore.state]}"
    source = restore.source
    named = f"Backup id {code(source.backup_id)} · " if source.backup_id else ""
    blocks = [
        header(title),
        fields(
            [
                ("Asked by", mention(restore.requester)),
                ("Portal", f"{code(restore.portal)}\n{escape(restore.portal_url)}"),
                made(source),
                ("Stored in", stored_in(source)),
            ]
        ),
        plain_section("Backup", source.file_name, 300),
        *archive(source),
        plain_section("Reason", restore.reason, REASON_SHOWN),
        section("\n".join(_STORIES[restore.state](restore, card_context))),
        *([plain_section("Why", restore.outcome, 1000)] if restore.outcome else []),
        *(
            [plain_section("In the way", restore.blocked_reason, 600)]
            if restore.blocked_reason
            else []
        ),
        *([row] if (row := buttons(restore)) else []),
        context(f"{named}Mails to {'everybody' if restore.notify else 'the owner only'}"),
    ]
    return fallback_text(blocks), blocks


def bar(percent: int) -> str:
    """The portal's own number as a bar of fixed width."""
    full = min(BAR, max(0, percent * BAR // 100))
    return "█" * full + "░" * (BAR - full)


def _requested(restore: Restore, card_context: CardContext) -> list[str]:
    missing = restore.approvals_needed - len(restore.votes)
    needed = "One approval is" if missing == 1 else f"{missing} approvals are"
    so_far = [f"Approved so far by {mentions(restore.voters)}."] if restore.votes else []
    return [
        f":hourglass: {needed} needed from {mentions(card_context.approvers)}.",
        *so_far,
        *([f":calendar: It is to start {date(restore.starts_at)}."] if restore.starts_at else []),
        f"The request expires {date(restore.expires_at)}.",
    ]


def _approved(restore: Restore, _: CardContext) -> list[str]:
    if restore.starts_at:
        told = " and ".join(f"<#{channel}>" for channel in restore.announce)
        return [
            f":white_check_mark: {_approval(restore)}",
            (
                f":calendar: *It starts {date(restore.starts_at)}*, if all that is checked again "
                "then still holds."
            ),
            "Until then it can be stopped.",
            *([f"restorebot tells its users in {told}."] if told else []),
        ]
    return [
        f":white_check_mark: {_approval(restore)} Everything is checked once more, then it starts."
    ]


def _backing_up(restore: Restore, _: CardContext) -> list[str]:
    if restore.safety_made_at:
        return [
            f":white_check_mark: {_approval(restore)}",
            "The safety backup is made. Everything is checked once more, then the restore starts.",
        ]
    return [
        f":white_check_mark: {_approval(restore)}",
        ":floppy_disk: *A safety backup is made first.* The restore starts only when it is done.",
        f"`{bar(restore.safety_progress)}` {restore.safety_progress} % by the portal's own count",
    ]


def _starting(restore: Restore, _: CardContext) -> list[str]:
    return [f":white_check_mark: {_approval(restore)}", "The request is being sent to the portal."]


def _restoring(restore: Restore, card_context: CardContext) -> list[str]:
    phase = PHASES[restore.phase] if restore.phase else "not seen yet"
    lines = [
        f":arrows_counterclockwise: {_approval(restore)}",
        f"*Phase:* {phase}",
        f"`{bar(restore.progress)}` {restore.progress} % by the portal's own count",
    ]
    if restore.phase is Phase.LOADING:
        lines.append(
            "The number often stands still for most of the run, 75 above all. That is normal."
        )
    if restore.posted_at:
        lines.append(f"*Started:* {date(restore.posted_at)}")
    if card_context.durations:
        took = ", ".join(duration(span) for span in card_context.durations)
        lines.append(f"*This portal's last restores took:* {took}")
    if restore.adopted:
        lines.append(
            f":warning: Task {code(restore.task_id or 'without an id')} was not named to us, but "
            "found by looking."
        )
    if restore.stalled and restore.changed_at:
        lines.append(f":warning: Nothing has changed since {date(restore.changed_at)}.")
    return lines


def _unknown(restore: Restore, card_context: CardContext) -> list[str]:
    return [
        ":question: It is not known whether this restore runs, or how it ended.",
        "The request is never sent a second time. restorebot keeps looking at the portal.",
        f"{mentions(card_context.approvers)}: look at the portal, then say below how it stands.",
    ]


def _completed(restore: Restore, _: CardContext) -> list[str]:
    return [
        f":white_check_mark: {_approval(restore)}",
        f"*Completed* {_ended(restore)}{_took(restore)}. What to do next is in the thread.",
    ]


def _failed(restore: Restore, _: CardContext) -> list[str]:
    return [f":x: *Failed* {_ended(restore)}{_took(restore)}."]


def _closed(restore: Restore, _: CardContext) -> list[str]:
    return [f":lock: Closed by {_decider(restore)} {_ended(restore)}."]


def _denied(restore: Restore, _: CardContext) -> list[str]:
    return [f":no_entry: Denied by {_decider(restore)} {_ended(restore)}."]


def _withdrawn(restore: Restore, _: CardContext) -> list[str]:
    return [f":leftwards_arrow_with_hook: Withdrawn by {_decider(restore)} {_ended(restore)}."]


def _expired(restore: Restore, _: CardContext) -> list[str]:
    what = "The approval" if restore.approved_at else "The request"
    return [f":alarm_clock: {what} expired {_ended(restore)}."]


def _stopped(restore: Restore, _: CardContext) -> list[str]:
    return [f":octagonal_sign: Stopped by {_decider(restore)} {_ended(restore)}."]


def _void(restore: Restore, _: CardContext) -> list[str]:
    return [f":heavy_multiplication_x: Void since {_ended(restore)}. Nothing was restored."]


_STORIES: dict[State, Callable[[Restore, CardContext], list[str]]] = {
    State.REQUESTED: _requested,
    State.APPROVED: _approved,
    State.BACKING_UP: _backing_up,
    State.STARTING: _starting,
    State.RESTORING: _restoring,
    State.UNKNOWN: _unknown,
    State.COMPLETED: _completed,
    State.FAILED: _failed,
    State.CLOSED: _closed,
    State.DENIED: _denied,
    State.WITHDRAWN: _withdrawn,
    State.EXPIRED: _expired,
    State.STOPPED: _stopped,
    State.VOID: _void,
}


def _approval(restore: Restore) -> str:
    if restore.break_glass:
        return (
            f":rotating_light: Started by {mention(restore.requester)} alone, without approval "
            "(break-glass)."
        )
    own = " (their own request)" if restore.self_approved else ""
    return f"Approved by {mentions(restore.voters)}{own}."


def _decider(restore: Restore) -> str:
    return mention(restore.decided_by) if restore.decided_by else "restorebot"


def _ended(restore: Restore) -> str:
    return date(restore.ended_at) if restore.ended_at else ""


def _took(restore: Restore) -> str:
    if restore.ended_at is None or restore.posted_at is None:
        return ""
    return f", after {duration(restore.ended_at - restore.posted_at)}"


def _button(
    text: str, action: str, style: str | None = None, confirm: Block | None = None
) -> dict[str, Any]:
    button: dict[str, Any] = {
        "type": "button",
        "text": {"type": "plain_text", "text": text},
        "action_id": action,
    }
    return button | ({"style": style} if style else {}) | ({"confirm": confirm} if confirm else {})


def _confirm(title: str, text: str, yes: str, no: str = "Go back") -> Block:
    return {
        "title": {"type": "plain_text", "text": title},
        "text": {"type": "plain_text", "text": plain_text(text, 300)},
        "confirm": {"type": "plain_text", "text": yes},
        "deny": {"type": "plain_text", "text": no},
    }


def _approve_button(restore: Restore) -> dict[str, Any]:
    made_on = restore.source.created_on
    which = (
        f"the backup of {utc_text(made_on)}"
        if made_on
        else f"the archive {plain_text(restore.source.file_name, 60)}"
    )
    text = (
        f"This replaces all data of {restore.portal} by {which}. "
        "It cannot be cancelled, logs everybody out and ends every API key."
    )
    return _button(
        "Approve", APPROVE, "primary", _confirm("Restore the whole portal?", text, "Approve")
    )


_BUTTONS: dict[Action, Callable[[Restore], list[dict[str, Any]]]] = {
    Action.APPROVE: lambda restore: [_approve_button(restore)],
    Action.DENY: lambda _: [_button("Deny", DENY, "danger")],
    Action.WITHDRAW: lambda _: [_button("Withdraw", WITHDRAW)],
    Action.STOP: lambda _: [_button("Stop", STOP, "danger")],
    Action.ASK_AGAIN: lambda _: [_button("Request again", AGAIN)],
    Action.SETTLE: lambda _: [
        _button("It is running: watch it", SETTLE_RUNNING),
        _button("It finished, I checked", SETTLE_FINISHED),
        _button("It did not start", SETTLE_NOT_STARTED),
    ],
}


def buttons(restore: Restore, only: AbstractSet[Action] = frozenset(Action)) -> Block | None:
    """Return the row of buttons for what the restore's state allows; None when there is none.

    ``only`` leaves out the others.
    """
    allowed = ALLOWED.get(restore.state, frozenset())
    elements: list[dict[str, Any]] = []
    for action in Action:
        if action in allowed and action in only:
            elements += _BUTTONS[action](restore)
    if not elements:
        return None
    for element in elements:
        element["value"] = restore.id
    # Slack's clients keep a pressed button's state by block_id, so each version of the card has
    # its own.
    return {"type": "actions", "block_id": f"decide-{restore.version}", "elements": elements}
