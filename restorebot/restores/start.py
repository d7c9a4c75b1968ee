"""From approval to the one POST: look again at everything, claim the portal, send, and say what
became of it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from restorebot.errors import PortalBusy, PortalError, SlackUnavailable
from restorebot.model import Post, PostKind, Restore, State
from restorebot.restores import announcing
from restorebot.restores.policy import Directory, ineligible_voters
from restorebot.restores.portals import Portals
from restorebot.restores.preflight import Preflight, Report, ref_of
from restorebot.restores.progress import OVER, PollSettings, phase_of, phase_posts
from restorebot.restores.safety_backup import SafetyBackup
from restorebot.restores.transitions import (
    BACKUP_GOES_ON,
    BOT,
    PORTAL,
    UNSENT,
    end,
    expire,
    mark_unknown,
)
from restorebot.restores.votes import revoked_vote_posts
from restorebot.storage.store import Store

CHECK_TIMEOUT = 30.0
"""Seconds for each check before a start: nobody waits for these, and a history on remote storage is
slow.
"""

START_REMINDER_LEAD = timedelta(minutes=15)
"""Before a planned start, its thread is told that it is near."""

MISSED_START_GRACE = timedelta(minutes=15)
"""A planned start that is missed by more than this is not made up for."""

POST_CHECK_INTERVAL = timedelta(seconds=1)
"""Until the channel is likely to have been told of a start without approval."""

BREAK_GLASS_POST_GRACE = timedelta(seconds=30)
BREAK_GLASS_NOT_POSTED = (
    "Slack has not taken the message that tells the channel of this start without approval."
)

BACKUP_WATCH_NOTE_INTERVAL = timedelta(minutes=1)
"""How often it is written down that a planned restore's safety backup is being watched."""

RECHECK_INTERVAL = timedelta(seconds=15)
"""Between looks at an approved restore whose checks cannot be made just now; each reads the
portal's history.
"""


