"""How a restore ends, whoever ends it: with its time, its outcome and its closing post, in one
move.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from restorebot.model import WAITING, Post, PostKind, Restore, State
from restorebot.restores import announcing
from restorebot.storage.store import WriteTransaction

BOT = "restorebot"
PORTAL = "portal"


async def end(
    tx: WriteTransaction,
    restore: Restore,
    to: State,
    *,
    at: datetime,
    actor: str,
    outcome: str = "",
    before: Sequence[Post] = (),
    happened: bool = True,
    **changes: Any,
) -> Restore:
    """Move a restore to one of its ends; the posts ``before`` come before the closing one.

    ``happened`` is False for one that is called closed because it did not start. Raises Conflict.
    """
    return await tx.advance(
        restore,
        to,
        at=at,
        actor=actor,
        event=to.value,
        posts=[
            *before,
            Post(PostKind.CLOSING),
            *announcing.ended_posts(restore, happened=happened),
        ],
        details={"outcome": outcome} if outcome else {},
        ended_at=at,
        outcome=outcome,
        blocked_reason="",
        **changes,
    )


UNSENT = "Nothing was sent to the portal."
UNRESTORED = "Nothing was restored."
BACKUP_GOES_ON = "The safety backup that was asked for goes on by itself."


async def expire(
    tx: WriteTransaction, restore: Restore, at: datetime, outcome: str = UNSENT
) -> Restore:
    """End a request, or an approval, whose time is over. Raises Conflict."""
    return await end(tx, restore, State.EXPIRED, at=at, actor=BOT, outcome=outcome)


async def mark_unknown(tx: WriteTransaction, restore: Restore, why: str, at: datetime) -> Restore:
    """Say that the outcome is unknown, and why.

    This is no end: looking, or a person, settles it. Raises Conflict.
    """
    return await tx.advance(
        restore,
        State.UNKNOWN,
        at=at,
        actor=BOT,
        event="unknown",
        posts=[Post(PostKind.UNKNOWN, {"why": why})],
        details={"why": why},
        outcome=why,
        blocked_reason="",
    )


async def void_others(tx: WriteTransaction, completed: Restore, at: datetime) -> list[str]:
    """End every waiting request of a portal whose data has just been replaced; returns their
    ids.
    """
    others = [
        other for other in await tx.open_restores(completed.portal_url) if other.state in WAITING
    ]
    for other in others:
        outcome = (
            "Another restore of this portal has completed, and its data, people and ids have "
            "changed with it. Ask "
            "again if this one is still needed."
        )
        await end(tx, other, State.VOID, at=at, actor=BOT, outcome=outcome)
    return [other.id for other in others]
