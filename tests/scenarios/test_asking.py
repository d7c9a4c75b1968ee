"""From `/restore` to the request card: what is shown, and everything that keeps a request from
being made.
"""

import asyncio
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from restorebot.docspace.replies import DEFAULT_WAIT
from restorebot.docspace.sentences import Sentences
from restorebot.docspace.storages import StorageType, name_of
from restorebot.model import State
from restorebot.restores import checks, policy, preflight, service
from restorebot.slack.mrkdwn import escape
from restorebot.slack.phrases import answers, request
from restorebot.slack.phrases import card as card_words
from tests.harness import ALICE, BOB, CHANNEL, ERIN, World, words, world

MISSING = "3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11"
PING = "<!channel> <@U0BOB> *loud* _soft_ `code` \u202eevil"


async def shown(scene: World) -> str:
    """The words of the requester's modal."""
    view = await scene.modal()
    assert view is not None
    return words(view)


async def inputs(scene: World) -> list[str]:
    view = await scene.modal()
    assert view is not None
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


async def refused(scene: World) -> str:
    """The one private answer, after which nothing else is to be seen."""
    (said,) = await scene.private()
    assert await scene.modal() is None
    assert not await scene.messages()
    return said


# --- the modal ------------------------------------------------------------------------------------
# --------------------


@pytest.mark.both_transports
async def test_the_modal_opens_at_once_and_fills_with_facts(scene: World) -> None:
    backup = await scene.backup()
    await scene.command(backup)
    calls = [call["method"] for call in (await scene.slack("calls", "GET"))["calls"]]
    assert calls.index("views.open") < calls.index("views.update")
    record = next(one for one in (await scene.portal())["history"] if one["id"] == backup)
    text = await shown(scene)
    for fact in (
        "`acme`",
        scene.portal_url,
        record["fileName"],
        backup,
        name_of(StorageType.CLOUD),
        "ago",
    ):
        assert fact in text
    for check in (
        checks.PORTAL,
        checks.API_KEY,
        checks.BACKUP,
        checks.NOTHING_RUNNING,
        checks.NO_OTHER_REQUEST,
    ):
        assert f":white_check_mark: {check}:" in text
    assert request.CONSEQUENCES in text
    assert await inputs(scene) == ["reason", "alias", "notify", "starts"]


async def test_the_card_says_who_what_why_and_when_it_expires(scene: World) -> None:
    restore = await scene.ask(reason="the import of Monday broke it")
    card = await scene.card()
    text = words(card)
    assert f"<@{ALICE}>" in text
    assert restore.source.file_name in text
    assert str(restore.source.backup_id) in text
    assert "the import of Monday broke it" in text
    assert f"<!date^{int(restore.expires_at.timestamp())}^" in text
    assert f"<@{BOB}>" in text
    assert f"<@{ERIN}>" in text
    (row,) = [block for block in card["blocks"] if block["type"] == "actions"]
    assert [button["text"]["text"] for button in row["elements"]] == [
        card_words.APPROVE,
        card_words.DENY,
        card_words.WITHDRAW,
    ]
    assert "confirm" in row["elements"][0]
    assert "the import of Monday broke it" in card["text"]


async def test_notify_reaches_the_portal_only_when_it_was_ticked(scene: World) -> None:
    await scene.command(await scene.backup())
    await scene.submit({"reason": "why", "alias": "acme", "notify": ["notify"]})
    await scene.click("approve")
    (request,) = await scene.requests("startrestore")
    assert '"notify":true' in request["body"].replace(" ", "")


# --- what was typed -------------------------------------------------------------------------------
# --------------------


@pytest.mark.both_transports
@pytest.mark.parametrize("text", ["help", "HELP"])
async def test_on_help_the_usage_is_told(scene: World, text: str) -> None:
    await scene.command(text)
    assert answers.USAGE in await refused(scene)


NO_NAMES = [
    "3c0f8f0a7a6b4f2e9a510d7a4a1f6b11",
    "{3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11}",
    "00000000-0000-0000-0000-000000000000",
    "<!channel>",
    "x" * 5000,
]


@pytest.mark.parametrize("text", NO_NAMES)
async def test_what_no_backup_is_named_is_told(scene: World, text: str) -> None:
    await scene.command(text)
    said = await shown(scene)
    # Slack escapes what is typed.
    assert answers.no_such_backup(escape(text, len(text) * 4)) in said
    assert "<!channel>" not in said
    assert len(said) < 1000
    assert not await inputs(scene)


