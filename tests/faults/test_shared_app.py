"""Another program listens with this app's tokens: commands and clicks go to it too."""

import asyncio
from pathlib import Path

import pytest

from restorebot import setup_hints
from restorebot.run import listening
from restorebot.slack import socket
from tests.harness import world


async def test_another_program_on_the_apps_tokens_is_told_and_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "COUNT_SECONDS", 0.2)
    monkeypatch.setattr(socket, "HELLO_SECONDS", 0.2)
    async with world(tmp_path, "socket") as scene, scene.life() as bot:
        async with listening(bot) as second:
            await second.open()
            async with asyncio.timeout(10):
                while True:
                    if await second.problems() == [setup_hints.FOREIGN_CONNECTIONS]:
                        break
                    await asyncio.sleep(0.02)
        assert setup_hints.FOREIGN_CONNECTIONS in scene.log.getvalue()
