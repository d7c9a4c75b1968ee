"""The thread: one message per turn of the story.

Each is a rendering of the row and of the facts left in the outbox.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from restorebot.model import Phase, PostKind, Restore, State
from restorebot.slack.blocks import (
    FALLBACK,
    Block,
    context_block,
    fallback_text,
    plain_section,
    section,
)
from restorebot.slack.cards import REASON_SHOWN, CardContext
from restorebot.slack.phrases import announcements, card, ending
from restorebot.slack.phrases import thread as words
from restorebot.slack.phrases.restore import whose_task

PostFacts = Mapping[str, Any]
"""What the outbox keeps of a post, in plain JSON values."""

OUTCOME_SHOWN = 600
NAME_SHOWN = 300


def thread_post(
    kind: PostKind,
    restore: Restore,
    *,
    facts: PostFacts,
    witness: str | None,
    context: CardContext,
) -> tuple[str, list[Block]]:
    """Return a thread message's fallback ``text`` and its blocks.

    ``witness`` is the audit head's short hash.
    """
    blocks = RENDERERS[kind](restore, facts, context)
    if kind is PostKind.CLOSING and witness is not None:
        blocks.append(context_block(words.witness(restore, witness)))
    return fallback_text(blocks), blocks


def mark_sent_again(text: str, blocks: list[Block]) -> tuple[str, list[Block]]:
    """Return the same message, marked as possibly a second copy."""
    return f"{words.SENT_AGAIN} {text}"[:FALLBACK], [context_block(words.SENT_AGAIN), *blocks]


def _quoted(label: str, text: str | None, limit: int) -> list[Block]:
    """Show outside text where there is any."""
    if not text:
        return []
    return [plain_section(label, text, limit)]


def _break_glass(restore: Restore, _: PostFacts, context: CardContext) -> list[Block]:
    return [
        section(words.break_glass(restore, context.approvers)),
        plain_section(card.REASON, restore.reason, REASON_SHOWN),
    ]


def _reminder(restore: Restore, _: PostFacts, context: CardContext) -> list[Block]:
    return [section(words.reminder(restore, context.approvers))]


def _vote_revoked(_: Restore, facts: PostFacts, __: CardContext) -> list[Block]:
    return [section(words.vote_revoked(facts["voter"], facts["why"]))]


def _announcement_failed(_: Restore, facts: PostFacts, __: CardContext) -> list[Block]:
    return [section(words.announcement_failed(facts["channel"], facts["kind"]))]


def _start_reminder(restore: Restore, _: PostFacts, __: CardContext) -> list[Block]:
    return [section(words.start_reminder(restore))]


def _announce_planned(restore: Restore, _: PostFacts, __: CardContext) -> list[Block]:
    return [section(announcements.planned(restore))]


def _announce_started(restore: Restore, _: PostFacts, __: CardContext) -> list[Block]:
    return [section(announcements.started(restore))]


def _announce_ended(restore: Restore, facts: PostFacts, _: CardContext) -> list[Block]:
    if restore.state is State.COMPLETED:
        return [section(announcements.completed(restore))]
    if restore.state is State.CLOSED and facts.get("happened", True):
        return [section(announcements.closed(restore))]
    if restore.state is State.CLOSED or not restore.has_task:
        return [section(announcements.called_off(restore))]
    return [section(announcements.failed(restore))]


def _backing_up(_: Restore, facts: PostFacts, __: CardContext) -> list[Block]:
    return [section(words.backing_up(facts["task"]))]


def _backed_up(restore: Restore, facts: PostFacts, _: CardContext) -> list[Block]:
    return [
        section(words.backed_up(restore)),
        *_quoted(words.NAME, restore.safety_name, NAME_SHOWN),
        section(words.how_to_find_backup(restore)),
        *_quoted(words.PORTAL_WARNS, facts.get("warning"), NAME_SHOWN),
    ]


def _sent(restore: Restore, facts: PostFacts, _: CardContext) -> list[Block]:
    return [section(words.sent(restore, facts["task"])), *_doubt(restore)]


def _fetching(restore: Restore, _: PostFacts, __: CardContext) -> list[Block]:
    return [section(words.fetching(restore))]


def _loading(restore: Restore, _: PostFacts, __: CardContext) -> list[Block]:
    return [section(words.loading(restore))]


def _stalled(_: Restore, facts: PostFacts, __: CardContext) -> list[Block]:
    since = datetime.fromisoformat(facts["since"])
    phase: Phase | None = None
    if facts.get("phase"):
        phase = Phase(facts["phase"])
    return [section(words.stalled(since, facts["progress"], phase))]


def _adopted(_: Restore, facts: PostFacts, __: CardContext) -> list[Block]:
    task = facts["task"]
    if facts.get("by"):
        return [section(words.adopted_by(facts["by"], task))]
    if facts.get("again"):
        return [section(words.task_shown_again(task))]
    return [section(words.task_found(task))]


def _unknown(_: Restore, facts: PostFacts, context: CardContext) -> list[Block]:
    return [
        section(words.UNKNOWN_OUTCOME),
        plain_section(card.WHY, facts["why"], OUTCOME_SHOWN),
        section(words.please_settle(context.approvers)),
    ]


def _closing(restore: Restore, facts: PostFacts, context: CardContext) -> list[Block]:
    blocks = ENDS[restore.state](restore)
    if restore.state is State.CLOSED and facts.get("happened", True):
        blocks.append(section(ending.IF_IT_FINISHED))
    blocks += _doubt(restore)
    # After a completed restore its verification is the thread's last message.
    if restore.state is not State.COMPLETED:
        blocks.append(_story(restore, context))
    return blocks


def _doubt(restore: Restore) -> list[Block]:
    """Say of an adopted restore that its task may be another's."""
    if not restore.adopted:
        return []
    return [section(whose_task(restore))]


