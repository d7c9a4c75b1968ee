"""What Slack is owed, it gets: in order, within its rates, and marked where it may be a second
copy.
"""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from restorebot.model import ENDED, PostKind, State
from restorebot.slack import thread
from restorebot.slack.phrases import approval, ending
from restorebot.slack.phrases import thread as thread_words
from restorebot.storage import audit, schema
from tests.harness import ALICE, BOB, World, words


async def to_the_end(scene: World) -> None:
    await scene.ask()
    await to_the_end_of(scene)


async def to_the_end_of(scene: World) -> None:
    await scene.click("approve")
    await scene.until(State.COMPLETED, by=5)
    await scene.pass_time(60)


async def test_a_rate_limited_post_is_sent_later_and_once(scene: World) -> None:
    await scene.ask()
    await scene.slack(
        "faults",
        "PATCH",
        **{"chat.postMessage": {"fault": "ratelimited", "times": 2, "retry_after": 4}},
    )
    await scene.click("approve")
    await scene.pass_time(20)
    sent = [line for line in await scene.thread() if ":rocket:" in line]
    assert len(sent) == 1
    assert thread_words.SENT_AGAIN not in sent[0]


@pytest.mark.parametrize(
    ("fault", "copies"),
    [("lost_answer", 2), ("garbled_answer", 2), ("server_error", 1), ("drop", 1)],
)
async def test_a_post_whose_answer_was_lost_is_sent_again_and_says_so(
    scene: World, fault: str, copies: int
) -> None:
    await scene.ask()
    await scene.slack("faults", "PATCH", **{"chat.postMessage": {"fault": fault, "times": 1}})
    await scene.click("approve")
    await scene.pass_time(10)
    sent = [line for line in await scene.thread() if ":rocket:" in line]
    assert len(sent) == copies
    assert thread_words.SENT_AGAIN in sent[-1]
    assert "delivery_failed" not in scene.log.getvalue()


LOST: dict[str, Any] = {"fault": "lost_answer"}


@pytest.mark.parametrize(
    "later",
    [
        [{"fault": "ratelimited", "retry_after": 2}],
        [{"fault": "drop"}, {"fault": "ratelimited", "retry_after": 2}],
        [{"fault": "error", "error": "restricted_action"}],
    ],
    ids=["429", "no connection, 429", "a refusal"],
)
async def test_what_is_refused_later_takes_no_mark_away(
    scene: World, later: list[dict[str, Any]]
) -> None:
    """The first try may stand in the channel already."""
    await scene.ask()
    await scene.slack("faults", "PATCH", **{"chat.postMessage": [LOST, *later]})
    await scene.click("approve")
    await scene.pass_time(60)
    sent = [line for line in await scene.thread() if ":rocket:" in line]
    assert [thread_words.SENT_AGAIN in line for line in sent] == [False, True]


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "error", "error": "internal_error"},
        {"fault": "error", "error": "fatal_error"},
        {"fault": "server_error", "status": 503},
    ],
)
async def test_an_error_of_slacks_own_may_have_come_after_the_post(
    scene: World, fault: dict[str, Any]
) -> None:
    await scene.ask()
    struck = fault | {"times": 1, "apply": True}
    await scene.slack("faults", "PATCH", **{"chat.postMessage": struck})
    await scene.click("approve")
    await scene.pass_time(30)
    sent = [line for line in await scene.thread() if ":rocket:" in line]
    assert [thread_words.SENT_AGAIN in line for line in sent] == [False, True]


async def test_a_second_card_stays_marked_through_its_edits(scene: World) -> None:
    await scene.slack("faults", "PATCH", **{"chat.postMessage": LOST})
    await scene.ask()
    await scene.pass_time(10)
    await scene.click("approve")
    await scene.until(State.COMPLETED)
    await scene.pass_time(30)
    assert (await scene.restore()).state.value in words(await scene.card())
    assert thread_words.SENT_AGAIN in words(await scene.card())


async def test_a_pause_of_a_day_holds_up_a_thread_for_five_minutes(scene: World) -> None:
    await scene.ask()
    refusal = {"fault": "ratelimited", "times": 1, "retry_after": 86400}
    await scene.slack("faults", "PATCH", **{"chat.postMessage": refusal})
    asked_at = scene.clock.now
    await scene.click("approve")
    await scene.pass_time(60)
    assert scene.clock.now - asked_at < timedelta(minutes=7)
    assert any(":rocket:" in line for line in await scene.thread())


