"""What the clock does: one APScheduler job per open restore.

It does the restore's next step, which says when to look again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from restorebot.errors import Conflict, PortalNotConfigured, StorageError
from restorebot.model import BEFORE_SENDING, Event, Post, PostKind, Restore, State
from restorebot.restores.start import Starter
from restorebot.restores.transitions import (
    BACKUP_GOES_ON,
    BOT,
    end,
    expire,
    mark_unknown,
    note_blocked,
)
from restorebot.restores.watch import Watcher, skip_verification
from restorebot.storage.store import Store
from restorebot.tasks import Tasks

RETRY_AFTER_FAULT = timedelta(seconds=10)
"""Until a step that raised is made again."""

SWEEP_INTERVAL = timedelta(seconds=5)
"""Between looks at the database for what is due and has not been woken."""

SWEEP = "sweep"

NOT_CONFIGURED_INTERVAL = timedelta(minutes=10)
"""Between looks at a restore whose portal the settings no longer have.

Only a restart with other settings helps.
"""

log = structlog.get_logger()

Step = Callable[[str, datetime], Awaitable[datetime | None]]

FindDue = Callable[[datetime], Awaitable[list[str]]]
"""Returns the restores that are due, by what the database says."""


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

    async def due(self, now: datetime) -> list[str]:
        """Return every restore that is due by what its row says: what a sweep wakes."""
        async with self._store.reading() as tx:
            return await tx.due(now)

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
            if restore.safety_task_id and not restore.safety_made_at:
                sentence = f"{sentence} {BACKUP_GOES_ON}"
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
    """One APScheduler date job per restore, each scheduling its successor, and a sweep over all.

    The sweep, an interval job, finds what is due in the database and has no job that says so: a
    clock that is set back leaves every job as far ahead. A job itself only spawns a supervised
    task, because the scheduler's shutdown cancels what it runs itself.
    """

    def __init__(
        self,
        tasks: Tasks,
        clock: Callable[[], datetime],
        *,
        steady: Callable[[], float] = time.monotonic,
        sweep_interval: timedelta = SWEEP_INTERVAL,
    ) -> None:
        self._step: Step | None = None
        self._find_due: FindDue | None = None
        self._tasks = tasks
        self._clock = clock
        self._steady = steady
        self._sweep_interval = sweep_interval
        self._pulse: asyncio.TimerHandle | None = None
        self._due: dict[str, float] = {}
        self._running: set[str] = set()
        self._again: set[str] = set()
        # The default grace of one second silently drops late runs.
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = AsyncIOScheduler(job_defaults=defaults, timezone="UTC")

    def start(self, step: Step, find_due: FindDue | None = None) -> None:
        """Begin to run jobs, whose body is ``step``; needs a running event loop.

        ``find_due`` is what the sweep asks; without it there is none.
        """
        self._step = step
        self._find_due = find_due
        self._scheduler.start()
        if find_due is None:
            return
        self._scheduler.add_job(
            self._begin_sweep,
            "interval",
            seconds=self._sweep_interval.total_seconds(),
            id=SWEEP,
            next_run_time=self._clock(),
        )
        self._keep_sweeping()

    def stop(self) -> None:
        """Begin no further step. Steps under way are the task set's to finish."""
        if self._pulse:
            self._pulse.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def wake(self, restore_id: str) -> None:
        """Make the restore's next step now, in place of what was planned for it.

        While a step runs, another follows it.
        """
        if restore_id in self._running:
            # As a job it would be replaced by the one that the running step plans at its end.
            self._again.add(restore_id)
            return
        self._plan(restore_id, timedelta())

    def _plan(self, restore_id: str, wait: timedelta) -> None:
        self._due[restore_id] = self._steady() + wait.total_seconds()
        self._scheduler.add_job(
            self._begin,
            "date",
            run_date=self._clock() + wait,
            args=[restore_id],
            id=restore_id,
            replace_existing=True,
        )

    def _keep_sweeping(self) -> None:
        """Bring the sweep back where the clock was set back, by a timer that no clock moves."""
        sweep = self._scheduler.get_job(SWEEP)
        now = self._clock()
        if sweep is not None and sweep.next_run_time > now + 2 * self._sweep_interval:
            log.warning("clock_set_back")
            sweep.modify(next_run_time=now)
        seconds = self._sweep_interval.total_seconds()
        self._pulse = asyncio.get_running_loop().call_later(seconds, self._keep_sweeping)

    async def _begin_sweep(self) -> None:
        self._tasks.spawn(self._sweep(), name=SWEEP)

    async def _sweep(self) -> None:
        if self._find_due is None:
            return
        try:
            found = await self._find_due(self._clock())
        except StorageError as error:
            log.warning("sweep_failed", why=str(error))
            return
        now = self._steady()
        for restore_id in found:
            if restore_id not in self._running and self._due.get(restore_id, now) <= now:
                self.wake(restore_id)

    async def _begin(self, restore_id: str) -> None:
        if restore_id in self._running:
            # A click during a step: the step may have read the row before it, so look once more
            # afterwards.
            self._again.add(restore_id)
            return
        self._running.add(restore_id)
        self._tasks.spawn(self._run(restore_id), name=f"restore {restore_id}")

    async def _run(self, restore_id: str) -> None:
        wait: timedelta | None = RETRY_AFTER_FAULT
        now = self._clock()
        try:
            if self._step:
                following = await self._step(restore_id, now)
                wait = _until(following, now)
        except Exception:
            log.exception("step_failed", restore=restore_id)
        finally:
            self._running.discard(restore_id)
            self._due.pop(restore_id, None)
            if restore_id in self._again:
                self._again.discard(restore_id)
                wait = timedelta()
            if wait is not None and self._scheduler.running:
                self._plan(restore_id, wait)


def _until(following: datetime | None, now: datetime) -> timedelta | None:
    if following is None:
        return None
    return following - now