def _story(restore: Restore, context: CardContext) -> Block:
    return section(ending.story(restore, context.durations))


def _completed(restore: Restore) -> list[Block]:
    return [
        section(ending.has_been_restored(restore)),
        section(ending.restored_from(restore.source)),
        section(ending.next_steps(restore)),
    ]


def _failed(restore: Restore) -> list[Block]:
    return [
        section(ending.has_failed(restore)),
        *_quoted(ending.SAID, restore.outcome, OUTCOME_SHOWN),
        section(ending.failed_state(restore)),
    ]


def _closed(restore: Restore) -> list[Block]:
    return [
        section(ending.closing(restore)),
        *_quoted(card.WHY, restore.outcome, OUTCOME_SHOWN),
    ]


def _unstarted(restore: Restore) -> list[Block]:
    return [
        section(ending.closing(restore)),
        *_quoted(card.WHY, restore.outcome, REASON_SHOWN),
    ]


ENDS: Mapping[State, Callable[[Restore], list[Block]]] = {
    State.COMPLETED: _completed,
    State.FAILED: _failed,
    State.CLOSED: _closed,
    State.DENIED: _unstarted,
    State.WITHDRAWN: _unstarted,
    State.EXPIRED: _unstarted,
    State.STOPPED: _unstarted,
    State.VOID: _unstarted,
}


def _verified(restore: Restore, facts: PostFacts, context: CardContext) -> list[Block]:
    return [
        section(ending.verification(restore, facts)),
        *_quoted(ending.SAID, facts["why"], OUTCOME_SHOWN),
        _story(restore, context),
    ]


RENDERERS: Mapping[PostKind, Callable[[Restore, PostFacts, CardContext], list[Block]]] = {
    PostKind.REMINDER: _reminder,
    PostKind.VOTE_REVOKED: _vote_revoked,
    PostKind.ANNOUNCEMENT_FAILED: _announcement_failed,
    PostKind.START_REMINDER: _start_reminder,
    PostKind.ANNOUNCE_PLANNED: _announce_planned,
    PostKind.ANNOUNCE_STARTED: _announce_started,
    PostKind.ANNOUNCE_ENDED: _announce_ended,
    PostKind.BREAK_GLASS: _break_glass,
    PostKind.BACKING_UP: _backing_up,
    PostKind.BACKED_UP: _backed_up,
    PostKind.SENT: _sent,
    PostKind.FETCHING: _fetching,
    PostKind.LOADING: _loading,
    PostKind.STALLED: _stalled,
    PostKind.ADOPTED: _adopted,
    PostKind.UNKNOWN: _unknown,
    PostKind.CLOSING: _closing,
    PostKind.VERIFIED: _verified,
}
