"""The thread: one message per turn of the story, each a rendering of the row and of the facts left
in the outbox.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from restorebot.docspace.models import tenant_status_name
from restorebot.docspace.storages import StorageType, name_of
from restorebot.model import PostKind, Restore, State
from restorebot.slack.cards import TITLES, CardContext
from restorebot.slack.mrkdwn import (
    FALLBACK,
    Block,
    code,
    context,
    date,
    duration,
    escape,
    fallback_text,
    mention,
    mentions,
    plain_section,
    section,
)
from restorebot.slack.phrases import REPLACE_KEY

Facts = Mapping[str, Any]

SENT_AGAIN = "(sent again)"
"""Marks a post whose first sending got no answer, so that a duplicate explains itself."""


def thread_post(
    kind: PostKind, restore: Restore, facts: Facts, witness: str, card_context: CardContext
) -> tuple[str, list[Block]]:
    """A thread message's fallback ``text`` and its blocks.

    ``witness`` is the audit head's short hash.
    """
    blocks = _RENDERERS[kind](restore, facts, card_context)
    if kind is PostKind.CLOSING:
        blocks.append(context(f"Restore {code(restore.id)} · audit trail up to {code(witness)}"))
    return fallback_text(blocks), blocks


def mark_sent_again(text: str, blocks: list[Block]) -> tuple[str, list[Block]]:
    """The same message, marked as possibly a second copy."""
    return f"{SENT_AGAIN} {text}"[:FALLBACK], [context(SENT_AGAIN), *blocks]


def _break_glass(restore: Restore, _: Facts, card_context: CardContext) -> list[Block]:
    return [
        section(
            f":rotating_light: *Break-glass: {mention(restore.requester)} starts a restore of "
            f"{code(restore.portal)} "
            f"alone, without approval.* {mentions(card_context.approvers)}: it replaces all data "
            "and "
            "cannot be cancelled."
        ),
        plain_section("Reason", restore.reason, 1000),
    ]


def _reminder(restore: Restore, _: Facts, card_context: CardContext) -> list[Block]:
    return [
        section(
            f":alarm_clock: {mentions(card_context.approvers)}: {mention(restore.requester)} still "
            "waits "
            "for an answer. "
            f"The request expires {date(restore.expires_at)}; the buttons are on the card above."
        )
    ]


def _vote_lost(_: Restore, facts: Facts, __: CardContext) -> list[Block]:
    voter = mention(facts["voter"])
    return [
        section(
            f":warning: The approval of {voter} no longer counts: {voter} {escape(facts['why'])}."
        )
    ]


def _untold(_: Restore, facts: Facts, __: CardContext) -> list[Block]:
    what = "is planned" if facts["kind"] == PostKind.PLANNED else "has begun"
    return [
        section(
            f":warning: I could not tell <#{facts['channel']}> that this restore {what}: I may not "
            "post there. Tell "
            "its people yourself. If the channel is in use, type `/invite @restorebot` in it."
        )
    ]


def _start_near(restore: Restore, _: Facts, card_context: CardContext) -> list[Block]:
    starts = date(restore.starts_at) if restore.starts_at else "soon"
    return [
        section(
            f":alarm_clock: {mentions([restore.requester, *restore.voters])}: this restore of "
            f"{code(restore.portal)} "
            f"starts {starts}. It cannot be cancelled once it has begun; *Stop* is on the card "
            "above."
        )
    ]


def _planned(restore: Restore, _: Facts, __: CardContext) -> list[Block]:
    starts = date(restore.starts_at) if restore.starts_at else "soon"
    return [
        section(
            f":calendar: *{code(restore.portal)} is going to be put back to its state of an "
            f"earlier day, {starts}.*\n"
            f"{_made(restore)}What was added or changed since then is lost; keep a copy of what "
            "you need. "
            "You will be logged out, the portal will be closed until it is done, and you will need "
            "a new password."
        )
    ]


def _started(restore: Restore, _: Facts, __: CardContext) -> list[Block]:
    return [
        section(
            f":lock: *{code(restore.portal)} is being put back to its state of an earlier day, "
            "from now on.*\n"
            f"{_made(restore)}Please do not work in it: what you do now is lost. You will be "
            "logged out; this channel "
            "is told when it is over."
        )
    ]


def _over(restore: Restore, facts: Facts, _: CardContext) -> list[Block]:
    portal = code(restore.portal)
    if restore.state is State.COMPLETED:
        mail = (
            "A mail with a link is on its way to you"
            if restore.notify
            else 'Use "Forgot password?" on its page'
        )
        return [
            section(
                f":white_check_mark: *{portal} is open again.* {_made(restore, 'is')}\nOld "
                "passwords no longer work. "
                f"{mail} to set a new one: {escape(restore.portal_url)}. Two-factor sign-in has to "
                "be set up again."
            )
        ]
    if restore.state is State.CLOSED and facts.get("happened", True):
        return [
            section(
                f":grey_question: *The restore of {portal} is over.* If you cannot log in, set a "
                "new password."
            )
        ]
    if restore.task_id is None or restore.state is State.CLOSED:
        planned = f" that was planned for {date(restore.starts_at)}" if restore.starts_at else ""
        return [
            section(
                f":negative_squared_cross_mark: *The restore of {portal}{planned} does not happen.*"
            )
        ]
    closed = (
        ""
        if restore.tenant_status == 0
        else " It may stay closed for a while; administrators have been told."
    )
    return [section(f":x: *{portal} could not be put back, and has its data of before.*{closed}")]


def _made(restore: Restore, verb: str = "will be") -> str:
    """From when the portal's data will be, where that is known."""
    made_on = restore.source.created_on
    return f"Its data {verb} that of {date(made_on)}. " if made_on else ""


