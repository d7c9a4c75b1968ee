"""The card: the one channel message of a restore, drawn from its row alone."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

from restorebot.model import Action, Phase, Restore, State, allowed_actions
from restorebot.slack import sources
from restorebot.slack.blocks import (
    Block,
    actions,
    button,
    confirm_dialog,
    context_block,
    fallback_text,
    fields,
    header,
    plain_section,
    section,
)
from restorebot.slack.mrkdwn import mention
from restorebot.slack.phrases import card as words
from restorebot.slack.phrases.restore import age, portal_and_address, stored_in, title, whose_task

APPROVE = "restore_approve"
DENY = "restore_deny"
WITHDRAW = "restore_withdraw"
STOP = "restore_stop"
AGAIN = "restore_again"
SETTLE_RUNNING = "restore_settle_running"
SETTLE_FINISHED = "restore_settle_finished"
SETTLE_NOT_FINISHED = "restore_settle_not_finished"
SETTLE_NOT_STARTED = "restore_settle_not_started"

BAR = 20
"""Characters of the progress bar."""

REASON_SHOWN = 1000
BACKUP_NAME_SHOWN = 300
BLOCKED_SHOWN = 600


@dataclass(frozen=True)
class CardContext:
    """What a card shows beside its row.

    It is who may approve, and how long this portal's last restores took.
    """

    approvers: tuple[str, ...]
    durations: tuple[timedelta, ...] = ()


def card(restore: Restore, context: CardContext) -> tuple[str, list[Block]]:
    """Return the message's fallback ``text`` and its blocks."""
    source = restore.source
    facts = [
        (words.ASKED_BY, mention(restore.requester)),
        (words.PORTAL, portal_and_address(restore.portal, restore.portal_url)),
        age(source),
        (words.STORED_IN, stored_in(source.storage_type)),
    ]
    blocks = [
        header(title(restore)),
        fields(facts),
        plain_section(words.BACKUP, source.file_name, BACKUP_NAME_SHOWN),
        *sources.archive(source),
        plain_section(words.REASON, restore.reason, REASON_SHOWN),
        section("\n".join(_STORIES[restore.state](restore, context))),
    ]
    if restore.outcome:
        blocks.append(plain_section(words.WHY, restore.outcome, REASON_SHOWN))
    if restore.blocked_reason:
        blocks.append(plain_section(words.BLOCKED, restore.blocked_reason, BLOCKED_SHOWN))
    row = buttons(restore)
    if row:
        blocks.append(row)
    blocks.append(context_block(words.footer(source, notify=restore.notify)))
    return fallback_text(blocks), blocks


