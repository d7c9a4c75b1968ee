"""A world for scenarios: the sandbox portal and workspace as servers, and the real bot between them
on a clock of ours.

The bot speaks real HTTP and, in Socket Mode, real WebSockets. Its loops do not run: ``settle``
makes the steps and the rounds that are due, so that a story of hours takes milliseconds and no test
waits for time.
"""

import asyncio
import functools
import io
import math
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx

from restorebot import logs
from restorebot.app import Bot, build_bot
from restorebot.docspace.client import DEFAULT_LIMITS, Limits, ssl_context
from restorebot.docspace.sentences import Sentences
from restorebot.model import Restore, State
from restorebot.run import listening
from restorebot.sandbox import portal as sandbox_portal
from restorebot.sandbox import workspace as sandbox_workspace
from restorebot.sandbox.serve import serving_all
from restorebot.settings import Settings
from restorebot.setup_hints import SETUP_HINTS
from restorebot.storage import audit
from restorebot.storage.store import open_store

MANIFEST = Path(__file__).parent.parent / "manifest.yml"
ALICE, BOB, CAROL, ERIN = "U0ALICE", "U0BOB", "U0CAROL", "U0ERIN"
CHANNEL = "C0RESTORES"
KEY = "sk-" + "ab12" * 16
BOT_TOKEN = "xoxb-0000-scenario-bot-token"
APP_TOKEN = "xapp-1-scenario-app-token"
SIGNING_SECRET = "scenario5c4e7signing5ecret"
SECRETS = (KEY, BOT_TOKEN, APP_TOKEN, SIGNING_SECRET)

TLS = ssl_context()
"""One for all worlds: making one takes longer than many a test."""

_one_at_a_time = threading.Lock()
"""Alembic's ``context`` is one for the whole process: two migrations at once mix their tables."""


@functools.cache
def migrated() -> bytes:
    """A database with all its tables and no rows.

    They are made once for all worlds: Alembic takes its time.
    """

    async def make(file: Path) -> None:
        store = await open_store(f"sqlite+aiosqlite:///{file}")
        await store.close()

    with TemporaryDirectory() as folder:
        made = Path(folder) / "empty.sqlite3"
        asyncio.run(make(made))
        return made.read_bytes()


async def empty_database(file: Path) -> str:
    """Put such a database there; returns its URL."""

    def put() -> None:
        with _one_at_a_time:
            made = migrated()
        file.write_bytes(made)

    await asyncio.to_thread(put)
    return f"sqlite+aiosqlite:///{file}"


REAL_PATIENCE = 10.0
"""Real seconds to wait for something that is under way on the loop."""