@pytest.mark.parametrize("word", ["msg_too_long", "invalid_blocks", "msg_blocks_too_long"])
async def test_a_post_that_slack_finds_malformed_becomes_a_plain_one(
    scene: World, word: str
) -> None:
    await scene.ask()
    refusal = {"fault": "error", "error": word, "times": 1}
    await scene.slack("faults", "PATCH", **{"chat.postMessage": refusal})
    await to_the_end_of(scene)
    lines = await scene.thread()
    assert ":rocket:" in lines[0]
    assert ending.has_been_restored(await scene.restore()) in " ".join(lines)
    assert "post_malformed" in scene.log.getvalue()


async def test_a_post_that_is_refused_even_when_plain_holds_up_no_closing_post(
    scene: World,
) -> None:
    await scene.ask()
    refusal = {"fault": "error", "error": "msg_too_long", "times": 2}
    await scene.slack("faults", "PATCH", **{"chat.postMessage": refusal})
    await to_the_end_of(scene)
    lines = await scene.thread()
    assert not any(":rocket:" in line for line in lines)
    assert ending.has_been_restored(await scene.restore()) in " ".join(lines)
    assert "post_given_up" in scene.log.getvalue()


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_delays_no_post(scene: World, hours: int) -> None:
    """It is set while Slack's pause and the channel's rate are reckoned with."""
    await scene.ask()
    fault = {"fault": "ratelimited", "retry_after": 8}
    await scene.slack("faults", "PATCH", **{"chat.postMessage": fault})
    await scene.click("approve")
    await scene.jump(hours * 3600)
    await scene.pass_time(10)
    assert any(":rocket:" in line for line in await scene.thread())


async def test_a_pause_that_nobody_can_read_holds_up_nothing_for_long(scene: World) -> None:
    await scene.ask()
    refusal = {"fault": "ratelimited", "times": 1, "retry_after": "soon"}
    await scene.slack("faults", "PATCH", **{"chat.postMessage": refusal})
    await scene.click("approve")
    await scene.pass_time(40)
    assert any(":rocket:" in line for line in await scene.thread())
    assert "delivery_failed" not in scene.log.getvalue()


