"""What Slack delivers arrives over Socket Mode and over HTTP: what no other scenario marked
``both_transports`` shows of it.
"""

from dataclasses import replace

import pytest

from restorebot.model import State
from restorebot.slack.phrases import home as home_words
from restorebot.slack.phrases import restore as restore_words
from tests.harness import ALICE, BOB, World, words

pytestmark = pytest.mark.both_transports


async def test_the_home_tab_is_drawn_and_its_buttons_work(scene: World) -> None:
    await scene.ask()
    await scene.slack("home", user=BOB)
    await scene.idle()
    home = (await scene.slack(f"views?user={BOB}", "GET"))["home"]
    assert "the import broke it" in words(home)
    await scene.slack("click", user=BOB, view_id=home["id"], action_id="restore_approve")
    await scene.settle()
    view = await scene.modal(BOB)
    assert view
    restore = await scene.restore()
    approved = replace(restore, state=State.APPROVED)
    assert restore_words.describe_done(approved) in words(view)
    assert restore.voters == (BOB,)


async def test_an_event_that_met_no_bot_is_sent_again_and_answered(quiet: World) -> None:
    assert not (await quiet.slack("home", user=ALICE))["acked"]
    async with quiet.life():
        await quiet.slack("advance", seconds=60)
        await quiet.idle()
        home = (await quiet.slack(f"views?user={ALICE}", "GET"))["home"]
        assert home_words.NOTHING_FOR_YOU in words(home)


async def test_a_choice_in_the_picker_brings_the_fields_that_depend_on_it(scene: World) -> None:
    await scene.command("")
    view = await scene.modal()
    assert view
    action = "restore_kind"
    values = {"kind": {action: "0"}}
    await scene.slack(
        "click", user=ALICE, view_id=view["id"], action_id=action, value="0", values=values
    )
    await scene.idle()
    view = await scene.modal()
    assert view
    fields = [block["block_id"] for block in view["blocks"] if block["type"] == "input"]
    assert fields == ["kind", "file"]
