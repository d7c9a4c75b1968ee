"""Who may say yes: fresh answers from Slack, shared only while under way; a reminder; asking
again.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from restorebot.model import State
from restorebot.restores import policy, start
from restorebot.slack.phrases import answers, approval
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import thread as thread_words
from restorebot.storage import audit
from tests.harness import BOB, CAROL, CHANNEL, ERIN, World, words, world

CROWD = [f"U0CROWD{number:02}" for number in range(20)]


@pytest.fixture
async def crowd(tmp_path: Path) -> AsyncIterator[World]:
    """A usergroup of twenty approvers, ten of whom are needed, in a Slack that keeps to its rate
    limits.
    """

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
    return len(
        [one for one in (await scene.slack("calls", "GET"))["calls"] if one["method"] == method]
    )


async def test_twenty_clicks_at_once_do_not_meet_the_rate_limit_and_ten_of_them_count(
    crowd: World,
) -> None:
    await crowd.ask()
    before = await asked_of_slack(crowd, "usergroups.users.list")
    ts = (await crowd.card())["ts"]
    await asyncio.gather(
        *(
            crowd.slack("click", user=one, channel=CHANNEL, ts=ts, action_id="restore_approve")
            for one in CROWD
        )
    )
    await crowd.settle()
    restore = await crowd.restore()
    assert restore.state is State.RESTORING
    assert len(set(restore.voters)) == 10
    # Some for the clicks, which do not all arrive in the same moment, and one for all voters at the
    # start.
    assert await asked_of_slack(crowd, "usergroups.users.list") - before < 20
    assert len(await crowd.requests("startrestore")) == 1
    told = [said for one in CROWD for said in await crowd.private(one)]
    assert len(told) == 10
    assert all(approval.as_beginning(restore) in said for said in told)


async def test_who_clicks_after_the_approval_has_nobody_looked_up_but_themselves(
    crowd: World,
) -> None:
    """Or a crowd that clicks while the card still has its buttons would meet the rate limit."""
    await crowd.ask()
    await crowd.slack("faults", "PATCH", **{"chat.update": {"fault": "server_error", "times": 999}})
    for one in CROWD[:10]:
        await crowd.click("approve", one)
    approved = approval.as_beginning(await crowd.restore())
    assert len((await crowd.restore()).voters) == 10
    before = await asked_of_slack(crowd, "users.info")
    for one in CROWD[10:15]:
        await crowd.click("approve", one)
        assert approved in (await crowd.private(one))[-1]
    assert await asked_of_slack(crowd, "users.info") - before == 5


async def test_an_answer_that_has_arrived_is_not_used_again(crowd: World) -> None:
    """Whoever leaves the group between two clicks no longer counts at the second."""
    await crowd.ask()
    await crowd.click("approve", CROWD[0])
    await crowd.slack("usergroups/S0CROWD", "PUT", users=CROWD[2:])
    await crowd.click("approve", CROWD[1])
    assert policy.NO_APPROVER.reason in (await crowd.private(CROWD[1]))[-1]
    assert (await crowd.restore()).voters == (CROWD[0],)


async def test_a_group_that_is_deleted_after_the_request_lets_nobody_approve(crowd: World) -> None:
    await crowd.ask()
    await crowd.slack("usergroups/S0CROWD", "DELETE")
    await crowd.click("approve", CROWD[0])
    assert policy.NO_APPROVER.reason in (await crowd.private(CROWD[0]))[-1]


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[World]:
    """Two approvals of three people are needed."""

    def configure(values: dict[str, Any]) -> None:
        values |= {"approvers": (BOB, ERIN, CAROL), "approvals_needed": 2}

    async with world(tmp_path, "socket", configure=configure) as made, made.life():
        yield made


async def planned(scene: World) -> None:
    """A request for tomorrow, which no start checks again before then."""
    await scene.command(await scene.backup())
    tomorrow = str(int((scene.clock.now + timedelta(days=1)).timestamp()))
    await scene.submit({"reason": "tomorrow", "alias": "acme", "starts": tomorrow})


@pytest.mark.parametrize(
    ("how", "why"),
    [({"deleted": True}, policy.DEACTIVATED), ({"is_restricted": True}, policy.GUEST)],
)
async def test_when_the_quorum_fills_every_earlier_voter_is_looked_at_again(
    two: World, how: dict[str, Any], why: policy.Denied
) -> None:
    await planned(two)
    await two.click("approve", BOB)
    await two.slack(f"people/{BOB}", "PATCH", **how)
    await two.click("approve", ERIN)
    restore = await two.restore()
    assert (restore.state, restore.voters) == (State.REQUESTED, (ERIN,))
    assert thread_words.vote_revoked(BOB, why.said_of) in (await two.thread())[-1]
    card = words(await two.card())
    assert card_words.approvals_missing(1, (BOB, CAROL, ERIN)) in card
    assert card_words.approved_so_far(restore) in card
    await two.click("approve", CAROL)
    restore = await two.restore()
    assert (restore.state, restore.voters) == (State.APPROVED, (ERIN, CAROL))
    assert two.bot
    async with two.bot.store.reading() as tx:
        events = [row.entry.event async for row in audit.rows(tx.connection)]
        assert (await audit.verify(tx.connection)).first_broken is None
    assert events == ["requested", "voted", "vote_revoked", "voted", "approved"]


async def test_when_slack_does_not_tell_of_an_earlier_voter_the_quorum_does_not_fill(
    two: World,
) -> None:
    await planned(two)
    await two.click("approve", BOB)
    await two.slack(
        "faults", "PATCH", **{"users.info": {"fault": "server_error", "times": 9, "only": BOB}}
    )
    await two.click("approve", ERIN)
    assert answers.slack_did_not_tell(answers.WHO) in (await two.private(ERIN))[-1]
    assert (await two.restore()).voters == (BOB,)


async def test_who_was_taken_back_may_vote_again(two: World) -> None:
    await planned(two)
    await two.click("approve", BOB)
    await two.slack(f"people/{BOB}", "PATCH", deleted=True)
    await two.click("approve", ERIN)
    await two.slack(f"people/{BOB}", "PATCH", deleted=False)
    await two.click("approve", BOB)
    assert (await two.restore()).voters == (ERIN, BOB)
    assert (await two.restore()).state is State.APPROVED


async def test_two_votes_at_the_same_instant_fill_the_quorum_of_a_plan(two: World) -> None:
    """Neither click has seen the other's vote when it looks at the earlier ones."""
    await planned(two)
    ts = (await two.card())["ts"]
    await asyncio.gather(
        *(
            two.slack("click", user=u, channel=CHANNEL, ts=ts, action_id="restore_approve")
            for u in (BOB, ERIN)
        )
    )
    await two.settle()
    restore = await two.restore()
    assert (restore.state, set(restore.voters)) == (State.APPROVED, {BOB, ERIN})


