"""From the portal's taskId to the end: believe only our task, tell each turn once, look
afterwards.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from restorebot.docspace.models import Progress, clean_text
from restorebot.errors import IpAddressRefused, PortalError, PortalNotFound
from restorebot.model import Phase, Post, PostKind, Restore, State
from restorebot.restores import announcing
from restorebot.restores.portals import Portals
from restorebot.restores.progress import GONE_AFTER, GONE_POLLS, PollSettings, phase_of, phase_posts
from restorebot.restores.transitions import BOT, PORTAL, end, mark_unknown, void_others
from restorebot.storage.store import Store, WriteTransaction

ADOPTION_WINDOW = timedelta(minutes=2)
"""A task first seen within this after our POST is taken for ours (design §2)."""

VERIFICATION_PATIENCE = timedelta(minutes=10)
"""How long a completed portal may take to answer under its own alias (fact sheet §D) before the
thread is told.
"""

TASK_NOT_VISIBLE = "The portal does not show our task just now."
TASK_GONE = "The portal no longer shows our task, and did not say how it ended."

SLOW_POLL_INTERVAL = timedelta(minutes=1)
"""Between looks at a restore that only a person can settle."""

log = structlog.get_logger()


class Watcher:
    """The steps of a restore whose request has been sent."""

    def __init__(
        self, store: Store, portals: Portals, *, pace: PollSettings, wake: Callable[[str], None]
    ) -> None:
        self._store = store
        self._portals = portals
        self._pace = pace
        self._wake = wake

    async def watch(self, restore: Restore, now: datetime) -> timedelta | None:
        try:
            progress = await self._portals.of(restore).docspace.restore_progress()
        except (PortalNotFound, IpAddressRefused) as error:
            # A backup brings its own custom domain and its own allowed addresses (fact sheet §D):
            # it may stay so.
            return await self._missed(
                restore, now, str(error), f"The portal no longer tells of our task. {error}"
            )
        except PortalError as error:
            wait = await self._note_no_news(restore, now, str(error))
            return max(wait, timedelta(seconds=error.retry_after))
        if progress is None or (progress.task_id or "") != restore.task_id:
            return await self._missed(restore, now, TASK_NOT_VISIBLE, TASK_GONE)
        return await self._apply_progress(restore, progress, now)

    async def _apply_progress(
        self, restore: Restore, progress: Progress, now: datetime
    ) -> timedelta | None:
        """The portal speaks of our task: write down what changed, and end the story when it says
        so.
        """
        if progress.succeeded:
            await self._complete(restore, now)
            return timedelta()
        if progress.failed:
            await self._fail(restore, progress, now)
            return None
        phase = phase_of(progress)
        changed = (phase, progress.progress) != (restore.phase, restore.progress)
        if not changed and not restore.blocked_reason and restore.missing_since is None:
            return await self._note_no_news(restore, now, "")
        seen: dict[str, Any] = {
            "phase": phase,
            "progress": progress.progress,
            "blocked_reason": "",
            "missing_since": None,
            "missing_polls": 0,
        }
        if changed:
            seen |= {"changed_at": now, "stalled": False}
        posts = phase_posts(restore.phase, phase)
        async with self._store.writing() as tx:
            if posts:
                await tx.advance(
                    restore,
                    State.RESTORING,
                    at=now,
                    actor=PORTAL,
                    event=phase.value,
                    posts=posts,
                    **seen,
                )
            else:
                await tx.update_unaudited(restore, **seen)
        return self._pace.poll_interval

    async def _note_no_news(self, restore: Restore, now: datetime, sentence: str) -> timedelta:
        """Nothing new was heard. Say so once, when it has lasted."""
        since = restore.changed_at or now
        if not restore.stalled and now - since >= self._pace.stall_after:
            async with self._store.writing() as tx:
                await tx.advance(
                    restore,
                    State.RESTORING,
                    at=now,
                    actor=BOT,
                    event="stalled",
                    posts=[
                        Post(
                            PostKind.STALLED,
                            {"since": since.isoformat(), "progress": restore.progress},
                        )
                    ],
                    stalled=True,
                    blocked_reason=sentence,
                )
            return self._pace.poll_interval
        if sentence != restore.blocked_reason:
            async with self._store.writing() as tx:
                await tx.update_unaudited(restore, blocked_reason=sentence)
        return self._pace.poll_interval

    async def _missed(self, restore: Restore, now: datetime, sentence: str, lost: str) -> timedelta:
        """Our task is not to be seen: say ``sentence`` for a while, then ``lost``."""
        since, polls = restore.missing_since or now, restore.missing_polls + 1
        if now - since >= GONE_AFTER and polls >= GONE_POLLS:
            async with self._store.writing() as tx:
                await mark_unknown(tx, restore, lost, now)
            return self._pace.poll_interval
        async with self._store.writing() as tx:
            await tx.update_unaudited(
                restore, missing_since=since, missing_polls=polls, blocked_reason=sentence
            )
        return self._pace.poll_interval

    async def _complete(self, restore: Restore, now: datetime) -> None:
        async with self._store.writing() as tx:
            completed = await end(
                tx,
                restore,
                State.COMPLETED,
                at=now,
                actor=PORTAL,
                phase=Phase.DONE,
                progress=100,
                changed_at=now,
                missing_since=None,
                stalled=False,
            )
            voided = await void_others(tx, completed, now)
        for other in voided:
            self._wake(other)

    async def _fail(self, restore: Restore, progress: Progress, now: datetime) -> None:
        tenant_status: int | None = None
        try:
            tenant_status = (await self._portals.of(restore).docspace.settings()).tenant_status
        except PortalError as error:
            log.warning("tenant_status_read_failed", restore=restore.id, why=str(error))
        outcome = (
            clean_text(progress.error or "")
            or "The portal cancelled the restore without giving a reason."
        )
        async with self._store.writing() as tx:
            await end(
                tx,
                restore,
                State.FAILED,
                at=now,
                actor=PORTAL,
                outcome=outcome,
                progress=progress.progress,
                tenant_status=tenant_status,
            )

    async def find_task(self, restore: Restore, now: datetime) -> timedelta | None:
        """Look for our task, or for one that can only be ours. The POST is never repeated."""
        fresh = restore.posted_at is not None and now - restore.posted_at <= ADOPTION_WINDOW
        wait = (
            self._pace.poll_interval if fresh else max(SLOW_POLL_INTERVAL, self._pace.poll_interval)
        )
        try:
            progress = await self._portals.of(restore).docspace.restore_progress()
        except PortalError as error:
            log.info("portal_read_failed", restore=restore.id, why=str(error))
            return wait
        if progress is None:
            return wait
        task = progress.task_id or ""
        adopting = (
            restore.task_id is None and fresh and bool(task) and task != restore.previous_task_id
        )
        if restore.task_id != task and not adopting:
            return wait
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                State.RESTORING,
                at=now,
                actor=PORTAL,
                event="adopted" if adopting else "task seen again",
                posts=[
                    Post(PostKind.ADOPTED, {"task": task, "again": not adopting}),
                    *announcing.started_posts(restore),
                ],
                details={"task": task},
                task_id=task,
                adopted=restore.adopted or adopting,
                outcome="",
                missing_since=None,
                missing_polls=0,
                changed_at=now,
            )
        return timedelta()

    async def verify_outcome(self, restore: Restore, now: datetime) -> timedelta | None:
        """Whether the portal is itself again, and whether the key died as it must."""
        portal = self._portals.of(restore).docspace
        late = restore.ended_at is None or now >= restore.ended_at + VERIFICATION_PATIENCE
        facts: dict[str, str | int | bool | None] = {
            "active": False,
            "alias": "",
            "key": "unknown",
            "why": "",
        }
        try:
            settings = await portal.settings()
            facts["alias"] = settings.tenant_alias or portal.host
            facts["active"] = settings.tenant_status == 0 and facts["alias"] == restore.portal
        except PortalError as error:
            facts["why"] = str(error)
        if not facts["active"] and not late:
            return self._pace.poll_interval
        try:
            lives = await portal.key_still_works(restore.posted_at or now)
            facts["key"] = {None: "replaced", True: "alive", False: "dead"}[lives]
        except PortalError as error:
            if error.transient and not late:
                return self._pace.poll_interval
            facts["why"] = facts["why"] or str(error)
        async with self._store.writing() as tx:
            await _record_verification(tx, restore, facts, now)
        return None


async def skip_verification(tx: WriteTransaction, restore: Restore, why: str, at: datetime) -> None:
    """Tell the end of a completed restore whose portal cannot be looked at any more.

    Raises Conflict.
    """
    await _record_verification(
        tx, restore, {"active": False, "alias": "", "key": "unknown", "why": why}, at
    )


async def _record_verification(
    tx: WriteTransaction,
    restore: Restore,
    facts: Mapping[str, str | int | bool | None],
    at: datetime,
) -> None:
    await tx.advance(
        restore,
        State.COMPLETED,
        at=at,
        actor=BOT,
        event="verified",
        posts=[Post(PostKind.VERIFIED, facts)],
        details=facts,
        verified=True,
    )
