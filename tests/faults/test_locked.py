"""The database is locked by another program, or led to by another name."""

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from restorebot.errors import DatabaseError
from restorebot.storage import problems, sqlite
from restorebot.storage.store import open_store
from tests.harness import ALICE, empty_database, world

SLACK_WAITS = 3.0


@pytest.mark.slow
async def test_a_submit_while_the_database_is_locked_is_answered_in_time(tmp_path: Path) -> None:
    async with world(tmp_path, "socket") as scene, scene.life():
        await scene.command(await scene.backup())
        view = await scene.modal()
        assert view is not None
        values = {"reason": "the import broke it", "alias": "acme"}
        holder = sqlite3.connect(tmp_path / "bot.sqlite3", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        begun = time.monotonic()
        answer = await scene.slack("submit", user=ALICE, view_id=view["id"], values=values)
        took = time.monotonic() - begun
        holder.execute("ROLLBACK")
        holder.close()
        assert took < SLACK_WAITS, answer
        assert problems.cannot("written", "database is locked") in str(answer)


@pytest.mark.slow
async def test_a_locked_database_is_not_ready(tmp_path: Path) -> None:
    async with world(tmp_path, "socket") as scene, scene.life() as bot:
        assert await bot.problems() == []
        holder = sqlite3.connect(tmp_path / "bot.sqlite3", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        found = await bot.problems()
        holder.execute("ROLLBACK")
        holder.close()
        assert found == [problems.cannot("written", "database is locked")]


async def test_a_link_to_the_database_lets_no_second_bot_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "LOCK_PATIENCE", 0.1)
    url = await empty_database(tmp_path / "bot.sqlite3")
    link = tmp_path / "link.sqlite3"
    await asyncio.to_thread(link.symlink_to, tmp_path / "bot.sqlite3")
    first = await open_store(url)
    try:
        with pytest.raises(DatabaseError, match=problems.held(str(link))):
            await open_store(f"sqlite+aiosqlite:///{link}")
    finally:
        await first.close()
