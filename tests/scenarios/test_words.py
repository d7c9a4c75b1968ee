"""The words of `/restore` that start nothing: the picker, list, status, history and the dry run."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from restorebot.errors import PortalFault
from restorebot.model import State
from restorebot.restores import checks, policy
from restorebot.sandbox.workspace.limits import check_view
from restorebot.slack.phrases import answers, lists, request
from restorebot.slack.phrases import picker as picker_words
from restorebot.slack.phrases import restore as restore_words
from restorebot.slack.phrases.lists import ended_line
from tests.harness import ALICE, BOB, CAROL, World, words, world

NAMES = ['it\'s "quoted".tar.gz', "two\nlines.tar.gz", "🔥 emoji & <b>.tar.gz"]


async def seen(scene: World) -> str:
    view = await scene.modal()
    assert view is not None
    return words(view)


# --- the picker -----------------------------------------------------------------------------------
# --------------------


async def options(scene: World) -> list[dict[str, str]]:
    view = await scene.modal()
    assert view is not None
    check_view(
        {name: view[name] for name in ("type", "title", "blocks", "submit", "close")}, "modal"
    )
    (select,) = [block["element"] for block in view["blocks"] if block.get("block_id") == "backup"]
    return [
        {name: one[name]["text"] for name in ("text", "description")} | {"value": one["value"]}
        for one in select["options"]
    ]


@pytest.mark.both_transports
async def test_restore_alone_offers_the_newest_backups_and_goes_on_with_the_one_chosen(
    scene: World,
) -> None:
    await scene.command("")
    offered = await options(scene)
    history = {one["id"]: one for one in (await scene.portal())["history"]}
    made = [history[one["value"]]["createdOn"] for one in offered]
    assert made == sorted(made, reverse=True)
    for one in offered:
        assert one["text"] == history[one["value"]]["fileName"]
        record = history[one["value"]]
        age = scene.clock.now - datetime.fromisoformat(record["createdOn"]).replace(tzinfo=UTC)
        told = picker_words.age_and_place(age, record["storageType"])
        assert one["description"] == told
    chosen = await scene.backup()
    answer = await scene.submit({"backup": {"value": chosen}})
    assert answer["acked"]
    assert request.SUBMIT in str(await scene.modal())
    assert chosen in await seen(scene)
    await scene.submit({"reason": "picked", "alias": "acme"})
    restore = await scene.restore()
    assert (restore.source.backup_id, restore.requester) == (chosen, ALICE)


async def test_the_history_is_read_once_for_the_picker_and_what_it_goes_on_to(scene: World) -> None:
    await scene.command("")
    for chosen in [one["value"] for one in await options(scene)][:2]:
        await scene.submit({"backup": {"value": chosen}})
        view = await scene.modal()
        assert view
        await scene.slack("close", user=ALICE, view_id=view["id"])
    assert len(await scene.requests("getbackuphistory")) == 1


async def test_a_backup_that_was_made_since_the_picker_was_opened_can_be_typed(
    scene: World,
) -> None:
    await scene.command("")
    made = await scene.portal("backups", "POST", fileName="just-now.tar.gz")
    await scene.submit({"other": made["id"]})
    assert "just-now.tar.gz" in await seen(scene)
    assert request.SUBMIT in str(await scene.modal())


@pytest.mark.both_transports
async def test_back_leads_to_the_picker_as_it_was_left_and_a_request_closes_both(
    scene: World,
) -> None:
    await scene.portal("someone-else-backs-up", "POST")
    backup = await scene.backup()
    await scene.command("")
    await scene.submit({"other": backup})
    view = await scene.modal()
    assert view
    assert view["submit"] is None
    assert view["close"]["text"] == request.BACK
    await scene.slack("close", user=ALICE, view_id=view["id"])
    view = await scene.modal()
    assert view
    assert view["state"]["values"]["other"]["value"]["value"] == backup
    await scene.pass_time(60)
    await scene.submit({})
    await scene.submit({"reason": "now it is free", "alias": "acme"})
    assert (await scene.restore()).reason == "now it is free"
    assert await scene.modal() is None


async def test_a_window_that_slack_does_not_know_yet_is_filled_a_moment_later(scene: World) -> None:
    await scene.command("")
    await scene.slack(
        "faults", "PATCH", **{"views.update": {"fault": "error", "error": "not_found", "times": 2}}
    )
    await scene.submit({"other": await scene.backup()})
    assert request.SUBMIT in str(await scene.modal())


async def test_what_keeps_the_facts_from_being_told_is_said_in_the_window(glass: World) -> None:
    await glass.command("")
    await glass.slack("faults", "PATCH", **{"users.info": {"fault": "server_error", "times": 9}})
    await glass.submit({"other": await glass.backup()})
    assert answers.slack_did_not_tell(answers.WHO) in await seen(glass)
    assert request.NOTHING_ASKED in await seen(glass)


async def test_a_window_that_cannot_be_filled_is_told_in_the_channel(scene: World) -> None:
    await scene.command("")
    await scene.slack("faults", "PATCH", **{"views.update": {"fault": "server_error", "times": 9}})
    await scene.submit({"other": await scene.backup()})
    (said,) = await scene.private()
    assert said == answers.window_not_filled(answers.PRESS_NEXT_AGAIN)


@pytest.fixture
async def glass(tmp_path: Path) -> AsyncIterator[World]:
    """Alice may break the glass, so that Slack is asked who she is."""

    def configure(values: dict[str, Any]) -> None:
        values["break_glass"] = (ALICE,)

    async with world(tmp_path, "socket", configure=configure) as made, made.life():
        yield made


async def test_a_name_can_be_typed_into_the_picker(scene: World) -> None:
    made = await scene.portal("backups", "POST", fileName="by its name.tar.gz")
    await scene.command("")
    await scene.submit({"other": "By its"})
    assert made["id"] in await seen(scene)


async def test_an_id_that_is_not_among_them_can_be_typed(scene: World) -> None:
    backup = await scene.backup()
    await scene.command("")
    answer = await scene.submit({"backup": {"value": backup}, "other": backup})
    assert picker_words.BOTH_GIVEN in answer["errors"]["other"]
    answer = await scene.submit({"backup": {"value": ""}, "other": ""})
    assert picker_words.NONE_GIVEN in answer["errors"]["backup"]
    await scene.submit({"backup": {"value": ""}, "other": f" {backup.upper()} "})
    assert backup in await seen(scene)


async def test_of_3000_backups_with_any_names_the_newest_100_are_offered_and_all_are_listed(
    scene: World,
) -> None:
    for number, name in enumerate(NAMES):
        await scene.portal(
            "backups", "POST", fileName=name, createdOn=f"2030-01-0{number + 1}T00:00:00"
        )
    await scene.portal("backups/many", "POST", count=3000)
    await scene.command("")
    offered = await options(scene)
    assert len(offered) == 100
    assert "🔥 emoji & <b>.tar.gz" in offered[0]["text"]
    assert picker_words.LIST_SHOWS_ALL in await seen(scene)
    view = await scene.modal()
    assert view
    await scene.slack("close", user=ALICE, view_id=view["id"])
    await scene.command("list")
    listed = "\n".join(
        words(one) for one in (await scene.slack(f"private?user={ALICE}", "GET"))["messages"]
    )
    history = (await scene.portal())["history"]
    assert len(history) >= 3003
    assert all(one["id"] in listed for one in history)
    assert "&amp; &lt;b&gt;" in listed
    assert not await scene.messages()


async def test_a_picker_whose_portal_is_down_says_so(scene: World) -> None:
    await scene.portal("faults", "PATCH", html_502=True)
    await scene.command("")
    assert picker_words.NOT_READ in await seen(scene)
    await scene.portal("faults", "PATCH", html_502=False)
    await scene.submit({"other": await scene.backup()})
    assert request.SUBMIT in str(await scene.modal())


async def test_a_portal_without_backups_still_takes_an_id(scene: World) -> None:
    for one in (await scene.portal())["history"]:
        await scene.portal(f"backups/{one['id']}", "DELETE")
    await scene.command("")
    assert picker_words.none_usable("portal") in await seen(scene)
    answer = await scene.submit({"other": ""})
    assert picker_words.NONE_GIVEN in answer["errors"]["other"]
    await scene.command("list")
    assert lists.no_backups("portal") in (await scene.private())[-1]


# --- list, status, history
# --------------------------------------------------------------------------------------------


@pytest.mark.both_transports
async def test_the_list_is_private_and_has_every_id(scene: World) -> None:
    await scene.command("list")
    (said,) = await scene.private()
    assert all(one["id"] in said for one in (await scene.portal())["history"])
    assert not await scene.private(BOB)
    assert not await scene.messages()


async def test_a_list_that_the_portal_does_not_answer_is_refused_with_its_reason(
    scene: World,
) -> None:
    await scene.portal("faults", "PATCH", html_502=True)
    await scene.command("list")
    (said,) = await scene.private()
    fault = PortalFault(scene.of_portal.service_away(502), status=502)
    assert said == answers.nothing_done(fault)


async def test_status_links_to_the_threads_of_what_is_open(scene: World) -> None:
    await scene.command("status")
    assert await scene.private() == [lists.nothing_open(["portal"])]
    restore = await scene.ask()
    await scene.command("status", CAROL)
    (said,) = await scene.private(CAROL)
    ts = (await scene.card())["ts"].replace(".", "")
    assert f"p{ts}|{restore_words.title(restore)}>" in said
    assert f"<@{ALICE}>" in said


async def test_history_tells_who_asked_who_approved_what_and_how_it_ended(scene: World) -> None:
    await scene.command("history")
    assert await scene.private() == [lists.nothing_ended(["portal"])]
    await scene.ask()
    await scene.deny()
    denied = await scene.restore()
    await scene.ask()
    await scene.click("approve")
    completed = await scene.until(State.COMPLETED)
    await scene.command("history", BOB)
    said = (await scene.private(BOB))[-1]
    assert said.index(ended_line(completed)) < said.index(ended_line(denied))
    assert (completed.requester, completed.voters) == (ALICE, (BOB,))
    assert re.search(r"took 2\d s", said)
    assert completed.source.file_name in said


@pytest.mark.parametrize("word", ["status", "history"])
async def test_where_the_bot_is_no_member_it_tells_nothing(scene: World, word: str) -> None:
    await scene.ask()
    await scene.command(word, channel="C0NOBOT")
    assert answers.NOT_A_MEMBER in (await scene.private())[-1]


@pytest.mark.parametrize("word", ["status", "history"])
async def test_guests_see_nothing(scene: World, word: str) -> None:
    await scene.slack("people/U0CAROL", "PATCH", is_restricted=True)
    await scene.command(word, CAROL)
    (said,) = await scene.private(CAROL)
    assert policy.GUEST.reason in said


# --- the dry run ----------------------------------------------------------------------------------
# --------------------


async def test_a_dry_run_tells_each_check_and_what_would_be_sent_and_starts_nothing(
    scene: World,
) -> None:
    backup = await scene.backup()
    await scene.command(f"{backup} --dry-run")
    (said,) = await scene.private()
    assert request.dry_run_title(backup) in said
    assert all(
        f":white_check_mark: {name}" in said
        for name in (checks.PORTAL, checks.API_KEY, checks.BACKUP, checks.NOTHING_RUNNING)
    )
    body = {
        "backupId": backup,
        "storageType": 5,
        "storageParams": [{"key": "fileId", "value": backup}],
        "notify": False,
    }
    assert (
        f"`POST {scene.portal_url}/api/2.0/backup/startrestore`\n```{json.dumps(body)}```" in said
    )
    assert await scene.modal() is None
    assert not await scene.messages()
    assert not await scene.requests("startrestore")


async def test_a_dry_run_that_fails_says_which_check(scene: World) -> None:
    await scene.portal("someone-else-starts", "POST")
    await scene.command(f"{await scene.backup()} --dry-run")
    (said,) = await scene.private()
    assert f":x: {checks.NOTHING_RUNNING}" in said
    assert request.DRY_RUN_FAILED in said