def _from(restore: Restore) -> str:
    made_on = restore.source.created_on
    return (
        f"Backup of {date(made_on)}."
        if made_on
        else f"From the archive {escape(restore.source.file_name)}."
    )


def _backing_up(restore: Restore, facts: Facts, _: CardContext) -> list[Block]:
    return [
        section(
            f":floppy_disk: The portal makes a safety backup first, as task {code(facts['task'])}. "
            "The restore starts "
            "only when it is done. Until then *Stop* is on the card above."
        )
    ]


WAYS_BACK: Mapping[int, str] = {
    StorageType.DOCUMENTS: (
        "It does not survive the restore: the restored portal has neither its entry in the history "
        "nor the room's file. Only a copy that was downloaded before is a way back."
    ),
    StorageType.THIRD_PARTY: (
        "The restore gives the archive another id. To find it: store a new API key, look for this "
        "name in the connected account, and ask with `/restore` for a file in a connected account."
    ),
    StorageType.DATA_STORE: (
        "It does not survive the restore: the restored portal cannot reach it. Only a copy that "
        "was downloaded before, from Settings, Backup, is a way back."
    ),
    StorageType.CLOUD: (
        "The restore gives it another id. To find it: store a new API key, then `/restore list` "
        "shows it by this name."
    ),
}
"""How to find a safety backup again, by its storage type (docspace-api §9)."""


def _backed_up(restore: Restore, facts: Facts, _: CardContext) -> list[Block]:
    storage = "its storage"
    if restore.safety_storage is not None:
        storage = name_of(restore.safety_storage)
    made = date(restore.safety_made_at) if restore.safety_made_at else ""
    left_out = (
        [plain_section("The portal warns", facts["warning"], 300)] if facts.get("warning") else []
    )
    return [
        section(f":floppy_disk: *The safety backup is made*, {made}, in {storage}."),
        plain_section("Name", restore.safety_name or "", 300),
        section(_how_to_find(restore)),
        *left_out,
    ]


def _sent(restore: Restore, facts: Facts, _: CardContext) -> list[Block]:
    own = ", who also asked for it" if restore.self_approved else ""
    yes = f"Approved by {mentions(restore.voters)}{own}."
    if restore.break_glass:
        yes = f"Started by {mention(restore.requester)} alone (break-glass)."
    return [
        section(
            f":rocket: {yes} The portal has taken the restore as task "
            f"{code(facts['task'])}. It cannot be cancelled from here on."
        )
    ]


def _fetching(restore: Restore, _: Facts, __: CardContext) -> list[Block]:
    return [
        section(
            f":inbox_tray: {code(restore.portal)} is fetching the archive. People can still work "
            "in it."
        )
    ]


def _loading(restore: Restore, _: Facts, __: CardContext) -> list[Block]:
    return [
        section(
            f":lock: {code(restore.portal)} is locked and the data is going in. Nobody can use the "
            "portal until this "
            "is over. The percentage may stand still for a long time; that is normal."
        )
    ]


