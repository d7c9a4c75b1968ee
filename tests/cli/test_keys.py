"""`restorebot key`: stored encrypted, used by the running bot at once, never shown."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.fernet import Fernet
from typer.testing import CliRunner

from restorebot.cli import keys
from restorebot.cli.main import app
from restorebot.docspace.sentences import Sentences
from restorebot.model import State
from restorebot.restores.watch import KeyFate
from restorebot.settings import Settings
from restorebot.setup_hints import SETUP_HINTS
from restorebot.slack.phrases import ending
from restorebot.storage import keys as stored_keys
from tests.harness import KEY, World, words, world

SECRET = Fernet.generate_key().decode()


@pytest.fixture
async def keyed(tmp_path: Path) -> AsyncIterator[World]:
    """A running bot with an encryption key."""

    def configure(values: dict[str, object]) -> None:
        values["encryption_key"] = SECRET

    async with world(tmp_path, "socket", configure=configure) as made, made.life():
        yield made


def environment(scene: World) -> dict[str, str]:
    settings = scene.settings
    assert settings.slack_app_token
    return {
        "SLACK_BOT_TOKEN": settings.slack_bot_token.get_secret_value(),
        "SLACK_APP_TOKEN": settings.slack_app_token.get_secret_value(),
        "DOCSPACE_URL": scene.portal_url,
        "DOCSPACE_API_KEY": KEY,
        "DATABASE_URL": settings.database_url.replace("+aiosqlite", ""),
        "RESTOREBOT_APPROVERS": "U0BOB",
        "RESTOREBOT_ENCRYPTION_KEY": SECRET,
    }


async def key(scene: World, *args: str, typed: str = "", **changes: str) -> tuple[int, str]:
    """`restorebot key …` beside the bot, on its settings; returns the exit code and what was
    said.
    """
    env = {**environment(scene), **changes}
    # In a thread of its own, for the command has an event loop of its own.
    done = await asyncio.to_thread(CliRunner().invoke, app, ["key", *args], input=typed, env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert typed.strip() == "" or typed.strip() not in done.output
    return done.exit_code, done.output


def say(scene: World) -> Sentences:
    return Sentences(urlsplit(scene.portal_url).netloc, SETUP_HINTS)


async def new_key(scene: World) -> str:
    return str((await scene.portal("keys", "POST"))["key"])


async def test_a_stored_key_is_used_by_the_running_bot_after_a_restore_has_killed_the_old_one(
    keyed: World,
) -> None:
    await keyed.ask()
    await keyed.click("approve")
    await keyed.until(State.COMPLETED)
    await keyed.pass_time(30)
    await keyed.command(await keyed.backup())
    view = await keyed.modal()
    assert view
    assert ":x: API key" in words(view)
    assert say(keyed).key_rejected() in words(view)
    await keyed.slack("close", user="U0ALICE", view_id=view["id"])
    made = await new_key(keyed)
    status, said = await key(keyed, "set", typed=f"  {made}\n")
    assert (status, said) == (0, f"{keys.stored(made[-4:], 'portal')}\n")
    await keyed.ask()
    assert (await keyed.restore()).state is State.REQUESTED


async def test_the_database_holds_the_key_encrypted_only(keyed: World, tmp_path: Path) -> None:
    made = await new_key(keyed)
    assert (await key(keyed, "set", typed=made))[0] == 0
    stored = contents(tmp_path)
    assert made.encode() not in stored
    assert SECRET.encode() not in stored


def contents(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("bot.sqlite3*"))


async def test_the_list_shows_four_characters_and_what_the_portal_says(keyed: World) -> None:
    status, said = await key(keyed, "list")
    assert status == 0
    assert f"…{KEY[-4:]}" in said
    assert "settings" in said
    made = await new_key(keyed)
    await key(keyed, "set", typed=made)
    await keyed.portal("keys", "PATCH", expires_at="2099-05-01T00:00:00")
    _, said = await key(keyed, "list")
    assert all(
        part in said for part in (f"…{made[-4:]}", "stored", "0 d", "all", "2099-05-01", "accepted")
    )
    assert made not in said


async def test_a_removed_key_gives_way_to_the_one_in_the_settings(keyed: World) -> None:
    status, said = await key(keyed, "remove")
    assert (status, said) == (1, f"{keys.no_stored_key('portal')}\n")
    await key(keyed, "set", typed=await new_key(keyed))
    status, said = await key(keyed, "remove")
    assert (status, said) == (0, f"{keys.forgotten('portal', keys.SETTINGS_KEY_AGAIN)}\n")
    assert f"…{KEY[-4:]}" in (await key(keyed, "list"))[1]


async def test_a_key_that_the_portal_does_not_take_is_not_stored(keyed: World) -> None:
    status, said = await key(keyed, "set", typed="sk-" + "0" * 64)
    assert status == 1
    assert say(keyed).key_rejected() in said
    assert keys.NOTHING_STORED in said
    assert (await key(keyed, "remove"))[0] == 1


@pytest.mark.parametrize("typed", ["", "hello", "sk-12 34", "sk-\N{FIRE}"])
async def test_what_is_no_key_is_refused_before_the_portal_is_asked(
    keyed: World, typed: str
) -> None:
    await keyed.portal("requests", "DELETE")
    status, said = await key(keyed, "set", typed=typed)
    assert status == 1
    assert keys.NOT_A_KEY in said
    assert not (await keyed.portal("requests"))["requests"]


async def test_a_read_only_key_is_not_stored(keyed: World) -> None:
    made = await new_key(keyed)
    await keyed.portal("keys", "PATCH", permissions=["*:read"])
    status, said = await key(keyed, "set", typed=made)
    assert (status, said) == (1, f"{keys.READ_ONLY_KEY}\n")


BAD = [
    (
        {"RESTOREBOT_ENCRYPTION_KEY": ""},
        ("set",),
        2,
        keys.NOTHING_TO_ENCRYPT_WITH,
    ),
    (
        {"RESTOREBOT_ENCRYPTION_KEY": "corrupt"},
        ("list",),
        2,
        "RESTOREBOT_ENCRYPTION_KEY: is no encryption key",
    ),
    ({}, ("set", "beta"), 1, keys.unknown_portal("beta", "portal")),
]


@pytest.mark.parametrize(
    ("changes", "words_", "status", "sentence"), BAD, ids=["missing", "corrupt", "unknown"]
)
async def test_what_is_missing_or_wrong_is_said_in_a_sentence(
    keyed: World, changes: dict[str, str], words_: tuple[str, ...], status: int, sentence: str
) -> None:
    found = await key(keyed, *words_, typed="sk-1", **changes)
    assert found[0] == status
    assert sentence in found[1]


async def test_another_encryption_key_is_told_in_the_modal_and_in_the_list(
    quiet_keyed: World,
) -> None:
    quiet = quiet_keyed
    async with quiet.life():
        await key(quiet, "set", typed=await new_key(quiet))
    other = Fernet.generate_key().decode()
    _, said = await key(quiet, "list", RESTOREBOT_ENCRYPTION_KEY=other)
    assert stored_keys.OTHER_ENCRYPTION_KEY in said
    quiet.settings = Settings(**(quiet.settings.model_dump() | {"encryption_key": other}))
    async with quiet.life():
        await quiet.command(await quiet.backup())
        view = await quiet.modal()
        assert view
        assert stored_keys.OTHER_ENCRYPTION_KEY in words(view)


async def test_a_stored_key_without_the_encryption_key_is_told_and_no_other_is_used_in_its_place(
    quiet_keyed: World,
) -> None:
    quiet = quiet_keyed
    async with quiet.life():
        made = await new_key(quiet)
        await key(quiet, "set", typed=made)
    _, said = await key(quiet, "list", RESTOREBOT_ENCRYPTION_KEY="")
    assert f"…{made[-4:]}" in said
    assert stored_keys.NO_ENCRYPTION_KEY in said
    quiet.settings = quiet.settings.model_copy(update={"encryption_key": None})
    await quiet.portal("requests", "DELETE")
    async with quiet.life():
        await quiet.command(await quiet.backup())
        view = await quiet.modal()
        assert view
        assert f":x: API key: {stored_keys.NO_ENCRYPTION_KEY}" in words(view)
    assert not [
        one
        for one in (await quiet.portal("requests"))["requests"]
        if "authorization" in one["headers"]
    ]
    status, _ = await key(quiet, "remove", RESTOREBOT_ENCRYPTION_KEY="")
    assert status == 0
    async with quiet.life():
        await quiet.ask()


async def test_a_key_that_is_given_as_an_argument_is_not_shown_again(keyed: World) -> None:
    made = await new_key(keyed)
    for command in ("set", "remove"):
        status, said = await key(keyed, command, made)
        assert status == 1
        assert keys.KEY_AS_ARGUMENT in said
        assert made not in said


async def test_a_key_that_soon_expires_is_told(keyed: World) -> None:
    made = await new_key(keyed)
    expires_at = keyed.clock.now + timedelta(hours=3)
    await keyed.portal("keys", "PATCH", expires_at=f"{expires_at:%Y-%m-%dT%H:%M:%S}")
    _, said = await key(keyed, "set", typed=made)
    assert keys.expires_soon(expires_at) in said


async def test_what_the_portal_says_of_a_key_is_printed_as_it_is(keyed: World) -> None:
    await keyed.portal("keys", "PATCH", permissions=["[/rooms]:read", "*"])
    status, said = await key(keyed, "list")
    assert status == 0
    assert "[/rooms]:read, *" in said


async def test_a_cookie_of_the_settings_is_tried_as_a_cookie(keyed: World) -> None:
    _, said = await key(keyed, "list", DOCSPACE_API_KEY="asc_auth_key=token5")
    assert "…ken5" in said
    (asked, *_) = (await keyed.portal("requests"))["requests"][-1:]
    assert asked["headers"]["cookie"] == "asc_auth_key=token5"


async def test_without_any_input_no_key_is_read(keyed: World) -> None:
    program = [sys.executable, "-m", "restorebot", "key", "set"]
    done = await asyncio.create_subprocess_exec(
        "sh",
        "-c",
        'exec "$@" <&-',
        "sh",
        *program,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment(keyed)},
    )
    _, said = await done.communicate()
    assert (done.returncode, said.decode()) == (1, f"{keys.NOT_A_KEY}\n")


@pytest.fixture
async def quiet_keyed(tmp_path: Path) -> AsyncIterator[World]:
    def configure(values: dict[str, object]) -> None:
        values["encryption_key"] = SECRET

    async with world(tmp_path, "socket", configure=configure) as made:
        yield made


async def test_a_key_stored_during_the_look_afterwards_raises_no_alarm(keyed: World) -> None:
    """The new key works, and must not be taken for the old one that has to be dead."""
    keyed.clock.now -= timedelta(
        hours=1
    )  # the command line has the real clock, which is to come later
    await keyed.ask()
    await keyed.click("approve")
    await keyed.portal("faults", "PATCH", on="/settings", fault="html_502", times=1)
    await keyed.until(State.COMPLETED)
    made = await new_key(keyed)
    status, said = await key(keyed, "set", typed=made)
    assert status == 0, said
    await keyed.pass_time(10)
    assert ending.KEYS[KeyFate.REPLACED] in (await keyed.thread())[-1]


async def test_a_key_that_was_stored_while_the_restore_ran_is_not_called_new(keyed: World) -> None:
    """It died with all the others at the end."""
    await keyed.ask()
    await keyed.click("approve")
    made = await new_key(keyed)
    keyed.clock.now -= timedelta(seconds=5)
    status, said = await key(keyed, "set", typed=made)
    assert status == 0, said
    await keyed.until(State.COMPLETED)
    await keyed.pass_time(15)
    assert ending.KEYS[KeyFate.DEAD] in (await keyed.thread())[-1]
