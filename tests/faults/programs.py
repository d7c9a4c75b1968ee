"""The real program against the sandbox, which it may find away, rude or locked."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from restorebot.sandbox import portal as sandbox_portal
from restorebot.sandbox import workspace as sandbox_workspace
from restorebot.sandbox.serve import serving
from tests.harness import APP_TOKEN, BOT_TOKEN, KEY, MANIFEST, empty_database

STOP_SECONDS = 10.0
"""How long the program may take to stop, at every moment of its life."""

Environment = dict[str, str]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass(kw_only=True)
class Program:
    """A running bot and what it has logged."""

    process: asyncio.subprocess.Process
    port: int
    begun: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)
    reader: asyncio.Task[None] | None = None

    async def read(self) -> None:
        assert self.process.stderr
        while line := (await self.process.stderr.readline()).decode():
            self.lines.append(line)

    @property
    def log(self) -> str:
        return "".join(self.lines)

    def events(self, name: str) -> list[dict[str, Any]]:
        """What was logged under this name."""
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [one for one in found if one["event"] == name]

    async def logged(self, name: str, count: int = 1, seconds: float = 20) -> dict[str, Any]:
        """Wait until it has logged that; return the line."""
        async with asyncio.timeout(seconds):
            while len(self.events(name)) < count:
                assert self.process.returncode is None, self.log
                await asyncio.sleep(0.02)
        return self.events(name)[count - 1]

    async def get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False) as http:
            return await http.get(f"http://127.0.0.1:{self.port}{path}")

    async def health(self, seconds: float = 10) -> httpx.Response:
        """What ``/livez`` answers, once it is served."""
        async with asyncio.timeout(seconds):
            while True:
                with suppress(httpx.TransportError):
                    return await self.get("/livez")
                await asyncio.sleep(0.02)

    async def readiness(self, status: int, seconds: float = 20) -> dict[str, Any]:
        """Wait until ``/readyz`` has this status; return what it says."""
        async with asyncio.timeout(seconds):
            while True:
                answer = await self.get("/readyz")
                if answer.status_code == status:
                    break
                await asyncio.sleep(0.05)
        found: dict[str, Any] = answer.json()
        return found

    async def ended(self, seconds: float = 20) -> int:
        """Wait for its end; return its exit status."""
        async with asyncio.timeout(seconds):
            status = await self.process.wait()
            assert self.reader
            await self.reader
        return status

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send it a signal, which has to end it well; return how many seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        assert await self.ended(STOP_SECONDS) == 0, self.log
        assert "Traceback" not in self.log
        return time.monotonic() - begun


@asynccontextmanager
async def program(env: Environment, folder: Path) -> AsyncIterator[Program]:
    """Start the bot; it is killed at the end, if it still runs."""
    inherited = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "restorebot",
        "run",
        env=inherited | {"PORT": str(port)} | env,
        cwd=folder,
        stderr=asyncio.subprocess.PIPE,
    )
    bot = Program(process=process, port=port)
    bot.reader = asyncio.create_task(bot.read())
    try:
        yield bot
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await bot.reader


@dataclass(kw_only=True)
class Sandbox:
    """Portal and workspace, and the environment that a bot needs to find them."""

    env: Environment
    portal_url: str
    slack_url: str

    async def slack(self, path: str, **body: Any) -> Any:
        """Change something in the workspace."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.patch(f"{self.slack_url}/_sandbox/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()

    async def calls(self, method: str) -> int:
        """How often a method was called."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.get(f"{self.slack_url}/_sandbox/calls")
        return len([one for one in answer.json()["calls"] if one["method"] == method])


@asynccontextmanager
async def sandbox(folder: Path) -> AsyncIterator[Sandbox]:
    """Serve both."""
    portal = sandbox_portal.Portal(key=KEY)
    workspace = sandbox_workspace.Workspace(MANIFEST, bot_token=BOT_TOKEN, app_token=APP_TOKEN)
    file = folder / "bot.sqlite3"
    await empty_database(file)
    async with (
        serving(sandbox_portal.create_app(portal)) as portal_url,
        serving(sandbox_workspace.create_app(workspace)) as slack_url,
    ):
        env = {
            "SLACK_BOT_TOKEN": BOT_TOKEN,
            "SLACK_APP_TOKEN": APP_TOKEN,
            "SLACK_API_URL": f"{slack_url}/api/",
            "DOCSPACE_URL": portal_url,
            "DOCSPACE_API_KEY": KEY,
            "DATABASE_URL": f"sqlite:///{file}",
            "RESTOREBOT_APPROVERS": "U0BOB",
        }
        yield Sandbox(env=env, portal_url=portal_url, slack_url=slack_url)
