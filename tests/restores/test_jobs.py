"""The wiring to APScheduler, whose clock cannot be ours: a job runs, makes its successor, and
survives its faults.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from restorebot.restores.runner import Jobs
from restorebot.tasks import Tasks


def clock() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def tasks() -> AsyncIterator[Tasks]:
    made = Tasks()
    yield made
    await made.drain(1)


@pytest.fixture
async def jobs(tasks: Tasks) -> AsyncIterator[Jobs]:
    made = Jobs(tasks, clock)
    yield made
    made.stop()


async def test_each_step_plans_the_next_until_the_story_is_over(jobs: Jobs) -> None:
    steps: list[str] = []
    over = asyncio.Event()

    async def step(restore_id: str, now: datetime) -> datetime | None:
        steps.append(restore_id)
        if len(steps) < 3:
            return now
        over.set()
        return None

    jobs.start(step)
    jobs.wake("r1")
    async with asyncio.timeout(5):
        await over.wait()
    assert steps == ["r1"] * 3


async def test_a_click_during_a_step_is_looked_at_after_it_and_steps_never_overlap(
    jobs: Jobs,
) -> None:
    inside, most, steps = 0, 0, 0
    begun, go_on, over = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def step(_: str, __: datetime) -> datetime | None:
        nonlocal inside, most, steps
        inside, steps = inside + 1, steps + 1
        most = max(most, inside)
        begun.set()
        if steps == 1:
            await go_on.wait()
        else:
            over.set()
        inside -= 1
        return None

    jobs.start(step)
    jobs.wake("r1")
    async with asyncio.timeout(5):
        await begun.wait()
        jobs.wake("r1")
        go_on.set()
        await over.wait()
    assert (steps, most) == (2, 1)


async def test_a_click_in_a_steps_last_moment_is_not_lost(jobs: Jobs) -> None:
    """The step has read the row before the click, and plans its next look for much later."""
    steps = 0
    over = asyncio.Event()

    async def step(_: str, now: datetime) -> datetime | None:
        nonlocal steps
        steps += 1
        if steps == 1:
            jobs.wake("r1")
            return now + timedelta(hours=1)
        over.set()
        return None

    jobs.start(step)
    jobs.wake("r1")
    async with asyncio.timeout(5):
        await over.wait()


async def test_a_step_that_fails_does_not_end_the_watch(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("restorebot.restores.runner.RETRY_AFTER_FAULT", timedelta())
    over = asyncio.Event()
    steps = 0

    async def step(_: str, __: datetime) -> datetime | None:
        nonlocal steps
        steps += 1
        if steps == 1:
            raise RuntimeError("a fault of ours")
        over.set()
        return None

    jobs.start(step)
    jobs.wake("r1")
    async with asyncio.timeout(5):
        await over.wait()
    assert steps == 2


async def test_a_run_that_is_hours_late_still_runs(jobs: Jobs) -> None:
    over = asyncio.Event()

    async def step(_: str, __: datetime) -> datetime | None:
        over.set()
        return None

    jobs.start(step)
    jobs._plan("r1", -timedelta(hours=5))
    async with asyncio.timeout(5):
        await over.wait()


async def test_two_jobs_for_one_restore_in_the_same_moment_are_one_step_and_another_after_it(
    jobs: Jobs,
) -> None:
    inside, most, steps = 0, 0, 0
    over = asyncio.Event()

    async def step(_: str, __: datetime) -> datetime | None:
        nonlocal inside, most, steps
        inside, steps = inside + 1, steps + 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        if steps == 2:
            over.set()
        return None

    jobs.start(step)
    await jobs._begin("r1")
    await jobs._begin("r1")
    async with asyncio.timeout(5):
        await over.wait()
    assert (steps, most) == (2, 1)


async def found(*_: datetime) -> list[str]:
    """What is due by the database."""
    return ["r1"]


async def test_what_is_due_and_has_no_job_is_found_by_the_sweep(tasks: Tasks) -> None:
    over = asyncio.Event()

    async def step(restore_id: str, _: datetime) -> datetime | None:
        assert restore_id == "r1"
        over.set()
        return None

    jobs = Jobs(tasks, clock, sweep_interval=timedelta(seconds=0.05))
    jobs.start(step, found)
    async with asyncio.timeout(5):
        await over.wait()
    jobs.stop()


async def test_a_clock_that_is_set_back_by_an_hour_delays_no_step(tasks: Tasks) -> None:
    """The scheduler goes by the clock: what was planned before would come an hour late."""
    ahead = timedelta(hours=1)
    steps: list[float] = []
    over = asyncio.Event()

    async def step(_: str, now: datetime) -> datetime | None:
        steps.append(time.monotonic())
        if len(steps) == 3:
            over.set()
        return now + timedelta(seconds=0.05)

    jobs = Jobs(tasks, lambda: clock() + ahead, sweep_interval=timedelta(seconds=0.05))
    jobs.start(step, found)
    jobs.wake("r1")
    ahead = timedelta()
    async with asyncio.timeout(5):
        await over.wait()
    jobs.stop()


async def test_the_sweep_leaves_alone_what_is_planned_for_later(tasks: Tasks) -> None:
    steps, sweeps = 0, 0
    over = asyncio.Event()

    async def step(_: str, now: datetime) -> datetime | None:
        nonlocal steps
        steps += 1
        return now + timedelta(hours=1)

    async def counted(_: datetime) -> list[str]:
        nonlocal sweeps
        sweeps += 1
        if sweeps == 5:
            over.set()
        return ["r1"]

    jobs = Jobs(tasks, clock, sweep_interval=timedelta(seconds=0.05))
    jobs.start(step, counted)
    async with asyncio.timeout(5):
        await over.wait()
    jobs.stop()
    assert steps == 1