async def test_of_two_ids_none_is_taken_and_the_portal_is_not_asked(scene: World) -> None:
    await scene.command(f"{MISSING} {MISSING}")
    assert answers.ONE_BACKUP in await refused(scene)
    assert not (await scene.portal("requests"))["requests"]


NAMED = [
    ("whole name.tar.gz", "whole name.tar.gz"),
    ("WHOLE  name", "whole name.tar.gz"),
    ("“whole name.tar.gz”", "whole name.tar.gz"),
    ("twin", "twin"),
    ("latest", "newest.tar.gz"),
]


@pytest.mark.parametrize(("typed", "name"), NAMED)
async def test_a_backup_is_found_by_its_name(scene: World, typed: str, name: str) -> None:
    for day, made in enumerate(("twin", "twin-2.tar.gz", "whole name.tar.gz", "newest.tar.gz"), 1):
        created = f"2030-01-0{day}T00:00:00"
        await scene.portal("backups", "POST", fileName=made, createdOn=created)
    await scene.portal(
        "backups",
        "POST",
        fileName="expired.tar.gz",
        createdOn="2030-01-09T00:00:00",
        expiresOn="2020-01-01T00:00:00",
    )
    await scene.command(typed)
    assert name in await shown(scene)
    await scene.submit({"reason": "why", "alias": "acme"})
    assert (await scene.restore()).source.file_name == name


@pytest.mark.parametrize("dry_run", ["", " --dry-run"])
async def test_of_names_that_begin_alike_a_few_are_told(scene: World, dry_run: str) -> None:
    for number in range(7):
        await scene.portal("backups", "POST", fileName=f"alike-{number}{PING}.tar.gz")
    await scene.command(f"alike{dry_run}")
    said = (await scene.private())[-1] if dry_run else await shown(scene)
    assert sum(f"alike-{number}" in said for number in range(7)) == answers.CANDIDATES_SHOWN
    assert "2 more" in said
    assert "<!channel>" not in said
    assert not await scene.messages()


async def test_an_id_in_capitals_is_the_same_backup(scene: World) -> None:
    await scene.command((await scene.backup()).upper())
    assert await inputs(scene)


async def test_a_backup_that_is_not_in_this_portals_history_cannot_be_asked_for(
    scene: World,
) -> None:
    await scene.command(MISSING)
    text = await shown(scene)
    assert f":x: {checks.BACKUP}: {checks.BACKUP_NOT_FOUND}" in text
    assert not await inputs(scene)
    for record in (await scene.portal())["history"]:
        assert record["fileName"] not in text
    view = await scene.modal()
    assert view is not None
    assert not view["submit"]


# --- the checks -----------------------------------------------------------------------------------
# --------------------

LOCKED = 4

FAILING: list[tuple[str, str, dict[str, Any], Callable[[Sentences], str]]] = [
    ("a locked portal", "lock", {}, lambda _: checks.portal_inactive("acme", LOCKED)),
    ("a restore runs", "someone-else-starts", {}, lambda _: checks.task_running("restore", 0)),
    (
        "the key may only read",
        "keys",
        {"permissions": ["*:read"]},
        lambda of_portal: checks.key_read_only("restorebot", of_portal.hints),
    ),
    ("the key is switched off", "keys", {"is_active": False}, Sentences.key_rejected),
    ("the key's owner is no administrator", "keys", {"admin": False}, Sentences.access_denied),
    ("the address is refused", "faults", {"ip_refused": True}, Sentences.ip_address_refused),
    (
        "the portal is not paid for",
        "faults",
        {"unpaid": True},
        lambda of_portal: of_portal.asks_for_payment(None),
    ),
    (
        "another portal's address",
        "faults",
        {"redirect_elsewhere": True},
        lambda of_portal: of_portal.redirects("elsewhere.invalid"),
    ),
    ("the portal is away", "faults", {"away": 100}, Sentences.broke_connection),
    (
        "a proxy answers",
        "faults",
        {"html_502": True},
        lambda of_portal: of_portal.service_away(502),
    ),
    ("half a JSON", "faults", {"bad_json": True}, Sentences.not_json),
    ("a gigabyte", "faults", {"huge_reply": True}, lambda of_portal: of_portal.too_large(4)),
    (
        "too many questions",
        "faults",
        {"rate_limited": 20},
        lambda of_portal: of_portal.rate_limited(DEFAULT_WAIT),
    ),
]