async def test_a_quorum_that_was_raised_since_holds_for_what_is_open(quiet: World) -> None:
    async with quiet.life():
        await planned(quiet)
        await quiet.click("approve", BOB)
        assert (await quiet.restore()).state is State.APPROVED
    quiet.settings = quiet.settings.model_copy(update={"approvals_needed": 2})
    async with quiet.life():
        await quiet.pass_time(24 * 3600, by=6 * 3600)
        restore = await quiet.restore()
        assert (restore.state, restore.outcome) == (
            State.VOID,
            start.too_few_approvals(1, 2),
        )
    quiet.settings = quiet.settings.model_copy(update={"approvals_needed": 1})
    async with quiet.life():
        await quiet.ask()
    quiet.settings = quiet.settings.model_copy(update={"approvals_needed": 2})
    async with quiet.life():
        await quiet.click("approve", BOB)
        restore = await quiet.restore()
        assert (restore.state, restore.approvals_needed) == (State.REQUESTED, 2)
        assert card_words.approvals_missing(1, (BOB, ERIN)) in words(await quiet.card())
    assert not await quiet.requests("startrestore")


async def test_at_half_of_its_time_a_request_mentions_the_approvers_once(scene: World) -> None:
    restore = await scene.ask()
    half = (restore.expires_at - restore.requested_at) / 2
    await scene.pass_time(half.total_seconds() - 30, by=60)
    assert not await scene.thread()
    await scene.pass_time(60, by=60)
    (said,) = await scene.thread()
    assert thread_words.reminder(restore, (BOB, ERIN)) in said
    await scene.pass_time(half.total_seconds() - 120, by=60)
    assert len(await scene.thread()) == 1
    await scene.click("approve")
    assert (await scene.restore()).state is State.RESTORING


async def test_a_bot_that_was_down_at_half_time_reminds_when_it_is_back(quiet: World) -> None:
    async with quiet.life():
        restore = await quiet.ask()
    quiet.clock.now += timedelta(minutes=20)
    async with quiet.life():
        await quiet.settle()
        assert thread_words.reminder(restore, (BOB, ERIN)) in (await quiet.thread())[-1]


@pytest.mark.both_transports
async def test_an_expired_request_is_asked_for_again_with_one_click(scene: World) -> None:
    first = await scene.ask()
    await scene.pass_time(31 * 60, by=300)
    assert (await scene.restore()).state is State.EXPIRED
    await scene.click("again", CAROL)
    view = await scene.modal(CAROL)
    assert view
    assert str(first.source.backup_id) in words(view)
    await scene.submit({"reason": "once more", "alias": "acme"}, CAROL)
    again = await scene.restore()
    assert (again.requester, again.source, again.state) == (CAROL, first.source, State.REQUESTED)
    assert again.id != first.id


async def test_guests_cannot_ask_again(scene: World) -> None:
    await scene.ask()
    await scene.pass_time(31 * 60, by=300)
    await scene.slack("people/U0CAROL", "PATCH", is_restricted=True)
    await scene.click("again", CAROL)
    assert policy.GUEST.reason in (await scene.private(CAROL))[-1]
    assert await scene.modal(CAROL) is None
