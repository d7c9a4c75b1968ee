"""What a portal says while it is only read: passing troubles pass, and its own word is told."""

from collections import Counter
from typing import Any

import pytest

from restorebot.model import State
from tests.harness import World, words

PASSING: list[tuple[str, dict[str, Any]]] = [
    (
        "a lock that is held",
        {"on": "getbackuphistory", "fault": "fault_500", "type": "DistributedLockException"},
    ),
    ("a database away", {"on": "settings", "fault": "fault_500", "type": "MySqlException"}),
    ("a cache away", {"on": "@self", "fault": "fault_500", "type": "RedisTimeoutException"}),
    ("a page", {"on": "settings", "fault": "bad_json"}),
    ("half a JSON", {"on": "getbackupprogress", "fault": "bad_json"}),
    ("a proxy's page", {"on": "getrestoreprogress", "fault": "html_502"}),
    ("no time for it", {"on": "getbackuphistory", "fault": "busy"}),
]


@pytest.mark.parametrize("fault", [one[1] for one in PASSING], ids=[one[0] for one in PASSING])
async def test_a_trouble_that_passes_is_waited_for_at_the_start(
    scene: World, fault: dict[str, Any]
) -> None:
    await scene.ask()
    before = len(await scene.requests(fault["on"]))
    await scene.portal("faults", "PATCH", times=1, **fault)
    await scene.click("approve")
    assert (await scene.restore()).state is State.APPROVED
    assert len(await scene.requests(fault["on"])) == before + 1
    await scene.until(State.COMPLETED)
    assert len(await scene.requests("startrestore")) == 1


async def test_a_trouble_that_stays_ends_with_the_approval(scene: World) -> None:
    await scene.ask()
    await scene.portal("faults", "PATCH", bad_json=True)
    await scene.click("approve")
    assert (await scene.restore()).state is State.APPROVED
    await scene.until(State.EXPIRED, seconds=2 * 3600, by=300)
    assert not await scene.requests("startrestore")


async def test_one_sentence_stands_once_in_a_void_outcome(scene: World) -> None:
    await scene.ask()
    await scene.portal("keys", "PATCH", is_active=False)
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.VOID
    assert restore.outcome
    told = Counter(restore.outcome.split(". "))
    assert set(told.values()) == {1}


async def test_the_bot_sends_no_origin(scene: World) -> None:
    await scene.ask()
    await scene.click("approve")
    await scene.until(State.COMPLETED)
    sent = (await scene.portal("requests"))["requests"]
    assert {one["method"] for one in sent} == {"GET", "POST"}
    assert not [one for one in sent if "origin" in one["headers"]]


async def test_a_host_without_a_portal_is_told_as_that_to_a_key_too(scene: World) -> None:
    await scene.portal("faults", "PATCH", host_lost=3600)
    await scene.portal("someone-else-starts", "POST")
    await scene.portal("advance", "POST", seconds=60)
    await scene.command("3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11")
    view = await scene.modal()
    assert view
    assert scene.of_portal.not_a_portal() in words(view)
    assert scene.of_portal.not_a_portal(500) in words(view)
