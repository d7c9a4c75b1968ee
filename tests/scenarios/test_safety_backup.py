"""The backup before the restore: made, watched, found in the history; without it nothing is
restored.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from restorebot.docspace.client import DocSpace
from restorebot.docspace.storages import Storage, StorageType, name_of
from restorebot.errors import PortalNotConfigured
from restorebot.model import Restore, State
from restorebot.restores import checks, safety_backup, service, start, transitions
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import ending
from restorebot.slack.phrases import thread as thread_words
from restorebot.slack.phrases.thread import WAYS_BACK
from tests.harness import ALICE, BOB, World, words, world

S3 = {"storageType": 5, "module": "s3", "bucket": "acme", "region": "eu-west-1"}


def to_s3(values: dict[str, Any]) -> None:
    values["safety_backup"] = S3


@pytest.fixture
async def quiet(tmp_path: Path, profile: str) -> AsyncIterator[World]:
    """A portal whose restores wait for a backup into S3."""
    async with world(tmp_path, "socket", configure=to_s3, profile=profile) as made:
        yield made


async def backing_up(scene: World) -> Restore:
    await scene.ask()
    await scene.click("approve")
    return await scene.restore()


async def nothing_restored(scene: World, state: State, why: str) -> None:
    restore = await scene.until(state)
    assert why in (restore.outcome or "")
    assert transitions.UNRESTORED in (restore.outcome or "")
    assert not await scene.requests("startrestore")
    closing = (await scene.thread())[-1]
    assert transitions.UNRESTORED in closing


async def test_a_restore_that_is_given_back_before_the_post_keeps_its_backup(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    restore_progress = DocSpace.restore_progress
    paused = False

    async def pause_after_claim(self: DocSpace) -> Any:
        nonlocal paused
        if not paused and (await scene.restore()).state is State.STARTING:
            paused = True
            scene.clock.pass_(75)
        return await restore_progress(self)

    await backing_up(scene)
    monkeypatch.setattr(DocSpace, "restore_progress", pause_after_claim)
    await scene.until(State.COMPLETED)
    assert paused
    assert len(await scene.requests("startbackup")) == 1
    assert len(await scene.requests("startrestore")) == 1


async def test_the_backup_is_made_told_and_only_then_the_restore_starts(scene: World) -> None:
    restore = await backing_up(scene)
    assert restore.state is State.BACKING_UP
    (asked,) = await scene.requests("startbackup")
    params = [{"key": "module", "value": "s3"}, {"key": "bucket", "value": "acme"}]
    params.append({"key": "region", "value": "eu-west-1"})
    assert json.loads(asked["body"]) == {"storageType": 5, "storageParams": params}
    assert card_words.BACKUP_FIRST in words(await scene.card())
    await scene.pass_time(5, by=2.5)
    assert "45 %" in words(await scene.card())
    assert not await scene.requests("startrestore")

    await scene.until(State.COMPLETED)
    (started,), (asked,) = await scene.requests("startrestore"), await scene.requests("startbackup")
    assert started["seq"] > asked["seq"]
    thread = await scene.thread()
    restore = await scene.restore()
    assert restore.safety_task_id
    assert thread_words.backing_up(restore.safety_task_id) in thread[0]
    made = thread[1]
    assert thread_words.backed_up(restore) in made
    assert restore.safety_name
    assert restore.safety_name in made
    assert restore.safety_made_at
    assert f"<!date^{int(restore.safety_made_at.timestamp())}^" in made
    assert f"in {name_of(StorageType.CLOUD)}" in made
    assert WAYS_BACK[StorageType.CLOUD] in made
    closing = next(text for text in thread if ending.has_been_restored(restore) in text)
    assert restore.safety_name in closing
    assert WAYS_BACK[StorageType.CLOUD] in closing
    assert ending.way_back(restore) in closing


@pytest.mark.parametrize(
    ("switch", "why"),
    [
        ("backup_broken", "There is not enough space on the disk."),
        ("backup_cancelled", safety_backup.FAILED),
        ("free_backups_used", "The number of free backups should not exceed 2 within a month"),
        ("backup_elsewhere", safety_backup.STORED_ELSEWHERE),
    ],
)
async def test_a_backup_that_fails_or_is_refused_keeps_the_restore_from_starting(
    scene: World, switch: str, why: str
) -> None:
    await scene.portal("faults", "PATCH", **{switch: True})
    await backing_up(scene)
    await nothing_restored(scene, State.FAILED, why)


async def test_a_backup_that_was_running_already_is_not_taken_for_ours(scene: World) -> None:
    """One that begins between the checks and the request answers in ours' place.

    The portal's words do not tell it from ours; where it went does.
    """
    await scene.ask()
    await scene.portal("faults", "PATCH", backup_overtaken=True)
    await scene.click("approve")
    await nothing_restored(scene, State.FAILED, safety_backup.STORED_ELSEWHERE)


async def test_an_answer_that_names_an_earlier_backup_begins_none(scene: World) -> None:
    """Else an old backup in the history would pass for the one before this restore."""
    await scene.portal("someone-else-backs-up", "POST")
    await scene.pass_time(60)
    await scene.portal("faults", "PATCH", backup_answer_stale=True)
    await backing_up(scene)
    await nothing_restored(scene, State.FAILED, safety_backup.EARLIER_BACKUP)


async def test_a_backup_that_runs_at_the_start_makes_it_void(scene: World) -> None:
    await scene.ask()
    await scene.portal("someone-else-backs-up", "POST")
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.VOID
    assert restore.outcome == checks.task_running("backup", 0)
    assert not await scene.requests("startbackup")


async def test_files_left_out_are_told_and_the_backup_is_good(scene: World) -> None:
    await scene.portal("faults", "PATCH", backup_leaves_out=True)
    await backing_up(scene)
    await scene.until(State.RESTORING)
    assert any("Some files were not included." in text for text in await scene.thread())


@pytest.mark.profiles("in-process", "saas", "behind-a-proxy")  # older ones cannot cancel
async def test_one_that_outlasts_the_approval_starts_nothing_at_midnight(scene: World) -> None:
    await scene.portal("faults", "PATCH", backup_takes=5 * 3600)
    await backing_up(scene)
    await scene.pass_time(31 * 60, by=300)
    restore = await scene.restore()
    assert restore.state is State.VOID
    assert start.APPROVAL_TOO_OLD in (restore.outcome or "")
    assert safety_backup.BACKUP_CANCELLED in (restore.outcome or "")
    assert safety_backup.BACKUP_CANCELLED in (await scene.thread())[-1]
    await scene.pass_time(5 * 3600, by=3600)
    assert not await scene.requests("startrestore")
    assert len(await scene.requests("cancelbackup")) == 1
    assert (await scene.portal())["tasks"]["backup"]["status"] == 3


async def test_a_portal_without_a_queue_runs_the_backup_before_it_answers(tmp_path: Path) -> None:
    """Its answer names our own task as running already."""
    made = world(tmp_path, "socket", configure=to_s3, profile="in-process")
    async with made as scene, scene.life():
        await backing_up(scene)
        await scene.until(State.COMPLETED)


async def void_while_backing_up(scene: World) -> str:
    """A restore whose approval became too old during its backup; returns its outcome."""
    await scene.portal("faults", "PATCH", backup_takes=5 * 3600)
    await backing_up(scene)
    return str((await scene.until(State.VOID, 2 * 3600, by=300)).outcome)


@pytest.mark.parametrize("fault", ["answer_lost", "html_502"])
async def test_a_cancel_is_asked_for_once_whatever_comes_of_it(scene: World, fault: str) -> None:
    await scene.portal("faults", "PATCH", on="cancelbackup", fault=fault, times=1000)
    assert safety_backup.BACKUP_MAY_GO_ON in await void_while_backing_up(scene)
    assert len(await scene.requests("cancelbackup")) == 1


async def test_a_portal_that_cannot_cancel_lets_the_backup_go_on(tmp_path: Path) -> None:
    async with world(tmp_path, "socket", configure=to_s3, profile="3.6.1") as scene, scene.life():
        assert transitions.BACKUP_GOES_ON in await void_while_backing_up(scene)


async def test_nothing_is_cancelled_where_ours_is_not_seen_to_run(scene: World) -> None:
    """The portal cancels whatever runs, and that may be somebody else's."""
    await scene.portal("faults", "PATCH", backup_takes=5 * 3600)
    await backing_up(scene)
    await scene.pass_time(1500, by=300)
    await scene.portal("faults", "PATCH", on="getbackupprogress", fault="no_response", times=1000)
    restore = await scene.until(State.VOID, 3600, by=300)
    assert transitions.BACKUP_GOES_ON in (restore.outcome or "")
    assert not await scene.requests("cancelbackup")


