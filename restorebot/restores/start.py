"""From approval to the one POST: look again at everything, claim the portal, send, and say what
became of it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from restorebot.errors import Claimed, PortalError, SlackUnavailable
from restorebot.model import Post, PostKind, Restore, State
from restorebot.restores import announcing
from restorebot.restores.policy import Directory, voters_lost
from restorebot.restores.portals import Portals
from restorebot.restores.preflight import Preflight, Report
from restorebot.restores.progress import OVER, Pace, phase_of, told
from restorebot.restores.safety_backup import SafetyBackup
from restorebot.restores.transitions import BACKUP_GOES_ON, BOT, PORTAL, UNSENT, end, expire, lose
from restorebot.restores.votes import told_of_lost
from restorebot.storage.store import Store

PATIENCE = 30.0
"""Seconds for each check before a start: nobody waits for these, and a history on remote storage is
slow.
"""

REMINDED_BEFORE = timedelta(minutes=15)
"""Before a planned start, its thread is told that it is near."""

LATEST = timedelta(minutes=15)
"""A planned start that is missed by more than this is not made up for."""

SOON = timedelta(seconds=1)
"""Until the channel is likely to have been told of a start without approval."""

UNHEARD_FOR = timedelta(seconds=30)
UNHEARD = "Slack has not taken the message that tells the channel of this start without approval."

NOTED_EVERY = timedelta(minutes=1)
"""How often it is written down that a planned restore's safety backup is being watched."""

TRY_AGAIN = timedelta(seconds=15)
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
        if restore.break_glass and not await self._is_loud(restore):
            return (
                await self._hinder(restore, UNHEARD)
                if now >= _approval_of(restore, now) + UNHEARD_FOR
                else SOON
            )
        report = await self._rechecked(restore, now)
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
        if restore.watched_at:
            # What starts at its time after the backup, may not start in the morning after a night's
            # standstill.
            if now > restore.watched_at + LATEST:
                outcome = "restorebot was down for more than 15 minutes after the planned start."
                return await self._void(restore, outcome)
            if now >= restore.watched_at + NOTED_EVERY:
                async with self._store.writing() as tx:
                    restore = await tx.observe(restore, watched_at=now)
        if restore.safety_made_at is None:
            return await self._safety.watch(restore, now)
        report = await self._rechecked(restore, now)
        return await self._launch(restore, report) if isinstance(report, Report) else report

    async def _rechecked(self, restore: Restore, now: datetime) -> Report | timedelta | None:
        """The checks' report if all still holds; else when to look again, or None if the restore
        became void.
        """
        portal = self._portals.of(restore)
        report = await self._preflight.run(
            portal.docspace, restore.source, now, patience=PATIENCE, restore=restore
        )
        if report.failed:
            return await self._void(restore, " ".join(check.sentence for check in report.failed))
        if not report.passed:
            return await self._hinder(restore, report.unsure[0].sentence)
        # Last, for the checks may take half a minute, in which somebody can leave a group.
        try:
            lacking, lost = await self._lacking(restore)
        except SlackUnavailable as error:
            return await self._hinder(restore, str(error))
        return await self._void(restore, lacking, told_of_lost(lost)) if lacking else report

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
                    restore,
                    State.APPROVED,
                    at=now,
                    actor=BOT,
                    event="start near",
                    posts=posts,
                    start_reminded=True,
                )
        return starts_at - now

    async def _lacking(self, restore: Restore) -> tuple[str, Mapping[str, str]]:
        """Why the approvals no longer suffice, as a sentence, and whose no longer count; empty
        while they do.
        """
        policy = self._portals.of(restore).policy
        if restore.break_glass:
            verdict = policy.may_break_glass(await self._directory.person(restore.requester))
            return "" if verdict.allowed else f"The person who asked for it {verdict.said_of}.", {}
        lost = await voters_lost(policy, self._directory, restore.voters, restore.requester)
        needed = max(restore.approvals_needed, policy.approvals_needed)
        counted = len(restore.votes) - len(lost)
        if counted >= needed:
            return "", {}
        return f"Not enough approvals still count: {counted} of {needed}.", lost

    async def _is_loud(self, restore: Restore) -> bool:
        """Whether the channel has been told of a start without approval: nothing else watches over
        one.
        """
        async with self._store.reading() as tx:
            return await tx.is_told(restore.id, PostKind.BREAK_GLASS)

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
            return await self._not_started(restore, f"{UNSENT} {error}", posted_at=None)
        if visible and not visible.is_completed:
            outcome = f"{UNSENT} Another restore has just begun on it."
            return await self._not_started(restore, outcome, posted_at=None)
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
            return await self._lose(
                restore, f"It is not known whether the portal took the request. {error}"
            )
        if reply is None or not reply.task_id:
            return await self._lose(restore, "The portal took the request without naming a task.")
        if reply.task_id == restore.task_before:
            if reply.status:
                return await self._not_started(restore, "The portal answered with an earlier task.")
            return await self._lose(
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
                    *told(None, phase),
                    *announcing.started(restore),
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

    async def lost_start(self, restore: Restore, now: datetime) -> timedelta:
        # Only a process that died between its commit of "starting" and the next leaves a row like
        # this.
        sentence = (
            "restorebot was interrupted while it sent the request, and cannot know whether the "
            "portal took it."
        )
        return await self._lose(restore, sentence)

    async def _lose(self, restore: Restore, why: str) -> timedelta:
        async with self._store.writing() as tx:
            await lose(tx, restore, why, self._clock())
        return self._pace.poll_interval


def _missed(restore: Restore, approval_ttl: timedelta, now: datetime) -> str:
    """Why it is too late to start, as a sentence; empty while it is not."""
    if restore.starts_at:
        late = now > restore.starts_at + LATEST
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
    return f" What was in the way: {restore.hindrance}" if restore.hindrance else ""
