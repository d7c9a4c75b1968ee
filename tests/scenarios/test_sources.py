"""Restores from what is not in the history: a file in a room, a connected account, own cloud
storage.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from restorebot.docspace import clouds
from restorebot.docspace.models import CLOUD_KEYS_MISSING
from restorebot.docspace.sentences import Sentences
from restorebot.docspace.storages import StorageType, name_of
from restorebot.model import State
from restorebot.restores import checks
from restorebot.slack.phrases import answers
from restorebot.slack.phrases import card as card_words
from restorebot.slack.phrases import picker as said
from restorebot.slack.phrases import restore as restore_words
from restorebot.storage import audit
from tests.harness import ALICE, World, words, world

FILE = "4711"
WHY = {"reason": "the history is empty since the upgrade", "alias": "acme"}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[World]:
    async with world(tmp_path, "socket") as made, made.life():
        yield made


async def pick(scene: World, kind: str, module: str = "") -> dict[str, Any]:
    """The picker with the fields of a kind."""
    await scene.command("")
    for block, value in (("kind", kind), ("module", module)):
        if value:
            view = await scene.modal()
            assert view
            await choose(scene, view, block, value)
    view = await scene.modal()
    assert view
    return view


async def choose(scene: World, view: dict[str, Any], block: str, value: str) -> dict[str, Any]:
    """Choose in one of the two selects that the other fields depend on; returns the picker as it is
    then.
    """
    action = f"restore_{block}"
    values = {block: {action: value}}
    await scene.slack(
        "click", user=ALICE, view_id=view["id"], action_id=action, value=value, values=values
    )
    await scene.idle()
    found = await scene.modal()
    assert found
    return found


def field_ids(view: dict[str, Any]) -> list[str]:
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


async def sent(scene: World) -> dict[str, Any]:
    (request,) = await scene.requests("startrestore")
    body: dict[str, Any] = json.loads(request["body"])
    return body


def pairs(**params: str) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in params.items()]


async def restored(scene: World) -> None:
    await scene.submit(WHY)
    await scene.click("approve")
    await scene.until(State.COMPLETED)


FIELDS = [
    ("0", "", ["kind", "file"]),
    ("1", "", ["kind", "file"]),
    ("5", "googlecloud", ["kind", "module", "path", "p_bucket", "subdir"]),
    (
        "5",
        "rackspace",
        [
            "kind",
            "module",
            "path",
            "p_public_container",
            "p_private_container",
            "p_region",
            "subdir",
        ],
    ),
]
S3_FIELDS = ["bucket", "region", "serviceurl", "forcepathstyle", "usehttp", "sse", "ssekey"]


@pytest.mark.parametrize(("kind", "module", "ids"), FIELDS)
async def test_fields_appear_by_the_kind_that_is_chosen(
    scene: World, kind: str, module: str, ids: list[str]
) -> None:
    assert field_ids(await pick(scene, kind, module)) == ids


async def test_s3_has_all_its_keys_and_the_history_is_read_once(scene: World) -> None:
    view = await pick(scene, "5", "rackspace")
    view = await choose(scene, view, "module", "s3")
    assert field_ids(view) == [
        "kind",
        "module",
        "path",
        *(f"p_{key}" for key in S3_FIELDS),
        "subdir",
    ]
    view = await choose(scene, view, "kind", "history")
    assert field_ids(view) == ["kind", "backup", "other"]
    assert len(await scene.requests("getbackuphistory")) == 1
    assert said.NOT_OFFERED in words(view)


async def test_a_file_in_a_room_is_recorded_with_title_size_and_version(scene: World) -> None:
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    view = await scene.modal()
    assert view
    for fact in (
        "acme-before-import.tar.gz",
        "1.2 GB, version 1",
        name_of(StorageType.DOCUMENTS),
        checks.ARCHIVE_FOUND,
    ):
        assert fact in words(view)
    await restored(scene)
    source = (await scene.restore()).source
    assert (source.file_name, source.size, source.version) == (
        "acme-before-import.tar.gz",
        1_234_567_890,
        1,
    )
    body = await sent(scene)
    assert (body["backupId"], body["storageType"], body["storageParams"]) == (
        "",
        0,
        pairs(filePath=FILE),
    )
    assert "dump" not in body


@pytest.mark.parametrize("folder", [{"create": False}, {"closed": True}])
async def test_a_file_whose_folder_is_closed_to_the_keys_owner_cannot_be_asked_for(
    scene: World, folder: dict[str, Any]
) -> None:
    """The portal restores from a folder only where the owner may create (docspace-api §2.3)."""
    await scene.portal("folders", "PATCH", **{"7": folder})
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    view = await scene.modal()
    assert view
    assert checks.ARCHIVE_ROOM_CLOSED in words(view)
    assert view["submit"] is None


async def test_a_folder_that_the_portal_does_not_show_is_left_to_the_start(scene: World) -> None:
    await scene.portal("folders", "PATCH", **{"7": None})
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    view = await scene.modal()
    assert view
    assert checks.ARCHIVE_FOUND in words(view)


async def test_a_room_that_closes_before_the_start_is_told_as_that(scene: World) -> None:
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    await scene.submit(WHY)
    # The folder's rights are not shown, and so nothing but the POST tells.
    await scene.portal("folders", "PATCH", **{"7": {"create": False, "rights_shown": False}})
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.FAILED
    assert restore.outcome == scene.of_portal.room_closed()


async def test_a_dead_key_is_told_as_that_and_no_lock_where_anybody_may_ask(scene: World) -> None:
    await pick(scene, "0")
    await scene.portal("keys", "PATCH", is_active=False)
    await scene.submit({"file": FILE})
    view = await scene.modal()
    assert view
    assert scene.of_portal.key_refused_where_anybody_may_ask() in words(view)
    assert scene.of_portal.locked() not in words(view)


async def test_a_locked_portal_is_told_as_that_where_anybody_may_ask(scene: World) -> None:
    await pick(scene, "0")
    await scene.portal("faults", "PATCH", tenant_status=4)
    await scene.submit({"file": FILE})
    view = await scene.modal()
    assert view
    assert f"{checks.ARCHIVE}: {scene.of_portal.locked()}" in words(view)


async def test_a_cloud_that_the_portal_has_no_keys_for_is_told_as_that(scene: World) -> None:
    await scene.portal("faults", "PATCH", cloud_keys_missing=True)
    await pick(scene, "5", "googlecloud")
    await scene.submit({"path": "acme.tar.gz", "p_bucket": "b"})
    await scene.submit(WHY)
    await scene.click("approve")
    restore = await scene.until(State.FAILED)
    assert restore.outcome == CLOUD_KEYS_MISSING


async def test_a_file_that_changed_since_makes_it_void(scene: World) -> None:
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    await scene.submit(WHY)
    await scene.portal("files", "PATCH", **{FILE: {"version": 2}})
    await scene.click("approve")
    restore = await scene.restore()
    assert restore.state is State.VOID
    assert restore.outcome == checks.ARCHIVE_CHANGED


async def test_a_file_that_is_gone_makes_it_void(scene: World) -> None:
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    await scene.submit(WHY)
    await scene.portal("files", "PATCH", **{FILE: None})
    await scene.click("approve")
    assert (await scene.restore()).state is State.VOID
    assert not await scene.requests("startrestore")


async def test_a_file_that_is_not_there_cannot_be_asked_for(scene: World) -> None:
    await pick(scene, "0")
    await scene.submit({"file": "1"})
    view = await scene.modal()
    assert view
    assert checks.ARCHIVE_NOT_FOUND in words(view)
    assert view["submit"] is None


async def test_a_file_that_is_not_called_like_a_backup_is_warned_of(scene: World) -> None:
    await scene.portal("files", "PATCH", **{FILE: {"title": "holiday <!channel>.docx"}})
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    view = await scene.modal()
    assert view
    warning = checks.archive_misnamed("holiday <!channel>.docx")
    assert f":warning: {checks.ARCHIVE}: {warning}" in words(view)
    assert view["submit"]


async def test_a_connected_account_is_sent_as_it_was_typed(scene: World) -> None:
    await pick(scene, "1")
    await scene.submit({"file": "sbox-4-|backups|acme.tar.gz"})
    view = await scene.modal()
    assert view
    assert f":warning: {checks.ARCHIVE}: {checks.ARCHIVE_UNSEEN}" in words(view)
    await restored(scene)
    body = await sent(scene)
    assert (body["storageType"], body["storageParams"]) == (
        1,
        pairs(filePath="sbox-4-|backups|acme.tar.gz"),
    )
    card = words((await scene.messages())[0])
    assert restore_words.NOT_KNOWN in card
    assert "sbox-4-|backups|acme.tar.gz" in card


CLOUDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "googlecloud": ({"p_bucket": "b"}, {"bucket": "b"}),
    "rackspace": (
        {"p_public_container": "p", "p_private_container": "q", "p_region": "r"},
        {"public_container": "p", "private_container": "q", "region": "r"},
    ),
    "s3": (
        {
            "p_bucket": "b",
            "p_serviceurl": "https://s3.example",
            "p_forcepathstyle": ["true"],
            "p_sse": "awskms",
            "p_ssekey": "key-1",
            "subdir": "nightly",
        },
        {
            "bucket": "b",
            "serviceurl": "https://s3.example",
            "forcepathstyle": "true",
            "sse": "awskms",
            "ssekey": "key-1",
            "subdir": "nightly",
        },
    ),
}


@pytest.mark.parametrize("module", CLOUDS)
async def test_own_cloud_storage_is_sent_with_its_keys(scene: World, module: str) -> None:
    typed, params = CLOUDS[module]
    await pick(scene, "5", module)
    await scene.submit({"path": "nightly/acme.tar.gz", **typed})
    await restored(scene)
    body = await sent(scene)
    assert (body["backupId"], body["storageType"]) == ("", 5)
    assert body["storageParams"] == pairs(module=module, filePath="nightly/acme.tar.gz", **params)
    shown = "\n".join(words(message) for message in await scene.messages())
    assert "acme.tar.gz" in shown
    assert "key-1" not in shown


BAD = [
    ("0", "", {"file": " "}, "file", said.NO_ROOM_FILE),
    ("0", "", {"file": "../1"}, "file", said.NO_ROOM_FILE),
    ("1", "", {"file": "17"}, "file", said.NO_PROVIDER_FILE),
    ("5", "googlecloud", {"path": " ", "p_bucket": "b"}, "path", said.NO_PATH),
    ("5", "googlecloud", {"path": "nightly/", "p_bucket": "b"}, "path", said.NO_PATH),
    (
        "5",
        "googlecloud",
        {"path": "a.tar.gz", "p_bucket": " "},
        "p_bucket",
        clouds.parameter_needed("googlecloud"),
    ),
    ("5", "s3", {"path": "a", "p_bucket": "b"}, "p_region", clouds.REGION_NEEDED),
    (
        "5",
        "s3",
        {"path": "a", "p_bucket": "b", "p_region": "EU (Ireland)"},
        "p_region",
        clouds.NOT_A_REGION,
    ),
    (
        "5",
        "googlecloud",
        {"path": "backup/acme.tar.gz", "p_bucket": "b"},
        "path",
        clouds.PATH_WITH_FOLDER,
    ),
    ("5", "googlecloud", {"path": "/acme.tar", "p_bucket": "b"}, "path", clouds.PATH_WITH_SLASH),
    (
        "5",
        "googlecloud",
        {"path": "s3://b/acme.tar", "p_bucket": "b"},
        "path",
        clouds.PATH_WITH_BUCKET,
    ),
    (
        "5",
        "s3",
        {"path": "a", "p_bucket": "b", "p_region": "r", "p_sse": "awskms"},
        "p_ssekey",
        clouds.encryption_key_needed("awskms"),
    ),
    (
        "5",
        "s3",
        {"path": "a", "p_bucket": "b", "p_region": "r", "p_ssekey": "k"},
        "p_ssekey",
        clouds.encryption_key_unused(clouds.ENCRYPTIONS_WITH_KEY),
    ),
    (
        "5",
        "s3",
        {"path": "a", "p_bucket": "b", "p_serviceurl": "s3.example"},
        "p_serviceurl",
        clouds.ADDRESS_WITHOUT_SCHEME,
    ),
    (
        "5",
        "s3",
        {"path": "a", "p_bucket": "b", "p_serviceurl": "https://AKIA:x@s3.example"},
        "p_serviceurl",
        clouds.ADDRESS_WITH_CREDENTIALS,
    ),
    (
        "5",
        "s3",
        {"path": "a", "p_bucket": "b", "p_serviceurl": "https://[s3"},
        "p_serviceurl",
        clouds.NOT_AN_ADDRESS,
    ),
]


@pytest.mark.parametrize(("kind", "module", "values", "field", "sentence"), BAD)
async def test_what_does_not_do_is_told_under_its_field(
    scene: World, kind: str, module: str, values: dict[str, str], field: str, sentence: str
) -> None:
    await pick(scene, kind, module)
    answer = await scene.submit(values)
    assert answer["errors"][field] == sentence
    assert not await scene.messages()


async def test_an_expired_request_for_a_file_can_be_asked_for_again(scene: World) -> None:
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    await scene.submit(WHY)
    await scene.pass_time(31 * 60, by=400)
    await scene.click("again", ALICE)
    view = await scene.modal()
    assert view
    assert "acme-before-import.tar.gz" in words(view)


async def test_a_backup_on_the_servers_disk_is_restored_by_its_id(scene: World) -> None:
    record = await scene.portal("backups", "POST", fileName="disk.tar.gz", storageType=3)
    assert "disk.tar.gz" in words(await pick(scene, "history"))
    await scene.command(record["id"])
    await restored(scene)
    body = await sent(scene)
    assert (body["backupId"], body["storageType"]) == (record["id"], 3)


async def test_a_custom_cloud_is_refused_with_the_reason(scene: World) -> None:
    record = await scene.portal("backups", "POST", fileName="odd.tar.gz", storageType=2)
    await scene.command(record["id"])
    view = await scene.modal()
    assert view
    refusal = StorageType.CUSTOM_CLOUD.facts.refusal
    assert refusal
    assert checks.backup_refused(refusal) in words(view)
    assert view["submit"] is None
    view = await pick(scene, "history")
    assert "odd.tar.gz" not in words(view)


async def test_dump_is_refused_with_the_reason(scene: World) -> None:
    await scene.command(f"{await scene.backup()} --dump")
    assert answers.DUMP_REFUSED in (await scene.private())[-1]


# --- the window is redrawn
# ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "chosen"),
    [
        (("history", ""), {"kind": {"restore_kind": "0"}}),
        (("history", ""), {"kind": {"restore_kind": "5"}}),
        (("5", "s3"), {"kind": {"restore_kind": "history"}}),
        (("5", "googlecloud"), {"module": {"restore_module": "rackspace"}}),
    ],
)
async def test_next_before_the_fields_are_there_loses_nothing_and_draws_them(
    scene: World, shown: tuple[str, str], chosen: dict[str, dict[str, str]]
) -> None:
    """Somebody chooses and presses Next at once, or the redraw was lost."""
    await pick(scene, *shown)
    (block,) = chosen
    typed = {"path": "a.tar.gz", "p_bucket": "b"} if shown[0] == "5" else {}
    answer = await scene.submit(typed | chosen)
    assert answer["errors"]["kind"] == said.FIELDS_COMING
    view = await scene.modal()
    assert view
    ((_, value),) = chosen[block].items()
    wanted = ("5", value) if block == "module" else (value, "s3" if value == "5" else "")
    expected = {("0", ""): "file", ("5", "s3"): "p_serviceurl", ("history", ""): "backup"}
    assert expected.get(wanted, "p_private_container") in field_ids(view)
    assert "p_bucket" not in field_ids(view) or wanted == ("5", "s3")


async def test_a_redraw_that_slack_does_not_take_is_told_in_the_channel(scene: World) -> None:
    await scene.command("")
    view = await scene.modal()
    assert view
    await scene.slack("faults", "PATCH", **{"views.update": {"fault": "drop", "times": 1}})
    await choose(scene, view, "kind", "5")
    told = answers.window_not_filled(answers.CHOOSE_AGAIN)
    assert told in (await scene.private())[-1]
    await scene.submit({"kind": {"restore_kind": "5"}})
    found = await scene.modal()
    assert found
    assert "p_bucket" in field_ids(found)


async def test_an_archive_is_asked_for_when_the_history_cannot_be_read(scene: World) -> None:
    """Backups can be gone from the list after an upgrade, though their files exist.

    Source: docspace-api §10.
    """
    await scene.portal("faults", "PATCH", on="getbackuphistory", fault="html_502", times=100)
    view = await pick(scene, "0")
    view = await choose(scene, view, "kind", "history")
    assert len(await scene.requests("getbackuphistory")) == 1
    assert said.NOT_READ in words(view)
    await choose(scene, view, "kind", "0")
    await scene.submit({"file": FILE})
    view = await scene.modal() or {}
    assert "acme-before-import.tar.gz" in words(view)
    assert view["submit"]


async def test_a_files_time_is_not_called_the_time_of_its_backup(scene: World) -> None:
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    assert f"*{restore_words.FILE_CHANGED}*" in words(await scene.modal() or {})
    await scene.submit(WHY)
    card = await scene.card()
    assert f"*{restore_words.FILE_CHANGED}*" in words(card)
    assert card_words.approve_question(await scene.restore()) in str(card)
    assert restore_words.BACKUP_MADE not in str(card)


async def test_the_longest_values_are_shown_whole_and_on_record(scene: World) -> None:
    """The approver has to see which archive it is, and the audit trail to keep it."""
    path = f"{'d' * 390}/a.tar.gz"
    await pick(scene, "5")
    await scene.submit(
        {"path": path, "p_bucket": "b" * 200, "p_region": "r" * 200, "subdir": "s" * 200}
    )
    await scene.submit(WHY)
    restore = await scene.restore()
    assert restore.source.path == path
    card = words(await scene.card())
    assert f"filePath {path}, bucket {'b' * 200}, region {'r' * 200}, subdir {'s' * 200}" in card
    assert scene.bot
    async with scene.bot.store.reading() as tx:
        (row,) = [one async for one in audit.rows(tx.connection)]
    assert row.entry.details["source"] == {
        "file_name": "a.tar.gz",
        "storage_type": 5,
        "params": dict(restore.source.params),
    }


async def test_more_than_slack_carries_is_told_under_the_path(scene: World) -> None:
    await pick(scene, "5")
    long = {"p_bucket": '"' * 200, "p_region": "r" * 200, "p_serviceurl": f"https://{'s' * 190}"}
    answer = await scene.submit({"path": '"' * 400, **long, "subdir": '"' * 200})
    assert answer["errors"] == {"path": said.TOO_LONG_TOGETHER}


async def test_a_file_that_the_keys_owner_may_not_open_is_told(scene: World) -> None:
    await scene.portal("files", "PATCH", **{FILE: {"closed": True}})
    await pick(scene, "0")
    await scene.submit({"file": FILE})
    assert checks.ARCHIVE_CLOSED in words(await scene.modal() or {})
    await scene.command("")
    await scene.portal("faults", "PATCH", ip_refused=True)
    await choose(scene, await scene.modal() or {}, "kind", "0")
    await scene.submit({"file": FILE})
    refused = Sentences(urlsplit(scene.portal_url).netloc).ip_address_refused()
    assert f":x: {checks.ARCHIVE}: {refused}" in words(await scene.modal() or {})
