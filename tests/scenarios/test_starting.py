"""From approval to the POST, and what each of its outcomes is taken to mean (architecture §2.2)."""

import json
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from restorebot.cli import history
from restorebot.docspace.client import DocSpace, Limits
from restorebot.errors import StorageError
from restorebot.model import State
from restorebot.restores import checks, policy, service, start
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import ending
from restorebot.slack.phrases import restore as restore_words
from restorebot.slack.phrases import thread as thread_words
from restorebot.slack.phrases.lists import ended_line
from tests.harness import ALICE, BOB, CAROL, World, words


async def thread(scene: World) -> str:
    return "\n".join(await scene.thread())


async def approved(scene: World) -> State:
    await scene.ask()
    await scene.click("approve")
    return (await scene.restore()).state


async def posts(scene: World) -> int:
    return len(await scene.requests("startrestore"))


async def test_the_post_is_as_the_portal_wants_it(scene: World) -> None:
    await approved(scene)
    request = (await scene.requests("startrestore"))[0]
    backup = (await scene.restore()).source.backup_id
    assert request["headers"]["authorization"].startswith("Bearer sk-")
    assert json.loads(request["body"]) == {
        "backupId": backup,
        "storageType": 5,
        "storageParams": [{"key": "fileId", "value": backup}],
        "notify": False,
    }


async def test_the_last_call_before_the_post_reads_the_progress(scene: World) -> None:
    await approved(scene)
    calls = [one["path"].rpartition("/")[2] for one in (await scene.portal("requests"))["requests"]]
    assert calls[calls.index("startrestore") - 1] == "getrestoreprogress"


CHANGES: list[tuple[str, dict[str, Any] | None, str]] = [
    ("a backup that is gone", None, checks.BACKUP_NOT_FOUND),
    ("another file under the same id", {"fileName": "other.tar.gz"}, checks.BACKUP_CHANGED),
    ("another date under the same id", {"createdOn": "2020-01-01T00:00:00"}, checks.BACKUP_CHANGED),
    ("another storage under the same id", {"storageType": 4}, checks.BACKUP_CHANGED),
]


@pytest.mark.parametrize(
    ("change", "why"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES]
)
async def test_a_backup_that_changed_since_the_request_is_not_restored(
    scene: World, change: dict[str, Any] | None, why: str
) -> None:
    restore = await scene.ask()
    backup = restore.source.backup_id
    if change is None:
        await scene.portal(f"backups/{backup}", "DELETE")
    else:
        await scene.portal("backups", "POST", id=backup, **change)
    await scene.click("approve")
    assert (await scene.restore()).state is State.VOID
    assert why in await thread(scene)
    assert await posts(scene) == 0


