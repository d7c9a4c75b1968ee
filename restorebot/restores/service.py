"""What people do with restores: request, approve, deny, withdraw, stop, settle.

Each is one committed transaction or a refusal.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from restorebot.errors import Conflict, Refusal, Refused
from restorebot.model import Post, PostKind, Restore, Source, State
from restorebot.restores import announcing, votes
from restorebot.restores.policy import Directory, ineligible_voters, membership_of
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.start import MISSED_START_GRACE
from restorebot.restores.transitions import (
    BACKUP_GOES_ON,
    UNRESTORED,
    UNSENT,
    end,
    expire,
    void_others,
)
from restorebot.storage.store import Store, WriteTransaction

REASON_LIMIT_KEPT = 3000
"""Characters of a reason; as many as Slack's input takes."""

FOREVER = datetime.max.replace(tzinfo=UTC)

RESTORE_GONE = (
    "This restore is no longer known here: its record is gone from the database. Ask again with "
    "/restore."
)


Decision = Callable[[WriteTransaction, Restore, datetime], Awaitable[Restore]]


class AlreadyDecided(Refusal):
    """The restore has moved on before the click; ``restore`` is how it stands now, and who made it
    so.
    """

    def __init__(self, restore: Restore) -> None:
        super().__init__(f"This restore is {restore.state} already.")
        self.restore = restore


class Settlement(StrEnum):
    """What an approver knows of a restore whose outcome the bot does not."""

    RUNNING = "running"
    FINISHED = "finished"
    NOT_STARTED = "not_started"


@dataclass(frozen=True)
class Draft:
    """What a submitted modal asks for.

    ``portal`` is the portal's own alias when the modal was filled, ``portal_name`` its name in the
    settings.
    """

    portal: str
    portal_name: str
    source: Source
    reason: str
    notify: bool
    requester: str
    channel: str
    view_id: str
    break_glass: bool = False
    starts_at: datetime | None = None