@pytest.mark.parametrize(
    ("where", "how", "said"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING]
)
async def test_a_check_that_fails_says_so_and_leaves_nothing_to_submit(
    scene: World, where: str, how: dict[str, Any], said: Callable[[Sentences], str]
) -> None:
    backup = await scene.backup()
    if where == "lock":
        await scene.portal("someone-else-starts", "POST")
        await scene.portal("advance", "POST", seconds=8)
    else:
        await scene.portal(where, "PATCH" if where in {"keys", "faults"} else "POST", **how)
    began = time.monotonic()
    await scene.command(backup)
    assert time.monotonic() - began < 10
    text = await shown(scene)
    assert said(scene.of_portal) in text
    assert request.CANNOT_BE_ASKED in text
    assert not await inputs(scene)
    assert not await scene.messages()


async def test_a_backup_that_has_expired_is_told(scene: World) -> None:
    backup = await scene.backup()
    await scene.portal("backups", "POST", id=backup, expiresOn="2020-01-01T00:00:00")
    await scene.command(backup)
    assert checks.BACKUP_EXPIRED in await shown(scene)
    assert not await inputs(scene)


async def test_a_key_that_expires_within_a_day_is_a_warning(scene: World) -> None:
    soon = (scene.clock.now + timedelta(hours=12)).replace(tzinfo=None)
    await scene.portal("keys", "PATCH", expires_at=soon.isoformat())
    await scene.command(await scene.backup())
    warning = f":warning: {checks.API_KEY}: {checks.key_expires('restorebot')}"
    assert warning in await shown(scene)
    assert await inputs(scene)


