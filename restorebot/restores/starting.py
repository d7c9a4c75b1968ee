"""From approval to the one POST: look again at everything, claim the portal, send, and say what became of it."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from restorebot.errors import Claimed, PortalError, SlackUnavailable
from restorebot.model import Post, PostKind, Restore, State
from restorebot.restores import announcing
from restorebot.restores.endings import BOT, PORTAL, UNSENT, end, expire, lose
from restorebot.restores.pace import OVER, Pace, phase_of, told
from restorebot.restores.policy import Directory, memberships
from restorebot.restores.portals import Portals
from restorebot.restores.preflight import Preflight, Report
from restorebot.restores.safety import SafetyBackup
from restorebot.storage.store import Store

PATIENCE = 30.0
"""Seconds for each check before a start: nobody waits for these, and a history on remote storage is slow."""

REMINDED_BEFORE = timedelta(minutes=15)
"""Before a planned start, its thread is told that it is near."""

LATEST = timedelta(minutes=15)
"""A planned start that is missed by more than this is not made up for."""

TRY_AGAIN = timedelta(seconds=15)
"""Between looks at an approved restore whose checks cannot be made just now; each reads the portal's history."""


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
        pace: Pace,
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
        report = await self._rechecked(restore, now)
        if not isinstance(report, Report):
            return report
        if portal.safety_backup:
            return await self._safety.begin(restore, portal.safety_backup)
        return await self._launch(restore, report)

    async def back_up(self, restore: Restore, now: datetime) -> timedelta | None:
        """Watch the safety backup; when it is made, check everything once more and start."""
        approved = restore.starts_at or restore.approved_at or now
        if now >= approved + self._portals.of(restore).approval_ttl:
            done = "was made" if restore.safety_made_at else "was not made"
            return await self._void(restore, f"The safety backup {done} before the approval had become too old.")
        if restore.safety_made_at is None:
            return await self._safety.watch(restore, now)
        report = await self._rechecked(restore, now)
        return await self._launch(restore, report) if isinstance(report, Report) else report

    async def _rechecked(self, restore: Restore, now: datetime) -> Report | timedelta | None:
        """The checks' report if all still holds; else when to look again, or None if the restore became void."""
        portal = self._portals.of(restore)
        report = await self._preflight.run(portal.docspace, restore.source, now, patience=PATIENCE, restore=restore)
        if report.failed:
            return await self._void(restore, " ".join(check.sentence for check in report.failed))
        if not report.passed:
            return await self._hinder(restore, report.unsure[0].sentence)
        try:
            lost = await self._lost_voters(restore)
        except SlackUnavailable as error:
            return await self._hinder(restore, str(error))
        if lost:
            return await self._void(restore, f"An approval no longer counts: {lost}")
        return report

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
                    task_before=report.task_before,
                    hindrance="",
                )
        except Claimed as error:
            return await self._void(restore, str(error))
        return await self._send(started)

    async def _await_start(self, restore: Restore, starts_at: datetime, now: datetime) -> timedelta:
        near = starts_at - REMINDED_BEFORE
        if now < near:
            return near - now
        # Who approved within the last quarter of an hour, has just read the time.
        if not restore.start_reminded and restore.approved_at and restore.approved_at < near:
            posts = [Post(PostKind.START_NEAR)]
            async with self._store.writing() as tx:
                await tx.advance(
                    restore, State.APPROVED, at=now, actor=BOT, event="start near", posts=posts, start_reminded=True
                )
        return starts_at - now

    async def _lost_voters(self, restore: Restore) -> str:
        """Why the approvals no longer suffice, as a sentence; empty while they do."""
        policy = self._portals.of(restore).policy
        if restore.break_glass:
            verdict = policy.may_break_glass(await self._directory.person(restore.requester))
            return verdict.reason
        # All at once, so that one answer about a group serves for all of them.
        found = await asyncio.gather(*(memberships(policy, self._directory, user) for user in restore.voters))
        verdicts = [policy.may_approve(person, groups, restore.requester) for person, groups in found]
        reasons = [verdict.reason for verdict in verdicts if not verdict.allowed]
        counted = len(restore.votes) - len(reasons)
        return reasons[0] if counted < restore.approvals_needed and reasons else ""

    async def _void(self, restore: Restore, outcome: str) -> timedelta | None:
        async with self._store.writing() as tx:
            await end(tx, restore, State.VOID, at=self._clock(), actor=BOT, outcome=outcome)
        return OVER

    async def _hinder(self, restore: Restore, sentence: str) -> timedelta:
        if sentence != restore.hindrance:
            async with self._store.writing() as tx:
                await tx.observe(restore, hindrance=sentence)
        return TRY_AGAIN

    async def _send(self, restore: Restore) -> timedelta | None:
        """The one POST. Whatever happens here, it is never made again."""
        portal = self._portals.of(restore).docspace
        try:
            visible = await portal.restore_progress()
        except PortalError as error:
            return await self._not_started(restore, f"Nothing was sent. {error}")
        if visible and not visible.is_completed:
            return await self._not_started(restore, "Nothing was sent: another restore has just begun on the portal.")
        before = visible.task_id if visible else None
        if before != restore.task_before:
            # Or a task that ended since the checks would later be taken for ours.
            async with self._store.writing() as tx:
                restore = await tx.observe(restore, task_before=before)
        try:
            reply = await portal.start_restore(restore.source, notify=restore.notify)
        except PortalError as error:
            if not error.sent:
                return await self._not_started(restore, str(error))
            return await self._lose(restore, f"It is not known whether the portal took the request. {error}")
        if reply is None or not reply.task_id:
            return await self._lose(restore, "The portal took the request without naming a task.")
        if reply.task_id == restore.task_before:
            if reply.status:
                return await self._not_started(restore, "The portal answered with an earlier task.")
            return await self._lose(restore, "The portal answered with an earlier task, which may run our backup now.")
        phase = phase_of(reply)
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                State.RESTORING,
                at=self._clock(),
                actor=PORTAL,
                event="restoring",
                posts=[Post(PostKind.SENT, {"task": reply.task_id}), *told(None, phase), *announcing.started(restore)],
                details={"task": reply.task_id},
                task_id=reply.task_id,
                phase=phase,
                progress=reply.progress,
                changed_at=self._clock(),
            )
        return self._pace.poll_interval

    async def _not_started(self, restore: Restore, outcome: str) -> timedelta | None:
        async with self._store.writing() as tx:
            await end(tx, restore, State.FAILED, at=self._clock(), actor=BOT, outcome=outcome)
        return OVER

    async def lost_start(self, restore: Restore, now: datetime) -> timedelta:
        # Only a process that died between its commit of "starting" and the next leaves a row like this.
        sentence = "restorebot was interrupted while it sent the request, and cannot know whether the portal took it."
        return await self._lose(restore, sentence)

    async def _lose(self, restore: Restore, why: str) -> timedelta:
        async with self._store.writing() as tx:
            await lose(tx, restore, why, self._clock())
        return self._pace.poll_interval


def _missed(restore: Restore, approval_ttl: timedelta, now: datetime) -> str:
    """Why it is too late to start, as a sentence; empty while it is not."""
    if restore.starts_at:
        late = now > restore.starts_at + LATEST
        why = f" In the way was: {restore.hindrance}" if restore.hindrance else ""
        return f"The planned start was missed by more than 15 minutes. {UNSENT}{why}" if late else ""
    return UNSENT if restore.approved_at is None or now >= restore.approved_at + approval_ttl else ""
