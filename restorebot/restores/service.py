"""What people do with restores: request, approve, deny, withdraw, stop, settle.

Each is one committed transaction or a refusal.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from restorebot.docspace.models import RESTORING, Progress
from restorebot.errors import Conflict, PortalNotConfigured, Refusal, Refused, TaskTaken
from restorebot.model import (
    Action,
    Approvers,
    Event,
    PortalAlias,
    PortalName,
    Post,
    PostKind,
    Restore,
    Source,
    State,
    allows,
)
from restorebot.restores import planned_start, votes
from restorebot.restores.policy import (
    NO_BREAK_GLASS,
    Allowed,
    Directory,
    Policy,
    ineligible_voters,
    membership_of,
    require,
)
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.progress import with_task_seen
from restorebot.restores.transitions import (
    BACKUP_GOES_ON,
    UNRESTORED,
    UNSENT,
    end,
    expire,
    planned_posts,
    started_posts,
    void_others,
)
from restorebot.storage.store import Store, WriteTransaction

REASON_LIMIT = 3000
"""Characters of a reason that are kept; as many as Slack's input takes."""

ALONE_REFUSED = f"{NO_BREAK_GLASS.reason} Ask for approval instead."
ASKED_MEANWHILE = (
    "Another restore of this portal has been asked for meanwhile. Wait until it has ended."
)
PLANNED_ALREADY = "Another restore of this portal is planned already. Have it stopped first."
OWN_DENIAL = "You asked for this restore yourself; use Withdraw."
NOT_THE_REQUESTER = (
    "Only the person who asked for this restore can withdraw it. Approvers can deny it."
)
TASK_WAITS = "A restore task waits or runs on the portal, and goes on by itself. Look again later."
NOTHING_TO_WATCH = "No running restore is to be seen on the portal, so there is nothing to watch."
STILL_LOCKED = (
    "The portal is still locked, and the task may still run. Have an administrator look at the "
    "server, then click again."
)
TASK_OF_ANOTHER = "The task that is to be seen belongs to another restore, which is being watched."
NOT_FINISHED_BY_WORD = "It did not finish, by the word of the approver who checked."
NOT_STARTED_BY_WORD = "It did not start, by the word of the approver who checked."
FINISHED_BY_WORD = (
    "It finished, by the word of the approver who checked. restorebot did not see it."
)

Decision = Callable[[WriteTransaction, Restore, datetime], Awaitable[Restore]]


class RestoreGone(Refusal):
    """The restore's row is not in the database."""

    def __init__(self) -> None:
        super().__init__(
            "This restore is no longer known here: its record is gone from the database."
        )


class AlreadyDecided(Refusal):
    """The restore has moved on before the click.

    ``restore`` is how it stands now, and who made it so.
    """

    def __init__(self, restore: Restore) -> None:
        super().__init__(f"This restore is {restore.state} already.")
        self.restore = restore


