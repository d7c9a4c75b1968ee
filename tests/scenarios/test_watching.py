"""From the taskId to the end: what the portal does, and what the thread says of it."""

import re
from pathlib import Path
from typing import Any

import pytest

from restorebot.model import Phase, State
from restorebot.restores import policy, service, transitions, watch
from restorebot.restores.watch import KeyFate
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import ending
from restorebot.slack.phrases import restore as restore_words
from restorebot.slack.phrases import thread as thread_words
from tests.harness import BOB, CAROL, CHANNEL, World, words, world


async def running(scene: World, **faults: Any) -> None:
    """A restore that the portal has taken."""
    if faults:
        await scene.portal("faults", "PATCH", **faults)
    await scene.ask()
    await scene.click("approve")
    assert (await scene.restore()).state is State.RESTORING


async def thread(scene: World) -> str:
    return "\n".join(await scene.thread())


@pytest.mark.profiles("saas", "behind-a-proxy")
async def test_each_phase_is_told_once_and_shown_on_the_card(scene: World) -> None:
    await running(scene)
    assert restore_words.PHASES[Phase.QUEUED] in words(await scene.card())
    await scene.pass_time(5)
    assert restore_words.PHASES[Phase.FETCHING] in words(await scene.card())
    await scene.pass_time(5)
    assert restore_words.PHASES[Phase.LOADING] in words(await scene.card())
    await scene.until(State.COMPLETED)
    await scene.pass_time(5)
    told = await scene.thread()
    assert [line.split()[0] for line in told] == [
        ":rocket:",
        ":inbox_tray:",
        ":lock:",
        ":white_check_mark:",
        "*A",
    ]


@pytest.mark.profiles("in-process")
async def test_a_portal_that_takes_a_task_at_once_skips_the_queue(
    scene: World, profile: str
) -> None:
    await running(scene)
    queued = restore_words.PHASES[Phase.QUEUED] in words(await scene.card())
    assert queued == (profile != "in-process")
    await scene.until(State.COMPLETED)


async def test_polls_carry_no_key_and_ask_for_our_kind_of_task(scene: World) -> None:
    await running(scene)
    await scene.until(State.COMPLETED)
    await scene.pass_time(5)
    polls = [*await scene.requests("getrestoreprogress"), *await scene.requests("/settings")]
    assert len(polls) > 4
    for poll in polls:
        assert not {"authorization", "cookie"} & set(poll["headers"])
    assert all("dump=false" in poll["query"] for poll in await scene.requests("getrestoreprogress"))


async def test_a_finished_dump_task_does_not_mask_ours(scene: World) -> None:
    await scene.portal("yesterday", "POST", dump=True)
    await running(scene)
    await scene.until(State.COMPLETED)


async def test_another_task_at_100_percent_is_not_ours(scene: World) -> None:
    """I8: a portal that was set back shows some finished task in place of ours, which says nothing
    of ours.
    """
    await running(scene)
    await scene.portal("yesterday", "POST")
    await scene.pass_time(60)
    restore = await scene.restore()
    assert restore.state is State.RESTORING
    assert restore.blocked_reason == watch.TASK_NOT_VISIBLE
    await scene.pass_time(300, 20)
    assert (await scene.restore()).state is State.UNKNOWN
    assert watch.TASK_GONE in await thread(scene)


async def test_the_card_compares_with_the_portals_last_restores(scene: World) -> None:
    await running(scene, key_survives=True)
    assert card_words.LAST_TOOK not in words(await scene.card())
    await scene.until(State.COMPLETED)
    await scene.pass_time(30)
    assert ending.BEFORE_TOOK not in await thread(scene)
    await scene.ask()
    await scene.click("approve")
    assert re.search(rf"{re.escape(card_words.LAST_TOOK)} 2\d s", words(await scene.card()))
    await scene.until(State.COMPLETED)
    assert re.search(rf"\({ending.BEFORE_TOOK} 2\d s\)", await thread(scene))
    assert re.search(r"\*Took\* 2\d s", await thread(scene))


