"""Random walks through the story: people, time, the portal, Slack and crashes in any order.

The real store, service, runner, watcher and notifier stand between the sandbox's portal and
workspace; what happens next is Hypothesis' choice. The invariants are looked at after every
operation, and once more when everything has come to rest.

``python -m tests.walk --examples 400`` walks as often as wanted.
"""

import argparse
import asyncio
import itertools
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from restorebot.app import Bot, build_bot
from restorebot.docspace.client import Limits
from restorebot.errors import RestorebotError
from restorebot.model import ENDED, LIVE, Event, PortalAlias, PostKind, Source, State
from restorebot.restores.service import Draft, Settlement
from restorebot.slack.phrases import thread
from restorebot.storage import audit
from restorebot.storage.schema import outbox
from tests.harness import ALICE, BOB, CAROL, CHANNEL, ERIN, World, invariants, world

HANG = 0.5
"""Real seconds for which a hanging call hangs; a crash comes long before."""

STRUCK = 400
"""Looks whether the call has arrived that is to be crashed into."""

REST = (*(30,) * 6, *(1800,) * 8)
"""Looks after the storm, in seconds of the clock: three minutes closely, four hours coarsely."""

SLACK_WORDS = {
    "lost": {"fault": "lost_answer"},
    "429": {"fault": "ratelimited", "retry_after": 10},
    "refused": {"fault": "drop"},
    "server_error": {"fault": "server_error", "status": 503},
    "word": {"fault": "error", "error": "not_in_channel"},
}
"""What may be wrong with one call to Slack, by a short name."""

PORTAL_WORDS = ("answer_lost", "drop", "html_502", "bad_json", "no_response", "busy", "fault_500")
ROUTES = ("startrestore", "getrestoreprogress", "settings", "getbackuphistory", "startbackup")
SWITCHES = ("archive_broken", "worker_killed", "stall_at_75", "cancelled", "key_survives")
STEPS = 10
"""Operations of a walk."""

JUMPS = (600, -600, 3600, -3600)


@dataclass
class Reached:
    """What the walks of one run came to: how often each state was seen by a walk."""

    walks: int = 0
    states: dict[State, int] = field(default_factory=dict)

    def note(self, seen: set[State]) -> None:
        """Count one walk."""
        self.walks += 1
        for state in seen:
            self.states[state] = self.states.get(state, 0) + 1


