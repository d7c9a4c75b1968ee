"""Several portals: each with its own key, people and channel."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from restorebot.docspace.client import DocSpace
from restorebot.errors import PortalNotConfigured
from restorebot.model import PortalName, State
from restorebot.restores import policy, transitions
from restorebot.sandbox import portal as sandbox_portal
from restorebot.sandbox.serve import serving
from restorebot.settings import Settings
from restorebot.slack.phrases import answers, ending
from restorebot.slack.phrases import restore as restore_words
from tests.harness import ALICE, BOB, CAROL, CHANNEL, ERIN, KEY, World, words, world

ACME, BETA = PortalName("acme"), PortalName("beta")
OPS = "C0OPS"
BETA_KEY = "sk-" + "cd34" * 16


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[World]:
    """Portals acme and beta; beta has an approver and a requester of its own and may be asked for
    anywhere.
    """
    beta = sandbox_portal.Portal(key=BETA_KEY, manual=True, alias="beta")
    async with serving(sandbox_portal.create_app(beta)) as beta_url:

        def configure(values: dict[str, Any]) -> None:
            values["tables"] = {
                "acme": {"url": values.pop("docspace_url"), "key": values.pop("docspace_api_key")},
                "beta": {
                    "url": beta_url,
                    "key": BETA_KEY,
                    "approvers": [ERIN],
                    "requesters": [ALICE],
                },
            }

        async with world(tmp_path, "socket", configure=configure) as made, made.life():
            made.beta_url = beta_url  # type: ignore[attr-defined]
            yield made


async def backup_of(scene: World, url: str) -> str:
    history = (await scene.http.get(f"{url}/_sandbox/state")).json()["history"]
    return str(next(one["id"] for one in history if one["expiresOn"].startswith("0001")))


def beta_url(scene: World) -> str:
    return str(scene.beta_url)  # type: ignore[attr-defined]


async def test_the_portal_is_named_after_the_id_and_has_its_own_approvers(two: World) -> None:
    backup = await backup_of(two, beta_url(two))
    await two.command(f"{backup} beta")
    view = await two.modal()
    assert view
    assert beta_url(two) in words(view)
    await two.submit({"reason": "beta it is", "alias": "beta"})
    restore = await two.restore()
    assert (restore.portal, restore.portal_url) == ("beta", beta_url(two))
    card = words(await two.card())
    assert f"<@{ERIN}>" in card
    assert f"<@{BOB}>" not in card
    await two.click("approve", BOB)
    assert policy.NO_APPROVER.reason in (await two.private(BOB))[-1]
    await two.click("approve", ERIN)
    assert (await two.restore()).state is State.RESTORING
    assert not await two.requests("startrestore")
    sent = (await two.http.get(f"{beta_url(two)}/_sandbox/requests")).json()["requests"]
    assert len([one for one in sent if one["path"].endswith("startrestore")]) == 1


async def test_without_a_name_the_portals_are_named(two: World) -> None:
    await two.command(await two.backup())
    await two.command("list")
    sentence = answers.portal_not_named((ACME, BETA))
    assert await two.private() == [sentence, sentence]
    assert await two.modal() is None


async def test_an_unknown_portal_is_answered_with_the_nearest(two: World) -> None:
    await two.command(f"{await two.backup()} bta")
    assert await two.private() == [answers.unknown_portal((BETA,), (ACME, BETA))]


async def test_the_picker_and_the_list_take_a_portals_name(two: World) -> None:
    await two.command("beta")
    view = await two.modal()
    assert view
    assert await backup_of(two, beta_url(two)) in str(view["blocks"])
    await two.slack("close", user=ALICE, view_id=view["id"])
    await two.command("list beta")
    assert await backup_of(two, beta_url(two)) in (await two.private())[-1]


async def test_a_live_restore_of_one_portal_is_not_in_the_others_way(two: World) -> None:
    await two.command(f"{await two.backup()} acme")
    await two.submit({"reason": "one", "alias": "acme"})
    await two.click("approve", BOB)
    acme = await two.restore()
    assert acme.state is State.RESTORING
    await two.command(f"{await backup_of(two, beta_url(two))} beta")
    await two.submit({"reason": "two", "alias": "beta"})
    beta = await two.restore()
    assert beta.portal == "beta"
    await two.command("status")
    said = (await two.private())[-1]
    assert restore_words.title(acme) in said
    assert restore_words.title(beta) in said


async def test_a_portal_that_somebody_may_not_read_hides_no_other(two: World) -> None:
    await two.command(f"{await two.backup()} acme", CAROL)
    await two.submit({"reason": "one", "alias": "acme"}, CAROL)
    await two.command("status", CAROL)
    assert restore_words.title(await two.restore()) in (await two.private(CAROL))[-1]
    await two.command("status beta", CAROL)
    assert policy.NO_READER.reason in (await two.private(CAROL))[-1]


# --- channels -------------------------------------------------------------------------------------
# ------------------


@pytest.fixture
async def bound(tmp_path: Path) -> AsyncIterator[World]:
    """Acme is asked for in #restores alone, beta in another channel."""

    def configure(values: dict[str, Any]) -> None:
        acme = {
            "url": values.pop("docspace_url"),
            "key": values.pop("docspace_api_key"),
            "channels": [CHANNEL],
        }
        beta = {"url": "https://beta.invalid", "key": BETA_KEY, "channels": [OPS]}
        values["tables"] = {"acme": acme, "beta": beta}

    async with world(tmp_path, "socket", configure=configure) as made, made.life():
        yield made


