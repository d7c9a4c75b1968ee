"""Stories for `restorebot demo --script`: played as people would, and printed as they happen."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from restorebot.sandbox.programs import NotStarted, Programs, programs

ALICE, BOB = "U0ALICE", "U0BOB"
CHANNEL = "C0RESTORES"
NAMES = {"U0ALICE": "alice", "U0BOB": "bob", "U0CAROL": "carol", "U0ERIN": "erin", "U0RESTORE": "restorebot"}

SPEED = 2.0
"""Portal seconds per real second: a restore of 20 s takes 10."""

PATIENCE = 30.0
"""Real seconds until a story that does not go on has failed."""


class StoryBroken(Exception):
    """The story did not go as it should; the sentence says where."""


@dataclass
class Stage:
    """Where a story is played: the programs, and the people's hands."""

    http: httpx.AsyncClient
    console: Console
    programs: Programs
    heard: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, who: str, what: str) -> None:
        self.console.print(f"[bold cyan]{who:>10}[/]  {escape(what)}", highlight=False)

    async def control(self, method: str, url: str, **body: Any) -> Any:
        response = await self.http.request(method, url, json=body if method != "GET" else None)
        if response.status_code >= 400:
            raise StoryBroken(f"{url} said: {response.text[:200]}")
        return response.json()

    async def slack(self, path: str, method: str = "POST", **body: Any) -> Any:
        return await self.control(method, f"{self.programs.slack_url}/_sandbox/{path}", **body)

    async def portal(self, path: str = "state", method: str = "GET", **body: Any) -> Any:
        return await self.control(method, f"{self.programs.portal_url}/_sandbox/{path}", **body)

    async def start_bot(self) -> None:
        """Start the real program and wait until it listens."""
        connected = self.count("connected")
        await self.programs.start_bot()
        await self.until(lambda: self.count("connected") > connected, "the bot connects")

    def count(self, kind: str) -> int:
        return sum(event["type"] == kind for event in self.heard)

    def said(self, words: str, kind: str = "message") -> bool:
        """Whether the bot has said something with these words in the channel or a thread."""
        return any(event["type"] == kind and words in event.get("text", "") for event in self.heard)

    async def until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait for something to be seen in Slack. Raises StoryBroken."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not happened():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise StoryBroken(f"after {PATIENCE:g} seconds still not: {what}") from None

    # people

    async def ask(self) -> None:
        """Alice's request: command, modal, submit."""
        history = (await self.portal())["history"]
        lasting = [one for one in history if one["expiresOn"].startswith("0001")]
        backup = max(lasting, key=lambda one: str(one["createdOn"]))
        self.tell("alice", f"types  /restore {backup['id']}")
        await self.slack("command", user=ALICE, channel=CHANNEL, text=backup["id"])
        await self.until(lambda: self.count("view_updated") > 0, "the modal is filled")
        view = (await self.slack(f"views?user={ALICE}", "GET"))["views"][-1]
        for text in _texts(view["blocks"]):
            self.console.print(f"{'':>12}[dim]{escape(readable(text))}[/]", highlight=False)
        self.tell("alice", "gives the reason “the import of this morning broke the rooms”, types acme, submits")
        values = {"reason": "the import of this morning broke the rooms", "alias": "acme"}
        await self.slack("submit", user=ALICE, view_id=view["id"], values=values)
        await self.until(lambda: self.said("waiting for approval"), "the request card is in the channel")

    async def click(self, user: str, button: str) -> None:
        card = (await self.slack(f"messages?channel={CHANNEL}", "GET"))["messages"][0]
        self.tell(NAMES[user], f"clicks {button.capitalize()}")
        await self.slack("click", user=user, channel=CHANNEL, ts=card["ts"], action_id=f"restore_{button}")

    async def started(self) -> int:
        """How many restores the portal was asked to start."""
        return len((await self.portal())["starts"])


async def happy(stage: Stage) -> None:
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("has been restored"), "the restore completes")
    await stage.until(lambda: stage.said("dead, as it must be"), "the look afterwards")
    await stage.until(lambda: stage.said("completed", "edit"), "the card says completed")
    _expect(await stage.started() == 1, "the portal is asked once")


async def denied(stage: Stage) -> None:
    await stage.ask()
    await stage.click(BOB, "deny")
    await stage.until(lambda: stage.count("view_opened") > 1, "the modal asks why not")
    view = (await stage.slack(f"views?user={BOB}", "GET"))["views"][-1]
    stage.tell("bob", "gives the reason “not before the nightly backup”, submits")
    await stage.slack("submit", user=BOB, view_id=view["id"], values={"reason": "not before the nightly backup"})
    await stage.until(lambda: stage.said("Denied by"), "the thread says who denied")
    await stage.until(lambda: stage.said("denied", "edit"), "the card says denied")
    _expect(await stage.started() == 0, "the portal is asked nothing")