@pytest.mark.profiles("in-process", "saas", "behind-a-proxy")
async def test_a_stall_is_told_once_and_is_no_end(scene: World) -> None:
    await running(scene, stall_at_75=True)
    await scene.pass_time(60, 15)
    await scene.pass_time(3600, 300)
    told = [line for line in await scene.thread() if restore_words.UNCHANGED_SINCE in line]
    progress_changed_at = (await scene.restore()).progress_changed_at
    assert progress_changed_at
    assert told == [thread_words.stalled(progress_changed_at, 75, Phase.LOADING)]
    await scene.portal("faults", "PATCH", stall_at_75=False)
    await scene.until(State.COMPLETED)


@pytest.mark.profiles("sawtooth", "saas", "behind-a-proxy")
async def test_a_task_without_a_worker_waits_and_runs_when_it_is_back(scene: World) -> None:
    await running(scene, worker_down=True)
    await scene.pass_time(3000, 600)
    assert (await scene.restore()).phase is Phase.QUEUED
    assert thread_words.WORKER_AWAY in await thread(scene)
    await scene.click("settle_not_finished")
    assert service.TASK_WAITS in (await scene.private(BOB))[-1]
    await scene.portal("faults", "PATCH", worker_down=False)
    await scene.until(State.COMPLETED)
    assert len(await scene.requests("startrestore")) == 1


async def test_a_killed_worker_stalls_and_in_the_end_nobody_knows(scene: World) -> None:
    await running(scene, worker_killed=True)
    await scene.pass_time(3000, 600)
    assert restore_words.UNCHANGED_SINCE in await thread(scene)
    await scene.pass_time(24 * 3600, 4 * 3600)
    await scene.pass_time(600, 40)
    assert (await scene.restore()).state is State.UNKNOWN
    assert watch.TASK_GONE in await thread(scene)


async def test_a_killed_worker_that_an_administrator_has_cleared_away_is_settled_at_once(
    scene: World,
) -> None:
    await running(scene, worker_killed=True)
    await scene.pass_time(3000, 600)
    assert thread_words.STAYS_LOCKED in await thread(scene)
    await scene.click("settle_not_finished")
    assert service.STILL_LOCKED in (await scene.private(BOB))[-1]
    assert (await scene.restore()).state is State.RESTORING
    await scene.portal("repair", "POST")
    await scene.click("settle_not_finished", CAROL)
    assert (await scene.private(CAROL))[-1] == policy.NO_APPROVER.reason
    await scene.click("settle_not_finished")
    restore = await scene.restore()
    assert (restore.state, restore.outcome) == (State.FAILED, service.NOT_FINISHED_BY_WORD)


async def test_a_restore_that_stands_still_can_be_called_finished(scene: World) -> None:
    await running(scene, stall_at_75=True)
    await scene.pass_time(3000, 600)
    await scene.click("settle_finished")
    assert (await scene.restore()).state is State.CLOSED


@pytest.mark.parametrize("fault", [{"redirect_elsewhere": True}, {"away": 36000}])
async def test_a_restore_that_is_unheard_of_for_an_hour_ends_in_a_persons_hands(
    scene: World, fault: dict[str, Any]
) -> None:
    await running(scene)
    await scene.pass_time(15)
    await scene.portal("faults", "PATCH", **fault)
    await scene.pass_time(3000, 300)
    assert (await scene.restore()).state is State.RESTORING
    await scene.pass_time(900, 300)
    restore = await scene.restore()
    assert restore.state is State.UNKNOWN
    assert (restore.outcome or "").startswith(watch.UNHEARD)
    await scene.click("settle_finished")
    assert (await scene.restore()).state is State.CLOSED


async def test_a_pause_of_a_day_that_the_portal_asks_for_is_five_minutes(scene: World) -> None:
    await running(scene)
    await scene.portal("faults", "PATCH", on="getrestoreprogress", fault="busy", seconds=86400)
    await scene.pass_time(5)
    await scene.pass_time(320, 20)
    assert (await scene.restore()).state is State.COMPLETED


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_delays_no_look_and_raises_no_stall(
    scene: World, hours: int
) -> None:
    await running(scene, stall_at_75=True)
    await scene.pass_time(15)
    await scene.jump(hours * 3600)
    before = len(await scene.requests("getrestoreprogress"))
    await scene.pass_time(10)
    assert len(await scene.requests("getrestoreprogress")) >= before + 2
    assert restore_words.UNCHANGED_SINCE not in await thread(scene)
    await scene.portal("faults", "PATCH", stall_at_75=False)
    await scene.until(State.COMPLETED)