async def test_in_a_channel_that_is_bound_to_a_portal_no_name_is_needed(bound: World) -> None:
    await bound.command(await bound.backup())
    view = await bound.modal()
    assert view
    assert bound.portal_url in words(view)


async def test_a_portal_that_is_bound_to_another_channel_is_refused_with_the_way_there(
    bound: World,
) -> None:
    await bound.command(f"{await bound.backup()} beta")
    assert await bound.private() == [answers.wrong_channel((OPS,), BETA)]


async def test_in_a_channel_of_no_portal_nothing_is_asked_for(bound: World) -> None:
    for text in (await bound.backup(), "", "list", "status", "history"):
        await bound.command(text, channel="C0PRIVATE")
    assert await bound.private() == [answers.wrong_channel((OPS, CHANNEL), None)] * 5


# --- settings that lose a portal
# ------------------------------------------------------------------------------------


async def lost(scene: World) -> str:
    """What is said of the newest restore's portal when the settings no longer have it."""
    restore = await scene.restore()
    return str(PortalNotConfigured(restore.portal, restore.portal_url))


async def test_a_request_whose_portal_left_the_settings_cannot_be_approved(quiet: World) -> None:
    async with quiet.life():
        await quiet.ask()
    elsewhere = quiet.settings.model_dump() | {
        "docspace_url": "https://elsewhere.invalid",
        "docspace_api_key": KEY,
    }
    quiet.settings = Settings(**elsewhere)
    async with quiet.life():
        await quiet.settle()
        await quiet.click("approve")
        assert await lost(quiet) in (await quiet.private(BOB))[-1]
        assert (await quiet.restore()).state is State.REQUESTED


async def test_an_approved_restore_whose_portal_left_the_settings_is_void(quiet: World) -> None:
    async with quiet.life():
        await quiet.ask()
        await quiet.portal("faults", "PATCH", html_502=True)
        await quiet.click("approve")
        assert (await quiet.restore()).state is State.APPROVED
    quiet.settings = Settings(
        **(quiet.settings.model_dump() | {"docspace_url": "https://elsewhere.invalid"})
    )
    async with quiet.life():
        await quiet.settle()
        assert (await quiet.restore()).state is State.VOID
        assert await lost(quiet) in (await quiet.thread())[-1]


