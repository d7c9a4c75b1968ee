"""From approval to the one POST.

Look again at everything, claim the portal, send, and say what became of it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from restorebot.docspace.models import Progress
from restorebot.errors import (
    PortalBusy,
    PortalError,
    PortalLocked,
    SlackUnavailable,
    TaskTaken,
)
from restorebot.model import Event, Post, PostKind, Restore, State
from restorebot.restores import planned_start
from restorebot.restores.policy import Denied, Directory, ineligible_voters
from restorebot.restores.portals import Portals
from restorebot.restores.preflight import Preflight, Report, ref_of
from restorebot.restores.progress import PollSettings, phase_of, phase_posts
from restorebot.restores.safety_backup import SafetyBackup
from restorebot.restores.transitions import (
    BOT,
    PORTAL,
    UNSENT,
    end,
    expire,
    fail_as_same_portal,
    mark_unknown,
    note_blocked,
    started_posts,
)
from restorebot.restores.votes import revoked_vote_posts
from restorebot.storage.store import Store
from restorebot.times import Clocks, Moment, duration

RECHECK_TIMEOUT = 30.0
"""Seconds for each check before a start.

Nobody waits for these, and a history on remote storage is slow.
"""

POST_CHECK_INTERVAL = timedelta(seconds=1)
"""Until the channel is likely to have been told of a start without approval."""

BREAK_GLASS_POST_GRACE = timedelta(seconds=30)
"""How long that may take before the card says what is waited for."""

BACKUP_WATCH_NOTE_INTERVAL = timedelta(minutes=1)
"""How often it is written down that a planned restore's safety backup is being watched."""

RECHECK_INTERVAL = timedelta(seconds=15)
"""Between looks at an approved restore whose checks cannot be made just now.

Each reads the portal's history.
"""

OLDEST_CLAIM = timedelta(seconds=30)
"""At the moment of the POST, the commit of ``starting`` is no older.

What was checked before it may not hold any more after a pause.
"""

SURE_WITHIN = timedelta(seconds=3)
"""A reply that comes within this of the last look is to our POST alone."""

Outcome = Callable[[], Awaitable[timedelta | None]]
"""Writes down what became of a start; returns the time until the next look, None at an end."""

BREAK_GLASS_NOT_POSTED = (
    "Slack has not taken the message that tells the channel of this start without approval."
)
APPROVAL_TOO_OLD = "The approval became too old before the restore could start."
STANDSTILL = f"restorebot was down for {planned_start.MISSED_BY} after the planned start."
ANOTHER_BEGAN = f"{UNSENT} Another restore has just begun on it."
REPLY_LOST = "It is not known whether the portal took the request."
NO_TASK_NAMED = "The portal took the request without naming a task."
EARLIER_TASK = "The portal answered with an earlier task."
EARLIER_TASK_QUEUED = "The portal answered with an earlier task, which may run our backup now."
INTERRUPTED_BEFORE = f"restorebot was interrupted before it sent the request. {UNSENT}"
INTERRUPTED = (
    "restorebot was interrupted while it sent the request, and cannot know whether the portal took "
    "it."
)


@dataclass(frozen=True)
class NotReady:
    """The restore cannot start: ``wait`` is the time until the next look, None if it is void."""

    wait: timedelta | None


@dataclass(frozen=True)
class MissingApprovals:
    """Why the approvals no longer suffice, and whose yes no longer counts, each with the reason."""

    sentence: str
    ineligible: Mapping[str, str] = field(default_factory=dict)


