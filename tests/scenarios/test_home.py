"""App Home: what runs, what waits for this person, what was; the same buttons, answered in a
modal.
"""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from restorebot.model import State
from restorebot.restores import policy
from restorebot.slack.phrases import answers, request
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import home as home_words
from restorebot.slack.phrases import restore as restore_words
from tests.harness import ALICE, BOB, CAROL, CHANNEL, ERIN, World, words, world

GUEST = "U0GUEST"
DENIED = f"*{restore_words.TITLES[State.DENIED]}*"
WITHDRAWN = f"*{restore_words.TITLES[State.WITHDRAWN]}*"


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[World]:
    def configure(values: dict[str, Any]) -> None:
        values["approvals_needed"] = 2

    async with world(tmp_path, "socket", configure=configure) as made, made.life():
        yield made


async def opened(scene: World, user: str) -> dict[str, Any]:
    """The tab after somebody has opened it."""
    await scene.slack("home", user=user)
    await scene.idle()
    return await shown(scene, user)


async def shown(scene: World, user: str) -> dict[str, Any]:
    home: dict[str, Any] = (await scene.slack(f"views?user={user}", "GET"))["home"]
    return home


async def press(scene: World, user: str, action: str) -> None:
    home = await shown(scene, user)
    await scene.slack("click", user=user, view_id=home["id"], action_id=f"restore_{action}")
    await scene.settle()


def buttons(home: dict[str, Any]) -> list[str]:
    rows = [block["elements"] for block in home["blocks"] if block["type"] == "actions"]
    return [button["text"]["text"] for row in rows for button in row]


async def modal_words(scene: World, user: str) -> str:
    view = await scene.modal(user)
    assert view
    return words(view)


async def test_with_nothing_open_it_says_how_to_begin(scene: World) -> None:
    assert home_words.NOTHING_FOR_YOU in words(await opened(scene, ALICE))


async def test_each_sees_what_waits_for_them_with_their_own_buttons(scene: World) -> None:
    await scene.ask()
    bob, alice, carol = [await opened(scene, user) for user in (BOB, ALICE, CAROL)]
    assert home_words.group(home_words.WAITING_FOR_YOU) in words(bob)
    assert buttons(bob) == [card_words.APPROVE, card_words.DENY]
    assert home_words.group(home_words.WAITING_FOR_OTHERS) in words(alice)
    assert buttons(alice) == [card_words.WITHDRAW]
    assert "the import broke it" in words(carol)
    assert buttons(carol) == []


async def test_an_approval_counts_and_is_answered_in_a_modal(scene: World) -> None:
    await scene.ask()
    await opened(scene, BOB)
    await press(scene, BOB, "approve")
    restore = await scene.restore()
    assert restore.voters == (BOB,)
    assert restore_words.describe_done(restore) in await modal_words(scene, BOB)
    assert buttons(await shown(scene, BOB)) == []
    await opened(scene, ERIN)
    await press(scene, ERIN, "approve")
    approved = replace(await scene.restore(), state=State.APPROVED)
    assert restore_words.describe_done(approved) in await modal_words(scene, ERIN)
    await scene.until(State.RESTORING)
    home = await opened(scene, BOB)
    assert home_words.group(home_words.RUNNING) in words(home)
    await scene.until(State.COMPLETED)
    assert home_words.group(home_words.RECENT) in words(await opened(scene, CAROL))


async def test_a_click_that_comes_too_late_is_answered_in_a_modal(scene: World) -> None:
    await scene.ask()
    await opened(scene, BOB)
    await scene.deny(ERIN)
    await press(scene, BOB, "approve")
    too_late = restore_words.describe_too_late(await scene.restore())
    assert too_late in await modal_words(scene, BOB)


async def test_when_the_modal_comes_too_late_the_tab_says_it(scene: World) -> None:
    await scene.ask()
    home = await opened(scene, BOB)
    answer = await scene.slack(
        "click", user=BOB, view_id=home["id"], action_id="restore_approve", trigger="1000.0.expired"
    )
    assert answer["acked"]
    await scene.settle()
    done = restore_words.describe_done(await scene.restore())
    assert done in words(await shown(scene, BOB))


async def test_deny_asks_why_and_the_tab_is_drawn_afresh(scene: World) -> None:
    await scene.ask()
    await opened(scene, BOB)
    await press(scene, BOB, "deny")
    assert request.DENIAL_LABEL in await modal_words(scene, BOB)
    await scene.submit({"reason": "not today"}, BOB)
    home = await shown(scene, BOB)
    assert buttons(home) == []
    assert DENIED in words(home)


async def test_a_bot_that_restarted_since_still_draws_the_tab_afresh_after_deny(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, "socket") as scene:
        async with scene.life():
            await scene.ask()
            await opened(scene, BOB)
        async with scene.life():
            await press(scene, BOB, "deny")
            await scene.submit({"reason": "not today"}, BOB)
            assert DENIED in words(await shown(scene, BOB))


