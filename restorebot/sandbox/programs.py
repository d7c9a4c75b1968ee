"""The sandbox's programs: portal, workspace and the real bot, each a process of its own."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from restorebot.sandbox.portal.models import new_key

BOT_VARIABLES = (
    "SLACK_",
    "DOCSPACE_",
    "RESTOREBOT_",
    "DATABASE_URL",
    "PORT",
    "HOST",
    "DYNO",
    "K_SERVICE",
    "AWS_LAMBDA",
)
"""Beginnings of variables that the bot must not inherit from whoever starts the sandbox."""


class NotStarted(Exception):
    """A program of the sandbox did not start; the sentence says which and why."""


@dataclass
class Program:
    """A program in a process group of its own."""

    process: asyncio.subprocess.Process

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self.process.returncode is None

    async def kill(self) -> None:
        """End it by SIGKILL, which leaves it no time to tidy up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> None:
        """End it by SIGTERM, or by SIGKILL when it does not listen."""
        if self.is_running:
            self.process.terminate()
            try:
                async with asyncio.timeout(10):
                    await self.process.wait()
            except TimeoutError:
                await self.kill()


@dataclass(kw_only=True)
class Programs:
    """Where everything is, and the bot, which is started and stopped here."""

    folder: Path
    portal_url: str
    slack_url: str
    environment: dict[str, str]
    bot: Program | None = None

    @property
    def log(self) -> str:
        """What the bot has logged."""
        path = self.folder / "bot.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    async def command(self, *words: str, stdin: str = "") -> str:
        """Run another command of restorebot's and return what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "restorebot",
            *words,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate(stdin.encode())
        return out.decode()

    async def start_bot(self) -> None:
        """Start the bot, if it does not run; it connects to the workspace by itself."""
        if self.bot and self.bot.is_running:
            return
        command = [sys.executable, "-m", "restorebot", "run"]
        with (self.folder / "bot.log").open("a") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.bot = Program(process)


@contextlib.asynccontextmanager
async def programs(
    *, approvers: str, speed: float, settings: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Programs]:
    """Start portal and workspace, get the bot ready to be started, and end all afterwards.

    ``speed`` is portal seconds per real second; ``settings`` come before the usual ones of the bot.
    Raises NotStarted.
    """
    with tempfile.TemporaryDirectory(prefix="restorebot-demo-") as temporary:
        folder, key = Path(temporary), new_key()
        bot_token, app_token = f"xoxb-{secrets.token_hex(12)}", f"xapp-1-{secrets.token_hex(12)}"
        async with contextlib.AsyncExitStack() as stack:
            portal = ["restorebot.sandbox.portal", "--key", key, "--speed", str(speed)]
            slack = ["restorebot.sandbox.workspace", "--manifest", str(manifest())]
            slack += ["--bot-token", bot_token, "--app-token", app_token]
            portal_url = await _start(stack, folder, *portal)
            slack_url = await _start(stack, folder, *slack)
            usual = {
                "SLACK_BOT_TOKEN": bot_token,
                "SLACK_APP_TOKEN": app_token,
                "RESTOREBOT_HEALTH": "false",
                "SLACK_API_URL": f"{slack_url}/api/",
                "DOCSPACE_URL": portal_url,
                "DOCSPACE_API_KEY": key,
                "DATABASE_URL": f"sqlite:///{folder / 'restorebot.sqlite3'}",
                "RESTOREBOT_APPROVERS": approvers,
                "RESTOREBOT_POLL_INTERVAL": "0.5 s",
                "RESTOREBOT_STALL_AFTER": "1 min",
            }
            started = Programs(
                folder=folder,
                portal_url=portal_url,
                slack_url=slack_url,
                environment=_inherited() | usual | dict(settings),
            )
            try:
                yield started
            finally:
                if started.bot:
                    await started.bot.stop()


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(BOT_VARIABLES)}


def manifest() -> Path:
    """Return the app manifest: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).parent.parent
    packaged = package / "manifest.yml"
    return packaged if packaged.exists() else package.parent / "manifest.yml"


async def _start(stack: contextlib.AsyncExitStack, folder: Path, module: str, *options: str) -> str:
    """Start a server of the sandbox and return its address."""
    with (folder / "sandbox.log").open("a") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    stack.push_async_callback(Program(process).stop)
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        raise NotStarted(f"{module} did not start: {(folder / 'sandbox.log').read_text()[-1000:]}")
    return str(json.loads(line)["url"])