async def test_a_slow_portal_is_given_up_on_within_ten_seconds(
    scene: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("restorebot.slack.request_flow.CHECKS_TIMEOUT", 0.2)
    await scene.portal("faults", "PATCH", slow=1)
    await scene.command(MISSING)
    assert preflight.too_slow(scene.of_portal.host, 0.2) in await shown(scene)
    assert not await inputs(scene)


async def test_a_request_that_is_open_keeps_the_next_from_being_made(scene: World) -> None:
    await scene.ask()
    await scene.command(await scene.backup())
    assert checks.other_open(State.REQUESTED) in await shown(scene)
    assert not await inputs(scene)


# --- the fields -----------------------------------------------------------------------------------
# --------------------


@pytest.mark.both_transports
async def test_wrong_fields_are_told_under_the_field_and_the_modal_stays(scene: World) -> None:
    await scene.command(await scene.backup())
    answer = await scene.submit({"reason": "  ", "alias": "Acme"})
    assert answer["errors"] == {
        "reason": request.REASON_NEEDED,
        "alias": request.wrong_alias("acme"),
    }
    assert await inputs(scene)
    assert not await scene.messages()
    answer = await scene.submit({"reason": "why", "alias": "acme "})
    assert answer["closed"]
    assert (await scene.restore()).state is State.REQUESTED


async def test_two_requests_at_once_become_one(scene: World) -> None:
    backup = await scene.backup()
    await scene.command(backup, ALICE)
    await scene.command(backup, BOB)
    views = {user: await scene.modal(user) or {} for user in (ALICE, BOB)}
    values = {"reason": "mine", "alias": "acme"}
    answers = await asyncio.gather(
        *(
            scene.slack("submit", user=user, view_id=view["id"], values=values)
            for user, view in views.items()
        )
    )
    await scene.settle()
    (refused,) = [answer for answer in answers if answer["errors"]]
    assert service.ASKED_MEANWHILE in refused["errors"]["reason"]
    assert len(await scene.messages()) == 1


@pytest.mark.both_transports
async def test_a_submit_that_slack_sends_twice_is_one_request(scene: World) -> None:
    await scene.command(await scene.backup())
    view = await scene.modal()
    assert view is not None
    body = {"user": ALICE, "view_id": view["id"], "values": {"reason": "why", "alias": "acme"}}
    await asyncio.gather(scene.slack("submit", **body), scene.slack("submit", **body))
    await scene.settle()
    assert scene.bot is not None
    async with scene.bot.store.reading() as tx:
        assert len(await tx.open_restores()) == 1
    assert len(await scene.messages()) == 1


@pytest.mark.both_transports
async def test_a_database_that_is_full_is_told_in_the_modal_and_nothing_is_posted(
    scene: World,
) -> None:
    await scene.command(await scene.backup())
    with no_room_left():
        answer = await scene.submit({"reason": "why", "alias": "acme"})
    assert answers.NOTHING_SAVED in answer["errors"]["reason"]
    assert await inputs(scene)
    assert not await scene.messages()
    assert (await scene.submit({"reason": "why", "alias": "acme"}))["closed"]
    assert len(await scene.messages()) == 1


@contextmanager
def no_room_left() -> Iterator[None]:
    """No file of this process can grow past its first kilobyte, as on a full disk."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


# --- the window -----------------------------------------------------------------------------------
# --------------------


async def test_a_window_that_is_closed_while_it_loads_breaks_nothing(scene: World) -> None:
    await scene.portal("faults", "PATCH", slow=0.3)
    backup = await scene.backup()
    seen = (await scene.slack("events", "GET"))["last"]
    await scene.slack("command", user=ALICE, channel=CHANNEL, text=backup)
    while (view := await scene.modal()) is None:
        seen = (await scene.slack(f"events?after={seen}&wait=5", "GET"))["last"]
    await scene.slack("close", user=ALICE, view_id=view["id"])
    await scene.idle()
    (said,) = await scene.private()
    assert answers.window_closed(answers.try_again(backup)) in said


async def test_a_trigger_that_has_expired_is_told(scene: World) -> None:
    await scene.slack(
        "faults", "PATCH", **{"views.open": {"fault": "error", "error": "expired_trigger_id"}}
    )
    backup = await scene.backup()
    await scene.command(backup)
    assert answers.window_not_opened(answers.try_again(backup)) in await refused(scene)


async def test_slack_failing_at_the_window_is_told(scene: World) -> None:
    await scene.slack("faults", "PATCH", **{"views.open": {"fault": "server_error"}})
    backup = await scene.backup()
    await scene.command(backup)
    assert answers.window_not_opened(answers.try_again(backup)) in await refused(scene)


# --- where and who --------------------------------------------------------------------------------
# --------------------

PLACES: list[tuple[str, dict[str, Any], str]] = [
    ("the bot is not in it", {"is_member": False}, answers.NOT_A_MEMBER),
    (
        "a private one that the bot is not in",
        {"is_member": False, "is_private": True},
        answers.NOT_A_MEMBER,
    ),
    (
        "shared with another organisation",
        {"is_ext_shared": True},
        answers.SHARED_CHANNEL,
    ),
]


@pytest.mark.parametrize(
    ("how", "said"), [case[1:] for case in PLACES], ids=[case[0] for case in PLACES]
)
async def test_a_channel_that_will_not_do_is_refused(
    scene: World, how: dict[str, Any], said: str
) -> None:
    await scene.slack(f"channels/{CHANNEL}", "PATCH", **how)
    await scene.command(await scene.backup())
    assert said in await refused(scene)


async def test_in_a_direct_message_with_the_bot_a_channel_is_asked_for(scene: World) -> None:
    await scene.slack(
        "channels/D0ALICE", "PUT", name="alice", is_im=True, members=[ALICE, "U0RESTORE"]
    )
    await scene.command(await scene.backup(), channel="D0ALICE")
    assert answers.IN_PRIVATE in await refused(scene)


PEOPLE: list[tuple[str, dict[str, Any], str]] = [
    ("a guest", {"is_restricted": True}, policy.GUEST.reason),
    ("a guest of one channel", {"is_ultra_restricted": True}, policy.GUEST.reason),
    ("a bot", {"is_bot": True}, policy.BOT.reason),
    ("a stranger", {"is_stranger": True}, policy.EXTERNAL.reason),
]


@pytest.mark.parametrize(
    ("how", "said"), [case[1:] for case in PEOPLE], ids=[case[0] for case in PEOPLE]
)
async def test_somebody_who_is_no_full_member_is_refused(
    scene: World, how: dict[str, Any], said: str
) -> None:
    await scene.slack(f"people/{ALICE}", "PATCH", **how)
    await scene.command(await scene.backup())
    assert said in await refused(scene)


async def test_who_may_ask_is_checked_again_at_the_submit(scene: World) -> None:
    await scene.command(await scene.backup())
    await scene.slack(f"people/{ALICE}", "PATCH", is_restricted=True)
    answer = await scene.submit({"reason": "why", "alias": "acme"})
    assert policy.GUEST.reason in answer["errors"]["reason"]
    assert not await scene.messages()


@pytest.mark.parametrize("media_type", ["text/html", "text/plain"])
async def test_when_slack_does_not_say_who_somebody_is_nothing_is_asked(
    scene: World, media_type: str
) -> None:
    fault = {"fault": "server_error", "media_type": media_type}
    await scene.slack("faults", "PATCH", **{"users.info": fault})
    await scene.command(await scene.backup())
    assert answers.slack_did_not_tell(answers.WHO) in await refused(scene)


async def test_requesters_and_channels_can_be_named(
    tmp_path: Path, transport: str, profile: str
) -> None:
    def configure(values: dict[str, Any]) -> None:
        values |= {"requesters": (BOB, "S0OPS"), "channels": (CHANNEL,)}

    made = world(tmp_path, transport, configure=configure, profile=profile)
    async with made as scene, scene.life():
        backup = await scene.backup()
        await scene.slack("usergroups/S0OPS", "PUT", users=[ERIN])
        await scene.command(backup, ALICE)
        assert policy.NO_REQUESTER.reason in (await scene.private(ALICE))[-1]
        await scene.command(backup, ERIN)
        assert await scene.modal(ERIN)
        await scene.slack("channels/C0OTHER", "PUT", name="other", members=["U0RESTORE", BOB])
        await scene.command(backup, BOB, "C0OTHER")
        assert answers.wrong_channel((CHANNEL,), None) in (await scene.private(BOB))[-1]


# --- text from outside
# ------------------------------------------------------------------------------------------------

HOSTILE = [
    PING,
    "x" * 3000,
    "🔥" * 400,
    "مرحبا بالعالم",
    "a\nb\n\n>quote",
    "<https://evil.example|click>",
    "&lt;!here&gt;",
]


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["pings", "long", "emoji", "rtl", "lines", "link", "escaped"]
)
async def test_a_reason_is_shown_as_text_and_pings_nobody(scene: World, text: str) -> None:
    await scene.ask(reason=text)
    await scene.deny()
    for message in await scene.messages():
        assert "\u202e" not in str(message)
        for text_of_ours in [message["text"], *mrkdwn(message)]:
            assert "<!channel>" not in text_of_ours
            assert "<https://evil" not in text_of_ours
            assert "<!here>" not in text_of_ours
            assert len(text_of_ours) <= 3000
    assert text[:5].split("\n", maxsplit=1)[0] in words(await scene.card())


async def test_a_file_name_is_shown_as_text_everywhere(scene: World) -> None:
    backup = await scene.backup()
    await scene.portal("backups", "POST", id=backup, fileName=PING + "n" * 5000)
    await scene.ask(backup)
    await scene.click("approve")
    await scene.until(State.COMPLETED, by=5)
    for message in await scene.messages():
        assert "<!channel>" not in message["text"]
        assert not [text for text in mrkdwn(message) if "<!channel>" in text or "*loud*" in text]


def mrkdwn(message: dict[str, Any]) -> list[str]:
    """The texts of a message in which Slack obeys markup."""
    blocks = message["blocks"]
    parts = [
        part
        for block in blocks
        for part in (block.get("text"), *block.get("fields", []), *block.get("elements", []))
    ]
    return [
        part["text"] for part in parts if isinstance(part, dict) and part.get("type") == "mrkdwn"
    ]


# --- strangers ------------------------------------------------------------------------------------
# --------------------


@pytest.mark.both_transports
async def test_another_workspace_is_refused_and_leaves_no_trace(scene: World) -> None:
    assert (await scene.command(MISSING, team_id="T0EVIL"))["acked"]
    assert answers.OTHER_WORKSPACE in await refused(scene)
    assert not (await scene.portal("requests"))["requests"]
    await scene.ask()
    await scene.click("approve", team_id="T0EVIL")
    assert (await scene.restore()).state is State.REQUESTED
    assert answers.OTHER_WORKSPACE in (await scene.private(BOB))[-1]
    await scene.click("withdraw", ALICE)


@pytest.mark.parametrize("how", ["bad_signature", "old_timestamp"])
async def test_a_request_that_slack_did_not_sign_is_refused(tmp_path: Path, how: str) -> None:
    """HTTP only: over Socket Mode nothing is signed, for the bot itself has opened the
    connection.
    """
    async with world(tmp_path, "http") as scene, scene.life():
        answer = await scene.command(await scene.backup(), http={how: True})
        assert answer["http_status"] == 401
        assert await scene.modal() is None
        assert not await scene.private()
