"""A restore that is planned: it waits, says when, reminds, can be stopped, and is not made up for
when it is missed.
"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from restorebot.model import PostKind, Restore, State
from restorebot.restores import checks, planned_start, service, transitions
from restorebot.slack.phrases import announcements, ending
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import restore as restore_words
from restorebot.slack.phrases import thread as thread_words
from tests.harness import ALICE, BOB, CHANNEL, ERIN, World, words, world

USERS, NOBOT = "C0PRIVATE", "C0NOBOT"
TWO_HOURS = timedelta(hours=2)


@pytest.fixture
async def quiet(tmp_path: Path) -> AsyncIterator[World]:
    """A workspace whose users are told, also in a channel that the bot is not in."""

    def configure(values: dict[str, Any]) -> None:
        values["announce"] = (USERS, NOBOT)

    async with world(tmp_path, "socket", configure=configure) as made:
        yield made


def seconds(moment: datetime) -> str:
    return str(int(moment.timestamp()))


async def plan(scene: World, after: timedelta = TWO_HOURS, user: str = ALICE) -> dict[str, Any]:
    await scene.command(await scene.backup(), user)
    values = {
        "reason": "tonight, when nobody works",
        "alias": "acme",
        "starts": seconds(scene.clock.now + after),
    }
    return await scene.submit(values, user)


async def planned(scene: World, after: timedelta = TWO_HOURS) -> Restore:
    """A restore that is approved and waits for its time."""
    await plan(scene, after)
    await scene.click("approve")
    return await scene.restore()


async def told(scene: World) -> list[str]:
    """What the portal's users have been told."""
    return [words(message) for message in await scene.messages(USERS)]


async def test_it_waits_approved_says_when_reminds_and_starts_in_time(scene: World) -> None:
    restore = await planned(scene)
    assert restore.state is State.APPROVED
    assert restore.starts_at == scene.clock.now + TWO_HOURS
    card = words(await scene.card())
    assert card_words.starts_if_it_holds(restore.starts_at) in card
    assert card_words.users_are_told((NOBOT, USERS)) in card
    await scene.command("status")
    assert f"starts {restore_words.starts(restore)}" in (await scene.private())[-1]
    (plan,) = await told(scene)
    assert announcements.planned(restore) in plan
    assert restore_words.starts(restore) in plan

    await scene.pass_time(104 * 60, by=26 * 60)
    reminder = thread_words.start_reminder(restore)
    assert not any(reminder in text for text in await scene.thread())
    await scene.pass_time(2 * 60, by=60)
    near = [text for text in await scene.thread() if reminder in text]
    assert len(near) == 1
    assert f"<@{ALICE}>, <@{BOB}>" in near[0]
    assert not await scene.requests("startrestore")

    await scene.pass_time(14 * 60, by=120)
    restore = await scene.until(State.COMPLETED)
    assert len(await scene.requests("startrestore")) == 1
    _, started, over = await told(scene)
    assert announcements.started(restore) in started
    assert announcements.completed(restore) in over
    assert ending.approved_when(restore) in (await scene.thread())[-1]


async def test_a_channel_that_cannot_be_told_holds_up_nothing(scene: World) -> None:
    await planned(scene, timedelta(minutes=5))
    await scene.pass_time(5 * 60, by=60)
    restore = await scene.until(State.COMPLETED)
    thread = await scene.thread()
    assert any(ending.has_been_restored(restore) in text for text in thread)
    assert not await scene.messages(NOBOT)
    untold = [
        thread_words.announcement_failed(NOBOT, kind)
        for kind in (PostKind.ANNOUNCE_PLANNED, PostKind.ANNOUNCE_STARTED)
    ]
    assert [text for text in thread if text in untold] == untold


@pytest.mark.parametrize("user", [ALICE, BOB])
async def test_stop_keeps_it_from_starting_and_the_users_hear_of_it(
    scene: World, user: str
) -> None:
    restore = await planned(scene)
    await scene.click("stop", user)
    assert (await scene.restore()).state is State.STOPPED
    assert announcements.called_off(restore) in (await told(scene))[-1]
    await scene.pass_time(3 * 3600, by=1800)
    assert not await scene.requests("startrestore")


async def test_a_start_missed_by_more_than_a_quarter_of_an_hour_is_not_made_up_for(
    quiet: World,
) -> None:
    async with quiet.life():
        await planned(quiet)
    await quiet._advance(2 * 3600 + 16 * 60)
    async with quiet.life():
        await quiet.settle()
        restore = await quiet.restore()
        assert restore.state is State.EXPIRED
        assert planned_start.MISSED in (restore.outcome or "")
        assert announcements.called_off(restore) in (await told(quiet))[-1]
    assert not await quiet.requests("startrestore")


async def test_a_start_missed_by_less_is_made_up_for(quiet: World) -> None:
    async with quiet.life():
        await planned(quiet)
    await quiet._advance(2 * 3600 + 14 * 60)
    async with quiet.life():
        await quiet.settle()
        assert (await quiet.restore()).state is State.RESTORING


