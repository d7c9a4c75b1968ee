"""What the clock does: one APScheduler job per open restore.

It does the restore's next step, which says when to look again.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from restorebot.errors import Conflict, PortalNotConfigured
from restorebot.model import BEFORE_SENDING, Event, Post, PostKind, Restore, State
from restorebot.restores.start import Starter
from restorebot.restores.transitions import BOT, end, expire, mark_unknown, note_blocked
from restorebot.restores.watch import Watcher, skip_verification
from restorebot.storage.store import Store
from restorebot.tasks import Tasks

RETRY_AFTER_FAULT = timedelta(seconds=10)
"""Until a step that raised is made again."""

NOT_CONFIGURED_INTERVAL = timedelta(minutes=10)
"""Between looks at a restore whose portal the settings no longer have.

Only a restart with other settings helps.
"""

log = structlog.get_logger()

Step = Callable[[str, datetime], Awaitable[datetime | None]]


class Runner:
    """The clock's side. ``step`` is the whole of a job's body; it can be called with any clock."""

    def __init__(self, store: Store, starter: Starter, watcher: Watcher) -> None:
        self._store = store
        self._steps: dict[State, Callable[[Restore, datetime], Awaitable[timedelta | None]]] = {
            State.REQUESTED: self._await_approval,
            State.APPROVED: starter.start,
            State.BACKING_UP: starter.back_up,
            State.STARTING: starter.finish_start,
            State.RESTORING: watcher.watch,
            State.UNKNOWN: watcher.find_task,
            State.COMPLETED: watcher.verify_outcome,
        }

    async def open_ids(self) -> list[str]:
        """Return every restore that needs a job: what a boot begins with."""
        async with self._store.reading() as tx:
            return [restore.id for restore in await tx.unfinished()]

    async def step(self, restore_id: str, now: datetime) -> datetime | None:
        """Do the restore's next step; return when to look again, None when its story is over.

        Raise StorageError; then the same step is made again at the next look.
        """
        async with self._store.reading() as tx:
            restore = await tx.restore(restore_id)
        if restore is None or not restore.has_work:
            return None
        try:
            wait = await self._steps[restore.state](restore, now)
        except Conflict:
            # Somebody's click came first. The row is read afresh at once.
            return now
        except PortalNotConfigured as error:
            return await self._without_portal(restore, str(error), now)
        if wait is None:
            return None
        return now + wait

    async def _without_portal(
        self, restore: Restore, sentence: str, now: datetime
    ) -> datetime | None:
        """Void a restore that has not started; of a running one, nobody knows more."""
        if restore.state in BEFORE_SENDING:
            void = replace(restore, state=State.VOID, outcome=sentence)
            async with self._store.writing() as tx:
                await end(tx, restore, void, at=now, actor=BOT)
            return None
        if restore.state is State.COMPLETED:
            async with self._store.writing() as tx:
                await skip_verification(tx, restore, sentence, now)
            return None
        if restore.state is State.RESTORING:
            # Nobody can watch it, so the approvers of its request are given the buttons.
            async with self._store.writing() as tx:
                await mark_unknown(tx, restore, sentence, now)
            return now + NOT_CONFIGURED_INTERVAL
        await note_blocked(self._store, restore, sentence)
        return now + NOT_CONFIGURED_INTERVAL

    async def _await_approval(self, restore: Restore, now: datetime) -> timedelta | None:
        if now >= restore.expires_at:
            async with self._store.writing() as tx:
                await expire(tx, restore, now)
            return None
        half = restore.requested_at + (restore.expires_at - restore.requested_at) / 2
        if now < half:
            return half - now
        if not restore.reminded:
            async with self._store.writing() as tx:
                await tx.advance(
                    restore,
                    replace(restore, reminded=True),
                    at=now,
                    actor=BOT,
                    event=Event.REMINDED,
                    posts=[Post(PostKind.REMINDER)],
                )
        return restore.expires_at - now


class Jobs:
    """One APScheduler date job per restore, each scheduling its successor.

    The job itself only spawns a supervised task, because the scheduler's shutdown cancels what it
    runs itself.
    """

    def __init__(self, tasks: Tasks, clock: Callable[[], datetime]) -> None:
        self._step: Step | None = None
        self._tasks = tasks
        self._clock = clock
        self._running: set[str] = set()
        self._again: set[str] = set()
        # The default grace of one second silently drops late runs.
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = AsyncIOScheduler(job_defaults=defaults, timezone="UTC")

    def start(self, step: Step) -> None:
        """Begin to run jobs, whose body is ``step``; needs a running event loop."""
        self._step = step
        self._scheduler.start()

    def stop(self) -> None:
        """Begin no further step. Steps under way are the task set's to finish."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def wake(self, restore_id: str, at: datetime | None = None) -> None:
        """Make the restore's next step at a time, or now, in place of what was planned for it.

        While a step runs, another follows it.
        """
        if at is None and restore_id in self._running:
            # As a job it would be replaced by the one that the running step plans at its end.
            self._again.add(restore_id)
            return
        when = at or self._clock()
        self._scheduler.add_job(
            self._begin,
            "date",
            run_date=when,
            args=[restore_id],
            id=restore_id,
            replace_existing=True,
        )

    async def _begin(self, restore_id: str) -> None:
        if restore_id in self._running:
            # A click during a step: the step may have read the row before it, so look once more
            # afterwards.
            self._again.add(restore_id)
            return
        self._running.add(restore_id)
        self._tasks.spawn(self._run(restore_id), name=f"restore {restore_id}")

    async def _run(self, restore_id: str) -> None:
        following: datetime | None = self._clock() + RETRY_AFTER_FAULT
        try:
            if self._step:
                following = await self._step(restore_id, self._clock())
        except Exception:
            log.exception("step_failed", restore=restore_id)
        finally:
            self._running.discard(restore_id)
            if restore_id in self._again:
                self._again.discard(restore_id)
                following = self._clock()
            if following is not None and self._scheduler.running:
                self.wake(restore_id, following)