async def test_a_clock_that_was_set_back_does_not_open_the_window_of_adoption_again(
    scene: World,
) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", on="startrestore", fault="drop")
    await scene.click("approve")
    await scene.pass_time(3000, 300)
    await scene.jump(-3000)
    await scene.portal("someone-else-starts", "POST")
    await scene.pass_time(120, 30)
    assert (await scene.restore()).state is State.UNKNOWN


async def test_a_task_that_began_before_our_post_by_the_clock_is_not_taken_for_ours(
    quiet: World,
) -> None:
    """The clock was set back, and the bot started again."""
    async with quiet.life():
        await quiet.ask()
        await quiet.portal("faults", "PATCH", on="startrestore", fault="drop")
        await quiet.click("approve")
        await quiet.pass_time(3000, 300)
    await quiet.jump(-3600)
    await quiet.portal("someone-else-starts", "POST")
    async with quiet.life():
        await quiet.pass_time(120, 30)
        assert (await quiet.restore()).state is State.UNKNOWN


LOCKED = 4

ENDS = [
    (
        "a broken archive",
        {"archive_broken": True},
        "The backup file is invalid.",
        ending.NOT_LOCKED,
    ),
    (
        "broken while loading",
        {"broken_while_loading": True},
        "The backup file is invalid.",
        ending.NOT_LOCKED,
    ),
    (
        "a failure that leaves it locked",
        {"broken_while_loading": True, "locked_after_failure": True},
        "The backup file is invalid.",
        ending.left_in_status(LOCKED),
    ),
    ("a cancelled task", {"cancelled": True}, watch.CANCELLED_RESTORE, ending.NOT_LOCKED),
    (
        "a fault outside the job",
        {"faulted": True},
        "One or more errors occurred",
        ending.NOT_LOCKED,
    ),
]


@pytest.mark.parametrize(
    ("faults", "said", "lock"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS]
)
async def test_a_failure_is_told_in_the_portals_words_with_the_state_of_the_portal(
    scene: World, faults: dict[str, Any], said: str, lock: str
) -> None:
    await running(scene, **faults)
    restore = await scene.until(State.FAILED)
    told = (await scene.thread())[-1]
    assert said in told
    assert lock in told
    assert restore.task_id is not None
    assert restore.task_id in told
    assert ending.has_been_restored(restore) not in await thread(scene)
    assert card_words.ended(restore) in words(await scene.card())


@pytest.mark.parametrize(
    "fault",
    [
        {"away": 40},
        pytest.param({"html_502": True}, marks=pytest.mark.slow),
        {"bad_json": True},
    ],
)
async def test_a_portal_that_does_not_answer_is_no_end(scene: World, fault: dict[str, Any]) -> None:
    await running(scene, stall_at_75=True)
    await scene.pass_time(15)
    await scene.portal("faults", "PATCH", **fault)
    await scene.pass_time(15)
    assert card_words.BLOCKED in words(await scene.card())
    assert (await scene.restore()).state is State.RESTORING
    await scene.portal("faults", "DELETE")
    await scene.pass_time(40)
    assert card_words.BLOCKED not in words(await scene.card())
    await scene.until(State.COMPLETED)


@pytest.mark.profiles("in-process", "sawtooth", "saas")
async def test_an_address_that_answers_for_another_for_good_ends_in_a_persons_hands(
    scene: World,
) -> None:
    """The backup brings its own custom domain (docspace-api §D)."""
    await running(scene)
    await scene.pass_time(15)
    await scene.portal("faults", "PATCH", host_lost=36000)
    await scene.pass_time(60)
    assert (await scene.restore()).state is State.RESTORING
    await scene.pass_time(300, by=20)
    restore = await scene.restore()
    assert restore.state is State.UNKNOWN
    assert restore.outcome == f"{watch.PORTAL_SILENT} {scene.of_portal.not_a_portal()}"
    await scene.click("settle_finished")
    assert (await scene.restore()).state is State.CLOSED