async def test_a_message_that_our_own_code_fails_at_holds_up_no_other(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.ask()
    write = thread.RENDERERS[PostKind.SENT]

    def broken(*_: object) -> list[dict[str, Any]]:
        raise RuntimeError("a fault of ours")

    monkeypatch.setitem(thread.RENDERERS, PostKind.SENT, broken)
    await scene.click("approve")
    await scene.pass_time(10)
    assert "delivery_failed" in scene.log.getvalue()
    assert approval.on_card(await scene.restore()) in words(await scene.card())
    assert not await scene.thread()
    monkeypatch.setitem(thread.RENDERERS, PostKind.SENT, write)
    await scene.until(State.COMPLETED)
    await scene.pass_time(300, by=30)
    assert (await scene.thread())[0].startswith(":rocket:")


async def test_a_round_that_fails_is_not_the_last(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop itself, which the other scenarios do without."""
    assert scene.bot
    notifier, rounds, first, again = scene.bot.notifier, 0, asyncio.Event(), asyncio.Event()

    async def drain() -> timedelta | None:
        nonlocal rounds
        rounds += 1
        if rounds == 1:
            first.set()
            raise RuntimeError("a fault of ours")
        again.set()
        return None

    monkeypatch.setattr(notifier, "drain", drain)
    loop = asyncio.create_task(notifier.run())
    async with asyncio.timeout(5):
        await first.wait()
        await asyncio.sleep(0)  # until it waits to be woken
        notifier.wake()
        await again.wait()
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def test_a_post_that_slack_refuses_is_kept_until_it_is_taken(scene: World) -> None:
    await scene.ask()
    refusal = {"fault": "error", "error": "restricted_action", "times": 3}
    await scene.slack("faults", "PATCH", **{"chat.postMessage": refusal})
    await scene.click("approve")
    await scene.until(State.COMPLETED, by=5)
    await scene.pass_time(120)
    signs = [line.split()[0] for line in await scene.thread()]
    assert signs[0] == ":rocket:"
    assert signs[-2:] == [":white_check_mark:", "*A"]
    assert len(signs) == len(set(signs))


async def test_a_deleted_card_does_not_stop_the_story(scene: World) -> None:
    await scene.ask()
    refusal = {"fault": "error", "error": "message_not_found", "times": 100}
    await scene.slack("faults", "PATCH", **{"chat.update": refusal})
    await scene.click("approve")
    await scene.until(State.COMPLETED, by=5)
    await scene.pass_time(30)
    assert "A look afterwards" in (await scene.thread())[-1]


async def test_edits_stay_within_the_workspaces_rate(scene: World) -> None:
    await scene.ask()
    assert scene.bot is not None
    for second in range(60):
        async with scene.bot.store.reading() as tx:
            (restore,) = await tx.open_restores()
        async with scene.bot.store.writing() as tx:
            await tx.update_unaudited(restore, replace(restore, blocked_reason=f"number {second}"))
        await scene._advance(1)
        await scene.bot.notifier.drain()
    calls = (await scene.slack("calls", "GET"))["calls"]
    edits = sum(call["method"] == "chat.update" for call in calls)
    assert 35 <= edits <= 40 + 8


async def test_the_closing_post_mentions_both_sides_and_carries_the_audit_head(
    scene: World,
) -> None:
    await to_the_end(scene)
    done = ending.has_been_restored(await scene.restore())
    closing = next(line for line in await scene.thread() if done in line)
    assert f"<@{ALICE}>" in closing
    assert f"<@{BOB}>" in closing
    assert scene.bot is not None
    async with scene.bot.store.reading() as tx:
        query = select(schema.audit.c.hash).where(schema.audit.c.event == "completed")
        digest = (await tx.connection.execute(query)).scalar_one()
    assert digest[: audit.SHORT_HASH_LENGTH] in closing


async def deny(scene: World) -> None:
    await scene.deny()


async def withdraw(scene: World) -> None:
    await scene.click("withdraw", ALICE)


async def expire(scene: World) -> None:
    await scene.pass_time(31 * 60, 31 * 60)


async def stop(scene: World) -> None:
    await scene.portal("faults", "PATCH", away=100)
    await scene.click("approve")
    await scene.click("stop", ALICE)


async def void(scene: World) -> None:
    await scene.portal("someone-else-starts", "POST")
    await scene.click("approve")


async def fail(scene: World) -> None:
    await scene.portal("faults", "PATCH", archive_broken=True)
    await scene.click("approve")
    await scene.until(State.FAILED, by=5)


async def complete(scene: World) -> None:
    await scene.click("approve")
    await scene.until(State.COMPLETED, by=5)


async def close(scene: World) -> None:
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    await scene.click("approve")
    await scene.click("settle_finished")


@pytest.mark.parametrize("ending", [deny, withdraw, expire, stop, void, fail, complete, close])
async def test_every_end_has_one_closing_post_and_a_true_record(scene: World, ending: Any) -> None:
    """I4 and I5: the thread is told once, and the audit trail tells the same story as the row."""
    await scene.ask()
    await ending(scene)
    await scene.pass_time(30)
    restore = await scene.restore()
    assert restore.state in ENDED
    closings = [line for line in await scene.thread() if thread_words.trail_of(restore) in line]
    assert len(closings) == 1
    assert f"<@{ALICE}>" in closings[0]
    assert scene.bot is not None
    async with scene.bot.store.reading() as tx:
        assert (await audit.verify(tx.connection)).first_broken is None
        rows = (
            await tx.connection.execute(select(schema.audit).order_by(schema.audit.c.seq))
        ).all()
    state = None
    for row in rows:
        assert row.old_state == state
        state = row.new_state
    assert state == restore.state
    assert Counter(row.event for row in rows)[restore.state.value] == 1
    card = await scene.card()
    story = [line for line in (await scene.thread())[-1].splitlines() if line.startswith("*")][-5:]
    assert [line.split()[0] for line in story] == [
        "*Asked*",
        "*Approved*",
        "*Started*",
        "*Ended*",
        "*Took*",
    ]
    assert f"*Asked* by <@{ALICE}>" in story[0]
    assert (
        story[1] == "*Approved* never"
        if restore.approved_at is None
        else f"by <@{BOB}>" in story[1]
    )
    assert (story[2] == "*Started* never") is (restore.sent_at is None)
    left = [
        one["action_id"]
        for block in card["blocks"]
        if block["type"] == "actions"
        for one in block["elements"]
    ]
    assert left == (["restore_again"] if restore.state is State.EXPIRED else [])
    assert restore.state.value in words(card)