@pytest.mark.parametrize("user", [ALICE, BOB])
async def test_stop_during_the_backup_restores_nothing(scene: World, user: str) -> None:
    await backing_up(scene)
    await scene.click("stop", user)
    restore = await scene.restore()
    assert restore.state is State.STOPPED
    assert transitions.BACKUP_GOES_ON in (restore.outcome or "")
    await scene.pass_time(30)
    assert not await scene.requests("startrestore")


async def test_stop_after_the_backup_was_made_says_that_it_stays(scene: World) -> None:
    restore = await backing_up(scene)
    await scene.portal("faults", "PATCH", on="getrestoreprogress", fault="html_502", times=1000)
    await scene.pass_time(30)
    await scene.click("stop", ALICE)
    restore = await scene.restore()
    stays = service.backup_stays(restore.safety_name)
    assert restore.outcome == f"{transitions.UNRESTORED} {stays}"


LONG = timedelta(hours=20)


async def planned_backup(scene: World) -> None:
    """A planned restore of a portal with a long shelf life, whose backup has begun at the planned
    time.
    """
    await scene.command(await scene.backup())
    starts = scene.clock.now + timedelta(minutes=5)
    values = {"reason": "tonight", "alias": "acme", "starts": str(int(starts.timestamp()))}
    await scene.submit(values)
    await scene.click("approve")
    await scene.pass_time(5 * 60, by=60)
    assert (await scene.restore()).state is State.BACKING_UP