@pytest.mark.parametrize(("asked", "pause"), [(7, 6), (0, 29)], ids=["named", "not named"])
async def test_a_portal_that_asks_for_a_pause_gets_it(scene: World, asked: int, pause: int) -> None:
    await running(scene, stall_at_75=True)
    await scene.portal("faults", "PATCH", on="getrestoreprogress", fault="busy", seconds=asked)
    await scene.pass_time(5)
    before = len(await scene.requests("getrestoreprogress"))
    await scene.pass_time(pause - 5, 2)
    assert len(await scene.requests("getrestoreprogress")) == before
    await scene.pass_time(8, 2)
    assert len(await scene.requests("getrestoreprogress")) > before


@pytest.mark.parametrize("version", ["3.1", "3.6.1"])
async def test_older_portals_complete_without_a_status_and_with_a_sawtooth(
    tmp_path: Path, version: str
) -> None:
    async with world(tmp_path, "socket", profile=version) as scene, scene.life():
        await running(scene)
        await scene.until(State.COMPLETED)
        await scene.pass_time(5)
        assert sum(":lock:" in line for line in await scene.thread()) == 1


async def test_a_cancelled_task_of_an_older_portal_is_no_success(tmp_path: Path) -> None:
    async with world(tmp_path, "socket", profile="3.6.1") as scene, scene.life():
        await running(scene, cancelled=True)
        await scene.until(State.FAILED)


async def test_a_portal_that_names_no_task_ends_in_a_persons_hands(tmp_path: Path) -> None:
    async with world(tmp_path, "socket", profile="3.0") as scene, scene.life():
        await scene.ask()
        await scene.click("approve")
        assert (await scene.restore()).state is State.UNKNOWN
        await scene.pass_time(60)
        await scene.click("settle_finished")
        assert (await scene.restore()).state is State.CLOSED


async def test_completion_voids_what_else_was_asked_for(scene: World) -> None:
    await running(scene)
    restore = await scene.restore()
    assert scene.bot is not None
    async with scene.bot.store.writing() as tx:
        # Two requests of one portal come about only when two modals are open at once.
        other = {
            **vars(restore),
            "id": "other",
            "version": 1,
            "state": State.REQUESTED,
            "view_id": "V-other",
        }
        await tx.insert_request(
            type(restore)(**other | {"votes": (), "card_ts": None, "card_version": 0}), []
        )
    for _ in range(40):
        await scene.pass_time(1, 1)
    async with scene.bot.store.reading() as tx:
        voided = await tx.restore("other")
    assert voided is not None
    assert voided.state is State.VOID
    assert transitions.ANOTHER_COMPLETED in await thread_or_channel(scene)


async def thread_or_channel(scene: World) -> str:
    return "\n".join(words(message) for message in await scene.messages(CHANNEL))


async def test_a_key_that_survives_is_said_plainly(scene: World) -> None:
    await running(scene, key_survives=True)
    await scene.until(State.COMPLETED)
    await scene.pass_time(15)
    assert ending.KEYS[KeyFate.ALIVE] in (await scene.thread())[-1]


async def test_a_portal_under_another_alias_is_told(scene: World) -> None:
    await running(scene, alias_elsewhere="other")
    restore = await scene.until(State.COMPLETED)
    await scene.pass_time(11 * 60, 120)
    assert ending.other_alias(restore, "other") in (await scene.thread())[-1]


async def test_a_portal_that_answers_for_another_for_a_moment_is_given_time(scene: World) -> None:
    await running(scene, alias_elsewhere="first", host_lost=20)
    restore = await scene.until(State.COMPLETED)
    await scene.pass_time(60, 20)
    assert ending.VERIFICATION not in await thread(scene)
    await scene.portal("faults", "PATCH", alias_elsewhere=None)
    await scene.pass_time(10)
    assert ending.portal_is_active(restore) in (await scene.thread())[-1]
    assert ending.KEYS[KeyFate.DEAD] in (await scene.thread())[-1]