async def test_a_restore_of_a_channels_own_portal_is_shown_to_those_who_have_a_part_in_it(
    tmp_path: Path,
) -> None:
    """The channel may be private, and Home is outside it."""

    def configure(values: dict[str, Any]) -> None:
        values["channels"] = (CHANNEL,)

    async with world(tmp_path, "socket", configure=configure) as scene, scene.life():
        await scene.ask()
        alice, bob, carol = [words(await opened(scene, user)) for user in (ALICE, BOB, CAROL)]
        assert "the import broke it" in alice
        assert "the import broke it" in bob
        assert "the import broke it" not in carol
        assert home_words.NOTHING_FOR_YOU in carol


@pytest.mark.slow
async def test_among_many_restores_of_a_channels_own_portal_everybody_is_shown_their_own(
    tmp_path: Path,
) -> None:
    def configure(values: dict[str, Any]) -> None:
        values["channels"] = (CHANNEL,)

    async with world(tmp_path, "socket", configure=configure) as scene, scene.life():
        await scene.ask()
        for _ in range(11):
            await scene.click("withdraw", ALICE)
            await scene.ask()
        await scene.click("withdraw", ALICE)
        await scene.ask(user=CAROL)
        await scene.click("withdraw", CAROL)
        for _ in range(11):
            await scene.ask()
            await scene.click("withdraw", ALICE)
        assert words(await opened(scene, CAROL)).count(WITHDRAWN) == 1


async def test_where_requesters_are_named_they_see_each_others_restores(tmp_path: Path) -> None:
    def configure(values: dict[str, Any]) -> None:
        values |= {"channels": (CHANNEL,), "requesters": (ALICE, CAROL)}

    async with world(tmp_path, "socket", configure=configure) as scene, scene.life():
        await scene.ask()
        assert "the import broke it" in words(await opened(scene, CAROL))


async def test_what_is_planned_is_not_said_to_run(scene: World) -> None:
    await scene.command(await scene.backup())
    starts = str(int((scene.clock.now + timedelta(hours=3)).timestamp()))
    await scene.submit({"reason": "tonight", "alias": "acme", "starts": starts})
    await scene.click("approve", BOB)
    await scene.click("approve", ERIN)
    home = words(await opened(scene, CAROL))
    assert home_words.group(home_words.PLANNED) in home
    assert home_words.group(home_words.RUNNING) not in home


async def test_withdraw_stop_and_request_again(scene: World) -> None:
    await scene.ask()
    await opened(scene, ALICE)
    await press(scene, ALICE, "withdraw")
    assert (await scene.restore()).state is State.WITHDRAWN
    await scene.slack("close", user=ALICE, view_id=(await scene.modal(ALICE) or {})["id"])
    await scene.ask()
    await scene.pass_time(31 * 60, by=400)
    home = await opened(scene, ALICE)
    assert buttons(home) == [card_words.ASK_AGAIN]
    await press(scene, ALICE, "again")
    assert request.CONSEQUENCES in await modal_words(scene, ALICE)


async def test_an_unknown_outcome_is_settled_from_the_tab(scene: World) -> None:
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    await scene.ask()
    await scene.click("approve", BOB)
    await scene.click("approve", ERIN)
    assert (await scene.restore()).state is State.UNKNOWN
    home = await opened(scene, BOB)
    assert buttons(home) == [
        card_words.IT_RUNS,
        card_words.IT_FINISHED,
        card_words.IT_DID_NOT_START,
    ]
    await press(scene, BOB, "settle_not_started")
    assert (await scene.restore()).state is State.CLOSED


async def test_guests_are_shown_nothing(scene: World) -> None:
    await scene.slack(f"people/{GUEST}", "PUT", name="guest", is_restricted=True)
    await scene.ask()
    home = await opened(scene, GUEST)
    assert policy.GUEST.reason in words(home)
    assert "the import broke it" not in words(home)


async def test_when_slack_does_not_tell_who_it_is_nothing_is_shown(scene: World) -> None:
    await scene.ask()
    await scene.slack("faults", "PATCH", **{"users.info": {"fault": "server_error", "times": 9}})
    home = await opened(scene, BOB)
    assert answers.slack_did_not_tell(answers.WHO) in words(home)
    assert buttons(home) == []


@pytest.mark.slow
async def test_the_last_ten_are_shown_and_a_reason_pings_nobody(scene: World) -> None:
    for _ in range(12):
        await scene.ask()
        await scene.click("withdraw", ALICE)
    await scene.ask(reason="<!channel> " * 250)
    home = words(await opened(scene, BOB))
    assert home.count(WITHDRAWN) == 10
    assert "&lt;!channel&gt;" in home
    assert "<!channel>" not in home