async def test_a_planned_restore_is_not_made_up_for_hours_later_because_it_had_a_backup(
    quiet: World,
) -> None:
    quiet.settings = quiet.settings.model_copy(update={"approval_ttl": LONG})
    await quiet.portal("faults", "PATCH", backup_takes=600)
    async with quiet.life():
        await planned_backup(quiet)
    await quiet._advance(8 * 3600)
    async with quiet.life():
        await quiet.settle()
        restore = await quiet.restore()
        assert restore.state is State.VOID
        assert start.STANDSTILL in (restore.outcome or "")
    assert not await quiet.requests("startrestore")


async def test_waiting_as_long_as_the_portal_asks_for_is_no_standstill(quiet: World) -> None:
    quiet.settings = quiet.settings.model_copy(update={"approval_ttl": LONG})
    await quiet.portal("faults", "PATCH", backup_takes=600)
    async with quiet.life():
        await planned_backup(quiet)
        await quiet.portal("faults", "PATCH", on="getbackupprogress", fault="busy", seconds=1500)
        before = len(await quiet.requests("getbackupprogress"))
        await quiet.pass_time(290, by=290)
        assert len(await quiet.requests("getbackupprogress")) == before + 1
        await quiet.until(State.COMPLETED, seconds=1200, by=30)


@pytest.mark.slow
async def test_a_planned_restore_whose_backup_takes_hours_starts_after_it(quiet: World) -> None:
    quiet.settings = quiet.settings.model_copy(update={"approval_ttl": LONG})
    await quiet.portal("faults", "PATCH", backup_takes=3 * 3600)
    async with quiet.life():
        await planned_backup(quiet)
        await quiet.pass_time(3 * 3600, by=240)
        await quiet.until(State.RESTORING, by=60)


async def test_a_backup_of_a_portal_that_left_the_settings_is_not_waited_for(quiet: World) -> None:
    async with quiet.life():
        await backing_up(quiet)
    quiet.settings = quiet.settings.model_copy(update={"docspace_url": "https://elsewhere.invalid"})
    async with quiet.life():
        await quiet.settle()
        restore = await quiet.restore()
        assert restore.state is State.VOID
        lost = PortalNotConfigured(restore.portal, restore.portal_url)
        assert str(lost) in (await quiet.thread())[-1]