async def failed(stage: Stage) -> None:
    stage.tell("portal", "its archive is broken; nobody knows yet")
    await stage.portal("faults", "PATCH", archive_broken=True)
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("The backup file is invalid."), "the thread has the portal's own words")
    await stage.until(lambda: stage.said("failed", "edit"), "the card says failed")
    _expect(await stage.started() == 1, "the portal is asked once")
    _expect(not stage.said("has been restored"), "nothing is called restored")


async def restart(stage: Stage) -> None:
    await stage.ask()
    await stage.click(BOB, "approve")
    await stage.until(lambda: stage.said("locked and the data is going in"), "the data goes in")
    if stage.programs.bot:
        stage.tell("somebody", "kills the bot (SIGKILL)")
        await stage.programs.bot.kill()
    stage.tell("somebody", "starts the bot again")
    await stage.start_bot()
    await stage.until(lambda: stage.said("has been restored"), "the restore is watched to its end")
    await stage.until(lambda: stage.said("dead, as it must be"), "the look afterwards")
    await stage.until(lambda: stage.said("completed", "edit"), "the card says completed")
    _expect(await stage.started() == 1, "the portal is asked once, however often the bot starts")


STORIES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "happy": happy,
    "denied": denied,
    "failed": failed,
    "restart": restart,
}


async def play(name: str) -> int:
    """Play a story; returns 0 if it ended as it should, else 1."""
    console = Console(soft_wrap=True)
    console.rule(f"restorebot demo: {name}")
    try:
        async with _stage(console) as stage:
            try:
                await STORIES[name](stage)
            except StoryBroken as error:
                console.print(f"[bold red]The story broke:[/] {escape(str(error))}")
                console.print(stage.programs.log[-3000:], style="dim", markup=False)
                return 1
    except (StoryBroken, NotStarted) as error:
        console.print(f"[bold red]The stage could not be set:[/] {escape(str(error))}")
        return 1
    console.rule("[green]the story ended as it should")
    return 0


@contextlib.asynccontextmanager
async def _stage(console: Console) -> AsyncIterator[Stage]:
    async with (
        programs(approvers=BOB, speed=SPEED) as started,
        httpx.AsyncClient(timeout=PATIENCE + 10, trust_env=False) as http,
    ):
        stage = Stage(http, console, started)
        narrator = asyncio.create_task(_narrate(stage))
        try:
            await stage.start_bot()
            yield stage
        finally:
            await _cancel(narrator)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _narrate(stage: Stage) -> None:
    """Print what Slack shows, as it happens."""
    last = 0
    while True:
        answer = await stage.slack(f"events?after={last}&wait=20", "GET")
        for event in answer["events"]:
            stage.heard.append(event)
            _print(stage, event)
        last = answer["last"]
        stage.news.set()


def _print(stage: Stage, event: dict[str, Any]) -> None:
    text = readable(event.get("text") or "")
    if event["type"] == "message":
        place = "in the thread" if event["thread_ts"] else "in #restores"
        stage.tell("restorebot", f"{place}: {text}")
    elif event["type"] == "private":
        stage.tell("restorebot", f"only to {NAMES.get(event['user'], event['user'])}: {text}")
    elif event["type"] == "edit":
        stage.console.print(f"{'':>12}[dim]card: {escape(text.splitlines()[0])}[/]", highlight=False)


def readable(mrkdwn: str) -> str:
    """Slack's markup as a terminal shows it best."""
    text = re.sub(r"<!date\^(\d+)\^[^|>]*\|[^>]*>", _local_time, mrkdwn)
    text = re.sub(r"<@(\w+)>", lambda found: f"@{NAMES.get(found[1], found[1])}", text)
    for coded, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(coded, char)
    return re.sub(r":[a-z_]+: ?", "", text).replace("\n", "\n" + " " * 12)


def _local_time(found: re.Match[str]) -> str:
    moment = datetime.fromtimestamp(int(found[1]), UTC).astimezone()
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _texts(part: Any) -> list[str]:
    """Every text in a view's blocks, in order."""
    if isinstance(part, list):
        return [text for one in part for text in _texts(one)]
    if not isinstance(part, dict):
        return []
    own = [part["text"]] if isinstance(part.get("text"), str) else []
    return own + [text for value in part.values() for text in _texts(value)]


def _expect(met: bool, what: str) -> None:
    if not met:
        raise StoryBroken(f"not so: {what}")