def _stalled(restore: Restore, facts: Facts, _: CardContext) -> list[Block]:
    since = date(datetime.fromisoformat(facts["since"]))
    return [
        section(
            f":warning: Nothing has changed since {since}: the portal says {facts['progress']} %. "
            "That may be normal, "
            "or its worker may have died; DocSpace does not tell the difference. Have an "
            "administrator look at the "
            "server's backup worker log. restorebot keeps watching."
        )
    ]


def _adopted(restore: Restore, facts: Facts, _: CardContext) -> list[Block]:
    task = code(facts["task"] or "without an id")
    if facts.get("by"):
        return [
            section(
                f":eyes: {mention(facts['by'])} says that task {task} is this restore. It is "
                "watched "
                "from now on."
            )
        ]
    if facts.get("again"):
        return [section(f":eyes: The portal shows our task {task} again. It is watched as before.")]
    return [
        section(
            f":eyes: A restore task {task} appeared on the portal right after our request. It is "
            "taken for ours, "
            "though the portal never told us so, and is watched from here on."
        )
    ]


def _unknown(restore: Restore, facts: Facts, card_context: CardContext) -> list[Block]:
    return [
        section(":question: *It is not known whether this restore runs, or how it ended.*"),
        plain_section("Why", facts["why"], 600),
        section(
            "The request is not sent a second time. restorebot keeps looking. "
            f"{mentions(card_context.approvers)}: please look at the portal, then use the buttons "
            "on the "
            "card above."
        ),
    ]


def _closing(restore: Restore, _: Facts, card_context: CardContext) -> list[Block]:
    ends = _ENDS[restore.state](restore)
    # After a completed restore the look afterwards is the thread's last message.
    return ends if restore.state is State.COMPLETED else [*ends, _story(restore, card_context)]


def _story(restore: Restore, card_context: CardContext) -> Block:
    """The whole story in five lines, for the thread's last message."""
    approved = (
        f"by {mentions(restore.voters)} {date(restore.approved_at)}"
        if restore.approved_at
        else "never"
    )
    own = " (their own request)" if restore.approved_at and restore.self_approved else ""
    if restore.break_glass:
        approved = f"by nobody: {mention(restore.requester)} started it alone (break-glass)"
    planned = f", to start {date(restore.starts_at)}" if restore.starts_at else ""
    ended, started = restore.ended_at, restore.posted_at
    earlier = ", ".join(duration(span) for span in card_context.durations)
    took = duration(ended - started) if ended and started else "nothing was started"
    lines = [
        f"*Asked* by {mention(restore.requester)} {date(restore.requested_at)}",
        f"*Approved* {approved}{own}{planned}",
        f"*Started* {date(started) if started else 'never'}",
        f"*Ended* {date(ended) if ended else 'just now'}: {TITLES[restore.state]}",
        f"*Took* {took}{f' (the restores before took {earlier})' if earlier and started else ''}",
    ]
    return section("\n".join(lines))


def _completed(restore: Restore) -> list[Block]:
    mail = "has been mailed to everybody" if restore.notify else "has been mailed to the owner only"
    return [
        section(
            f":white_check_mark: *{code(restore.portal)} has been restored.* {_people(restore)}"
        ),
        section(_from(restore)),
        section(
            "*What to do next*\n"
            f"1. Everybody sets a new password; the old ones no longer work. A link {mail}; "
            '"Forgot password?" at '
            f"{escape(restore.portal_url)} does the same. Two-factor sign-in has to be set up "
            "again.\n"
            "2. Every API key is dead, restorebot's included. Make a new one with all permissions "
            "in DocSpace "
            f"(Developer Tools, API keys). {REPLACE_KEY} Until then no restore can be asked for.\n"
            "3. Backups have new ids; copy them afresh from Settings, Backup.\n"
            f"4. {_way_back(restore)}"
        ),
    ]


def _way_back(restore: Restore) -> str:
    if not restore.safety_name:
        return (
            "To get back to how it was, restore a backup that was made before this one started. "
            "There is no undo."
        )
    name = escape(restore.safety_name)
    return f"To get back to how it was: the safety backup {name}. {_how_to_find(restore)}"


def _how_to_find(restore: Restore) -> str:
    """Return how to find the safety backup again after the restore."""
    if restore.safety_storage is None:
        return WAYS_BACK[StorageType.CLOUD]
    return WAYS_BACK.get(restore.safety_storage, WAYS_BACK[StorageType.CLOUD])