class Walk(RuleBasedStateMachine):
    """One walk. Everything of it runs on an event loop of its own."""

    reached = Reached()
    jumps = True

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._open = AsyncExitStack()
        self._life = AsyncExitStack()
        self._views = itertools.count()
        self._seen: set[State] = set()
        self._world: World

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Make the loop do one operation to its end."""
        return self._loop.run_until_complete(work)

    # the world

    @initialize(
        needed=st.sampled_from((1, 1, 2)),
        safety=st.booleans(),
        key_survives=st.booleans(),
        approved=st.sampled_from((True, True, False)),
    )
    def begin(self, needed: int, safety: bool, key_survives: bool, approved: bool) -> None:
        """Build the sandbox and a bot with these settings; mostly there is a restore at once."""
        self.run(self._begin(needed, safety))
        self.portal_switch("key_survives", key_survives)
        if approved:
            self.request_and_approve(ALICE, 0, "")

    async def _begin(self, needed: int, safety: bool) -> None:
        folder = Path(self._open.enter_context(TemporaryDirectory()))

        def configure(values: dict[str, Any]) -> None:
            values["approvals_needed"] = needed
            if safety:
                values["safety_backup"] = {
                    "storageType": 5,
                    "module": "s3",
                    "bucket": "acme",
                    "region": "eu-west-1",
                }

        made = await self._open.enter_async_context(world(folder, "socket", configure=configure))
        made.limits = Limits(read_timeout=2 * HANG, start_timeout=2 * HANG)
        self._world = made
        await self._live()
        record = (await self.bot.portals.all[0].docspace.history())[0]
        self._source = Source(
            backup_id=record.id,
            file_name=record.file_name,
            storage_type=record.storage_type,
            created_on=record.created_on,
            expires_on=record.expires_on,
        )

    async def _live(self) -> None:
        made = self._world
        made.bot = await self._life.enter_async_context(
            build_bot(made.settings, made.clock, made.limits, made.clock.monotonic)
        )
        await made.bot.directory.greet()
        made.due.clear()

    @property
    def bot(self) -> Bot:
        """The bot of this life."""
        assert self._world.bot is not None
        return self._world.bot

    def teardown(self) -> None:
        """Let the storm end, look at what is left, and end the world."""
        try:
            if hasattr(self, "_world"):
                self.run(self._rest())
                type(self).reached.note(self._seen)
        finally:
            self.run(self._life.aclose())
            self.run(self._open.aclose())
            self.run(_end_of_calls())
            self._loop.close()

    # people

    @rule(requester=st.sampled_from((ALICE, BOB)))
    def request(self, requester: str) -> None:
        """Ask for a restore."""
        self.run(self._request(requester))

    @rule(
        requester=st.sampled_from((ALICE, CAROL)),
        looks=st.integers(0, 6),
        trouble=st.sampled_from(("", "", "", *PORTAL_WORDS)),
    )
    def request_and_approve(self, requester: str, looks: int, trouble: str) -> None:
        """Ask, have it approved by as many as it takes, and look on."""
        self.run(self._request(requester))
        self.run(self._vote(BOB))
        if trouble:
            self.run(self._portal_fault("startrestore", trouble))
        self.run(self._vote(ERIN))
        self.run(self._world.pass_time(looks * 5))

    async def _request(self, requester: str) -> None:
        draft = Draft(
            portal=PortalAlias("acme"),
            portal_name=self.bot.portals.all[0].name,
            source=self._source,
            reason="the import broke it",
            notify=False,
            requester=requester,
            channel=CHANNEL,
            view_id=f"V{next(self._views)}",
        )
        with suppress(RestorebotError):
            await self.bot.service.request(draft)
        await self._settle()

    @rule(voter=st.sampled_from((BOB, ERIN)))
    def approve(self, voter: str) -> None:
        """Approve the newest restore."""
        self.run(self._vote(voter))

    async def _vote(self, voter: str) -> None:
        with suppress(RestorebotError):
            await self.bot.service.approve(await self._newest(), voter)
        await self._settle()

    @rule(
        verb=st.sampled_from(("deny", "withdraw", "stop", *Settlement)),
        user=st.sampled_from((BOB, ALICE)),
    )
    def decide(self, verb: str, user: str) -> None:
        """Do something else with the newest restore."""
        self.run(self._decide(verb, user))

    async def _decide(self, verb: str, user: str) -> None:
        service = self.bot.service
        with suppress(RestorebotError):
            newest = await self._newest()
            if verb == "deny":
                await service.deny(newest, user, "not today")
            elif verb == "withdraw":
                await service.withdraw(newest, user)
            elif verb == "stop":
                await service.stop(newest, user)
            else:
                await service.settle(newest, user, Settlement(verb))
        await self._settle()

    async def _newest(self) -> str:
        async with self.bot.store.reading() as tx:
            found = await tx.find()
        return found[-1].id if found else ""

    # time

    @rule(looks=st.integers(1, 12))
    def look(self, looks: int) -> None:
        """Let some seconds pass."""
        self.run(self._world.pass_time(looks * 5))

    @rule(seconds=st.sampled_from((120, 600, 1000, 4000)))
    def wait(self, seconds: int) -> None:
        """Let a longer time pass between two looks."""
        self.run(self._world.pass_time(seconds, by=seconds / 2))

    # what goes wrong

    @rule(route=st.sampled_from(ROUTES), word=st.sampled_from(PORTAL_WORDS))
    def portal_fault(self, route: str, word: str) -> None:
        """Spoil the next answer of one of the portal's routes."""
        self.run(self._portal_fault(route, word))

    async def _portal_fault(self, route: str, word: str) -> None:
        await self._world.portal("faults", "PATCH", on=route, fault=word, times=1)

    @rule(name=st.sampled_from(SWITCHES), on=st.booleans())
    def portal_switch(self, name: str, on: bool) -> None:
        """Switch something of the portal's on or off."""
        self.run(self._world.portal("faults", "PATCH", **{name: on}))

    @rule()
    def somebody_else_starts(self) -> None:
        """Let an administrator restore the portal by hand."""
        self.run(self._world.portal("someone-else-starts", "POST"))

    @rule(
        words=st.lists(st.sampled_from(sorted(SLACK_WORDS)), min_size=1, max_size=3),
        method=st.sampled_from(("chat.postMessage", "chat.postMessage", "chat.update")),
    )
    def slack_fault(self, words: list[str], method: str) -> None:
        """Let Slack fail at the next calls, in this order."""
        self.run(self._slack_fault(words, method))

    async def _slack_fault(self, words: list[str], method: str) -> None:
        faults = [SLACK_WORDS[word] for word in words]
        await self._world.slack("faults", "PATCH", **{method: faults})
        await self._world.pass_time(30)

    @rule(then=st.sampled_from(sorted(SLACK_WORDS)))
    def lose_an_answer(self, then: str) -> None:
        """Let Slack take the next post without a word, and fail otherwise at the next try."""
        self.run(self._slack_fault(["lost", then], "chat.postMessage"))

    @rule()
    def restart(self) -> None:
        """End the process between two calls, and start it again."""
        self.run(self._restart())

    async def _restart(self) -> None:
        await self._life.aclose()
        self._life = AsyncExitStack()
        await self._live()
        await self._settle()

    @rule(at=st.sampled_from(("chat.postMessage", "chat.update", *ROUTES[:2])))
    def crash(self, at: str) -> None:
        """End the process inside a call that took effect, and start it again."""
        self.run(self._crash(at))

    async def _crash(self, at: str) -> None:
        in_slack = at.startswith("chat.")
        if in_slack:
            fault = {"fault": "slow_answer", "seconds": HANG}
            await self._world.slack("faults", "PATCH", **{at: fault})
        else:
            await self._world.portal(
                "faults", "PATCH", on=at, fault="answer_slow", times=1, seconds=HANG
            )
        before = await self._arrived(at)
        going_on = asyncio.create_task(self._world.pass_time(60))
        # Where no call comes in this time, the process ends between two.
        for _ in range(STRUCK):
            await asyncio.wait([going_on], timeout=0.005)
            if going_on.done() or await self._arrived(at) > before:
                break
        going_on.cancel()
        with suppress(asyncio.CancelledError):
            await going_on
        await self._restart()

    async def _arrived(self, at: str) -> int:
        if at.startswith("chat."):
            calls = (await self._world.slack("calls", "GET"))["calls"]
            return sum(one["method"] == at for one in calls)
        return len(await self._world.requests(at))

    @precondition(lambda self: type(self).jumps)
    @rule(seconds=st.sampled_from(JUMPS))
    def jump(self, seconds: int) -> None:
        """Set the wall clock forward or back."""
        self.run(self._world.jump(seconds))

    async def _settle(self) -> None:
        await self._world.settle()

    # what has to be true

    @invariant()
    def holds(self) -> None:
        """See I1, I2, I4 and I5 after every operation."""
        if hasattr(self, "_world"):
            self.run(self._holds())

    async def _holds(self) -> None:
        async with self.bot.store.reading() as tx:
            rows = await tx.find()
            events = [one async for one in audit.rows(tx.connection)]
        self._seen |= {row.state for row in rows}
        live = [row for row in rows if row.state in LIVE]
        assert len(live) <= 1, "I2: two live restores of one portal"
        sent = [one for one in events if one.entry.event == Event.STARTING]
        posts = len(await self._world.requests("startrestore"))
        assert posts <= len(sent), "I1: startrestore was sent more often than a start was claimed"
        await self._no_unmarked_copies()
        await invariants(self.bot)

    async def _no_unmarked_copies(self) -> None:
        """I4: of each post at most one copy bears no mark."""
        tried = select(func.count()).where(
            outbox.c.attempted_at.is_not(None) | outbox.c.done_at.is_not(None)
        )
        async with self.bot.store.reading() as tx:
            posts = (await tx.connection.execute(tried)).scalar_one()
        shown = [str(one) for one in await self._world.messages()]
        unmarked = [one for one in shown if thread.SENT_AGAIN not in one]
        assert len(unmarked) <= posts, "I4: an unmarked second copy"

    async def _rest(self) -> None:
        """At rest every ended restore is told, no card lags, and nothing is stuck."""
        await self._world.portal("faults", "DELETE")
        await self._world.slack("faults", "DELETE")
        for seconds in REST:
            await self._world.pass_time(seconds, by=seconds)
        await self._holds()
        async with self.bot.store.reading() as tx:
            rows = await tx.find()
            behind = await tx.stale_cards()
            told = {row.id: await tx.is_delivered(row.id, PostKind.CLOSING) for row in rows}
            waiting = await tx.queue_heads()
        assert not behind, "a card is behind"
        assert not waiting, f"not told: {waiting}"
        for row in rows:
            assert row.state not in {State.REQUESTED, State.APPROVED, State.STARTING}, "stuck"
            assert row.state not in ENDED or told[row.id], f"{row.state} was not told"


