"""From the request card to the approval: who may decide, who wins, and what everybody else is
told.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from restorebot.model import State
from restorebot.restores import policy, service, votes
from restorebot.slack.phrases import answers, approval, ending
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import restore as restore_words
from restorebot.storage import schema
from tests.harness import ALICE, BOB, CAROL, CHANNEL, ERIN, World, invariants, words, world

DAN = "U0DAN"


async def starts(scene: World) -> int:
    return len(await scene.requests("startrestore"))


async def told(scene: World, user: str) -> str:
    """The last private answer."""
    return (await scene.private(user))[-1]


async def press(scene: World, action: str, *users: str) -> None:
    """Several people click at the same moment."""
    ts = (await scene.card())["ts"]
    clicks = [
        scene.slack("click", user=u, channel=CHANNEL, ts=ts, action_id=f"restore_{action}")
        for u in users
    ]
    await asyncio.gather(*clicks)
    await scene.settle()


Configure = Callable[[dict[str, Any]], None]


def setting(**values: Any) -> Configure:
    return lambda settings: settings.update(values)


# --- who may approve
# --------------------------------------------------------------------------------------------------


async def test_the_requester_cannot_approve(tmp_path: Path, transport: str, profile: str) -> None:
    async with (
        world(
            tmp_path, transport, configure=setting(approvers=(ALICE, BOB)), profile=profile
        ) as scene,
        scene.life(),
    ):
        await scene.ask()
        await scene.click("approve", ALICE)
        assert policy.OWN_REQUEST.reason in await told(scene, ALICE)
        await scene.click("deny", ALICE)
        assert service.OWN_DENIAL in await told(scene, ALICE)
        assert (await scene.restore()).state is State.REQUESTED
        assert await starts(scene) == 0


async def test_self_approval_can_be_allowed_and_is_marked(
    tmp_path: Path, transport: str, profile: str
) -> None:
    configure = setting(approvers=(ALICE,), allow_self_approval=True)
    made = world(tmp_path, transport, configure=configure, profile=profile)
    async with made as scene, scene.life():
        await scene.ask()
        await scene.click("approve", ALICE)
        restore = await scene.restore()
        assert restore.state is State.RESTORING
        assert restore.self_approved
        assert approval.on_card(restore) in words(await scene.card())


@pytest.mark.both_transports
@pytest.mark.parametrize("action", ["approve", "deny"])
async def test_somebody_who_is_no_approver_decides_nothing(scene: World, action: str) -> None:
    await scene.ask()
    await scene.click(action, CAROL)
    assert policy.NO_APPROVER.reason in await told(scene, CAROL)
    assert (await scene.restore()).state is State.REQUESTED
    assert not await scene.thread()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"deleted": True}, policy.DEACTIVATED.reason),
        ({"is_restricted": True}, policy.GUEST.reason),
        ({"is_bot": True}, policy.BOT.reason),
        ({"is_stranger": True}, policy.EXTERNAL.reason),
    ],
    ids=["deactivated", "guest", "bot", "stranger"],
)
async def test_an_approver_in_name_only_does_not_count(
    scene: World, how: dict[str, Any], said: str
) -> None:
    await scene.ask()
    await scene.slack(f"people/{BOB}", "PATCH", **how)
    await scene.click("approve", BOB)
    assert said in await told(scene, BOB)
    assert await starts(scene) == 0


async def test_membership_of_a_usergroup_is_read_at_the_click(
    tmp_path: Path, transport: str, profile: str
) -> None:
    async with (
        world(
            tmp_path, transport, configure=setting(approvers=("S0OPS",)), profile=profile
        ) as scene,
        scene.life(),
    ):
        await scene.slack("usergroups/S0OPS", "PUT", users=[BOB])
        await scene.ask()
        assert "<!subteam^S0OPS>" in words(await scene.card())
        await scene.slack("usergroups/S0OPS", "PUT", users=[ERIN])
        await scene.click("approve", BOB)
        assert policy.NO_APPROVER.reason in await told(scene, BOB)
        await scene.slack("usergroups/S0OPS", "DELETE")
        await scene.click("approve", ERIN)
        assert policy.NO_APPROVER.reason in await told(scene, ERIN)
        await scene.slack("usergroups/S0OPS", "PUT", users=[ERIN])
        await scene.click("approve", ERIN)
        assert await starts(scene) == 1


@pytest.mark.parametrize("fault", ["server_error", "ratelimited", "drop"])
async def test_when_slack_does_not_say_who_somebody_is_they_do_not_count(
    scene: World, fault: str
) -> None:
    await scene.ask()
    await scene.slack("faults", "PATCH", **{"users.info": {"fault": fault, "times": 5}})
    await scene.click("approve")
    assert answers.slack_did_not_tell(answers.WHO) in await told(scene, BOB)
    assert (await scene.restore()).state is State.REQUESTED
    await scene.slack("faults", "DELETE")
    await scene.click("approve")
    assert await starts(scene) == 1


# --- one wins -------------------------------------------------------------------------------------
# --------------------


async def test_a_double_click_starts_one_restore(scene: World) -> None:
    await scene.ask()
    await press(scene, "approve", BOB, BOB)
    assert (await scene.restore()).state is State.RESTORING
    assert (await scene.restore()).voters == (BOB,)
    assert await starts(scene) == 1
    assert approval.as_beginning(await scene.restore()) in await told(scene, BOB)
    await scene.until(State.COMPLETED, by=5)
    assert await starts(scene) == 1


@pytest.mark.both_transports
async def test_two_approvers_at_once_start_one_restore_and_the_loser_is_told_who_won(
    scene: World,
) -> None:
    await scene.ask()
    await press(scene, "approve", BOB, ERIN)
    restore = await scene.restore()
    assert await starts(scene) == 1
    (winner,) = restore.voters
    loser = ERIN if winner == BOB else BOB
    assert approval.as_beginning(restore) in await told(scene, loser)
    assert not await scene.private(winner)
    await scene.until(State.COMPLETED, by=5)
    assert await starts(scene) == 1


async def test_approve_and_deny_at_once_is_one_of_them(scene: World) -> None:
    await scene.ask()
    await scene.click("deny", ERIN)
    view = await scene.modal(ERIN)
    assert view
    ts = (await scene.card())["ts"]
    _, answer = await asyncio.gather(
        scene.slack("click", user=BOB, channel=CHANNEL, ts=ts, action_id="restore_approve"),
        scene.slack("submit", user=ERIN, view_id=view["id"], values={"reason": "no"}),
    )
    await scene.settle()
    restore = await scene.restore()
    denied = restore.state is State.DENIED
    assert await starts(scene) == (0 if denied else 1)
    if denied:
        assert restore_words.describe_too_late(restore) in await told(scene, BOB)
    else:
        assert "already" in answer["errors"]["reason"]


@pytest.mark.both_transports
async def test_twenty_clicks_start_one_restore(scene: World) -> None:
    await scene.ask()
    await press(scene, "approve", *[BOB, ERIN] * 10)
    assert await starts(scene) == 1
    assert len(await scene.private(BOB)) + len(await scene.private(ERIN)) == 19


async def test_a_quorum_is_of_distinct_people(tmp_path: Path, transport: str, profile: str) -> None:
    configure = setting(approvers=(BOB, ERIN, DAN), approvals_needed=2)
    made = world(tmp_path, transport, configure=configure, profile=profile)
    async with made as scene, scene.life():
        await scene.ask()
        await scene.click("approve", BOB)
        assert (await scene.restore()).state is State.REQUESTED
        assert f"<@{BOB}>" in words(await scene.card())
        await scene.click("approve", BOB)
        assert votes.COUNTED_ALREADY in await told(scene, BOB)
        assert await starts(scene) == 0
        await scene.click("approve", ERIN)
        assert (await scene.restore()).voters == (BOB, ERIN)
        assert await starts(scene) == 1


async def test_two_votes_at_the_same_instant_both_count(
    tmp_path: Path, transport: str, profile: str
) -> None:
    configure = setting(approvers=(BOB, ERIN), approvals_needed=2)
    made = world(tmp_path, transport, configure=configure, profile=profile)
    async with made as scene, scene.life() as bot:
        await scene.ask()
        await press(scene, "approve", BOB, ERIN)
        assert set((await scene.restore()).voters) == {BOB, ERIN}
        assert await starts(scene) == 1
        await invariants(bot)


# --- no -------------------------------------------------------------------------------------------
# --------------------


@pytest.mark.both_transports
async def test_denied(scene: World) -> None:
    await scene.ask()
    await scene.click("deny", ERIN)
    assert (await scene.submit({"reason": "  "}, ERIN))["errors"].keys() == {"reason"}
    assert (await scene.restore()).state is State.REQUESTED
    await scene.submit({"reason": "wait for <!channel> Monday"}, ERIN)
    restore = await scene.restore()
    assert restore.state is State.DENIED
    assert ending.closing(restore) in (await scene.thread())[-1]
    assert "wait for <!channel> Monday" in (await scene.thread())[-1]
    assert "<!channel>" not in str([message["text"] for message in await scene.messages()])
    card = await scene.card()
    assert card_words.ended(restore) in words(card)
    assert not [block for block in card["blocks"] if block["type"] == "actions"]
    assert await starts(scene) == 0


async def test_only_the_requester_withdraws(scene: World) -> None:
    await scene.ask()
    await scene.click("withdraw", BOB)
    assert service.NOT_THE_REQUESTER in await told(scene, BOB)
    await scene.click("withdraw", ALICE)
    assert (await scene.restore()).state is State.WITHDRAWN
    assert await starts(scene) == 0
    assert (await scene.ask()).state is State.REQUESTED


async def test_after_the_end_a_click_is_told_how_it_ended(scene: World) -> None:
    await scene.ask()
    ts = (await scene.card())["ts"]
    await scene.slack("faults", "PATCH", **{"chat.update": {"fault": "server_error", "times": 50}})
    await scene.deny(ERIN)
    await scene.slack("click", user=BOB, channel=CHANNEL, ts=ts, action_id="restore_approve")
    await scene.idle()
    too_late = restore_words.describe_too_late(await scene.restore())
    assert too_late in await told(scene, BOB)


# --- time -----------------------------------------------------------------------------------------
# --------------------


async def test_after_the_ttl_the_clock_expires_it(scene: World) -> None:
    await scene.ask()
    await scene.pass_time(31 * 60, 31 * 60)
    restore = await scene.restore()
    assert restore.state is State.EXPIRED
    assert card_words.ended(restore) in words(await scene.card())
    assert await starts(scene) == 0


async def test_after_the_ttl_a_click_expires_it_too(scene: World) -> None:
    restore = await scene.ask()
    scene.clock.now = restore.expires_at
    ts = (await scene.card())["ts"]
    await scene.slack("click", user=BOB, channel=CHANNEL, ts=ts, action_id="restore_approve")
    await scene.idle()
    expired = await scene.restore()
    assert expired.state is State.EXPIRED
    assert restore_words.describe_too_late(expired) in await told(scene, BOB)
    await scene.settle()
    assert await starts(scene) == 0


async def test_a_moment_before_the_ttl_a_click_still_counts(scene: World) -> None:
    restore = await scene.ask()
    scene.clock.now = restore.expires_at - timedelta(seconds=1)
    await scene.click("approve")
    assert (await scene.restore()).state is State.RESTORING


# --- what is no longer there
# ------------------------------------------------------------------------------------------


async def test_a_click_on_a_restore_that_is_gone_from_the_database_is_told(scene: World) -> None:
    restore = await scene.ask()
    assert scene.bot is not None
    async with scene.bot.store.writing() as tx:
        for table in (schema.outbox, schema.votes):
            await tx.connection.execute(delete(table))
        await tx.connection.execute(
            delete(schema.restores).where(schema.restores.c.id == restore.id)
        )
    await scene.click("approve")
    assert answers.explain(service.RestoreGone()) in await told(scene, BOB)
    assert await starts(scene) == 0


@pytest.mark.both_transports
async def test_a_confirm_that_is_dismissed_does_nothing(scene: World) -> None:
    await scene.ask()
    await scene.click("approve", confirm=False)
    assert (await scene.restore()).state is State.REQUESTED
    assert not await scene.private(BOB)


async def test_a_private_answer_that_slack_loses_breaks_nothing(scene: World) -> None:
    await scene.ask()
    await scene.slack("faults", "PATCH", response_url={"fault": "drop", "times": 5})
    await scene.click("approve", CAROL)
    assert not await scene.private(CAROL)
    await scene.slack("faults", "DELETE")
    await scene.click("approve", CAROL)
    assert policy.NO_APPROVER.reason in await told(scene, CAROL)
