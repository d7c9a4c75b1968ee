"""From the portal's taskId to the end.

Believe only our task, tell each turn once, verify the outcome.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from restorebot.docspace.models import ACTIVE, Progress
from restorebot.errors import PortalError, PortalNotFound, TaskTaken
from restorebot.model import Event, Phase, PortalAlias, Post, PostKind, Restore, State
from restorebot.restores.checks import alias_of
from restorebot.restores.portals import Portals
from restorebot.restores.progress import (
    Lasting,
    PollSettings,
    is_gone_for,
    phase_of,
    phase_posts,
    with_missed_poll,
    with_task_seen,
)
from restorebot.restores.transitions import (
    BOT,
    PORTAL,
    end,
    fail_as_same_portal,
    mark_unknown,
    note_blocked,
    started_posts,
    void_others,
)
from restorebot.storage.store import Store, WriteTransaction

ADOPTION_WINDOW = timedelta(minutes=2)
"""A task first seen within this after our POST is taken for ours (architecture §2.3)."""

UNHEARD_AFTER = timedelta(hours=1)
"""A restore of which nothing intelligible was heard for so long is a person's to settle."""

VERIFICATION_PATIENCE = timedelta(minutes=10)
"""How long a completed portal may take to answer under its own alias (docspace-api §D).

After that the thread is told.
"""

SLOW_POLL_INTERVAL = timedelta(minutes=1)
"""Between looks at a restore that only a person can settle."""

TASK_NOT_VISIBLE = "The portal does not show our task just now."
TASK_GONE = "The portal no longer shows our task, and did not say how it ended."
UNHEARD = "For an hour the portal has told nothing of our task."
PORTAL_SILENT = "The portal no longer tells of our task."
CANCELLED_RESTORE = "The portal cancelled the restore without giving a reason."

Facts = Mapping[str, str | int | bool | None]

log = structlog.get_logger()


class KeyFate(StrEnum):
    """What became of the API key that a completed restore was sent with."""

    DEAD = "dead"
    ALIVE = "alive"
    REPLACED = "replaced"
    """Another has been stored, so the old one cannot be asked any more."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a portal looks like after a completed restore.

    ``active`` is whether it is so under its own alias, and ``alias`` the one that it answers with.
    ``why`` says, in a sentence, why something could not be found out.
    """

    active: bool = False
    alias: PortalAlias | None = None
    key: KeyFate = KeyFate.UNKNOWN
    why: str | None = None