class Settlement(StrEnum):
    """What an approver knows of a restore that stands still, or whose outcome the bot does not."""

    RUNNING = "running"
    FINISHED = "finished"
    NOT_FINISHED = "not_finished"
    NOT_STARTED = "not_started"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a submitted modal asks for.

    ``portal`` is the portal's own alias when the modal was filled, ``portal_name`` its name in the
    settings.
    """

    portal: PortalAlias
    portal_name: PortalName
    source: Source
    reason: str
    notify: bool
    requester: str
    channel: str
    view_id: str
    break_glass: bool = False
    starts_at: datetime | None = None


class Service:
    """The people's side. ``wake`` asks the clock's side to make a restore's next step now."""

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
        """Raise Refused when this person may not ask for a restore here.

        Raise SlackUnavailable when that cannot be told.
        """
        _, (person, groups) = await asyncio.gather(
            self._directory.check_channel(channel),
            membership_of(portal.policy, self._directory, user),
        )
        require(portal.policy.may_request(person, groups, channel))

    async def may_break_glass(self, portal: Portal, user: str) -> bool:
        """Return whether this person may start a restore alone. Raise SlackUnavailable."""
        if user not in portal.policy.break_glass:
            return False
        verdict = portal.policy.may_break_glass(await self._directory.person(user))
        return isinstance(verdict, Allowed)

    async def request(self, draft: Draft) -> Restore:
        """Commit a request with its card.

        Raise Refusal, SlackUnavailable, and StorageError when it could not be written.
        """
        portal = self._portals.resolve(draft.portal_name, draft.channel)
        await self.check_may_request(portal, draft.requester, draft.channel)
        if draft.break_glass and not await self.may_break_glass(portal, draft.requester):
            raise Refused(ALONE_REFUSED)
        now = self._clock()
        if draft.starts_at:
            problem = planned_start.problem_with(draft.starts_at, draft.source, now)
            if problem:
                raise Refused(problem)
        restore = _requested(draft, portal, now)
        async with self._store.writing() as tx:
            asked_before = await tx.restore_by_view(draft.view_id)
            if asked_before is not None:
                return asked_before
            await self._refuse_beside_others(tx, restore)
            await tx.insert_request(restore, [Post(PostKind.CARD)])
            if restore.break_glass:
                restore = await self._approve_alone(tx, restore, now)
        self._wake(restore.id)
        return restore

    async def _refuse_beside_others(self, tx: WriteTransaction, restore: Restore) -> None:
        others = await tx.open_restores(restore.portal_url)
        if not all(other.is_planned for other in others):
            raise Refused(ASKED_MEANWHILE)
        if others and restore.starts_at:
            raise Refused(PLANNED_ALREADY)

    async def _approve_alone(
        self, tx: WriteTransaction, restore: Restore, now: datetime
    ) -> Restore:
        return await tx.advance(
            restore,
            replace(restore, state=State.APPROVED, approved_at=now),
            at=now,
            actor=restore.requester,
            event=Event.BREAK_GLASS,
            posts=[Post(PostKind.BREAK_GLASS), *planned_posts(restore, now)],
            details={"reason": restore.reason},
        )

    async def approve(self, restore_id: str, user: str) -> Restore:
        """Count one person's yes, and approve the restore when the quorum is full.

        Before a vote completes the quorum, every earlier voter is checked again; votes that no
        longer count are revoked. Raise Refusal, SlackUnavailable.
        """
        while True:
            restore = await self.read(restore_id)
            policy = self._portals.of(restore).policy
            needed = policy.quorum(restore.approvals_needed)
            earlier: tuple[str, ...] = ()
            if allows(restore, Action.APPROVE) and len(restore.votes) + 1 >= needed:
                earlier = restore.voters
            # Together, so that one answer about a group serves for all of them.
            (person, groups), ineligible = await asyncio.gather(
                membership_of(policy, self._directory, user),
                ineligible_voters(policy, self._directory, earlier, restore.requester),
            )
            require(policy.may_approve(person, groups, restore.requester))
            vote = votes.CheckedVote(
                user=user, needed=needed, checked=frozenset(earlier), ineligible=ineligible
            )
            try:
                return await self._decide(
                    restore_id, Action.APPROVE, partial(votes.count_vote, vote=vote)
                )
            except votes.EarlierVotersUnchecked:
                # Somebody else voted meanwhile, and this yes would fill the quorum with theirs.
                continue

    async def check_may_deny(self, restore_id: str, user: str) -> Restore:
        """Return the restore if this person's no would count just now.

        Raise Refusal, SlackUnavailable.
        """
        restore = await self.read(restore_id)
        if not allows(restore, Action.DENY):
            raise AlreadyDecided(restore)
        if user == restore.requester:
            raise Refused(OWN_DENIAL)
        await self._check_approver(restore, user)
        return restore

    async def deny(self, restore_id: str, user: str, reason: str) -> Restore:
        """Deny a request, and say why. Raise Refusal, SlackUnavailable."""
        await self.check_may_deny(restore_id, user)
        outcome = reason.strip()[:REASON_LIMIT]
        return await self._end(restore_id, Action.DENY, to=State.DENIED, user=user, outcome=outcome)

    async def withdraw(self, restore_id: str, user: str) -> Restore:
        """Withdraw one's own request. Raise Refusal."""
        restore = await self.read(restore_id)
        if user != restore.requester:
            raise Refused(NOT_THE_REQUESTER)
        return await self._end(restore_id, Action.WITHDRAW, to=State.WITHDRAWN, user=user)

    async def stop(self, restore_id: str, user: str) -> Restore:
        """Stop an approved restore that has not been started yet.

        Raise Refusal, SlackUnavailable.
        """
        restore = await self.read(restore_id)
        if user != restore.requester:
            await self._check_approver(restore, user)

        async def stopped(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            outcome = _stop_outcome(restore)
            after = replace(restore, state=State.STOPPED, outcome=outcome, decided_by=user)
            return await end(tx, restore, after, at=now, actor=user)

        return await self._decide(restore_id, Action.STOP, stopped)

    async def settle(self, restore_id: str, user: str, how: Settlement) -> Restore:
        """Write down what became of a restore whose outcome the bot does not know.

        Raise Refusal, SlackUnavailable, and PortalError when the portal has to be looked at and
        does not answer.
        """
        restore = await self.read(restore_id)
        await self._check_approver(restore, user)
        if not allows(restore, Action.SETTLE):
            raise AlreadyDecided(restore)
        ways = {
            Settlement.RUNNING: self._watch_what_runs,
            Settlement.FINISHED: self._finish,
            Settlement.NOT_FINISHED: self._break_off,
            Settlement.NOT_STARTED: self._call_off,
        }
        return await ways[how](restore, user)

    async def _call_off(self, restore: Restore, user: str) -> Restore:
        """Close a restore that did not start, by the word of an approver."""
        if restore.state is State.RESTORING:
            # Of a card that was drawn before its task was seen again.
            raise AlreadyDecided(restore)
        progress = await self._task_to_see(restore)
        if progress is not None and not progress.is_completed:
            raise Refused(TASK_WAITS)
        return await self._end(
            restore.id,
            Action.SETTLE,
            to=State.CLOSED,
            user=user,
            outcome=NOT_STARTED_BY_WORD,
            happened=False,
        )

    async def _watch_what_runs(self, restore: Restore, user: str) -> Restore:
        """Take the task that the portal shows for this restore's, by the word of an approver."""
        progress = await self._task_to_see(restore)
        if progress is None or progress.is_completed:
            raise Refused(NOTHING_TO_WATCH)
        adopt = partial(_adopt, task=progress.task_id, user=user)
        try:
            return await self._decide(restore.id, Action.SETTLE, adopt)
        except TaskTaken:
            raise Refused(TASK_OF_ANOTHER) from None

    async def _task_to_see(self, restore: Restore) -> Progress | None:
        """Return what the portal shows; nothing where the settings no longer have the portal."""
        try:
            docspace = self._portals.of(restore).docspace
        except PortalNotConfigured:
            return None
        return await docspace.restore_progress()

    async def _break_off(self, restore: Restore, user: str) -> Restore:
        """Call a restore failed whose worker has died, by the word of an approver.

        A task at 0 begins when a worker comes back, and one of a locked portal may still run.
        """
        progress = await self._task_to_see(restore)
        tenant_status: int | None = None
        if progress is not None and not progress.is_completed:
            if progress.progress == 0:
                raise Refused(TASK_WAITS)
            info = await self._portals.of(restore).docspace.settings()
            tenant_status = info.tenant_status
            if tenant_status == RESTORING:
                raise Refused(STILL_LOCKED)

        async def broken_off(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            after = replace(
                restore,
                state=State.FAILED,
                outcome=NOT_FINISHED_BY_WORD,
                decided_by=user,
                tenant_status=tenant_status,
            )
            return await end(tx, restore, after, at=now, actor=user)

        return await self._decide(restore.id, Action.SETTLE, broken_off)

    async def _finish(self, restore: Restore, user: str) -> Restore:
        voided: list[str] = []

        async def finished(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            after = replace(restore, state=State.CLOSED, outcome=FINISHED_BY_WORD, decided_by=user)
            closed = await end(tx, restore, after, at=now, actor=user)
            voided.extend(await void_others(tx, closed, now))
            return closed

        closed = await self._decide(restore.id, Action.SETTLE, finished)
        for other in voided:
            self._wake(other)
        return closed

    async def _check_approver(self, restore: Restore, user: str) -> None:
        try:
            policy = self._portals.of(restore).policy
        except PortalNotConfigured:
            policy = Policy(approvers=Approvers(frozenset(restore.approvers)))
        person, groups = await membership_of(policy, self._directory, user)
        require(policy.may_decide(person, groups))

    async def _end(
        self,
        restore_id: str,
        action: Action,
        *,
        to: State,
        user: str,
        outcome: str | None = None,
        happened: bool = True,
    ) -> Restore:
        async def ended(tx: WriteTransaction, restore: Restore, now: datetime) -> Restore:
            after = replace(restore, state=to, outcome=outcome, decided_by=user)
            return await end(tx, restore, after, at=now, actor=user, happened=happened)

        return await self._decide(restore_id, action, ended)

    async def _decide(self, restore_id: str, action: Action, decision: Decision) -> Restore:
        """Make a decision on the row as it is now, if its state still allows it.

        Raise AlreadyDecided where it does not.
        """
        now = self._clock()
        try:
            async with self._store.writing() as tx:
                restore = await tx.restore(restore_id)
                if restore is None:
                    raise RestoreGone
                late = restore.state is State.REQUESTED and now >= restore.expires_at
                if late:
                    decided = await expire(tx, restore, now)
                elif not allows(restore, action):
                    raise AlreadyDecided(restore)
                else:
                    decided = await decision(tx, restore, now)
        except TaskTaken:
            raise
        except Conflict:
            raise AlreadyDecided(await self.read(restore_id)) from None
        self._wake(restore_id)
        if late:
            raise AlreadyDecided(decided)
        return decided

    async def read(self, restore_id: str) -> Restore:
        """Return the restore as it stands. Raise RestoreGone, StorageError."""
        async with self._store.reading() as tx:
            restore = await tx.restore(restore_id)
        if restore is None:
            raise RestoreGone
        return restore


def _requested(draft: Draft, portal: Portal, now: datetime) -> Restore:
    return Restore(
        id=str(uuid.uuid4()),
        version=1,
        state=State.REQUESTED,
        portal=draft.portal,
        portal_url=portal.docspace.url,
        source=draft.source,
        reason=draft.reason.strip()[:REASON_LIMIT],
        notify=draft.notify,
        requester=draft.requester,
        channel=draft.channel,
        view_id=draft.view_id,
        approvals_needed=portal.policy.approvals_needed,
        requested_at=now,
        expires_at=planned_start.request_expiry(now, portal.approval_ttl, draft.starts_at),
        starts_at=draft.starts_at,
        approvers=tuple(sorted(portal.policy.approvers)),
        announce=tuple(sorted(portal.announce)),
        break_glass=draft.break_glass,
    )


def backup_stays(name: str | None) -> str:
    """Say that a safety backup that was made is kept."""
    return f"The safety backup {name} stays."


def _stop_outcome(restore: Restore) -> str:
    if restore.safety_made_at:
        return f"{UNRESTORED} {backup_stays(restore.safety_name)}"
    if restore.state is not State.BACKING_UP:
        return UNSENT
    return f"{UNRESTORED} {BACKUP_GOES_ON}"


async def _adopt(
    tx: WriteTransaction, restore: Restore, now: datetime, *, task: str | None, user: str
) -> Restore:
    adopted = replace(
        with_task_seen(restore),
        state=State.RESTORING,
        task_id=task,
        adopted=True,
        progress_changed_at=now,
        decided_by=user,
    )
    return await tx.advance(
        restore,
        adopted,
        at=now,
        actor=user,
        event=Event.ADOPTED,
        posts=[Post(PostKind.ADOPTED, {"by": user, "task": task}), *started_posts(restore)],
        details={"task": task},
    )