class Service:
    """The people's side. ``look`` asks the clock's side to look at a restore now."""

    def __init__(
        self,
        store: Store,
        portals: Portals,
        directory: Directory,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[str], None],
    ) -> None:
        self._store = store
        self._portals = portals
        self._directory = directory
        self._clock = clock
        self._wake = wake

    async def check_may_request(self, portal: Portal, user: str, channel: str) -> None:
        """Raises Refused when this person may not ask for a restore here, SlackUnavailable when
        that cannot be told.
        """
        _, found = await asyncio.gather(
            self._directory.check_channel(channel),
            membership_of(portal.policy, self._directory, user),
        )
        verdict = portal.policy.may_request(*found, channel)
        if not verdict.allowed:
            raise Refused(verdict.reason)

    async def may_break_glass(self, portal: Portal, user: str) -> bool:
        """Whether this person may start a restore alone. Raises SlackUnavailable."""
        if user not in portal.policy.break_glass:
            return False
        return portal.policy.may_break_glass(await self._directory.person(user)).allowed

    async def request(self, draft: Draft) -> Restore:
        """Commit a request with its card.

        Raises Refused, SlackUnavailable, and StorageError when it could not be written.
        """
        portal = self._portals.resolve(draft.portal_name, draft.channel)
        await self.check_may_request(portal, draft.requester, draft.channel)
        if draft.break_glass and not await self.may_break_glass(portal, draft.requester):
            raise Refused(
                "You are not among those who may start a restore alone. Ask for approval instead."
            )
        now = self._clock()
        restore = Restore(
            id=str(uuid.uuid4()),
            version=1,
            state=State.REQUESTED,
            portal=draft.portal,
            portal_url=portal.docspace.url,
            source=draft.source,
            reason=draft.reason.strip()[:REASON_LIMIT_KEPT],
            notify=draft.notify,
            requester=draft.requester,
            channel=draft.channel,
            view_id=draft.view_id,
            approvals_needed=portal.policy.approvals_needed,
            requested_at=now,
            expires_at=min(
                now + portal.approval_ttl,
                draft.starts_at + MISSED_START_GRACE if draft.starts_at else FOREVER,
            ),
            starts_at=draft.starts_at,
            announce=tuple(sorted(portal.announce)),
            break_glass=draft.break_glass,
        )
        async with self._store.writing() as tx:
            if (asked := await tx.restore_by_view(draft.view_id)) is not None:
                return asked
            others = await tx.open_restores(portal.docspace.url)
            if not all(other.is_planned for other in others):
                raise Refused(
                    "Another restore of this portal has been asked for meanwhile. Wait until it "
                    "has ended."
                )
            if others and restore.starts_at:
                raise Refused(
                    "Another restore of this portal is planned already. Have it stopped first."
                )
            await tx.insert_request(restore, [Post(PostKind.CARD)])
            if restore.break_glass:
                posts = [Post(PostKind.BREAK_GLASS), *announcing.planned_posts(restore, now)]
                restore = await tx.advance(
                    restore,
                    State.APPROVED,
                    at=now,
                    actor=draft.requester,
                    event="break-glass",
                    posts=posts,
                    details={"reason": restore.reason},
                    approved_at=now,
                )
        self._wake(restore.id)
        return restore

    async def approve(self, restore_id: str, user: str) -> Restore:
        """Count one person's yes, and approve the restore when the quorum is full. Raises Refused,
        SlackUnavailable.

        A yes that would fill it has all the others looked at again; those that no longer count are
        taken back.
        """
        while True:
            restore = await self.read(restore_id)
            policy = self._portals.of(restore).policy
            needed = max(restore.approvals_needed, policy.approvals_needed)
            fills = restore.state is State.REQUESTED and len(restore.votes) + 1 >= needed
            earlier = restore.voters if fills else ()
            # Together, so that one answer about a group serves for all of them.
            (person, groups), lost = await asyncio.gather(
                membership_of(policy, self._directory, user),
                ineligible_voters(policy, self._directory, earlier, restore.requester),
            )
            verdict = policy.may_approve(person, groups, restore.requester)
            if not verdict.allowed:
                raise Refused(verdict.reason)
            decision = partial(
                votes.count_vote, yes=votes.CheckedVote(user, needed, frozenset(earlier), lost)
            )
            try:
                return await self._decide(restore_id, {State.REQUESTED}, decision)
            except votes.VotersUnchecked:
                # Somebody else voted meanwhile, and this yes would fill the quorum together with
                # theirs.
                continue

    async def check_may_deny(self, restore_id: str, user: str) -> Restore:
        """Whether this person's no would count just now. Raises Refused, SlackUnavailable."""
        restore = await self.read(restore_id)
        if restore.state is not State.REQUESTED:
            raise AlreadyDecided(restore)
        if user == restore.requester:
            raise Refused("You asked for this restore yourself; use Withdraw.")
        await self._check_approver(restore, user)
        return restore

    async def deny(self, restore_id: str, user: str, reason: str) -> Restore:
        """An approver's no, and why. Raises Refused, SlackUnavailable."""
        await self.check_may_deny(restore_id, user)
        return await self._end(
            restore_id, {State.REQUESTED}, State.DENIED, user, reason.strip()[:REASON_LIMIT_KEPT]
        )

    async def withdraw(self, restore_id: str, user: str) -> Restore:
        """The requester's change of mind. Raises Refused."""
        restore = await self.read(restore_id)
        if user != restore.requester:
            raise Refused(
                "Only the person who asked for this restore can withdraw it. Approvers can deny it."
            )
        return await self._end(restore_id, {State.REQUESTED}, State.WITHDRAWN, user, "")

    async def stop(self, restore_id: str, user: str) -> Restore:
        """Stop an approved restore that has not been started yet.

        Raises Refused, SlackUnavailable.
        """
        restore = await self.read(restore_id)
        if user != restore.requester:
            await self._check_approver(restore, user)

        async def stopped(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            outcome = UNSENT
            if restore.state is State.BACKING_UP:
                made = (
                    f"The safety backup {restore.safety_name} stays."
                    if restore.safety_made_at
                    else BACKUP_GOES_ON
                )
                outcome = f"{UNRESTORED} {made}"
            return await end(
                tx, restore, State.STOPPED, at=now, actor=user, outcome=outcome, decided_by=user
            )

        return await self._decide(restore_id, {State.APPROVED, State.BACKING_UP}, stopped)

    async def settle(self, restore_id: str, user: str, how: Settlement) -> Restore:
        """An approver says what became of a restore whose outcome the bot does not know.

        Raises Refused, SlackUnavailable, and PortalError when the portal has to be looked at and
        does not answer.
        """
        restore = await self.read(restore_id)
        await self._check_approver(restore, user)
        if how is Settlement.FINISHED:
            return await self._finish(restore_id, user)
        progress = await self._portals.of(restore).docspace.restore_progress()
        running = progress is not None and not progress.is_completed
        if how is Settlement.NOT_STARTED:
            if running:
                raise Refused(
                    "A restore task waits or runs on the portal, and goes on by itself. Look again "
                    "later."
                )
            outcome = "It did not start, by the word of the approver who checked."
            return await self._end(
                restore_id, {State.UNKNOWN}, State.CLOSED, user, outcome, happened=False
            )
        if progress is None or not running:
            raise Refused(
                "No running restore is to be seen on the portal, so there is nothing to watch."
            )
        task = progress.task_id or ""

        async def adopt(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            return await tx.advance(
                restore,
                State.RESTORING,
                at=now,
                actor=user,
                event="adopted",
                posts=[
                    Post(PostKind.ADOPTED, {"by": user, "task": task}),
                    *announcing.started_posts(restore),
                ],
                details={"task": task},
                task_id=task,
                adopted=True,
                missing_since=None,
                missing_polls=0,
                changed_at=now,
                decided_by=user,
            )

        return await self._decide(restore_id, {State.UNKNOWN}, adopt)

    async def _finish(self, restore_id: str, user: str) -> Restore:
        voided: list[str] = []

        async def finished(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            outcome = (
                "It finished, by the word of the approver who checked. restorebot did not see it."
            )
            closed = await end(
                tx, restore, State.CLOSED, at=now, actor=user, outcome=outcome, decided_by=user
            )
            voided.extend(await void_others(tx, closed, now))
            return closed

        closed = await self._decide(restore_id, {State.UNKNOWN}, finished)
        for other in voided:
            self._wake(other)
        return closed

    async def _check_approver(self, restore: Restore, user: str) -> None:
        policy = self._portals.of(restore).policy
        person, groups = await membership_of(policy, self._directory, user)
        verdict = policy.may_decide(person, groups)
        if not verdict.allowed:
            raise Refused(verdict.reason)

    async def _end(
        self,
        restore_id: str,
        states: set[State],
        to: State,
        user: str,
        outcome: str,
        *,
        happened: bool = True,
    ) -> Restore:
        async def ended(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            how: dict[str, Any] = {"outcome": outcome, "decided_by": user, "happened": happened}
            return await end(tx, restore, to, at=now, actor=user, **how)

        return await self._decide(restore_id, states, ended)

    async def _decide(self, restore_id: str, states: set[State], decision: Decision) -> Restore:
        """Make a decision on the row as it is now, if it still is in one of the states; else say
        how it stands.
        """
        now = self._clock()
        try:
            async with self._store.writing() as tx:
                restore = await tx.restore(restore_id)
                if restore is None:
                    raise Refused(RESTORE_GONE)
                late = restore.state is State.REQUESTED and now >= restore.expires_at
                if late:
                    decided = await expire(tx, restore, now)
                elif restore.state not in states:
                    raise AlreadyDecided(restore)
                else:
                    decided = await decision(tx, restore, now)
        except Conflict:
            raise AlreadyDecided(await self.read(restore_id)) from None
        self._wake(restore_id)
        if late:
            raise AlreadyDecided(decided)
        return decided

    async def read(self, restore_id: str) -> Restore:
        """The restore as it stands. Raises Refused when it is not known, StorageError."""
        async with self._store.reading() as tx:
            restore = await tx.restore(restore_id)
        if restore is None:
            raise Refused(RESTORE_GONE)
        return restore