class Clock:
    """Time that moves only when it is told to. ``jump`` moves the wall's clock alone."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).replace(microsecond=0)
        self.steady = 0.0

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.steady += seconds

    def monotonic(self) -> float:
        return self.steady

    def __call__(self) -> datetime:
        return self.now


@dataclass(kw_only=True)
class World:
    """The handles of a scenario. All talk to the sandbox goes through its control interface."""

    http: httpx.AsyncClient
    portal_url: str
    slack_url: str
    clock: Clock
    settings: Settings
    transport: str
    log: io.StringIO
    limits: Limits = DEFAULT_LIMITS
    bot: Bot | None = None
    due: dict[str, tuple[int, float]] = field(default_factory=dict)

    # the sandbox

    @property
    def of_portal(self) -> Sentences:
        """What the bot says of the portal where a call goes wrong."""
        return Sentences(urlsplit(self.portal_url).netloc, SETUP_HINTS)

    async def portal(self, path: str = "state", method: str = "GET", **body: Any) -> Any:
        return await self._control(self.portal_url, path, method, body)

    async def slack(self, path: str, method: str = "POST", **body: Any) -> Any:
        return await self._control(self.slack_url, path, method, body)

    async def _control(self, base: str, path: str, method: str, body: dict[str, Any]) -> Any:
        response = await self.http.request(
            method, f"{base}/_sandbox/{path}", json=body if method != "GET" else None
        )
        assert response.status_code < 300, (path, body, response.text)
        return response.json() if response.content else None

    async def requests(self, path: str) -> list[dict[str, Any]]:
        """What the portal was asked on a path, in order."""
        return [
            one for one in (await self.portal("requests"))["requests"] if one["path"].endswith(path)
        ]

    # people

    async def command(
        self, text: str, user: str = ALICE, channel: str = CHANNEL, **overrides: Any
    ) -> dict[str, Any]:
        answer: dict[str, Any] = await self.slack(
            "command", user=user, channel=channel, text=text, **overrides
        )
        await self.idle()
        return answer

    async def modal(self, user: str = ALICE) -> dict[str, Any] | None:
        """The top of somebody's view stack."""
        views = (await self.slack(f"views?user={user}", "GET"))["views"]
        return views[-1] if views else None

    async def submit(self, values: dict[str, Any], user: str = ALICE) -> dict[str, Any]:
        view = await self.modal(user)
        assert view is not None
        answer: dict[str, Any] = await self.slack(
            "submit", user=user, view_id=view["id"], values=values
        )
        await self.settle()
        return answer

    async def ask(
        self, backup: str | None = None, user: str = ALICE, reason: str = "the import broke it"
    ) -> Restore:
        """A whole request: command, modal, submit."""
        await self.command(backup or await self.backup(), user)
        await self.submit({"reason": reason, "alias": "acme"}, user)
        return await self.restore()

    async def click(
        self, action: str, user: str = BOB, channel: str = CHANNEL, **more: Any
    ) -> dict[str, Any]:
        ts = (await self.card(channel))["ts"]
        answer: dict[str, Any] = await self.slack(
            "click", user=user, channel=channel, ts=ts, action_id=f"restore_{action}", **more
        )
        await self.settle()
        return answer

    async def deny(self, user: str = BOB, reason: str = "not today") -> dict[str, Any]:
        """A whole no: click, modal, submit."""
        await self.click("deny", user)
        return await self.submit({"reason": reason}, user)

    # what is to be seen

    async def messages(self, channel: str = CHANNEL) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.slack(f"messages?channel={channel}", "GET"))[
            "messages"
        ]
        return found

    async def card(self, channel: str = CHANNEL) -> dict[str, Any]:
        """The newest message that is in no thread."""
        return [message for message in await self.messages(channel) if not message["thread_ts"]][-1]

    async def thread(self, channel: str = CHANNEL) -> list[str]:
        """The words of every message in threads, in order."""
        return [words(message) for message in await self.messages(channel) if message["thread_ts"]]

    async def private(self, user: str = ALICE) -> list[str]:
        """What only this person was told, in order."""
        return [
            message["text"]
            for message in (await self.slack(f"private?user={user}", "GET"))["messages"]
        ]

    async def backup(self) -> str:
        """The id of a backup that can be restored."""
        usable = [
            one for one in (await self.portal())["history"] if one["expiresOn"].startswith("0001")
        ]
        return str(usable[0]["id"])

    async def restore(self) -> Restore:
        """The newest restore in the bot's database."""
        assert self.bot is not None
        async with self.bot.store.reading() as tx:
            return (await tx.find())[-1]

    # time

    async def idle(self) -> None:
        """Let what the bot has begun come to its end."""
        assert self.bot is not None
        async with asyncio.timeout(REAL_PATIENCE):
            await self.bot.tasks.idle()

    async def settle(self) -> None:
        """Make every step and every round that is due now, until nothing is."""
        assert self.bot is not None
        await self.idle()
        for _ in range(50):
            moved = await self._step_all()
            wait = await self.bot.notifier.drain()
            if not moved and (wait is None or wait > timedelta(seconds=5)):
                return
            if wait:
                await self._advance(wait.total_seconds())

    async def _step_all(self) -> bool:
        assert self.bot is not None
        async with self.bot.store.reading() as tx:
            restores = await tx.unfinished()
        moved = False
        for restore in restores:
            version, due = self.due.get(restore.id, (0, self.clock.steady))
            if restore.version == version and due > self.clock.steady:
                continue
            now = self.clock.now
            next_look = await self.bot.runner.step(restore.id, now)
            async with self.bot.store.reading() as tx:
                after = await tx.restore(restore.id)
            assert after is not None
            moved = moved or after.version != restore.version
            wait = (next_look - now).total_seconds() if next_look else math.inf
            self.due[restore.id] = (after.version, self.clock.steady + wait)
        return moved

    async def pass_time(self, seconds: float, by: float = 5.0) -> None:
        """Let time pass for everybody, in looks of ``by`` seconds."""
        while seconds > 0:
            await self._advance(min(by, seconds))
            seconds -= by
            await self.settle()

    async def until(self, state: State, seconds: float = 120, by: float = 5.0) -> Restore:
        """Let time pass until the newest restore is in a state."""
        for _ in range(int(seconds / by)):
            restore = await self.restore()
            if restore.state is state:
                return restore
            await self.pass_time(by, by)
        restore = await self.restore()
        assert restore.state is state
        return restore

    async def _advance(self, seconds: float) -> None:
        self.clock.pass_(seconds)
        await self.portal("advance", "POST", seconds=seconds)
        await self.slack("advance", seconds=seconds)

    async def jump(self, seconds: float) -> None:
        """Set the bot's clock forward or back, as somebody does who sets the machine's."""
        self.clock.now += timedelta(seconds=seconds)

    # lives of the bot

    @asynccontextmanager
    async def life(self) -> AsyncIterator[Bot]:
        """One run of the bot on the scenario's database."""
        async with (
            build_bot(self.settings, self.clock, self.limits, self.clock.monotonic) as bot,
            listening(bot) as connection,
        ):
            await connection.open()
            self.bot = bot
            self.due.clear()
            if self.transport == "http":
                await self.slack(
                    "deliver",
                    url=f"http://127.0.0.1:{connection.port}/slack/events",
                    signing_secret=SIGNING_SECRET,
                )
            yield bot
            await self.idle()
            await bot.tasks.drain(1)
        self.bot = None


