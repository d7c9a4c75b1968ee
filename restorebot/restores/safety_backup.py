"""The safety backup: made and watched before the restore, as a way back.

Without it nothing is restored.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from restorebot.docspace.models import Progress, clean_text
from restorebot.docspace.storages import Storage
from restorebot.errors import PortalBusy, PortalError
from restorebot.model import Event, Post, PostKind, Restore, State
from restorebot.restores.portals import Portals
from restorebot.restores.progress import PollSettings, is_gone, with_missed_poll, with_task_seen
from restorebot.restores.transitions import BACKUP_GOES_ON, BOT, PORTAL, UNRESTORED, end
from restorebot.storage.store import Store

NAME_LIMIT = 200
"""Characters of a backup's name that are kept."""

ANOTHER_BACKUP_BEGAN = "Another backup has just begun on the portal."
NOT_MADE = "The safety backup could not be made."
BACKUP_TASK_UNNAMED = "The portal took the safety backup without naming a task to watch."
EARLIER_BACKUP = "The portal answered with an earlier backup, so none was begun for this restore."
BACKUP_INTERRUPTED = (
    "restorebot was interrupted while it asked for the safety backup, and cannot watch it."
)
CANCELLED_BACKUP = "The portal cancelled it without giving a reason."
FAILED = "The safety backup failed."
UNWATCHABLE = "The safety backup cannot be watched."
GONE = "The portal no longer shows the safety backup, and did not say how it ended."
NOT_VISIBLE = "The portal does not show the safety backup just now."
NOT_IN_HISTORY = "The safety backup was made, but is not in the portal's history."
BACKUP_CANCELLED = "Its safety backup was cancelled."
BACKUP_ENDED = "Its safety backup had ended already."
BACKUP_MAY_GO_ON = "It is not known whether its safety backup was cancelled or goes on."
STORED_ELSEWHERE = "The safety backup was made, but was stored elsewhere than asked for."