async def test_everything_is_checked_again_at_the_start(scene: World) -> None:
    restore = await planned(scene)
    await scene.portal(f"backups/{restore.source.backup_id}", "DELETE")
    await scene.pass_time(2 * 3600, by=1800)
    restore = await scene.restore()
    assert restore.state is State.VOID
    assert checks.BACKUP_NOT_FOUND in (restore.outcome or "")
    assert not await scene.requests("startrestore")


async def test_an_approver_who_is_gone_by_then_does_not_count(scene: World) -> None:
    await planned(scene)
    await scene.slack(f"people/{BOB}", "PATCH", deleted=True)
    await scene.pass_time(2 * 3600, by=1800)
    assert (await scene.restore()).state is State.VOID


async def test_it_does_not_block_an_urgent_one_whose_completion_makes_it_void(scene: World) -> None:
    ahead = await planned(scene)
    await scene.command(await scene.backup(), ERIN)
    view = await scene.modal(ERIN)
    assert view
    assert ahead.starts_at
    assert checks.other_planned(ahead.starts_at) in words(view)
    await scene.submit({"reason": "now", "alias": "acme"}, ERIN)
    await scene.click("approve", BOB)
    await scene.until(State.COMPLETED)
    assert scene.bot
    async with scene.bot.store.reading() as tx:
        voided = await tx.restore(ahead.id)
    assert voided
    assert voided.state is State.VOID
    assert transitions.ANOTHER_COMPLETED in (voided.outcome or "")


async def test_one_that_an_approver_calls_finished_makes_the_planned_one_void(scene: World) -> None:
    ahead = await planned(scene)
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    await scene.ask(user=ERIN)
    await scene.click("approve", BOB)
    await scene.click("settle_finished", BOB)
    assert (await scene.restore()).state is State.CLOSED
    assert scene.bot
    async with scene.bot.store.reading() as tx:
        voided = await tx.restore(ahead.id)
    assert voided
    assert voided.state is State.VOID
    await scene.pass_time(3 * 3600, by=1800)
    assert len(await scene.requests("startrestore")) == 1


async def test_one_that_did_not_start_by_an_approvers_word_is_announced_as_such(
    scene: World,
) -> None:
    restore = await planned(scene, timedelta(minutes=5))
    await scene.portal("faults", "PATCH", on="startrestore", fault="html_502")
    await scene.pass_time(5 * 60, by=60)
    assert (await scene.restore()).state is State.UNKNOWN
    await scene.click("settle_not_started", BOB)
    assert announcements.called_off(restore) in (await told(scene))[-1]


async def test_who_approves_up_to_a_quarter_of_an_hour_late_starts_it_at_once(scene: World) -> None:
    await plan(scene, timedelta(minutes=5))
    await scene.pass_time(19 * 60, by=60)
    await scene.click("approve")
    assert (await scene.restore()).state is State.RESTORING


async def test_a_second_plan_is_refused_and_nothing_typed_is_lost(scene: World) -> None:
    await planned(scene)
    answer = await plan(scene, timedelta(hours=3))
    assert answer["errors"] == {"reason": service.PLANNED_ALREADY}
    assert await scene.modal()


async def test_a_plan_behind_an_open_request_is_refused(scene: World) -> None:
    await scene.command(await scene.backup(), ERIN)
    await scene.ask()
    values = {"reason": "tonight", "alias": "acme", "starts": seconds(scene.clock.now + TWO_HOURS)}
    answer = await scene.submit(values, ERIN)
    assert service.ASKED_MEANWHILE in answer["errors"]["reason"]


UNFIT = [
    (timedelta(minutes=-1), planned_start.IN_THE_PAST),
    (timedelta(days=15), planned_start.TOO_FAR),
]


@pytest.mark.parametrize(("after", "sentence"), UNFIT)
async def test_a_time_that_does_not_do_is_told_under_its_field(
    scene: World, after: timedelta, sentence: str
) -> None:
    answer = await plan(scene, after)
    assert list(answer["errors"]) == ["starts"]
    assert sentence in answer["errors"]["starts"]
    assert not await scene.messages()


async def test_a_backup_that_expires_before_then_is_told(scene: World) -> None:
    history = (await scene.portal())["history"]
    fleeting = next(one for one in history if "fresh" in one["fileName"])
    await scene.command(fleeting["id"])
    values = {
        "reason": "x",
        "alias": "acme",
        "starts": seconds(scene.clock.now + timedelta(days=3)),
    }
    answer = await scene.submit(values)
    assert planned_start.EXPIRES_BEFORE in answer["errors"]["starts"]


async def test_who_approves_after_the_planned_time_is_too_late(scene: World) -> None:
    """The request of a planned restore waits no longer than its start could be made up for."""
    await plan(scene, timedelta(minutes=5))
    await scene.pass_time(19 * 60, by=60)
    await scene._advance(61)
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.EXPIRED
    assert restore_words.describe_too_late(restore) in (await scene.private(BOB))[-1]
    assert not await scene.requests("startrestore")


async def test_a_failed_restore_is_announced_as_such(scene: World) -> None:
    await scene.portal("faults", "PATCH", archive_broken=True)
    await scene.ask()
    await scene.click("approve")
    restore = await scene.until(State.FAILED)
    started, over = await told(scene)
    assert announcements.started(restore) in started
    assert announcements.failed(restore) in over
    assert CHANNEL not in over