def no_secret_escaped(traffic: str, folder: Path, log: str) -> None:
    """I6: what the bot logged, said to Slack and stored holds none of the secrets that it was
    given.
    """
    written = {"log": log, "slack": traffic}
    for file in folder.glob("bot.sqlite3*"):
        written[file.name] = file.read_bytes().decode("latin-1")
    leaks = [
        (where, secret[:8])
        for where, text in written.items()
        for secret in SECRETS
        if secret in text
    ]
    assert not leaks


@asynccontextmanager
async def world(
    folder: Path,
    transport: str,
    *,
    configure: Callable[[dict[str, Any]], None] = lambda _: None,
    profile: str = "rabbitmq",
    alias: str = "acme",
) -> AsyncIterator[World]:
    """The sandbox, empty and quiet; ``configure`` may change the bot's settings before it
    starts.
    """
    portal = sandbox_portal.Portal(key=KEY, alias=alias, manual=True, profile=profile)
    workspace = sandbox_workspace.Workspace(
        MANIFEST,
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
        ack_timeout=REAL_PATIENCE,
    )
    async with (
        serving_all(sandbox_portal.create_app(portal), sandbox_workspace.create_app(workspace)) as (
            portal_url,
            slack_url,
        ),
        httpx.AsyncClient(timeout=30, verify=TLS) as http,
    ):
        values: dict[str, Any] = {
            "slack_bot_token": BOT_TOKEN,
            "slack_api_url": f"{slack_url}/api/",
            "docspace_url": portal_url,
            "docspace_api_key": KEY,
            "database_url": await empty_database(folder / "bot.sqlite3"),
            "approvers": (BOB, ERIN),
        }
        values |= (
            {"slack_app_token": APP_TOKEN, "health": False}
            if transport == "socket"
            else {"slack_signing_secret": SIGNING_SECRET, "port": 0, "host": "127.0.0.1"}
        )
        configure(values)
        log = io.StringIO()
        made = World(
            http=http,
            portal_url=portal_url,
            slack_url=slack_url,
            clock=Clock(),
            settings=Settings(**values),
            transport=transport,
            log=log,
        )
        logs.configure(log, made.settings.secrets())
        yield made
        no_secret_escaped(str(await made.slack("traffic", "GET")), folder, log.getvalue())


def words(message: dict[str, Any]) -> str:
    """Everything that a message shows, as one text."""
    return "\n".join(_texts(message["blocks"])) if message["blocks"] else str(message["text"])


def _texts(block: Any) -> list[str]:
    if isinstance(block, list):
        return [text for one in block for text in _texts(one)]
    if not isinstance(block, dict):
        return []
    own = [block["text"]] if isinstance(block.get("text"), str) else []
    return own + [text for value in block.values() for text in _texts(value)]


async def invariants(bot: Bot) -> None:
    """I5: the audit chain verifies and tells the same story as the rows."""
    async with bot.store.reading() as tx:
        assert (await audit.verify(tx.connection)).first_broken is None
