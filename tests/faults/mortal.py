"""The real bot, which dies by SIGKILL right after a commit: its n-th, or the one into a state.

A process of its own.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from restorebot import run
from restorebot.model import Restore, State
from restorebot.settings import Settings
from restorebot.storage.store import Store, WriteTransaction


def live(values: dict[str, Any], die_after: int | State | None) -> None:
    """Run the bot with these settings until SIGTERM, or until it has committed what ``die_after``
    says.
    """
    if die_after is not None:
        _watch_commits(die_after)
    asyncio.run(run.run(Settings(**values)))


def _watch_commits(die_after: int | State) -> None:
    writing, advance = Store.writing, WriteTransaction.advance
    commits = 0
    advanced: list[State] = []

    @asynccontextmanager
    async def watched(self: Store) -> AsyncIterator[WriteTransaction]:
        nonlocal commits
        async with writing(self) as tx:
            advanced.clear()
            yield tx
            reached: list[int | State] = [commits + 1, *advanced]
        commits += 1
        if die_after in reached:
            os.kill(os.getpid(), signal.SIGKILL)

    async def noted(self: WriteTransaction, before: Restore, after: Restore, **how: Any) -> Restore:
        advanced.append(after.state)
        return await advance(self, before, after, **how)

    Store.writing = watched  # type: ignore[method-assign] # the point of this program
    WriteTransaction.advance = noted  # type: ignore[method-assign] # the point of this program
