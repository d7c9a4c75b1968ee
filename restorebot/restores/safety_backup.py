"""The safety backup: made and watched before the restore, as a way back.

Without it nothing is restored.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from restorebot.docspace.models import Progress, clean_text
from restorebot.docspace.storages import Storage
from restorebot.errors import PortalBusy, PortalError
from restorebot.model import Post, PostKind, Restore, State
from restorebot.restores.portals import Portals
from restorebot.restores.progress import GONE_AFTER, GONE_POLLS, OVER, PollSettings
from restorebot.restores.transitions import BOT, PORTAL, UNRESTORED, end
from restorebot.storage.store import Store


class SafetyBackup:
    """The steps of a restore whose safety backup is asked for and made."""

    def __init__(
        self, store: Store, portals: Portals, *, pace: PollSettings, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._portals = portals
        self._pace = pace
        self._clock = clock

    async def begin(self, restore: Restore, storage: Storage) -> timedelta | None:
        """Claim the portal and ask for the backup, once."""
        try:
            async with self._store.writing() as tx:
                restore = await tx.advance(
                    restore,
                    State.BACKING_UP,
                    at=self._clock(),
                    actor=BOT,
                    event="backup requested",
                    safety_storage=storage.storage_type,
                    backup_watched_at=self._clock() if restore.starts_at else None,
                    blocked_reason="",
                )
        except PortalBusy as error:
            return await self._give_up(restore, str(error), State.VOID)
        portal = self._portals.of(restore).docspace
        try:
            visible = await portal.backup_progress()
            if visible and not visible.is_completed:
                return await self._give_up(restore, "Another backup has just begun on the portal.")
            reply = await portal.start_backup(storage)
        except PortalError as error:
            return await self._give_up(restore, f"The safety backup could not be made. {error}")
        if reply is None or not reply.task_id:
            return await self._give_up(
                restore, "The portal took the safety backup without naming a task to watch."
            )
        if (visible and reply.task_id == visible.task_id) or reply.status or reply.progress:
            return await self._give_up(
                restore, "The portal answered with a backup that was running already."
            )
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                State.BACKING_UP,
                at=self._clock(),
                actor=PORTAL,
                event="backup started",
                posts=[Post(PostKind.BACKING_UP, {"task": reply.task_id})],
                details={"task": reply.task_id},
                safety_task=reply.task_id,
            )
        return self._pace.poll_interval

    async def watch(self, restore: Restore, now: datetime) -> timedelta | None:
        """Look at the backup; the restore goes on in the next step after it has been found in the
        history.
        """
        if restore.safety_task is None:
            sentence = (
                "restorebot was interrupted while it asked for the safety backup, and cannot watch "
                "it."
            )
            return await self._give_up(restore, sentence)
        try:
            progress = await self._portals.of(restore).docspace.backup_progress()
        except PortalError as error:
            return await self._wait_or_give_up(restore, error)
        if progress is None or progress.task_id != restore.safety_task:
            return await self._missed(restore, now)
        if progress.succeeded:
            return await self._found(restore, progress)
        if progress.failed:
            said = (
                clean_text(progress.error or "")
                or "The portal cancelled it without giving a reason."
            )
            return await self._give_up(restore, f"The safety backup failed. {said}")
        if progress.progress != restore.safety_progress or restore.blocked_reason:
            async with self._store.writing() as tx:
                await tx.update_unaudited(
                    restore,
                    safety_progress=progress.progress,
                    blocked_reason="",
                    missing_since=None,
                    missing_polls=0,
                )
        return self._pace.poll_interval

    async def _wait_or_give_up(self, restore: Restore, error: PortalError) -> timedelta | None:
        if not error.transient:
            return await self._give_up(restore, f"The safety backup cannot be watched. {error}")
        wait = max(self._pace.poll_interval, timedelta(seconds=error.retry_after))
        if str(error) != restore.blocked_reason or error.retry_after:
            # Waiting as long as the portal asks for is no standstill of ours.
            watched = {"backup_watched_at": self._clock() + wait} if restore.starts_at else {}
            async with self._store.writing() as tx:
                await tx.update_unaudited(restore, blocked_reason=str(error), **watched)
        return wait

    async def _missed(self, restore: Restore, now: datetime) -> timedelta | None:
        since, polls = restore.missing_since or now, restore.missing_polls + 1
        if now - since >= GONE_AFTER and polls >= GONE_POLLS:
            sentence = "The portal no longer shows the safety backup, and did not say how it ended."
            return await self._give_up(restore, sentence)
        sentence = "The portal does not show the safety backup just now."
        async with self._store.writing() as tx:
            await tx.update_unaudited(
                restore, missing_since=since, missing_polls=polls, blocked_reason=sentence
            )
        return self._pace.poll_interval

    async def _found(self, restore: Restore, progress: Progress) -> timedelta | None:
        """Made; the history must have it, where it was to be: a task's id is its backup's id (fact
        sheet §9).
        """
        try:
            history = await self._portals.of(restore).docspace.history()
        except PortalError as error:
            return await self._wait_or_give_up(restore, error)
        record = next((one for one in history if one.id == restore.safety_task), None)
        if record is None or record.storage_type != restore.safety_storage:
            where = (
                "is not in the portal's history"
                if record is None
                else "was stored elsewhere than asked for"
            )
            return await self._give_up(restore, f"The safety backup was made, but {where}.")
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                State.BACKING_UP,
                at=self._clock(),
                actor=PORTAL,
                event="backup completed",
                posts=[Post(PostKind.BACKED_UP, {"warning": clean_text(progress.warning or "")})],
                details={"backup": record.id},
                safety_progress=100,
                safety_name=clean_text(record.file_name, 200),
                safety_made_at=record.created_on,
                blocked_reason="",
                missing_since=None,
                missing_polls=0,
            )
        return timedelta()

    async def _give_up(
        self, restore: Restore, outcome: str, to: State = State.FAILED
    ) -> timedelta | None:
        async with self._store.writing() as tx:
            await end(
                tx, restore, to, at=self._clock(), actor=BOT, outcome=f"{outcome} {UNRESTORED}"
            )
        return OVER