async def test_a_running_restore_whose_portal_left_the_settings_is_settled_by_who_approved_then(
    quiet: World,
) -> None:
    async with quiet.life():
        await quiet.ask()
        await quiet.click("approve")
        assert (await quiet.restore()).state is State.RESTORING
    elsewhere = {"docspace_url": "https://elsewhere.invalid", "approvers": (CAROL,)}
    quiet.settings = Settings(**(quiet.settings.model_dump() | elsewhere))
    async with quiet.life():
        await quiet.settle()
        assert (await quiet.restore()).state is State.UNKNOWN
        await quiet.click("settle_finished", CAROL)
        assert (await quiet.private(CAROL))[-1] == policy.NO_APPROVER.reason
        await quiet.click("settle_not_started", BOB)
        assert (await quiet.restore()).state is State.CLOSED


async def test_a_completed_restore_whose_portal_left_the_settings_is_told_to_its_end(
    quiet: World,
) -> None:
    """Somebody changes the address because the backup brought an old one back."""
    async with quiet.life():
        await quiet.ask()
        await quiet.portal("faults", "PATCH", alias_elsewhere="other")
        await quiet.click("approve")
        await quiet.until(State.COMPLETED)
        assert ending.VERIFICATION not in (await quiet.thread())[-1]
    quiet.settings = Settings(
        **(quiet.settings.model_dump() | {"docspace_url": "https://elsewhere.invalid"})
    )
    async with quiet.life() as bot:
        await quiet.settle()
        last = (await quiet.thread())[-1]
        assert ending.VERIFICATION in last
        assert await lost(quiet) in last
        assert "*Took*" in last
        assert await bot.runner.open_ids() == []


async def test_a_running_restore_whose_portal_left_the_settings_is_watched_when_it_is_back(
    quiet: World,
) -> None:
    async with quiet.life():
        await quiet.ask()
        await quiet.click("approve")
    before = quiet.settings
    quiet.settings = Settings(
        **(before.model_dump() | {"docspace_url": "https://elsewhere.invalid"})
    )
    async with quiet.life():
        await quiet.settle()
        assert await lost(quiet) in words(await quiet.card())
        assert (await quiet.restore()).state is State.UNKNOWN
    quiet.settings = before
    async with quiet.life():
        await quiet.until(State.COMPLETED)


async def test_of_two_addresses_of_one_portal_only_one_restore_has_its_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both claims were free, and both last looks saw nothing."""

    def configure(values: dict[str, Any]) -> None:
        url, key = values.pop("docspace_url"), values.pop("docspace_api_key")
        twin = url.replace("127.0.0.1", "localhost")
        values["tables"] = {"acme": {"url": url, "key": key}, "twin": {"url": twin, "key": key}}

    async with world(tmp_path, "socket", configure=configure) as scene, scene.life() as bot:
        restores = {}
        for name in ("acme", "twin"):
            await scene.command(f"{await scene.backup()} {name}")
            await scene.submit({"reason": "why not", "alias": "acme"})
            async with bot.store.reading() as tx:
                (restores[name],) = [
                    one for one in await tx.open_restores() if bot.portals.of(one).name == name
                ]
        start_restore = DocSpace.start_restore

        async def after_the_twin(self: DocSpace, *given: Any, **named: Any) -> Any:
            monkeypatch.setattr(DocSpace, "start_restore", start_restore)
            await bot.service.approve(restores["twin"].id, BOB)
            await bot.runner.step(restores["twin"].id, scene.clock.now)
            return await start_restore(self, *given, **named)

        monkeypatch.setattr(DocSpace, "start_restore", after_the_twin)
        await bot.service.approve(restores["acme"].id, BOB)
        await bot.runner.step(restores["acme"].id, scene.clock.now)
        acme = await bot.service.read(restores["acme"].id)
        twin = await bot.service.read(restores["twin"].id)
        assert (acme.state, twin.state) == (State.FAILED, State.RESTORING)
        assert acme.outcome == transitions.same_portal("twin")
        await scene.settle()
        assert ending.ANOTHER_SEEN in "\n".join(await scene.thread())
