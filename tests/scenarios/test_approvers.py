"""Who may say yes: fresh answers from Slack, shared only while under way; a reminder; asking again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from restorebot.model import State
from tests.harness import ALICE, BOB, CAROL, CHANNEL, ERIN, World, words, world

CROWD = [f"U0CROWD{number:02}" for number in range(20)]


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[World]:
    """A usergroup of twenty approvers, ten of whom are needed, in a Slack that keeps to its rate limits."""

    def configure(values: dict[str, Any]) -> None:
        values |= {"approvers": ("S0CROWD",), "approvals_needed": 10}

    async with world(tmp_path, "socket", configure=configure) as made:
        for number, one in enumerate(CROWD):
            await made.slack(f"people/{one}", "PUT", name=f"crowd{number}")
        await made.slack("usergroups/S0CROWD", "PUT", users=CROWD)
        await made.slack("settings", "PATCH", rate_limits=True)
        async with made.life():
            yield made


async def asked_of_slack(scene: World, method: str) -> int:
    return len([one for one in (await scene.slack("calls", "GET"))["calls"] if one["method"] == method])


async def test_twenty_clicks_at_once_do_not_meet_the_rate_limit_and_ten_of_them_count(crowd: World) -> None:
    await crowd.ask()
    before = await asked_of_slack(crowd, "usergroups.users.list")
    ts = (await crowd.card())["ts"]
    await asyncio.gather(
        *(crowd.slack("click", user=one, channel=CHANNEL, ts=ts, action_id="restore_approve") for one in CROWD)
    )
    await crowd.settle()
    restore = await crowd.restore()
    assert restore.state is State.RESTORING
    assert len(set(restore.voters)) == 10
    # Some for the clicks, which do not all arrive in the same moment, and one for all voters at the start.
    assert await asked_of_slack(crowd, "usergroups.users.list") - before < 15
    assert len(await crowd.requests("startrestore")) == 1
    told = [said for one in CROWD for said in await crowd.private(one)]
    assert len(told) == 10
    assert all("has been approved by" in said for said in told)


async def test_an_answer_that_has_arrived_is_not_used_again(crowd: World) -> None:
    """Whoever leaves the group between two clicks no longer counts at the second."""
    await crowd.ask()
    await crowd.click("approve", CROWD[0])
    await crowd.slack("usergroups/S0CROWD", "PUT", users=CROWD[2:])
    await crowd.click("approve", CROWD[1])
    assert "You are not an approver" in (await crowd.private(CROWD[1]))[-1]
    assert (await crowd.restore()).voters == (CROWD[0],)


async def test_a_group_that_is_deleted_after_the_request_lets_nobody_approve(crowd: World) -> None:
    await crowd.ask()
    await crowd.slack("usergroups/S0CROWD", "DELETE")
    await crowd.click("approve", CROWD[0])
    assert "You are not an approver" in (await crowd.private(CROWD[0]))[-1]


async def test_at_half_of_its_time_a_request_mentions_the_approvers_once(scene: World) -> None:
    restore = await scene.ask()
    half = (restore.expires_at - restore.requested_at) / 2
    await scene.pass_time(half.total_seconds() - 30, by=60)
    assert not await scene.thread()
    await scene.pass_time(60, by=60)
    (said,) = await scene.thread()
    assert f"<@{BOB}>, <@{ERIN}>: <@{ALICE}> still waits for an answer." in said
    await scene.pass_time(half.total_seconds() - 120, by=60)
    assert len(await scene.thread()) == 1
    await scene.click("approve")
    assert (await scene.restore()).state is State.RESTORING


async def test_a_bot_that_was_down_at_half_time_reminds_when_it_is_back(quiet: World) -> None:
    async with quiet.life():
        await quiet.ask()
    quiet.clock.now += timedelta(minutes=20)
    async with quiet.life():
        await quiet.settle()
        assert "still waits for an answer" in (await quiet.thread())[-1]


async def test_an_expired_request_is_asked_for_again_with_one_click(scene: World) -> None:
    first = await scene.ask()
    await scene.pass_time(31 * 60, by=300)
    assert (await scene.restore()).state is State.EXPIRED
    await scene.click("again", CAROL)
    view = await scene.modal(CAROL)
    assert view
    assert first.source.backup_id in words(view)
    await scene.submit({"reason": "once more", "alias": "acme"}, CAROL)
    again = await scene.restore()
    assert (again.requester, again.source, again.state) == (CAROL, first.source, State.REQUESTED)
    assert again.id != first.id


async def test_guests_cannot_ask_again(scene: World) -> None:
    await scene.ask()
    await scene.pass_time(31 * 60, by=300)
    await scene.slack("people/U0CAROL", "PATCH", is_restricted=True)
    await scene.click("again", CAROL)
    assert "Guests may not do this" in (await scene.private(CAROL))[-1]
    assert await scene.modal(CAROL) is None
