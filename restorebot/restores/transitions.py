"""The moves that several steps make: an end, an unknown outcome; and what other channels hear."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from restorebot.model import WAITING, Event, Post, PostKind, Restore, State
from restorebot.restores.portals import Portals
from restorebot.storage.store import Store, WriteTransaction

BOT = "restorebot"
PORTAL = "portal"

UNSENT = "Nothing was sent to the portal."
UNRESTORED = "Nothing was restored."
BACKUP_GOES_ON = "The safety backup that was asked for goes on by itself."
ANOTHER_COMPLETED = (
    "Another restore of this portal has completed, and its data, people and ids have changed with "
    "it. Ask again if this one is still needed."
)


async def end(
    tx: WriteTransaction,
    before: Restore,
    after: Restore,
    *,
    at: datetime,
    actor: str,
    posts: Sequence[Post] = (),
    happened: bool = True,
) -> Restore:
    """Move a restore to one of its ends, with its time and its closing post.

    ``after`` has the new state and what else has changed; ``posts`` come before the closing one.
    ``happened`` is False for one that is called closed because it did not start. Raise StaleRow.
    """
    details: dict[str, str | bool] = {}
    if after.outcome:
        details["outcome"] = after.outcome
    if after.adopted:
        details["adopted"] = True
    return await tx.advance(
        before,
        replace(after, ended_at=at, blocked_reason=None),
        at=at,
        actor=actor,
        event=Event(after.state.value),
        posts=[
            *posts,
            Post(PostKind.CLOSING, {"happened": happened}),
            *ended_posts(before, happened=happened),
        ],
        details=details,
    )


async def expire(
    tx: WriteTransaction, restore: Restore, at: datetime, outcome: str = UNSENT
) -> Restore:
    """End a request, or an approval, whose time is over. Raise StaleRow."""
    expired = replace(restore, state=State.EXPIRED, outcome=outcome)
    return await end(tx, restore, expired, at=at, actor=BOT)


async def mark_unknown(tx: WriteTransaction, restore: Restore, why: str, at: datetime) -> Restore:
    """Say that the outcome is unknown, and why. Raise StaleRow.

    This is no end: looking, or a person, settles it.
    """
    return await tx.advance(
        restore,
        replace(restore, state=State.UNKNOWN, outcome=why, blocked_reason=None),
        at=at,
        actor=BOT,
        event=Event.UNKNOWN,
        posts=[Post(PostKind.UNKNOWN, {"why": why})],
        details={"why": why},
    )


async def fail_as_same_portal(
    store: Store, portals: Portals, restore: Restore, task_id: str | None, at: datetime
) -> None:
    """End a restore whose task another live one has: its portal has two addresses.

    Raise StaleRow, PortalNotConfigured.
    """
    async with store.writing() as tx:
        holder = await tx.holder_of(task_id or "")
        name: str = restore.portal
        if holder is not None:
            name = portals.of(holder).name
        failed = replace(restore, state=State.FAILED, outcome=same_portal(name), another_seen=True)
        await end(tx, restore, failed, at=at, actor=BOT)


def same_portal(name: str) -> str:
    """Say that another portal of the settings is this one under another address."""
    return (
        f"It is the same portal as {name}, where a restore is under way: the portal answered with "
        "that one's task. Keep one of the two in the settings."
    )


async def void_others(tx: WriteTransaction, completed: Restore, at: datetime) -> list[str]:
    """End every waiting request of a portal whose data has just been replaced; return their ids."""
    voided = []
    for other in await tx.open_restores(completed.portal_url):
        if other.state in WAITING:
            void = replace(other, state=State.VOID, outcome=ANOTHER_COMPLETED)
            await end(tx, other, void, at=at, actor=BOT)
            voided.append(other.id)
    return voided


def planned_posts(restore: Restore, now: datetime) -> list[Post]:
    """Announce a restore that has just been approved for a later time."""
    if restore.starts_at is None or restore.starts_at <= now:
        return []
    return _announced(restore, PostKind.ANNOUNCE_PLANNED)


def started_posts(restore: Restore) -> list[Post]:
    """Announce a restore whose task has just become known."""
    if restore.has_task:
        return []
    return _announced(restore, PostKind.ANNOUNCE_STARTED)


def ended_posts(restore: Restore, *, happened: bool) -> list[Post]:
    """Announce the end of a restore; only where something has been announced before.

    ``happened`` is False where it is known that the portal was not touched.
    """
    planned = restore.starts_at is not None and restore.approved_at is not None
    if not restore.has_task and not planned:
        return []
    return _announced(restore, PostKind.ANNOUNCE_ENDED, happened=happened)


def _announced(restore: Restore, kind: PostKind, **facts: bool) -> list[Post]:
    return [Post(kind, facts, channel) for channel in restore.announce]


async def note_blocked(store: Store, restore: Restore, reason: str) -> None:
    """Write down why the next step cannot be made just now, if that is news. Raise StaleRow."""
    if reason != restore.blocked_reason:
        async with store.writing() as tx:
            await tx.update_unaudited(restore, replace(restore, blocked_reason=reason))
