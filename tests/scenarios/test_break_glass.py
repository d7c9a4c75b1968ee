"""Starting alone: by those who are named for it, with a typed phrase, told loudly, and on
record.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from restorebot.model import State
from restorebot.restores import service, start
from restorebot.slack.phrases import answers, approval, ending, request
from restorebot.slack.phrases import thread as thread_words
from restorebot.storage import schema
from tests.harness import ALICE, BOB, CAROL, CHANNEL, ERIN, World, words, world

ALONE = {
    "reason": "everything burns",
    "alias": "acme",
    "alone": ["alone"],
    "alone_phrase": request.alone_phrase("acme"),
}


@pytest.fixture
async def glass(tmp_path: Path) -> AsyncIterator[World]:
    """Carol may break the glass; she is no approver."""

    def configure(values: dict[str, Any]) -> None:
        values["break_glass"] = (CAROL,)

    async with world(tmp_path, "socket", configure=configure) as made, made.life():
        yield made


async def events(scene: World) -> list[tuple[str, str]]:
    assert scene.bot
    async with scene.bot.store.reading() as tx:
        rows = await tx.connection.execute(select(schema.audit).order_by(schema.audit.c.seq))
        return [(row.actor, row.event) for row in rows]


async def loud(scene: World) -> str:
    """The message that stands in the channel beside the card."""
    return words([message for message in await scene.messages() if not message["thread_ts"]][-1])


async def test_she_starts_alone_and_everybody_hears_of_it(glass: World) -> None:
    await glass.command(await glass.backup(), CAROL)
    view = await glass.modal(CAROL)
    assert view
    assert request.BREAK_GLASS in words(view)
    await glass.submit(ALONE, CAROL)
    await glass.pass_time(2, by=1)
    restore = await glass.restore()
    assert (restore.state, restore.break_glass, restore.votes) == (State.RESTORING, True, ())
    said = await loud(glass)
    assert thread_words.break_glass(restore, (BOB, ERIN)) in said
    assert "everything burns" in said
    assert (CAROL, "break_glass") in await events(glass)
    restore = await glass.until(State.COMPLETED)
    thread = "\n".join(await glass.thread())
    assert f"*Approved* {ending.approved_when(restore)}" in thread
    assert len(await glass.requests("startrestore")) == 1
    await glass.command("history")
    assert approval.ALONE in (await glass.private())[-1]


BAD = [
    ({"alone_phrase": ""}, "alone_phrase", request.wrong_phrase("acme")),
    ({"alone_phrase": "restore acme"}, "alone_phrase", request.wrong_phrase("acme")),
    ({"reason": " "}, "reason", request.REASON_NEEDED),
]


@pytest.mark.parametrize(("changes", "field", "sentence"), BAD)
async def test_without_phrase_or_reason_nothing_starts(
    glass: World, changes: dict[str, str], field: str, sentence: str
) -> None:
    await glass.command(await glass.backup(), CAROL)
    answer = await glass.submit(ALONE | changes, CAROL)
    assert sentence in answer["errors"][field]
    assert not await glass.messages()


async def test_she_may_ask_for_approval_as_everybody_else(glass: World) -> None:
    await glass.command(await glass.backup(), CAROL)
    await glass.submit({"reason": "no hurry", "alias": "acme"}, CAROL)
    restore = await glass.restore()
    assert (restore.state, restore.break_glass) == (State.REQUESTED, False)
    assert (await events(glass)) == [(CAROL, "requested")]


async def test_others_do_not_see_it(glass: World) -> None:
    await glass.command(await glass.backup(), ALICE)
    view = await glass.modal(ALICE)
    assert view
    assert request.BREAK_GLASS not in words(view)
    assert "alone" not in [block.get("block_id") for block in view["blocks"]]


async def test_it_is_off_by_default(scene: World) -> None:
    await scene.command(await scene.backup(), CAROL)
    view = await scene.modal(CAROL)
    assert view
    assert request.BREAK_GLASS not in words(view)


async def test_one_who_is_deactivated_meanwhile_starts_nothing(glass: World) -> None:
    """What may act is looked at again right before the start."""
    await glass.command(await glass.backup(), CAROL)
    await glass.portal("faults", "PATCH", html_502=True)
    await glass.submit(ALONE, CAROL)
    assert (await glass.restore()).state is State.APPROVED
    await glass.slack(f"people/{CAROL}", "PATCH", deleted=True)
    await glass.portal("faults", "PATCH", html_502=False)
    await glass.pass_time(60, by=20)
    assert (await glass.restore()).state is State.VOID
    assert not await glass.requests("startrestore")


async def test_what_the_channel_cannot_be_told_does_not_start(glass: World) -> None:
    await glass.command(await glass.backup(), CAROL)
    await glass.slack(f"channels/{CHANNEL}", "PATCH", members=[CAROL])
    answer = await glass.submit(ALONE, CAROL)
    assert answers.NOT_A_MEMBER in answer["errors"]["reason"]
    await glass.slack(f"channels/{CHANNEL}", "PATCH", members=[CAROL, "U0RESTORE"])
    refusal = {"fault": "error", "error": "restricted_action", "times": 99}
    await glass.slack("faults", "PATCH", **{"chat.postMessage": refusal})
    await glass.submit(ALONE, CAROL)
    await glass.pass_time(60)
    restore = await glass.restore()
    assert restore.state is State.APPROVED
    assert restore.blocked_reason == start.BREAK_GLASS_NOT_POSTED
    assert not await glass.requests("startrestore")
    await glass.slack("faults", "DELETE")
    await glass.until(State.RESTORING, seconds=600, by=15)
    assert thread_words.break_glass(restore, (BOB, ERIN)) in await loud(glass)


async def test_a_view_that_lost_its_right_between_opening_and_submit_is_refused(
    quiet: World,
) -> None:
    configured = quiet.settings
    quiet.settings = configured.model_copy(update={"break_glass": (CAROL,)})
    async with quiet.life():
        await quiet.command(await quiet.backup(), CAROL)
    quiet.settings = configured
    async with quiet.life():
        answer = await quiet.submit(ALONE, CAROL)
        assert service.ALONE_REFUSED in answer["errors"]["reason"]
        assert not await quiet.messages()
