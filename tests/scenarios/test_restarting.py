"""The bot is stopped in every state and started again: everything goes on, nothing is started
twice.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from restorebot.model import Event, Phase, State
from restorebot.restores import start
from restorebot.slack.phrases import ending
from tests.harness import World, words


async def requested(scene: World) -> None:
    await scene.ask()


async def waiting(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", away=20)
    await scene.click("approve")
    assert (await scene.restore()).state is State.APPROVED


async def queued(scene: World) -> None:
    await scene.ask()
    await scene.click("approve")
    assert (await scene.restore()).phase in {Phase.QUEUED, Phase.FETCHING}


async def loading(scene: World) -> None:
    await queued(scene)
    await scene.pass_time(10)
    assert (await scene.restore()).phase is Phase.LOADING


async def lost(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", fault="answer_lost")
    await scene.click("approve")


async def completed(scene: World) -> None:
    await queued(scene)
    await scene.portal("faults", "PATCH", host_lost=30)
    await scene.until(State.COMPLETED)


@pytest.mark.parametrize("reach", [requested, waiting, queued, loading, lost, completed])
async def test_a_restart_goes_on_where_the_story_was(
    quiet: World, reach: Callable[[World], Awaitable[None]]
) -> None:
    async with quiet.life():
        await reach(quiet)
    async with quiet.life():
        await quiet.settle()
        if (await quiet.restore()).state is State.REQUESTED:
            await quiet.click("approve")
        await quiet.until(State.COMPLETED, by=5)
        await quiet.pass_time(60)
        assert "A look afterwards" in (await quiet.thread())[-1]
    assert len(await quiet.requests("startrestore")) == 1


async def test_a_request_expires_while_the_bot_is_down(quiet: World) -> None:
    async with quiet.life():
        await quiet.ask()
    await quiet._advance(3600)
    async with quiet.life():
        await quiet.settle()
        assert (await quiet.restore()).state is State.EXPIRED
        assert "expired" in words(await quiet.card())


async def test_a_row_that_was_left_starting_is_unknown_and_never_sent(quiet: World) -> None:
    async with quiet.life() as bot:
        restore = await quiet.ask()
        async with bot.store.writing() as tx:
            now = quiet.clock.now
            voted = await tx.add_vote(restore, "U0BOB", now)
            approved = await tx.advance(
                voted,
                replace(voted, state=State.APPROVED, approved_at=now),
                at=now,
                actor="U0BOB",
                event=Event.APPROVED,
            )
            await tx.advance(
                approved,
                replace(approved, state=State.STARTING, sent_at=now),
                at=now,
                actor="restorebot",
                event=Event.STARTING,
            )
    async with quiet.life():
        await quiet.settle()
        assert (await quiet.restore()).state is State.UNKNOWN
        await quiet.pass_time(600, 60)
        assert start.INTERRUPTED in "\n".join(await quiet.thread())
    assert await quiet.requests("startrestore") == []


@pytest.mark.both_transports
async def test_what_slack_was_owed_before_the_restart_is_told_after_it(quiet: World) -> None:
    async with quiet.life():
        await quiet.ask()
        await quiet.slack(
            "faults",
            "PATCH",
            **{"chat.postMessage": {"fault": "error", "error": "fatal_error", "times": 99}},
        )
        await quiet.deny()
        assert await quiet.thread() == []
    await quiet.slack("faults", "DELETE")
    async with quiet.life():
        await quiet.settle()
        assert ending.closing(await quiet.restore()) in (await quiet.thread())[-1]
