"""The stage of ``restorebot demo --script``: the programs, the people, and what is printed."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from restorebot.sandbox.programs import Programs, programs

ALICE, BOB, CAROL, ERIN = "U0ALICE", "U0BOB", "U0CAROL", "U0ERIN"
CHANNEL = "C0RESTORES"
NAMES = {
    "U0ALICE": "alice",
    "U0BOB": "bob",
    "U0CAROL": "carol",
    "U0ERIN": "erin",
    "U0RESTORE": "restorebot",
}

REASON = "the import of this morning broke the rooms"

PATIENCE = 30.0
"""Real seconds until a story that does not go on has failed."""


class StoryBroken(Exception):
    """The story did not go as it should; the sentence says where."""


@dataclass(kw_only=True)
class Stage:
    """Where a story is played: the programs, and what people do and see."""

    http: httpx.AsyncClient
    console: Console
    programs: Programs
    heard: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, who: str, what: str) -> None:
        """Print what somebody does."""
        self.console.print(f"[bold cyan]{who:>10}[/]  {escape(what)}", highlight=False)

    async def _control(self, method: str, url: str, **body: Any) -> Any:
        response = await self.http.request(method, url, json=body or None)
        if response.status_code >= 400:
            raise StoryBroken(f"{url} said: {response.text[:200]}")
        return response.json()

    async def slack(self, path: str, method: str = "POST", **body: Any) -> Any:
        """Ask the workspace's control interface. Raises StoryBroken."""
        return await self._control(method, f"{self.programs.slack_url}/_sandbox/{path}", **body)

    async def portal(self, path: str = "state", method: str = "GET", **body: Any) -> Any:
        """Ask the portal's control interface. Raises StoryBroken."""
        return await self._control(method, f"{self.programs.portal_url}/_sandbox/{path}", **body)

    async def start_bot(self) -> None:
        """Start the real program and wait until it listens."""
        connected = self.count("connected")
        await self.programs.start_bot()
        await self.until(lambda: self.count("connected") > connected, "the bot connects")

    def count(self, kind: str) -> int:
        """Count the events of a kind."""
        return sum(event["type"] == kind for event in self.heard)

    def said(self, words: str, kind: str = "message") -> bool:
        """Say whether the bot has used these words in the channel or a thread."""
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

    async def newest(self) -> dict[str, Any]:
        """Return the portal's newest backup that does not expire."""
        history = (await self.portal())["history"]
        lasting = [one for one in history if one["expiresOn"].startswith("0001")]
        return dict(max(lasting, key=lambda one: str(one["createdOn"])))

    async def type(self, user: str, text: str) -> None:
        """Type ``/restore`` with this text."""
        self.tell(NAMES[user], f"types  {f'/restore {text}'.strip()}")
        await self.slack("command", user=user, channel=CHANNEL, text=text)

    async def ask(self, user: str = ALICE, starts: datetime | None = None, **more: Any) -> None:
        """Ask for a restore: command, modal, submit.

        ``more`` is entered besides the reason and the alias.
        """
        filled = self.count("view_updated")
        await self.type(user, (await self.newest())["id"])
        await self.until(lambda: self.count("view_updated") > filled, "the modal is filled")
        view = (await self.slack(f"views?user={user}", "GET"))["views"][-1]
        for text in _texts(view["blocks"]):
            self.console.print(f"{'':>12}[dim]{escape(readable(text))}[/]", highlight=False)
        when = f", chooses {starts.astimezone():%H:%M:%S}" if starts else ""
        also = "".join(f", types “{text}”" for text in more.values() if isinstance(text, str))
        self.tell(NAMES[user], f"gives the reason “{REASON}”, types acme{also}{when}")
        values = {"reason": REASON, "alias": "acme", **more}
        if starts:
            values["starts"] = str(int(starts.timestamp()))
        await self.slack("submit", user=user, view_id=view["id"], values=values)
        await self.until(lambda: self.said("Restore of acme"), "the request card is in the channel")

    async def command(self, *words: str, given: str = "") -> str:
        """Run a command of restorebot's with ``given`` as its input, and return what it said."""
        self.tell("somebody", f"runs  restorebot {' '.join(words)}")
        said = await self.programs.command(*words, stdin=given)
        for line in said.splitlines():
            self.console.print(f"{'':>12}[dim]{escape(line)}[/]", highlight=False)
        return said

    async def click(self, user: str, button: str) -> None:
        """Click a button of the first card."""
        messages = (await self.slack(f"messages?channel={CHANNEL}", "GET"))["messages"]
        card = next(message for message in messages if not message["thread_ts"])
        self.tell(NAMES[user], f"clicks {button.capitalize()}")
        await self.slack(
            "click", user=user, channel=CHANNEL, ts=card["ts"], action_id=f"restore_{button}"
        )

    async def started(self) -> int:
        """Count the restores that the portal was asked to start."""
        return len((await self.portal())["starts"])


@contextlib.asynccontextmanager
async def stage(
    console: Console, speed: float, settings: Mapping[str, str]
) -> AsyncIterator[Stage]:
    """Start everything, with these settings beside the usual ones.

    Raises NotStarted, StoryBroken.
    """
    async with (
        programs(approvers=BOB, speed=speed, settings=settings) as started,
        httpx.AsyncClient(timeout=PATIENCE + 10, trust_env=False) as http,
    ):
        made = Stage(http=http, console=console, programs=started)
        narrator = asyncio.create_task(_narrate(made))
        try:
            await made.start_bot()
            yield made
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
        stage.console.print(
            f"{'':>12}[dim]card: {escape(text.splitlines()[0])}[/]", highlight=False
        )


def readable(mrkdwn: str) -> str:
    """Return Slack's markup as a terminal shows it best."""
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
