"""The bot is killed after every single commit of the story and started again: nothing twice,
nothing forgotten.
"""

import asyncio
import multiprocessing
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from restorebot.model import State
from restorebot.sandbox import portal as sandbox_portal
from restorebot.sandbox import workspace as sandbox_workspace
from restorebot.sandbox.serve import serving
from restorebot.slack.phrases import ending, request, thread
from restorebot.storage import audit
from restorebot.storage.store import open_store
from tests.faults import mortal
from tests.harness import (
    ALICE,
    APP_TOKEN,
    BOB,
    BOT_TOKEN,
    CHANNEL,
    KEY,
    MANIFEST,
    SIGNING_SECRET,
    empty_database,
    no_secret_escaped,
    words,
)

PORTAL_SPEED = 40.0
"""A restore of 20 portal seconds takes half a real one."""

AT_ONCE = 8
PATIENCE = 25.0

# Forked from a server that has imported everything, a bot is up in a tenth of a second.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.faults.mortal"])


@dataclass(kw_only=True)
class Run:
    """One story with its own portal, workspace and database, played by people who try again when
    the bot is gone.
    """

    http: httpx.AsyncClient
    portal_url: str
    slack_url: str
    values: dict[str, Any]
    folder: Path
    bot: Any = None
    lives: list[int | State | None] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=lambda: {"reason": "because", "alias": "acme"})

    async def control(self, base: str, path: str, method: str = "GET", **body: Any) -> Any:
        url = f"{base}/_sandbox/{path}"
        return (await self.http.request(method, url, json=body if method != "GET" else None)).json()

    async def slack(self, path: str, method: str = "POST", **body: Any) -> Any:
        return await self.control(self.slack_url, path, method, **body)

    async def starts(self) -> int:
        return len((await self.control(self.portal_url, "state"))["starts"])

    async def start_bot(self, die_after: int | State | None) -> None:
        self.lives.append(die_after)
        self.bot = PROCESSES.Process(target=mortal.live, args=(self.values, die_after), daemon=True)
        self.bot.start()
        while self.bot.is_alive():
            if (await self.slack("state", "GET"))["connected"]:
                return
            await asyncio.sleep(0.01)

    async def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.slack(f"messages?channel={CHANNEL}", "GET"))[
            "messages"
        ]
        return found

    async def play(self, die_after: int | State | None) -> str:
        """Play until the story is over; returns the card's last title."""
        await self.start_bot(die_after)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if not self.bot.is_alive():
                await self.start_bot(None)
            title = await self.go_on()
            if title:
                return title
            await asyncio.sleep(0.03)
        raise AssertionError([words(message) for message in await self.messages()])

    async def go_on(self) -> str:
        """Do what a person would do next; returns the card's title once the story is over."""
        messages = await self.messages()
        titled = [
            (message, block)
            for message in messages
            for block in message["blocks"]
            if block["type"] == "header"
        ]
        if not titled:
            await self.ask()
            return ""
        card, title = titled[-1][0], str(titled[-1][1]["text"]["text"])
        if "waiting" in title:
            await self.slack(
                "click", user=BOB, channel=CHANNEL, ts=card["ts"], action_id="restore_approve"
            )
        told = any(ending.VERIFICATION in words(message) for message in messages)
        asked = thread.please_settle([BOB])
        stuck = any(asked in words(message) for message in messages)
        settled = (
            told
            if "completed" in title
            else stuck and "unknown" in title and await self.starts() == 0
        )
        return title if settled or "failed" in title else ""

    async def ask(self) -> None:
        views = (await self.slack(f"views?user={ALICE}", "GET"))["views"]
        if not views:
            history = (await self.control(self.portal_url, "state"))["history"]
            usable = next(one["id"] for one in history if one["expiresOn"].startswith("0001"))
            await self.slack("command", user=ALICE, channel=CHANNEL, text=usable)
        elif views[-1].get("submit"):
            answer = await self.slack(
                "submit", user=ALICE, view_id=views[-1]["id"], values=self.asked
            )
            if answer.get("error") or answer.get("errors"):
                await self.slack("close", user=ALICE, view_id=views[-1]["id"])
        elif request.CANNOT_BE_ASKED in words(views[-1]) or not self.bot.is_alive():
            await self.slack("close", user=ALICE, view_id=views[-1]["id"])

    def rows(self, query: str) -> list[Any]:
        database = sqlite3.connect(self.folder / "bot.sqlite3")
        try:
            return database.execute(query).fetchall()
        finally:
            database.close()


@asynccontextmanager
async def a_run(folder: Path) -> AsyncIterator[Run]:
    await asyncio.to_thread(folder.mkdir)
    portal = sandbox_portal.Portal(key=KEY, speed=PORTAL_SPEED)
    workspace = sandbox_workspace.Workspace(
        MANIFEST,
        bot_token=BOT_TOKEN,
        app_token=APP_TOKEN,
        signing_secret=SIGNING_SECRET,
        ack_timeout=0.5,
    )
    async with (
        serving(sandbox_portal.create_app(portal)) as portal_url,
        serving(sandbox_workspace.create_app(workspace)) as slack_url,
        httpx.AsyncClient(timeout=30) as http,
    ):
        values = {
            "slack_bot_token": BOT_TOKEN,
            "slack_app_token": APP_TOKEN,
            "slack_api_url": f"{slack_url}/api/",
            "docspace_url": portal_url,
            "docspace_api_key": KEY,
            "database_url": await empty_database(folder / "bot.sqlite3"),
            "approvers": (BOB,),
            "poll_interval": 0.1,
            "health": False,
        }
        run = Run(
            http=http, portal_url=portal_url, slack_url=slack_url, values=values, folder=folder
        )
        try:
            yield run
        finally:
            if run.bot is not None:
                run.bot.terminate()
                await asyncio.to_thread(run.bot.join, 10)


