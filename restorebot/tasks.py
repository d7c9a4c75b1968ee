"""Supervised tasks: none is forgotten, none fails in silence, all end with the program."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class Tasks:
    """The work that listeners and jobs hand over."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run the work in a task of its own.

        After ``drain`` has begun it is refused, and the log says so.
        """
        if self._closed:
            work.close()
            log.warning("task_refused", task=name)
            return
        task = asyncio.create_task(_supervised(work, name), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def idle(self) -> None:
        """Wait until no work is under way; what that begins meanwhile is waited for too."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def drain(self, seconds: float) -> None:
        """Take no more work, let what is under way finish, and cancel what takes longer."""
        self._closed = True
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            log.warning("task_cancelled", task=task.get_name())
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _supervised(work: Coroutine[Any, Any, None], name: str) -> None:
    try:
        await work
    except Exception:
        log.exception("task_failed", task=name)