async def test_a_voter_who_is_no_longer_eligible_does_not_count_at_the_start(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", away=60)
    await scene.click("approve")
    assert (await scene.restore()).state is State.APPROVED
    await scene.slack(f"people/{BOB}", "PATCH", deleted=True)
    await scene.pass_time(90, 15)
    assert (await scene.restore()).state is State.VOID
    revoked = thread_words.vote_revoked(BOB, policy.DEACTIVATED.said_of)
    assert revoked in await thread(scene)
    assert start.too_few_approvals(0, 1) in await thread(scene)
    assert await posts(scene) == 0


async def test_an_approver_who_goes_while_the_checks_are_made_does_not_count(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history on remote storage takes its time; the people are looked at after it."""
    await scene.ask()
    read = DocSpace.history

    async def slowly(self: DocSpace) -> Any:
        await scene.slack(f"people/{BOB}", "PATCH", deleted=True)
        return await read(self)

    monkeypatch.setattr(DocSpace, "history", slowly)
    await scene.click("approve")
    assert (await scene.restore()).state is State.VOID
    revoked = thread_words.vote_revoked(BOB, policy.DEACTIVATED.said_of)
    assert revoked in await thread(scene)
    assert await posts(scene) == 0


async def test_a_restore_that_somebody_else_runs_keeps_ours_from_starting(scene: World) -> None:
    await scene.ask()
    await scene.portal("someone-else-starts", "POST")
    await scene.click("approve")
    assert (await scene.restore()).state is State.VOID
    assert checks.task_running("restore", 0) in await thread(scene)
    assert await posts(scene) == 0


async def test_a_restore_that_begins_between_the_checks_and_the_post_keeps_ours_from_starting(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.ask()
    restore_progress = DocSpace.restore_progress
    looks = 0

    async def second_look_sees_another(self: DocSpace) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            await scene.portal("someone-else-starts", "POST")
        return await restore_progress(self)

    monkeypatch.setattr(DocSpace, "restore_progress", second_look_sees_another)
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.FAILED
    assert start.ANOTHER_BEGAN in (restore.outcome or "")
    assert await posts(scene) == 0
    assert "*Started* never" in await thread(scene)
    assert ending.ANOTHER_SEEN in await thread(scene)
    assert ending.DATA_UNTOUCHED not in await thread(scene)


def at_last_look(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Awaitable[None]]) -> None:
    """Have something happen in the middle of the look that follows the claim, the first time."""
    restore_progress = DocSpace.restore_progress
    looks = 0

    async def look(self: DocSpace) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            await do()
        return await restore_progress(self)

    monkeypatch.setattr(DocSpace, "restore_progress", look)


@pytest.mark.parametrize(("by_wall", "by_steady"), [(75, 75), (75, 0), (0, 75)])
async def test_after_a_pause_between_claim_and_post_nothing_is_sent_before_all_is_checked_again(
    scene: World, monkeypatch: pytest.MonkeyPatch, by_wall: float, by_steady: float
) -> None:
    """A laptop that slept, a frozen container: whose approval counts, may have changed."""
    await scene.ask()

    async def pause() -> None:
        scene.clock.now += timedelta(seconds=by_wall)
        scene.clock.steady += by_steady
        await scene.slack(f"people/{BOB}", "PATCH", deleted=True)

    at_last_look(monkeypatch, pause)
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.VOID
    assert start.too_few_approvals(0, 1) in (restore.outcome or "")
    assert await posts(scene) == 0


async def test_a_short_pause_is_none(scene: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await scene.ask()

    async def pause() -> None:
        scene.clock.pass_(25)

    at_last_look(monkeypatch, pause)
    await scene.click("approve")
    assert (await scene.restore()).state is State.RESTORING


async def test_a_last_look_that_fails_in_passing_gives_the_portal_back_and_is_made_again(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.ask()

    async def cut() -> None:
        await scene.portal("faults", "PATCH", html_502=True)

    at_last_look(monkeypatch, cut)
    await scene.click("approve")
    restore = await scene.restore()
    assert (restore.state, restore.sent_at) == (State.APPROVED, None)
    assert card_words.BLOCKED in words(await scene.card())
    assert await posts(scene) == 0
    await scene.portal("faults", "DELETE")
    await scene.until(State.COMPLETED)
    assert await posts(scene) == 1


async def test_what_the_portal_answered_is_written_down_when_the_database_is_free_again(
    quiet: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its taskId is in nobody's hands but ours."""
    async with quiet.life() as bot:
        await quiet.ask()
        start_restore = DocSpace.start_restore
        holder = sqlite3.connect(tmp_path / "bot.sqlite3", isolation_level=None)
        for pool in (bot.store.engine.sync_engine.pool,):
            event.listen(pool, "checkout", lambda *given: given[0].execute("PRAGMA busy_timeout=1"))

        async def held(self: DocSpace, *given: Any, **named: Any) -> Any:
            reply = await start_restore(self, *given, **named)
            holder.execute("BEGIN IMMEDIATE")
            return reply

        monkeypatch.setattr(DocSpace, "start_restore", held)
        with pytest.raises(StorageError):
            await quiet.click("approve")
        assert (await quiet.restore()).state is State.STARTING
        quiet.clock.pass_(150)
        with pytest.raises(StorageError):
            await bot.runner.step((await quiet.restore()).id, quiet.clock.now)
        holder.close()
        await quiet.settle()
        restore = await quiet.restore()
        assert restore.state is State.RESTORING
        assert not restore.adopted
        assert await posts(quiet) == 1


async def test_a_slow_reply_leaves_in_doubt_whose_task_it_names_and_that_is_said_to_the_end(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_restore = DocSpace.start_restore

    async def slowly(self: DocSpace, *given: Any, **named: Any) -> Any:
        scene.clock.pass_(8)
        await scene.portal("someone-else-starts", "POST")
        return await start_restore(self, *given, **named)

    monkeypatch.setattr(DocSpace, "start_restore", slowly)
    await approved(scene)
    restore = await scene.restore()
    assert (restore.adopted, restore.reply_seconds) == (True, 8)
    doubt = restore_words.whose_task(restore)
    assert doubt in words(await scene.card())
    await scene.until(State.COMPLETED)
    closing = next(post for post in await scene.thread() if ending.KEYS_ARE_DEAD in post)
    assert doubt in closing
    assert doubt in words(await scene.card())
    assert restore_words.ADOPTED in ended_line(await scene.restore())
    assert restore_words.ADOPTED in history.row(await scene.restore())[5]


async def test_a_quick_reply_leaves_no_doubt(scene: World, monkeypatch: pytest.MonkeyPatch) -> None:
    start_restore = DocSpace.start_restore

    async def quickly(self: DocSpace, *given: Any, **named: Any) -> Any:
        scene.clock.pass_(3)
        return await start_restore(self, *given, **named)

    monkeypatch.setattr(DocSpace, "start_restore", quickly)
    await approved(scene)
    assert not (await scene.restore()).adopted


async def test_a_portal_that_is_locked_when_it_is_asked_is_not_said_to_be_as_it_was(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_restore = DocSpace.start_restore

    async def beside(self: DocSpace, *given: Any, **named: Any) -> Any:
        await scene.portal("someone-else-starts", "POST")
        await scene.portal("advance", "POST", seconds=10)
        return await start_restore(self, *given, **named)

    monkeypatch.setattr(DocSpace, "start_restore", beside)
    assert await approved(scene) is State.FAILED
    told = await thread(scene)
    assert ending.ANOTHER_SEEN in told
    assert ending.NOT_TAKEN not in told
    assert ending.DATA_UNTOUCHED not in told


async def test_a_portal_that_is_away_is_waited_for(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", away=40)
    await scene.click("approve")
    assert (await scene.restore()).state is State.APPROVED
    assert card_words.BLOCKED in words(await scene.card())
    await scene.until(State.RESTORING, by=15)
    assert card_words.BLOCKED not in words(await scene.card())
    assert await posts(scene) == 1


async def test_an_approval_is_good_for_its_shelf_life_only(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", away=3600)
    await scene.click("approve")
    await scene.pass_time(31 * 60, 300)
    restore = await scene.restore()
    assert restore.state is State.EXPIRED
    assert restore.approved_at
    assert card_words.ended(restore) in words(await scene.card())
    assert await posts(scene) == 0


async def test_while_it_waits_the_requester_can_stop_it(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", away=600)
    await scene.click("approve")
    await scene.click("stop", CAROL)
    assert (await scene.restore()).state is State.APPROVED
    await scene.click("stop", ALICE)
    restore = await scene.restore()
    assert (restore.state, restore.decided_by) == (State.STOPPED, ALICE)
    assert ending.closing(restore) in await thread(scene)
    await scene.pass_time(700, 60)
    assert await posts(scene) == 0


BROKEN = "Something broke inside the portal."


@pytest.mark.parametrize(
    "thrown",
    ["ASC.Common.FaultException", "System.KeyNotFoundException"],
    ids=["a fault before any task", "a missing path"],
)
async def test_a_definite_refusal_is_a_failure_that_left_the_portal_as_it_was(
    scene: World, thrown: str
) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", fault="fault_500", type=thrown)
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.FAILED
    told = await thread(scene)
    assert scene.of_portal.failed_inside(500, BROKEN) in told
    assert ending.NOT_TAKEN in told
    assert "secret/path" not in told
    assert await posts(scene) == 1


async def test_a_plan_without_restore_is_told_at_the_post(scene: World) -> None:
    await scene.portal("faults", "PATCH", tariff_without_restore=True)
    assert await approved(scene) is State.FAILED
    refused = scene.of_portal.asks_for_payment("Your pricing plan does not include this option.")
    assert refused in await thread(scene)
    assert await posts(scene) == 1


LOST: list[tuple[str, dict[str, Any], bool]] = [
    ("the answer is lost", {"fault": "answer_lost"}, True),
    ("the answer is no JSON", {"fault": "bad_json"}, True),
    ("the answer names no task", {"fault": "no_response"}, True),
    (
        "another fault inside",
        {"fault": "fault_500", "type": "System.NullReferenceException"},
        False,
    ),
    ("a proxy answers instead", {"fault": "html_502"}, False),
    ("the connection is cut", {"fault": "drop"}, False),
]


QUICK_LOSSES = {"the answer is lost", "another fault inside", "the connection is cut"}


@pytest.mark.parametrize(
    ("fault", "took"),
    [
        pytest.param(fault, took, id=name, marks=() if name in QUICK_LOSSES else pytest.mark.slow)
        for name, fault, took in LOST
    ],
)
async def test_a_lost_answer_is_looked_for_and_never_asked_again(
    scene: World, fault: dict[str, Any], took: bool
) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", **fault)
    await scene.click("approve")
    told = await thread(scene)
    assert thread_words.UNKNOWN_OUTCOME in told
    await scene.pass_time(300, 15)
    restore = await scene.restore()
    if took:
        assert restore.state is State.COMPLETED
        assert restore.adopted
        assert thread_words.task_found(restore.task_id) in await thread(scene)
        doubt = restore_words.whose_task(restore)
        assert doubt in words(await scene.card())
        assert any(doubt in post for post in await scene.thread() if ending.KEYS_ARE_DEAD in post)
    else:
        assert restore.state is State.UNKNOWN
        assert restore_words.title(restore) in words(await scene.card())
    assert await posts(scene) == 1


async def test_a_portal_that_answers_too_late_is_looked_at_instead(quiet: World) -> None:
    quiet.limits = Limits(start_timeout=0.2)
    async with quiet.life():
        await quiet.ask()
        await quiet.portal("faults", "PATCH", on="startrestore", fault="answer_slow", seconds=1)
        await quiet.click("approve")
        assert quiet.of_portal.no_answer_within(0.2) in await thread(quiet)
        await quiet.until(State.COMPLETED, by=5)
        assert await posts(quiet) == 1


async def test_a_task_that_appears_after_the_window_is_not_taken_for_ours(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    await scene.click("approve")
    await scene.pass_time(150, 30)
    await scene.portal("someone-else-starts", "POST")
    await scene.pass_time(300, 60)
    restore = await scene.restore()
    assert restore.state is State.UNKNOWN
    assert restore.task_id is None


async def test_yesterdays_finished_task_is_neither_in_the_way_nor_taken_for_ours(
    scene: World,
) -> None:
    await scene.portal("yesterday", "POST")
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    await scene.click("approve")
    await scene.pass_time(60, 5)
    assert (await scene.restore()).state is State.UNKNOWN
    assert await posts(scene) == 1


async def test_a_task_that_came_and_went_between_the_checks_and_the_post_is_not_taken_for_ours(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    restore_progress = DocSpace.restore_progress
    looks = 0

    async def second_look_sees_one_that_ended(self: DocSpace) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            await scene.portal("yesterday", "POST")
        return await restore_progress(self)

    monkeypatch.setattr(DocSpace, "restore_progress", second_look_sees_one_that_ended)
    await scene.click("approve")
    await scene.pass_time(60, 5)
    restore = await scene.restore()
    assert restore.state is State.UNKNOWN
    assert restore.task_id is None


async def test_a_new_task_replaces_yesterdays_and_is_watched(scene: World) -> None:
    await scene.portal("yesterday", "POST")
    assert await approved(scene) is State.RESTORING
    await scene.until(State.COMPLETED, by=5)


async def unknown(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    await scene.click("approve")
    await scene.pass_time(130, 130)
    assert (await scene.restore()).state is State.UNKNOWN


async def test_an_approver_who_checked_closes_an_unknown_restore_and_the_portal_is_free_again(
    scene: World,
) -> None:
    await unknown(scene)
    await scene.click("settle_finished", CAROL)
    assert (await scene.private(CAROL))[-1] == policy.NO_APPROVER.reason
    await scene.click("settle_finished", BOB)
    restore = await scene.restore()
    assert (restore.state, restore.decided_by) == (State.CLOSED, BOB)
    assert ending.closing(restore) in await thread(scene)
    assert ending.IF_IT_FINISHED in await thread(scene)
    assert (await scene.ask()).state is State.REQUESTED


async def test_not_started_is_believed_only_while_no_task_waits(scene: World) -> None:
    await unknown(scene)
    await scene.portal("faults", "PATCH", worker_down=True)
    await scene.portal("someone-else-starts", "POST")
    await scene.click("settle_not_started")
    assert service.TASK_WAITS in (await scene.private(BOB))[-1]
    assert (await scene.restore()).state is State.UNKNOWN
    await scene.portal("faults", "PATCH", worker_down=False)
    await scene.pass_time(60, 30)
    await scene.click("settle_not_started")
    assert (await scene.restore()).state is State.CLOSED
    assert ending.IF_IT_FINISHED not in await thread(scene)


async def test_an_approver_can_have_a_running_task_watched(scene: World) -> None:
    await unknown(scene)
    await scene.click("settle_running")
    assert service.NOTHING_TO_WATCH in (await scene.private(BOB))[-1]
    await scene.portal("someone-else-starts", "POST")
    await scene.click("settle_running")
    restore = await scene.until(State.COMPLETED, by=5)
    assert restore.adopted
    assert thread_words.adopted_by(BOB, restore.task_id) in await thread(scene)