def bar(percent: int) -> str:
    """Draw the portal's own number as a bar of fixed width."""
    full = min(BAR, max(0, percent * BAR // 100))
    return "█" * full + "░" * (BAR - full)


def _requested(restore: Restore, context: CardContext) -> list[str]:
    missing = restore.approvals_needed - len(restore.votes)
    lines = [words.approvals_missing(missing, context.approvers)]
    if restore.votes:
        lines.append(words.approved_so_far(restore))
    if restore.starts_at:
        lines.append(words.request_starts(restore.starts_at))
    lines.append(words.request_expires(restore))
    return lines


def _approved(restore: Restore, _: CardContext) -> list[str]:
    if restore.starts_at is None:
        return [words.about_to_start(restore)]
    lines = [
        words.approved(restore),
        words.starts_if_it_holds(restore.starts_at),
        words.CAN_BE_STOPPED,
    ]
    if restore.announce:
        lines.append(words.users_are_told(restore.announce))
    return lines


def _backing_up(restore: Restore, _: CardContext) -> list[str]:
    if restore.safety_made_at:
        return [words.approved(restore), words.BACKUP_MADE]
    percent = restore.safety_progress
    return [
        words.approved(restore),
        words.BACKUP_FIRST,
        words.percentage(bar(percent), percent),
    ]


def _starting(restore: Restore, _: CardContext) -> list[str]:
    return [words.approved(restore), words.BEING_SENT]


def _restoring(restore: Restore, context: CardContext) -> list[str]:
    lines = [
        words.running(restore),
        words.phase(restore),
        words.percentage(bar(restore.progress), restore.progress),
    ]
    if restore.phase is Phase.LOADING:
        lines.append(words.STANDS_STILL)
    if restore.sent_at:
        lines.append(words.started_at(restore.sent_at))
    if context.durations:
        lines.append(words.last_took(context.durations))
    lines += _doubt(restore)
    if restore.stalled and restore.progress_changed_at:
        lines.append(words.nothing_changed_since(restore.progress_changed_at))
    return lines


def _unknown(_: Restore, context: CardContext) -> list[str]:
    return [
        words.UNKNOWN_OUTCOME,
        words.NEVER_SENT_AGAIN,
        words.look_at_portal(context.approvers),
    ]


def _completed(restore: Restore, _: CardContext) -> list[str]:
    return [words.approved(restore), words.completed(restore), *_doubt(restore)]


def _ended(restore: Restore, _: CardContext) -> list[str]:
    return [words.ended(restore), *_doubt(restore)]


def _doubt(restore: Restore) -> list[str]:
    """Say of an adopted restore, to its end, that its task may be another's."""
    if not restore.adopted:
        return []
    return [whose_task(restore)]


_STORIES: Mapping[State, Callable[[Restore, CardContext], list[str]]] = {
    State.REQUESTED: _requested,
    State.APPROVED: _approved,
    State.BACKING_UP: _backing_up,
    State.STARTING: _starting,
    State.RESTORING: _restoring,
    State.UNKNOWN: _unknown,
    State.COMPLETED: _completed,
    State.FAILED: _ended,
    State.CLOSED: _ended,
    State.DENIED: _ended,
    State.WITHDRAWN: _ended,
    State.EXPIRED: _ended,
    State.STOPPED: _ended,
    State.VOID: _ended,
}


def _approve_button(restore: Restore) -> Block:
    question = confirm_dialog(
        title=words.APPROVE_TITLE,
        text=words.approve_question(restore),
        confirm=words.APPROVE,
        deny=words.GO_BACK,
    )
    return button(words.APPROVE, APPROVE, restore.id, style="primary", confirm=question)


def _settle_buttons(restore: Restore) -> list[Block]:
    if restore.state is State.RESTORING:
        return [
            button(words.IT_FINISHED, SETTLE_FINISHED, restore.id),
            button(words.IT_DID_NOT_FINISH, SETTLE_NOT_FINISHED, restore.id),
        ]
    return [
        button(words.IT_RUNS, SETTLE_RUNNING, restore.id),
        button(words.IT_FINISHED, SETTLE_FINISHED, restore.id),
        button(words.IT_DID_NOT_START, SETTLE_NOT_STARTED, restore.id),
    ]


_BUTTONS: Mapping[Action, Callable[[Restore], list[Block]]] = {
    Action.APPROVE: lambda restore: [_approve_button(restore)],
    Action.DENY: lambda restore: [button(words.DENY, DENY, restore.id, style="danger")],
    Action.WITHDRAW: lambda restore: [button(words.WITHDRAW, WITHDRAW, restore.id)],
    Action.STOP: lambda restore: [button(words.STOP, STOP, restore.id, style="danger")],
    Action.SETTLE: _settle_buttons,
    Action.ASK_AGAIN: lambda restore: [button(words.ASK_AGAIN, AGAIN, restore.id)],
}


def buttons(restore: Restore, only: AbstractSet[Action] = frozenset(Action)) -> Block | None:
    """Return the row of buttons for what the restore's state allows; None when there is none.

    ``only`` leaves out the others.
    """
    allowed = allowed_actions(restore)
    elements: list[Block] = []
    for action in Action:
        if action in allowed and action in only:
            elements += _BUTTONS[action](restore)
    if not elements:
        return None
    # Slack's clients keep a pressed button's state by block_id, so each version of the card has
    # its own.
    return actions(f"decide-{restore.version}", elements)
