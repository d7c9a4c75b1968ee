"""The safety backup: made and watched before the restore, as a way back.

Without it nothing is restored.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from restorebot.docspace.models import Progress, clean
from restorebot.docspace.storages import CLOUD, DATA_STORE, DOCUMENTS, THIRD_PARTY, Storage
from restorebot.errors import Claimed, PortalError
from restorebot.model import Post, PostKind, Restore, State
from restorebot.restores.endings import BOT, PORTAL, UNRESTORED, end
from restorebot.restores.pace import GONE_AFTER, GONE_POLLS, OVER, Pace
from restorebot.restores.portals import Portals
from restorebot.storage.store import Store

DOUBTS = {
    DOCUMENTS: "Its archive lies in a room of the portal that is replaced, and its entry in the "
    "history does not survive the restore. Prefer own cloud storage (storageType 5).",
    THIRD_PARTY: "Its archive stays with the provider, but the portal finds it under another id "
    "after the restore. "
    "Prefer own cloud storage (storageType 5).",
    DATA_STORE: "Its archive is kept for a day and belongs to the portal as it was before the "
    "restore, so it has to be downloaded before the restore starts. Prefer own cloud storage "
    "(storageType 5).",
}
"""What makes a storage a poor place for a safety backup (docspace-api §9)."""


def doubt(storage: Storage) -> str:
    """Why a safety backup in this storage is a poor way back, as sentences; empty for own cloud
    storage.
    """
    return "" if storage.storage_type == CLOUD else DOUBTS[storage.storage_type]


class SafetyBackup:
    """The steps of a restore whose safety backup is asked for and made."""

    def __init__(
        self, store: Store, portals: Portals, *, pace: Pace, clock: Callable[[], datetime]
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
                    event="backing up",
                    safety_storage=storage.storage_type,
                    watched_at=self._clock() if restore.starts_at else None,
                    hindrance="",
                )
        except Claimed as error:
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
                event="backup taken",
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
            return await self._hindered(restore, error)
        if progress is None or progress.task_id != restore.safety_task:
            return await self._missed(restore, now)
        if progress.succeeded:
            return await self._found(restore, progress)
        if progress.failed:
            said = clean(progress.error) or "The portal cancelled it without giving a reason."
            return await self._give_up(restore, f"The safety backup failed. {said}")
        if progress.progress != restore.safety_progress or restore.hindrance:
            async with self._store.writing() as tx:
                await tx.observe(
                    restore,
                    safety_progress=progress.progress,
                    hindrance="",
                    gone_since=None,
                    gone_polls=0,
                )
        return self._pace.poll_interval

    async def _hindered(self, restore: Restore, error: PortalError) -> timedelta | None:
        if not error.transient:
            return await self._give_up(restore, f"The safety backup cannot be watched. {error}")
        wait = max(self._pace.poll_interval, timedelta(seconds=error.retry_after))
        if str(error) != restore.hindrance or error.retry_after:
            # Waiting as long as the portal asks for is no standstill of ours.
            watched = {"watched_at": self._clock() + wait} if restore.starts_at else {}
            async with self._store.writing() as tx:
                await tx.observe(restore, hindrance=str(error), **watched)
        return wait

    async def _missed(self, restore: Restore, now: datetime) -> timedelta | None:
        since, polls = restore.gone_since or now, restore.gone_polls + 1
        if now - since >= GONE_AFTER and polls >= GONE_POLLS:
            sentence = "The portal no longer shows the safety backup, and did not say how it ended."
            return await self._give_up(restore, sentence)
        sentence = "The portal does not show the safety backup just now."
        async with self._store.writing() as tx:
            await tx.observe(restore, gone_since=since, gone_polls=polls, hindrance=sentence)
        return self._pace.poll_interval

    async def _found(self, restore: Restore, progress: Progress) -> timedelta | None:
        """Made; the history must have it, where it was to be: a task's id is its backup's id
        (docspace-api §9).
        """
        try:
            history = await self._portals.of(restore).docspace.history()
        except PortalError as error:
            return await self._hindered(restore, error)
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
                event="backed up",
                posts=[Post(PostKind.BACKED_UP, {"warning": clean(progress.warning)})],
                details={"backup": record.id},
                safety_progress=100,
                safety_name=clean(record.file_name, 200),
                safety_made_at=record.created_on,
                hindrance="",
                gone_since=None,
                gone_polls=0,
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