class Starter:
    """The steps of a restore that is approved or starting."""

    def __init__(
        self,
        store: Store,
        portals: Portals,
        preflight: Preflight,
        directory: Directory,
        safety: SafetyBackup,
        *,
        pace: PollSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._portals = portals
        self._preflight = preflight
        self._directory = directory
        self._safety = safety
        self._pace = pace
        self._clock = clock

    async def start(self, restore: Restore, now: datetime) -> timedelta | None:
        portal = self._portals.of(restore)
        if restore.starts_at and now < restore.starts_at:
            return await self._await_start(restore, restore.starts_at, now)
        if missed := _missed(restore, portal.approval_ttl, now):
            async with self._store.writing() as tx:
                await expire(tx, restore, now, missed)
            return OVER
        if restore.break_glass and not await self._break_glass_is_posted(restore):
            return (
                await self._wait_because(restore, BREAK_GLASS_NOT_POSTED)
                if now >= _approval_of(restore, now) + BREAK_GLASS_POST_GRACE
                else POST_CHECK_INTERVAL
            )
        report = await self._recheck(restore, now)
        if not isinstance(report, Report):
            return report
        if portal.safety_backup:
            return await self._safety.begin(restore, portal.safety_backup)
        return await self._launch(restore, report)

    async def back_up(self, restore: Restore, now: datetime) -> timedelta | None:
        """Watch the safety backup; when it is made, check everything once more and start."""
        if now >= _approval_of(restore, now) + self._portals.of(restore).approval_ttl:
            outcome = f"The approval became too old before the restore could start.{_why(restore)}"
            return await self._void(restore, outcome)
        if restore.backup_watched_at:
            # What starts at its time after the backup, may not start in the morning after a night's
            # standstill.
            if now > restore.backup_watched_at + MISSED_START_GRACE:
                outcome = "restorebot was down for more than 15 minutes after the planned start."
                return await self._void(restore, outcome)
            if now >= restore.backup_watched_at + BACKUP_WATCH_NOTE_INTERVAL:
                async with self._store.writing() as tx:
                    restore = await tx.update_unaudited(restore, backup_watched_at=now)
        if restore.safety_made_at is None:
            return await self._safety.watch(restore, now)
        report = await self._recheck(restore, now)
        return await self._launch(restore, report) if isinstance(report, Report) else report

    async def _recheck(self, restore: Restore, now: datetime) -> Report | timedelta | None:
        """The checks' report if all still holds; else when to look again, or None if the restore
        became void.
        """
        portal = self._portals.of(restore)
        report = await self._preflight.run(
            portal.docspace, ref_of(restore.source), now, patience=CHECK_TIMEOUT, restore=restore
        )
        if report.failed:
            return await self._void(restore, " ".join(check.sentence for check in report.failed))
        if not report.passed:
            return await self._wait_because(restore, report.unsure[0].sentence)
        # Last, for the checks may take half a minute, in which somebody can leave a group.
        try:
            lacking, lost = await self._missing_approvals(restore)
        except SlackUnavailable as error:
            return await self._wait_because(restore, str(error))
        return await self._void(restore, lacking, revoked_vote_posts(lost)) if lacking else report

    async def _launch(self, restore: Restore, report: Report) -> timedelta | None:
        """Claim the portal, if the safety backup has not done so, and send the one POST."""
        try:
            async with self._store.writing() as tx:
                started = await tx.advance(
                    restore,
                    State.STARTING,
                    at=self._clock(),
                    actor=BOT,
                    event="starting",
                    posted_at=self._clock(),
                    previous_task_id=report.previous_task_id,
                    blocked_reason="",
                )
        except PortalBusy as error:
            return await self._void(restore, str(error))
        return await self._send(started)

    async def _await_start(self, restore: Restore, starts_at: datetime, now: datetime) -> timedelta:
        near = starts_at - START_REMINDER_LEAD
        if now < near:
            return near - now
        # Who approved within the last quarter of an hour, has just read the time.
        if not restore.start_reminded and restore.approved_at and restore.approved_at < near:
            posts = [Post(PostKind.START_REMINDER)]
            async with self._store.writing() as tx:
                await tx.advance(
                    restore,
                    State.APPROVED,
                    at=now,
                    actor=BOT,
                    event="start reminder",
                    posts=posts,
                    start_reminded=True,
                )
        return starts_at - now

    async def _missing_approvals(self, restore: Restore) -> tuple[str, Mapping[str, str]]:
        """Why the approvals no longer suffice, as a sentence, and whose no longer count; empty
        while they do.
        """
        policy = self._portals.of(restore).policy
        if restore.break_glass:
            verdict = policy.may_break_glass(await self._directory.person(restore.requester))
            return "" if verdict.allowed else f"The person who asked for it {verdict.said_of}.", {}
        lost = await ineligible_voters(policy, self._directory, restore.voters, restore.requester)
        needed = max(restore.approvals_needed, policy.approvals_needed)
        counted = len(restore.votes) - len(lost)
        if counted >= needed:
            return "", {}
        return f"Not enough approvals still count: {counted} of {needed}.", lost

    async def _break_glass_is_posted(self, restore: Restore) -> bool:
        """Whether the channel has been told of a start without approval: nothing else watches over
        one.
        """
        async with self._store.reading() as tx:
            return await tx.is_delivered(restore.id, PostKind.BREAK_GLASS)

    async def _void(
        self, restore: Restore, outcome: str, before: Sequence[Post] = ()
    ) -> timedelta | None:
        outcome = (
            f"{outcome} {BACKUP_GOES_ON}"
            if restore.safety_task and not restore.safety_made_at
            else outcome
        )
        async with self._store.writing() as tx:
            await end(
                tx, restore, State.VOID, at=self._clock(), actor=BOT, outcome=outcome, before=before
            )
        return OVER

    async def _wait_because(self, restore: Restore, sentence: str) -> timedelta:
        if sentence != restore.blocked_reason:
            async with self._store.writing() as tx:
                await tx.update_unaudited(restore, blocked_reason=sentence)
        return RECHECK_INTERVAL

    async def _send(self, restore: Restore) -> timedelta | None:
        """The one POST. Whatever happens here, it is never made again."""
        portal = self._portals.of(restore).docspace
        try:
            visible = await portal.restore_progress()
        except PortalError as error:
            return await self._not_started(restore, f"{UNSENT} {error}", posted_at=None)
        if visible and not visible.is_completed:
            outcome = f"{UNSENT} Another restore has just begun on it."
            return await self._not_started(restore, outcome, posted_at=None)
        before = visible.task_id if visible else None
        if before != restore.previous_task_id:
            # Or a task that ended since the checks would later be taken for ours.
            async with self._store.writing() as tx:
                restore = await tx.update_unaudited(restore, previous_task_id=before)
        try:
            reply = await portal.start_restore(restore.source, notify=restore.notify)
        except PortalError as error:
            if not error.sent:
                return await self._not_started(restore, str(error))
            return await self._mark_unknown(
                restore, f"It is not known whether the portal took the request. {error}"
            )
        if reply is None or not reply.task_id:
            return await self._mark_unknown(
                restore, "The portal took the request without naming a task."
            )
        if reply.task_id == restore.previous_task_id:
            if reply.status:
                return await self._not_started(restore, "The portal answered with an earlier task.")
            return await self._mark_unknown(
                restore, "The portal answered with an earlier task, which may run our backup now."
            )
        phase = phase_of(reply)
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                State.RESTORING,
                at=self._clock(),
                actor=PORTAL,
                event="restoring",
                posts=[
                    Post(PostKind.SENT, {"task": reply.task_id}),
                    *phase_posts(None, phase),
                    *announcing.started_posts(restore),
                ],
                details={"task": reply.task_id},
                task_id=reply.task_id,
                phase=phase,
                progress=reply.progress,
                changed_at=self._clock(),
            )
        return self._pace.poll_interval

    async def _not_started(
        self, restore: Restore, outcome: str, **changes: Any
    ) -> timedelta | None:
        async with self._store.writing() as tx:
            await end(
                tx, restore, State.FAILED, at=self._clock(), actor=BOT, outcome=outcome, **changes
            )
        return OVER

    async def resolve_interrupted_start(self, restore: Restore, now: datetime) -> timedelta:
        # Only a process that died between its commit of "starting" and the next leaves a row like
        # this.
        sentence = (
            "restorebot was interrupted while it sent the request, and cannot know whether the "
            "portal took it."
        )
        return await self._mark_unknown(restore, sentence)

    async def _mark_unknown(self, restore: Restore, why: str) -> timedelta:
        async with self._store.writing() as tx:
            await mark_unknown(tx, restore, why, self._clock())
        return self._pace.poll_interval


def _missed(restore: Restore, approval_ttl: timedelta, now: datetime) -> str:
    """Why it is too late to start, as a sentence; empty while it is not."""
    if restore.starts_at:
        late = now > restore.starts_at + MISSED_START_GRACE
        return (
            f"The planned start was missed by more than 15 minutes. {UNSENT}{_why(restore)}"
            if late
            else ""
        )
    return f"{UNSENT}{_why(restore)}" if now >= _approval_of(restore, now) + approval_ttl else ""


def _approval_of(restore: Restore, now: datetime) -> datetime:
    """From when the approval's shelf life counts."""
    return restore.starts_at or restore.approved_at or now


def _why(restore: Restore) -> str:
    return f" What was in the way: {restore.blocked_reason}" if restore.blocked_reason else ""