async def check(run: Run, title: str) -> None:
    """The invariants that hold after any death."""
    starts = await run.starts()
    assert starts <= 1
    states = [state for (state,) in run.rows("SELECT state FROM restores ORDER BY requested_at")]
    assert states in (["completed"], ["unknown"]), (run.lives, states)
    assert ("unknown" in title) is (states == ["unknown"])
    # What was claimed before the death but not sent is never sent, and is not called failed either.
    assert starts == (states == ["completed"]), (run.lives, states, starts)
    closings = [words(one) for one in await run.messages() if "has been restored" in words(one)]
    assert len(closings) - sum("(sent again)" in one for one in closings) <= 1
    assert (states == ["completed"]) <= len(closings) <= 2
    assert run.rows("SELECT user FROM votes") == ([] if "alone" in run.asked else [(BOB,)])
    no_secret_escaped(str(await run.slack("traffic", "GET")), run.folder, "")


@pytest.mark.parametrize("step", [10, pytest.param(1, marks=pytest.mark.slow)])
async def test_a_bot_that_dies_after_any_commit_starts_nothing_twice_and_forgets_nothing(
    tmp_path: Path, step: int
) -> None:
    """After each commit, or in the quick run after every tenth."""
    died: list[int] = []
    ends: dict[int, str] = {}
    survived: list[int] = []
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with limit:
            if survived:
                return
            async with a_run(tmp_path / str(number)) as run:
                title = await run.play(number)
                (survived if len(run.lives) == 1 else died).append(number)
                ends[number] = title
                await check(run, title)
            store = await open_store(run.values["database_url"])
            async with store.reading() as tx:
                assert (await audit.verify(tx.connection)).first_broken is None
            await store.close()

    async with asyncio.TaskGroup() as stories:
        for number in range(1, 60, step):
            stories.create_task(one(number))
    assert survived, "the story has more commits than were tried"
    # Edits of the card are put together as time allows, so the last few commits vary from run to
    # run.
    assert set(range(1, min(survived), step)) <= set(died)
    assert min(survived) > 15
    # Which number the claim has varies too, as posts are committed beside it; the next test dies
    # exactly there.
    unknown = [number for number, title in ends.items() if "unknown" in title]
    assert len(unknown) <= 2, (
        f"only a death right after the claim leaves the outcome unknown: {unknown}"
    )


async def test_a_bot_that_dies_when_somebody_starts_alone_tells_the_channel_and_starts_once(
    tmp_path: Path,
) -> None:
    async with a_run(tmp_path / "alone") as run:
        run.values["break_glass"] = (ALICE,)
        run.asked |= {"alone": ["alone"], "alone_phrase": "restore acme without approval"}
        title = await run.play(State.APPROVED)
        assert run.lives == [State.APPROVED, None]
        await check(run, title)
        assert "completed" in title
        assert any("alone, without approval.*" in words(one) for one in await run.messages())


async def test_a_bot_that_dies_between_the_claim_and_the_request_never_sends_it(
    tmp_path: Path,
) -> None:
    async with a_run(tmp_path / "claim") as run:
        title = await run.play(State.STARTING)
        assert run.lives == [State.STARTING, None]
        assert "unknown" in title
        await check(run, title)


async def test_a_bot_that_dies_before_it_asks_for_the_safety_backup_restores_nothing(
    tmp_path: Path,
) -> None:
    async with a_run(tmp_path / "safety") as run:
        run.values["safety_backup"] = {"storageType": 5, "module": "googlecloud", "bucket": "acme"}
        title = await run.play(State.BACKING_UP)
        assert run.lives == [State.BACKING_UP, None]
        assert "failed" in title
        state = await run.control(run.portal_url, "state")
        assert (state["backups"], state["starts"]) == ([], [])
        assert run.rows("SELECT state FROM restores") == [("failed",)]


async def test_a_bot_that_dies_while_the_portal_answers_finds_its_task_and_does_not_send_again(
    tmp_path: Path,
) -> None:
    async with a_run(tmp_path / "reply") as run:
        await run.control(
            run.portal_url, "faults", "PATCH", on="startrestore", fault="answer_slow", seconds=30
        )
        await run.start_bot(None)
        first = run.bot
        while await run.starts() == 0:
            await run.go_on()
            await asyncio.sleep(0.02)
        first.kill()
        await asyncio.to_thread(first.join, 10)
        title = await run.play(None)
        assert "completed" in title
        assert await run.starts() == 1
        assert run.rows("SELECT adopted FROM restores") == [(1,)]
        events = [event for (event,) in run.rows("SELECT event FROM audit ORDER BY seq")]
        assert events.index("unknown") < events.index("adopted") < events.index("completed")
