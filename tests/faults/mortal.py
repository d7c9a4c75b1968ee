"""The real bot, which dies by SIGKILL right after its n-th commit. Run in a process of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from restorebot import app
from restorebot.settings import Settings
from restorebot.storage.store import Store, Writing


def live(values: dict[str, Any], die_after: int | None) -> None:
    """Run the bot with these settings until SIGTERM, or until it has committed ``die_after`` times."""
    if die_after is not None:
        _count_commits(die_after)
    asyncio.run(app.run(Settings(**values)))


def _count_commits(die_after: int) -> None:
    writing = Store.writing
    commits = 0

    @asynccontextmanager
    async def counted(self: Store) -> AsyncIterator[Writing]:
        nonlocal commits
        async with writing(self) as tx:
            yield tx
        commits += 1
        if commits == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    Store.writing = counted  # type: ignore[method-assign] # the point of this program