async def test_what_changed_during_the_backup_makes_it_void(scene: World) -> None:
    restore = await backing_up(scene)
    await scene.portal(f"backups/{restore.source.backup_id}", "DELETE")
    voided = await scene.until(State.VOID)
    assert voided.outcome == checks.BACKUP_NOT_FOUND
    assert not await scene.requests("startrestore")


async def test_a_lost_answer_is_no_safety_backup(scene: World) -> None:
    await scene.portal("faults", "PATCH", on="startbackup", fault="answer_lost")
    await backing_up(scene)
    await nothing_restored(scene, State.FAILED, safety_backup.NOT_MADE)
    assert len(await scene.requests("startbackup")) == 1


async def test_a_bot_that_dies_while_it_asks_restores_nothing(quiet: World) -> None:
    async with quiet.life() as bot:
        await quiet.ask()
        restore = await quiet.restore()
        async with bot.store.writing() as tx:
            voted = await tx.add_vote(restore, BOB, quiet.clock.now)
            more: dict[str, Any] = {"at": quiet.clock.now, "actor": BOB, "event": "test"}
            approved = await tx.advance(
                voted, replace(voted, state=State.APPROVED, approved_at=quiet.clock.now), **more
            )
            await tx.advance(
                approved, replace(approved, state=State.BACKING_UP, safety_storage=5), **more
            )
    async with quiet.life():
        await quiet.settle()
        await nothing_restored(quiet, State.FAILED, safety_backup.BACKUP_INTERRUPTED)
    assert not await quiet.requests("startbackup")


async def test_a_bot_that_restarts_watches_the_same_backup(quiet: World) -> None:
    async with quiet.life():
        await backing_up(quiet)
    async with quiet.life():
        await quiet.until(State.COMPLETED)
    assert len(await quiet.requests("startbackup")) == 1
    assert len(await quiet.requests("startrestore")) == 1


async def test_a_portal_that_is_away_for_a_while_is_waited_for(scene: World) -> None:
    await backing_up(scene)
    await scene.portal("faults", "PATCH", html_502=True)
    await scene.pass_time(60)
    restore = await scene.restore()
    assert restore.state is State.BACKING_UP
    assert restore.blocked_reason
    await scene.portal("faults", "PATCH", html_502=False)
    assert (await scene.until(State.RESTORING)).blocked_reason is None


async def test_a_backup_that_is_no_longer_shown_is_given_up(scene: World) -> None:
    await backing_up(scene)
    await scene.portal("faults", "PATCH", on="getbackupprogress", fault="no_response", times=1000)
    await scene.pass_time(360, by=20)
    await nothing_restored(scene, State.FAILED, safety_backup.GONE)


async def test_another_restore_waits_while_the_backup_is_made(scene: World) -> None:
    await scene.portal("faults", "PATCH", backup_takes=600)
    await backing_up(scene)
    await scene.command(await scene.backup())
    view = await scene.modal()
    assert view
    assert checks.other_open(State.BACKING_UP) in words(view)


@pytest.mark.parametrize(
    "storage",
    [{"storageType": 4}, {"storageType": 0, "folderId": 7}, {"storageType": 1, "folderId": "s-7"}],
)
async def test_a_storage_that_is_a_poor_way_back_is_warned_of_at_the_start(
    tmp_path: Path, storage: dict[str, Any]
) -> None:
    def configure(values: dict[str, Any]) -> None:
        values["safety_backup"] = storage

    async with world(tmp_path, "socket", configure=configure) as made, made.life():
        why = StorageType(storage["storageType"]).facts.way_back_warning
        assert why
        assert why in made.log.getvalue()


async def test_own_cloud_storage_is_warned_of_by_nobody(quiet: World) -> None:
    async with quiet.life():
        assert "safety_backup_warning" not in quiet.log.getvalue()


async def test_a_dry_run_tells_of_the_backup_too_less_its_keys_id(quiet: World) -> None:
    storage = Storage(StorageType.CLOUD, (("module", "s3"), ("bucket", "b"), ("ssekey", "hidden")))
    quiet.settings = quiet.settings.model_copy(update={"safety_backup": storage})
    async with quiet.life():
        await quiet.command(f"{await quiet.backup()} --dry-run")
        (said,) = await quiet.private()
        assert "/api/2.0/backup/startbackup`" in said
        assert "hidden" not in said