class Starter:
    """The steps of a restore that is approved or starting.

    Each returns the time until the next look, None when the restore has ended.
    """

    def __init__(
        self,
        store: Store,
        portals: Portals,
        preflight: Preflight,
        directory: Directory,
        safety: SafetyBackup,
        *,
        poll: PollSettings,
        clocks: Clocks,
    ) -> None:
        self._store = store
        self._portals = portals
        self._preflight = preflight
        self._directory = directory
        self._safety = safety
        self._poll = poll
        self._clock = clocks.wall
        self._clocks = clocks
        self._posted: dict[str, Moment] = {}
        self._outcomes: dict[str, Outcome] = {}

    async def start(self, restore: Restore, now: datetime) -> timedelta | None:
        """Start an approved restore when its time has come, if everything still holds."""
        portal = self._portals.of(restore)
        if restore.safety_made_at:
            # It was given back after its backup: what holds for one with a backup, still does.
            return await self.back_up(restore, now)
        if restore.starts_at and now < restore.starts_at:
            return await self._await_start(restore, restore.starts_at, now)
        too_late = planned_start.too_late(restore, portal.approval_ttl, now)
        if too_late:
            async with self._store.writing() as tx:
                await expire(tx, restore, now, with_reason(too_late, restore))
            return None
        if restore.break_glass and not await self._break_glass_is_posted(restore):
            return await self._await_break_glass_post(restore, now)
        outcome = await self._recheck(restore, now)
        if isinstance(outcome, NotReady):
            return outcome.wait
        if portal.safety_backup:
            return await self._safety.begin(restore, portal.safety_backup)
        return await self._launch(restore, outcome)

    async def back_up(self, restore: Restore, now: datetime) -> timedelta | None:
        """Watch the safety backup; when it is made, check everything once more and start."""
        approved = planned_start.approval_counts_from(restore, now)
        if now >= approved + self._portals.of(restore).approval_ttl:
            return await self._void(restore, with_reason(APPROVAL_TOO_OLD, restore))
        if restore.safety_watched_at:
            # What starts at its time after the backup, may not start in the morning after a
            # night's standstill.
            if now > restore.safety_watched_at + planned_start.MISSED_GRACE:
                return await self._void(restore, STANDSTILL)
            if now >= restore.safety_watched_at + BACKUP_WATCH_NOTE_INTERVAL:
                async with self._store.writing() as tx:
                    watched = replace(restore, safety_watched_at=now)
                    restore = await tx.update_unaudited(restore, watched)
        if restore.safety_made_at is None:
            return await self._safety.watch(restore, now)
        outcome = await self._recheck(restore, now)
        if isinstance(outcome, NotReady):
            return outcome.wait
        return await self._launch(restore, outcome)

    async def _recheck(self, restore: Restore, now: datetime) -> Report | NotReady:
        """Return the checks' report if all still holds.

        Else let the restore wait, or call it void.
        """
        portal = self._portals.of(restore)
        report = await self._preflight.run(
            portal.docspace, ref_of(restore.source), now, patience=RECHECK_TIMEOUT, restore=restore
        )
        if report.failed:
            return NotReady(await self._void(restore, report.why_failed))
        if not report.passed:
            return NotReady(await self._wait_because(restore, report.unsure[0].sentence))
        # Last, for the checks may take half a minute, in which somebody can leave a group.
        try:
            missing = await self._missing_approvals(restore)
        except SlackUnavailable as error:
            return NotReady(await self._wait_because(restore, str(error)))
        if missing is not None:
            posts = revoked_vote_posts(missing.ineligible)
            return NotReady(await self._void(restore, missing.sentence, posts))
        return report

    async def _launch(self, restore: Restore, report: Report) -> timedelta | None:
        """Claim the portal, if the safety backup has not done so, and send the one POST."""
        claimed = self._clocks.now()
        starting = replace(
            restore,
            state=State.STARTING,
            sent_at=claimed.wall,
            previous_task_id=report.previous_task_id,
            blocked_reason=None,
        )
        try:
            async with self._store.writing() as tx:
                started = await tx.advance(
                    restore, starting, at=claimed.wall, actor=BOT, event=Event.STARTING
                )
        except PortalBusy as error:
            return await self._void(restore, str(error))
        return await self._send(started, claimed)

    async def _await_start(self, restore: Restore, starts_at: datetime, now: datetime) -> timedelta:
        near = starts_at - planned_start.REMINDER_LEAD
        if now < near:
            return near - now
        # Who approved within the last quarter of an hour, has just read the time.
        if not restore.start_reminded and restore.approved_at and restore.approved_at < near:
            async with self._store.writing() as tx:
                await tx.advance(
                    restore,
                    replace(restore, start_reminded=True),
                    at=now,
                    actor=BOT,
                    event=Event.START_REMINDED,
                    posts=[Post(PostKind.START_REMINDER)],
                )
        return starts_at - now

    async def _missing_approvals(self, restore: Restore) -> MissingApprovals | None:
        """Return why the approvals no longer suffice; None while they do."""
        policy = self._portals.of(restore).policy
        if restore.break_glass:
            person = await self._directory.person(restore.requester)
            verdict = policy.may_break_glass(person)
            if isinstance(verdict, Denied):
                return MissingApprovals(requester_lost(verdict.said_of))
            return None
        ineligible = await ineligible_voters(
            policy, self._directory, restore.voters, restore.requester
        )
        needed = policy.quorum(restore.approvals_needed)
        counted = len(restore.votes) - len(ineligible)
        if counted >= needed:
            return None
        return MissingApprovals(too_few_approvals(counted, needed), ineligible)

    async def _break_glass_is_posted(self, restore: Restore) -> bool:
        """Return whether the channel has been told of a start without approval.

        Nothing else watches over one.
        """
        async with self._store.reading() as tx:
            return await tx.is_delivered(restore.id, PostKind.BREAK_GLASS)

    async def _await_break_glass_post(self, restore: Restore, now: datetime) -> timedelta:
        approved = planned_start.approval_counts_from(restore, now)
        if now < approved + BREAK_GLASS_POST_GRACE:
            return POST_CHECK_INTERVAL
        return await self._wait_because(restore, BREAK_GLASS_NOT_POSTED)

    async def _void(
        self, restore: Restore, outcome: str, posts: Sequence[Post] = ()
    ) -> timedelta | None:
        if restore.safety_task_id and not restore.safety_made_at:
            outcome = f"{outcome} {await self._safety.cancel(restore)}"
        void = replace(restore, state=State.VOID, outcome=outcome)
        async with self._store.writing() as tx:
            await end(tx, restore, void, at=self._clock(), actor=BOT, posts=posts)
        return None

    async def _wait_because(self, restore: Restore, reason: str) -> timedelta:
        await note_blocked(self._store, restore, reason)
        return RECHECK_INTERVAL

    async def _send(self, restore: Restore, claimed: Moment) -> timedelta | None:
        """Look a last time, and send the one POST. Whatever happens then, it is never made again.

        Until it goes out, the restore only has to be given back.
        """
        self._leave(restore, self._not_sent(restore, INTERRUPTED_BEFORE, RECHECK_INTERVAL))
        looked = self._clocks.now()
        try:
            visible = await self._portals.of(restore).docspace.restore_progress()
        except PortalError as error:
            wait = max(RECHECK_INTERVAL, timedelta(seconds=error.retry_after))
            return await self._settle(restore, self._not_sent(restore, str(error), wait))
        if visible and not visible.is_completed:
            beside = replace(restore, outcome=ANOTHER_BEGAN, sent_at=None, another_seen=True)
            return await self._settle(restore, self._failed(restore, beside))
        restore = await self._note_previous_task(restore, visible)
        pause = self._clocks.since(claimed)
        if pause > OLDEST_CLAIM:
            late = self._not_sent(restore, stood_still(pause), timedelta())
            return await self._settle(restore, late)
        return await self._post(restore, looked)

    async def _post(self, restore: Restore, looked: Moment) -> timedelta | None:
        portal = self._portals.of(restore).docspace
        self._leave(restore, self._unknown(restore, REPLY_LOST))
        self._posted[restore.id] = self._clocks.now()
        try:
            reply = await portal.start_restore(restore.source, notify=restore.notify)
        except PortalError as error:
            return await self._settle(restore, self._refused(restore, error))
        outcome = self._answered(restore, reply, self._clocks.since(looked))
        return await self._settle(restore, outcome)

    def posted_ago(self, restore_id: str) -> timedelta | None:
        """Return how long ago this process sent the restore; None where another did."""
        posted = self._posted.get(restore_id)
        if posted is None:
            return None
        return self._clocks.since(posted)

    def _refused(self, restore: Restore, error: PortalError) -> Outcome:
        """Return what an error in the reply's place is taken for (architecture §2.2)."""
        if error.sent:
            return self._unknown(restore, f"{REPLY_LOST} {error}")
        if error.status is None:
            unsent = replace(restore, outcome=f"{UNSENT} {error}", sent_at=None)
            return self._failed(restore, unsent)
        locked = isinstance(error, PortalLocked)
        return self._failed(restore, replace(restore, outcome=str(error), another_seen=locked))

    def _answered(self, restore: Restore, reply: Progress | None, took: timedelta) -> Outcome:
        """Return what the reply is taken for (architecture §2.2)."""
        if reply is None or not reply.task_id:
            return self._unknown(restore, NO_TASK_NAMED)
        if reply.task_id != restore.previous_task_id:
            return self._running(restore, reply, took)
        if reply.status:
            earlier = replace(restore, outcome=EARLIER_TASK, another_seen=True)
            return self._failed(restore, earlier)
        return self._unknown(restore, EARLIER_TASK_QUEUED)

    def _leave(self, restore: Restore, outcome: Outcome) -> None:
        """Keep what is to be written of the restore, should this step go no further."""
        self._outcomes[restore.id] = outcome

    async def _settle(self, restore: Restore, outcome: Outcome) -> timedelta | None:
        """Write down what became of the restore; where that fails, the next step tries again."""
        self._leave(restore, outcome)
        wait = await outcome()
        del self._outcomes[restore.id]
        return wait

    async def _note_previous_task(self, restore: Restore, visible: Progress | None) -> Restore:
        """Write down the task that the portal still shows.

        Else one that ended since the checks would later be taken for ours.
        """
        previous: str | None = None
        if visible:
            previous = visible.task_id
        if previous == restore.previous_task_id:
            return restore
        async with self._store.writing() as tx:
            return await tx.update_unaudited(restore, replace(restore, previous_task_id=previous))

    def _not_sent(self, restore: Restore, why: str, wait: timedelta) -> Outcome:
        """Return the outcome that nothing was sent: the restore waits again, without its claim."""
        approved = replace(
            restore, state=State.APPROVED, sent_at=None, previous_task_id=None, blocked_reason=why
        )

        async def give_back() -> timedelta:
            async with self._store.writing() as tx:
                await tx.advance(
                    restore,
                    approved,
                    at=self._clock(),
                    actor=BOT,
                    event=Event.NOT_SENT,
                    details={"why": why},
                )
            return wait

        return give_back

    def _failed(self, restore: Restore, after: Restore) -> Outcome:
        failed = replace(after, state=State.FAILED)

        async def fail() -> None:
            async with self._store.writing() as tx:
                await end(tx, restore, failed, at=self._clock(), actor=BOT)

        return fail

    def _unknown(self, restore: Restore, why: str) -> Outcome:
        return partial(self._mark_unknown, restore, why)

    def _running(self, restore: Restore, reply: Progress, took: timedelta) -> Outcome:
        """Return the outcome that the portal has taken the restore; ``took`` since the last look.

        Another start in that time would have been answered in the same way.
        """
        now = self._clock()
        phase = phase_of(reply)
        restoring = replace(
            restore,
            state=State.RESTORING,
            task_id=reply.task_id,
            phase=phase,
            progress=reply.progress,
            progress_changed_at=now,
        )
        if took > SURE_WITHIN:
            restoring = replace(restoring, adopted=True, reply_seconds=round(took.total_seconds()))
        return partial(self._begin_watch, restore, restoring, phase_posts(None, phase), now)

    async def _begin_watch(
        self, restore: Restore, restoring: Restore, phases: list[Post], now: datetime
    ) -> timedelta | None:
        task = restoring.task_id
        details: dict[str, str | int | bool | None] = {"task": task}
        if restoring.adopted:
            details |= {"adopted": True, "reply_seconds": restoring.reply_seconds}
        posts = [Post(PostKind.SENT, {"task": task}), *phases, *started_posts(restore)]
        try:
            async with self._store.writing() as tx:
                await tx.advance(
                    restore,
                    restoring,
                    at=now,
                    actor=PORTAL,
                    event=Event.RESTORING,
                    posts=posts,
                    details=details,
                )
        except TaskTaken:
            await fail_as_same_portal(self._store, self._portals, restore, task, now)
            return None
        return self._poll.interval

    async def finish_start(self, restore: Restore, now: datetime) -> timedelta | None:
        """Write down what became of a row that was left ``starting``.

        This process knows it of what it has sent itself, however long it could not be written.
        What another process left behind, nobody knows.
        """
        outcome = self._outcomes.get(restore.id)
        if outcome is None:
            outcome = self._unknown(restore, INTERRUPTED)
        return await self._settle(restore, outcome)

    async def _mark_unknown(self, restore: Restore, why: str) -> timedelta:
        async with self._store.writing() as tx:
            await mark_unknown(tx, restore, why, self._clock())
        return self._poll.interval


def requester_lost(said_of: str) -> str:
    """Say that who started a restore alone may no longer do so."""
    return f"The person who asked for it {said_of}."


def too_few_approvals(counted: int, needed: int) -> str:
    """Say that approvals were lost."""
    return f"Not enough approvals still count: {counted} of {needed}."


def with_reason(sentence: str, restore: Restore) -> str:
    """Add what the restore was waiting for, where it was."""
    if restore.blocked_reason is None:
        return sentence
    return f"{sentence} What was in the way: {restore.blocked_reason}"


def stood_still(pause: timedelta) -> str:
    """Say that restorebot was paused when it was about to send the request."""
    return f"restorebot stood still for {duration(pause)} before it sent the request. {UNSENT}"