class Watcher:
    """The steps of a restore whose request has been sent.

    Each returns the time until the next look, None when nothing is left to look at. ``steady`` is a
    clock in seconds that nobody can set; ``posted_ago`` tells how long ago this process sent a
    restore, None where another did.
    """

    def __init__(
        self,
        store: Store,
        portals: Portals,
        *,
        poll: PollSettings,
        wake: Callable[[str], None],
        steady: Callable[[], float],
        posted_ago: Callable[[str], timedelta | None],
    ) -> None:
        self._store = store
        self._portals = portals
        self._poll = poll
        self._wake = wake
        self._posted_ago = posted_ago
        self._unchanged = Lasting(steady)
        self._missing = Lasting(steady)
        self._unheard = Lasting(steady)
        self._completed = Lasting(steady)

    async def watch(self, restore: Restore, now: datetime) -> timedelta | None:
        """Poll the portal for our task."""
        try:
            progress = await self._portals.of(restore).docspace.restore_progress()
        except PortalNotFound as error:
            # A backup brings its own custom domain (docspace-api §D): it may stay so.
            return await self._missed(restore, now, str(error), f"{PORTAL_SILENT} {error}")
        except PortalError as error:
            return await self._unanswered(restore, now, error)
        self._unheard.forget(restore.id)
        if progress is None or progress.task_id != restore.task_id:
            return await self._missed(restore, now, TASK_NOT_VISIBLE, TASK_GONE)
        return await self._apply_progress(restore, progress, now)

    async def _apply_progress(
        self, restore: Restore, progress: Progress, now: datetime
    ) -> timedelta | None:
        """Write down what changed of our task, and end the story when the portal says so."""
        self._missing.forget(restore.id)
        if progress.succeeded:
            await self._complete(restore, now)
            return timedelta()
        if progress.failed:
            await self._fail(restore, progress, now)
            return None
        phase = phase_of(progress)
        changed = (phase, progress.progress) != (restore.phase, restore.progress)
        if not changed and restore.blocked_reason is None and restore.missing_since is None:
            return await self._note_no_news(restore, now, None)
        seen = replace(
            with_task_seen(restore), phase=phase, progress=progress.progress, blocked_reason=None
        )
        if changed:
            seen = replace(seen, progress_changed_at=now, stalled=False)
        posts = phase_posts(restore.phase, phase)
        async with self._store.writing() as tx:
            if posts:
                await tx.advance(
                    restore, seen, at=now, actor=PORTAL, event=Event(phase.value), posts=posts
                )
            else:
                await tx.update_unaudited(restore, seen)
        return self._poll.interval

    async def _unanswered(
        self, restore: Restore, now: datetime, error: PortalError
    ) -> timedelta | None:
        """Go on looking for an hour, whatever the address answers; then a person has to look."""
        if self._unheard.lasted(restore.id) >= UNHEARD_AFTER:
            async with self._store.writing() as tx:
                await mark_unknown(tx, restore, f"{UNHEARD} {error}", now)
            self._unheard.forget(restore.id)
            return self._poll.interval
        wait = await self._note_no_news(restore, now, str(error))
        return max(wait, timedelta(seconds=error.retry_after))

    async def _note_no_news(self, restore: Restore, now: datetime, reason: str | None) -> timedelta:
        """Say that nothing new was heard, once, when it has lasted."""
        since = restore.progress_changed_at or now
        lasted = self._unchanged.lasted(restore.id, (restore.phase, restore.progress))
        if not restore.stalled and lasted >= self._poll.stall_after:
            facts: Facts = {
                "since": since.isoformat(),
                "progress": restore.progress,
                "phase": restore.phase,
            }
            async with self._store.writing() as tx:
                await tx.advance(
                    restore,
                    replace(restore, stalled=True, blocked_reason=reason),
                    at=now,
                    actor=BOT,
                    event=Event.STALLED,
                    posts=[Post(PostKind.STALLED, facts)],
                )
        elif reason is not None:
            await note_blocked(self._store, restore, reason)
        return self._poll.interval

    async def _missed(
        self, restore: Restore, now: datetime, reason: str, outcome: str
    ) -> timedelta:
        """Give ``reason`` for a while when our task is not to be seen, then ``outcome``."""
        missed = with_missed_poll(restore, now)
        async with self._store.writing() as tx:
            if is_gone_for(missed, self._missing.lasted(restore.id)):
                await mark_unknown(tx, restore, outcome, now)
            else:
                await tx.update_unaudited(restore, replace(missed, blocked_reason=reason))
        return self._poll.interval

    async def _complete(self, restore: Restore, now: datetime) -> None:
        completed = replace(
            restore,
            state=State.COMPLETED,
            phase=Phase.DONE,
            progress=100,
            progress_changed_at=now,
            missing_since=None,
            stalled=False,
        )
        async with self._store.writing() as tx:
            ended = await end(tx, restore, completed, at=now, actor=PORTAL)
            voided = await void_others(tx, ended, now)
        for other in voided:
            self._wake(other)

    async def _fail(self, restore: Restore, progress: Progress, now: datetime) -> None:
        tenant_status: int | None = None
        try:
            tenant_status = (await self._portals.of(restore).docspace.settings()).tenant_status
        except PortalError as error:
            log.warning("tenant_status_read_failed", restore=restore.id, why=str(error))
        failed = replace(
            restore,
            state=State.FAILED,
            outcome=progress.said or CANCELLED_RESTORE,
            progress=progress.progress,
            tenant_status=tenant_status,
        )
        async with self._store.writing() as tx:
            await end(tx, restore, failed, at=now, actor=PORTAL)

    async def find_task(self, restore: Restore, now: datetime) -> timedelta | None:
        """Look for our task, or for one that can only be ours. The POST is never repeated."""
        fresh = self._is_fresh(restore, now)
        try:
            progress = await self._portals.of(restore).docspace.restore_progress()
        except PortalError as error:
            log.info("portal_read_failed", restore=restore.id, why=str(error))
            progress = None
        if progress and restore.has_task and restore.task_id == progress.task_id:
            await self._watch_again(restore, progress.task_id, now, adopting=False)
            return timedelta()
        if progress and fresh and _can_only_be_ours(restore, progress):
            try:
                await self._watch_again(restore, progress.task_id, now, adopting=True)
            except TaskTaken:
                await fail_as_same_portal(
                    self._store, self._portals, restore, progress.task_id, now
                )
                return None
            return timedelta()
        if fresh:
            return self._poll.interval
        return max(SLOW_POLL_INTERVAL, self._poll.interval)

    def _is_fresh(self, restore: Restore, now: datetime) -> bool:
        """Return whether a task that appears now can be of our POST, whichever clock is asked."""
        if restore.sent_at is None:
            return False
        by_wall = now - restore.sent_at
        longest = self._posted_ago(restore.id) or by_wall
        return timedelta() <= by_wall <= ADOPTION_WINDOW and longest <= ADOPTION_WINDOW

    async def _watch_again(
        self, restore: Restore, task: str | None, now: datetime, *, adopting: bool
    ) -> None:
        event = Event.TASK_SEEN_AGAIN
        if adopting:
            event = Event.ADOPTED
        restoring = replace(
            with_task_seen(restore),
            state=State.RESTORING,
            task_id=task,
            adopted=restore.adopted or adopting,
            outcome=None,
            stalled=False,
            progress_changed_at=now,
        )
        found = Post(PostKind.ADOPTED, {"task": task, "again": not adopting})
        async with self._store.writing() as tx:
            await tx.advance(
                restore,
                restoring,
                at=now,
                actor=PORTAL,
                event=event,
                posts=[found, *started_posts(restore)],
                details={"task": task},
            )

    async def verify_outcome(self, restore: Restore, now: datetime) -> timedelta | None:
        """Look whether the portal is itself again, and whether the key died as it must."""
        late = self._completed.lasted(restore.id) >= VERIFICATION_PATIENCE
        found = await self._look_at_portal(restore)
        if not found.active and not late:
            return self._poll.interval
        try:
            found = replace(found, key=await self._key_fate(restore, now))
        except PortalError as error:
            if error.transient and not late:
                return self._poll.interval
            found = replace(found, why=found.why or str(error))
        async with self._store.writing() as tx:
            await _record_verification(tx, restore, found, now)
        return None

    async def _key_fate(self, restore: Restore, now: datetime) -> KeyFate:
        """Return what became of the key. Raise PortalError.

        One that was stored while the restore ran, and works, tells nothing of the one before.
        """
        docspace = self._portals.of(restore).docspace
        still_works = await docspace.key_still_works(restore.ended_at or now)
        if still_works is None:
            return KeyFate.REPLACED
        if not still_works:
            return KeyFate.DEAD
        if await docspace.has_key_since(restore.sent_at or now):
            return KeyFate.UNKNOWN
        return KeyFate.ALIVE

    async def _look_at_portal(self, restore: Restore) -> Findings:
        docspace = self._portals.of(restore).docspace
        try:
            info = await docspace.settings()
        except PortalError as error:
            return Findings(why=str(error))
        alias = alias_of(info, docspace.host)
        active = info.tenant_status == ACTIVE and alias == restore.portal
        return Findings(active=active, alias=alias)


def _can_only_be_ours(restore: Restore, progress: Progress) -> bool:
    """Return whether a task that nobody named to us cannot be another's."""
    if restore.has_task or progress.task_id is None:
        return False
    return progress.task_id != restore.previous_task_id


async def skip_verification(tx: WriteTransaction, restore: Restore, why: str, at: datetime) -> None:
    """Tell the end of a completed restore whose portal cannot be looked at any more.

    Raise StaleRow.
    """
    await _record_verification(tx, restore, Findings(why=why), at)


async def _record_verification(
    tx: WriteTransaction, restore: Restore, found: Findings, at: datetime
) -> None:
    facts = asdict(found)
    await tx.advance(
        restore,
        replace(restore, verified=True),
        at=at,
        actor=BOT,
        event=Event.VERIFIED,
        posts=[Post(PostKind.VERIFIED, facts)],
        details=facts,
    )