class SafetyBackup:
    """The steps of a restore whose safety backup is asked for and made.

    Each returns the time until the next look, None when the restore has ended.
    """

    def __init__(
        self,
        store: Store,
        portals: Portals,
        *,
        poll: PollSettings,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._portals = portals
        self._poll = poll
        self._clock = clock

    async def begin(self, restore: Restore, storage: Storage) -> timedelta | None:
        """Claim the portal and ask for the backup, once."""
        now = self._clock()
        claimed = replace(
            restore,
            state=State.BACKING_UP,
            safety_storage=storage.storage_type,
            blocked_reason=None,
        )
        if restore.starts_at:
            claimed = replace(claimed, safety_watched_at=now)
        try:
            async with self._store.writing() as tx:
                restore = await tx.advance(
                    restore, claimed, at=now, actor=BOT, event=Event.BACKUP_REQUESTED
                )
        except PortalBusy as error:
            return await self._give_up(restore, str(error), State.VOID)
        return await self._request(restore, storage)

    async def _request(self, restore: Restore, storage: Storage) -> timedelta | None:
        portal = self._portals.of(restore).docspace
        try:
            visible = await portal.backup_progress()
            if visible and not visible.is_completed:
                return await self._give_up(restore, ANOTHER_BACKUP_BEGAN)
            reply = await portal.start_backup(storage)
        except PortalError as error:
            return await self._give_up(restore, f"{NOT_MADE} {error}")
        if reply is None or not reply.task_id:
            return await self._give_up(restore, BACKUP_TASK_UNNAMED)
        # Its status tells nothing: without a message queue a new task runs before it is answered.
        if visible and reply.task_id == visible.task_id:
            return await self._give_up(restore, EARLIER_BACKUP)
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                replace(restore, safety_task_id=reply.task_id),
                at=self._clock(),
                actor=PORTAL,
                event=Event.BACKUP_STARTED,
                posts=[Post(PostKind.BACKING_UP, {"task": reply.task_id})],
                details={"task": reply.task_id},
            )
        return self._poll.interval

    async def watch(self, restore: Restore, now: datetime) -> timedelta | None:
        """Look at the backup.

        The restore goes on in the next step after it has been found in the history.
        """
        if restore.safety_task_id is None:
            return await self._give_up(restore, BACKUP_INTERRUPTED)
        try:
            progress = await self._portals.of(restore).docspace.backup_progress()
        except PortalError as error:
            return await self._wait_or_give_up(restore, error)
        if progress is None or progress.task_id != restore.safety_task_id:
            return await self._missed(restore, now)
        if progress.succeeded:
            return await self._find_in_history(restore, progress)
        if progress.failed:
            said = progress.said or CANCELLED_BACKUP
            return await self._give_up(restore, f"{FAILED} {said}")
        await self._note(restore, progress)
        return self._poll.interval

    async def _note(self, restore: Restore, progress: Progress) -> None:
        if progress.progress == restore.safety_progress and not restore.blocked_reason:
            return
        seen = replace(
            with_task_seen(restore), safety_progress=progress.progress, blocked_reason=None
        )
        async with self._store.writing() as tx:
            await tx.update_unaudited(restore, seen)

    async def _wait_or_give_up(self, restore: Restore, error: PortalError) -> timedelta | None:
        if not error.transient:
            return await self._give_up(restore, f"{UNWATCHABLE} {error}")
        wait = max(self._poll.interval, timedelta(seconds=error.retry_after))
        if str(error) != restore.blocked_reason or error.retry_after:
            blocked = replace(restore, blocked_reason=str(error))
            if restore.starts_at:
                # Waiting as long as the portal asks for is no standstill of ours.
                blocked = replace(blocked, safety_watched_at=self._clock() + wait)
            async with self._store.writing() as tx:
                await tx.update_unaudited(restore, blocked)
        return wait

    async def _missed(self, restore: Restore, now: datetime) -> timedelta | None:
        missed = with_missed_poll(restore, now)
        if is_gone(missed, now):
            return await self._give_up(restore, GONE)
        async with self._store.writing() as tx:
            await tx.update_unaudited(restore, replace(missed, blocked_reason=NOT_VISIBLE))
        return self._poll.interval

    async def _find_in_history(self, restore: Restore, progress: Progress) -> timedelta | None:
        """Look for the backup in the history, in the storage where it was to be.

        A task's id is its backup's id (docspace-api §9).
        """
        try:
            history = await self._portals.of(restore).docspace.history()
        except PortalError as error:
            return await self._wait_or_give_up(restore, error)
        record = next((one for one in history if one.id == restore.safety_task_id), None)
        if record is None:
            return await self._give_up(restore, NOT_IN_HISTORY)
        if record.storage_type != restore.safety_storage:
            return await self._give_up(restore, STORED_ELSEWHERE)
        made = replace(
            with_task_seen(restore),
            safety_progress=100,
            safety_name=clean_text(record.file_name, NAME_LIMIT),
            safety_made_at=record.created_on,
            blocked_reason=None,
        )
        # Of control characters alone nothing is left.
        warning = clean_text(progress.warning or "") or None
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                made,
                at=self._clock(),
                actor=PORTAL,
                event=Event.BACKUP_COMPLETED,
                posts=[Post(PostKind.BACKED_UP, {"warning": warning})],
                details={"backup": record.id},
            )
        return timedelta()

    async def cancel(self, restore: Restore) -> str:
        """Cancel the backup of a restore that is void, and return what became of it, a sentence.

        The portal cancels whatever runs, so it is asked only where ours was just seen to run, and
        once: what is not known afterwards is said.
        """
        portal = self._portals.of(restore).docspace
        try:
            visible = await portal.backup_progress()
        except PortalError:
            return BACKUP_GOES_ON
        if visible is None or visible.task_id != restore.safety_task_id:
            return BACKUP_GOES_ON
        if visible.is_completed:
            return BACKUP_ENDED
        try:
            known = await portal.cancel_backup()
        except PortalError as error:
            if error.sent:
                return BACKUP_MAY_GO_ON
            return BACKUP_GOES_ON
        if not known:
            return BACKUP_ENDED
        return BACKUP_CANCELLED

    async def _give_up(
        self, restore: Restore, outcome: str, to: State = State.FAILED
    ) -> timedelta | None:
        ended = replace(restore, state=to, outcome=f"{outcome} {UNRESTORED}")
        async with self._store.writing() as tx:
            await end(tx, restore, ended, at=self._clock(), actor=BOT)
        return None