async def _end_of_calls() -> None:
    """Let the sandbox finish the calls that were crashed into."""
    others = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
    if others:
        await asyncio.wait(others, timeout=2 * HANG)


def walk(examples: int, *, jumps: bool = True, start: int | None = None) -> Reached:
    """Walk this often, and return what was reached. Raise AssertionError with the shortest walk.

    With ``start``, a number of the caller's, the walks are the same each time.
    """

    class Chosen(Walk):
        pass

    Chosen.reached = Reached()
    Chosen.jumps = jumps
    if start is not None:
        seed(start)(Chosen)
    run_state_machine_as_test(
        Chosen,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return Chosen.reached


def main() -> None:
    """Walk as often as the command line says, and tell how far."""
    parser = argparse.ArgumentParser(prog="python -m tests.walk", description=__doc__)
    parser.add_argument("--examples", type=int, default=40, help="how many walks (40)")
    parser.add_argument("--start", type=int, help="a number: the same walks each time")
    parser.add_argument("--no-jumps", action="store_true", help="leave the clock alone")
    asked = parser.parse_args()
    reached = walk(asked.examples, jumps=not asked.no_jumps, start=asked.start)
    print(f"{reached.walks} walks")
    for state, count in sorted(reached.states.items(), key=lambda one: -one[1]):
        print(f"  {state:<12} reached by {count}")


if __name__ == "__main__":
    main()