def _failed(restore: Restore) -> list[Block]:
    if restore.posted_at is None:
        state = "No restore was asked for, so the portal's data is as it was."
    elif restore.task_id is None:
        state = "The portal did not take the request, so its data is as it was."
    elif restore.tenant_status is None:
        state = "Whether the portal is locked could not be read; open it to see."
    elif restore.tenant_status == 0:
        state = "The portal is active, not locked."
    else:
        status = tenant_status_name(restore.tenant_status)
        state = (
            f"The portal is {status}: an administrator has to look at the server before anybody "
            "can work."
        )
    task = f" Task {code(restore.task_id)}." if restore.task_id else ""
    return [
        section(f":x: *The restore of {code(restore.portal)} failed.* {_people(restore)}"),
        plain_section("What was said", restore.outcome, 600),
        section(f"{state}{task}"),
    ]


def _closed(restore: Restore) -> list[Block]:
    return [
        section(f":lock: Closed by {_decider(restore)}. {_people(restore)}"),
        plain_section("Why", restore.outcome, 600),
        section(
            "If it did finish: passwords, two-factor sign-in and every API key, restorebot's "
            "included, are void."
        ),
    ]


def _quiet(sentence: str) -> Callable[[Restore], list[Block]]:
    def write(restore: Restore) -> list[Block]:
        first = section(
            f"{sentence.format(who=_decider(restore), portal=code(restore.portal))} "
            f"{_people(restore)}"
        )
        return [first, *([plain_section("Why", restore.outcome, 1000)] if restore.outcome else [])]

    return write


_ENDS: dict[State, Callable[[Restore], list[Block]]] = {
    State.COMPLETED: _completed,
    State.FAILED: _failed,
    State.CLOSED: _closed,
    State.DENIED: _quiet(":no_entry: Denied by {who}. {portal} is as it was."),
    State.WITHDRAWN: _quiet(
        ":leftwards_arrow_with_hook: Withdrawn by {who}. {portal} is as it was."
    ),
    State.EXPIRED: _quiet(
        ":alarm_clock: The time for this restore of {portal} is over. Ask again if you need it."
    ),
    State.STOPPED: _quiet(":octagonal_sign: Stopped by {who}. {portal} is as it was."),
    State.VOID: _quiet(
        ":heavy_multiplication_x: This restore of {portal} is void and will not start. Ask again."
    ),
}


def _afterwards(restore: Restore, facts: Facts, card_context: CardContext) -> list[Block]:
    alias = facts["alias"]
    if facts["active"]:
        portal = f":white_check_mark: {code(restore.portal)} is active under its own name."
    elif alias and alias != restore.portal:
        portal = (
            f":warning: The address now answers for the portal {code(alias)}, not for "
            f"{code(restore.portal)}. "
            "A custom domain in the backup may have replaced today's: check it."
        )
    else:
        portal = (
            f":warning: {code(restore.portal)} does not answer as an active portal. Open it and "
            "look."
        )
    key = {
        "replaced": ":white_check_mark: A new API key has been stored already.",
        "dead": ":white_check_mark: The old API key is dead, as it must be after a restore.",
        "alive": (
            ":warning: The old API key still works. After a restore it must not: this contradicts "
            "the portal's word "
            "that it is completed. Look at the portal's data before you rely on it."
        ),
    }.get(facts["key"], ":warning: Whether the old API key is dead could not be found out.")
    why = [plain_section("What was said", facts["why"], 600)] if facts["why"] else []
    return [section(f"*A look afterwards*\n{portal}\n{key}"), *why, _story(restore, card_context)]


_RENDERERS: dict[PostKind, Callable[[Restore, Facts, CardContext], list[Block]]] = {
    PostKind.REMINDER: _reminder,
    PostKind.VOTE_REVOKED: _vote_lost,
    PostKind.ANNOUNCEMENT_FAILED: _untold,
    PostKind.START_REMINDER: _start_near,
    PostKind.PLANNED: _planned,
    PostKind.STARTED: _started,
    PostKind.OVER: _over,
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
    PostKind.VERIFIED: _afterwards,
}


def _people(restore: Restore) -> str:
    return f"({mentions([restore.requester, *restore.voters])})"


def _decider(restore: Restore) -> str:
    return mention(restore.decided_by) if restore.decided_by else "restorebot"
