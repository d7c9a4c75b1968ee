"""The Web API of the local Slack: who may call it, what it refuses, and what its answers look
like.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.workspace_kit import (
    CHANNEL,
    MANIFEST,
    actions,
    button,
    modal,
    parsed,
    sandbox,
    section,
    standing_clock,
)


def manifest_without(folder: Path, scope: str) -> Path:
    """The real manifest with one scope less."""
    path = folder / "manifest.yml"
    lines = MANIFEST.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join(line for line in lines if f"- {scope} " not in line), encoding="utf-8"
    )
    return path


# tokens and scopes


async def test_auth_test_tells_who_the_bot_is_and_what_it_may_do() -> None:
    async with sandbox() as box:
        answer = await box.call_raw("auth.test")
        told = parsed(answer)
        assert (told["ok"], told["team_id"], told["user_id"]) == (True, "T0SANDBOX", "U0RESTORE")
        assert (told["bot_id"], told["user"], told["is_enterprise_install"]) == (
            "B0RESTORE",
            "restorebot",
            False,
        )
        assert (
            set(answer.headers["x-oauth-scopes"].split(",")) == box.workspace.state.manifest.scopes
        )


async def test_a_token_is_needed_and_must_be_the_right_one() -> None:
    async with sandbox() as box:
        assert parsed(await box.http.post("/api/auth.test"))["error"] == "not_authed"
        assert (await box.call("auth.test", "xoxb-wrong"))["error"] == "invalid_auth"
        assert (await box.call("auth.test", box.workspace.app_token))[
            "error"
        ] == "not_allowed_token_type"
        assert (await box.call("apps.connections.open"))["error"] == "not_allowed_token_type"
        assert (await box.call("no.such.method"))["error"] == "unknown_method"


async def test_arguments_come_by_query_form_or_json_and_the_token_not_by_json() -> None:
    async with sandbox() as box:
        token = box.workspace.bot_token
        user = {"user": "U0BOB"}
        by_query = await box.http.get("/api/users.info", params={**user, "token": token})
        by_form = await box.http.post("/api/users.info", data={**user, "token": token})
        assert [parsed(a)["user"]["name"] for a in (by_query, by_form)] == ["bob", "bob"]
        in_json = await box.http.post("/api/users.info", json={**user, "token": token})
        assert parsed(in_json)["error"] == "not_authed"


@pytest.mark.parametrize(
    ("body", "content_type", "error"),
    [("{", "application/json", "invalid_json"), ("[]", "application/json", "json_not_object"),
     ("x", "text/plain", "invalid_post_type"), ("x", "", "missing_post_type")],
)  # fmt: skip
async def test_a_body_that_cannot_be_read_is_refused(
    body: str, content_type: str, error: str
) -> None:
    async with sandbox() as box:
        answer = await box.http.post(
            "/api/auth.test", content=body, headers={"content-type": content_type}
        )
        assert parsed(answer)["error"] == error


@pytest.mark.parametrize(
    ("scope", "method", "args"),
    [
        ("chat:write", "chat.postMessage", {"channel": CHANNEL, "text": "x"}),
        ("channels:read", "conversations.info", {"channel": CHANNEL}),
        ("groups:read", "conversations.info", {"channel": "C0PRIVATE"}),
        ("groups:read", "conversations.info", {"channel": "C0HIDDEN"}),
        ("im:read", "conversations.info", {"channel": "D0ALICE"}),
        ("usergroups:read", "usergroups.users.list", {"usergroup": "S0APPROVERS"}),
        ("users:read", "users.info", {"user": "U0BOB"}),
    ],
)
async def test_without_its_scope_a_method_says_what_is_missing(
    scope: str, method: str, args: dict[str, Any], tmp_path: Path
) -> None:
    async with sandbox(manifest=manifest_without(tmp_path, scope)) as box:
        refused = await box.call(method, **args)
        assert (refused["error"], refused["needed"]) == ("missing_scope", scope)
        assert set(refused["provided"].split(",")) == box.workspace.state.manifest.scopes


# rate limits


@pytest.mark.parametrize(
    ("method", "args", "per_minute"),
    [
        ("usergroups.users.list", {"usergroup": "S0APPROVERS"}, 20),
        ("conversations.info", {"channel": CHANNEL}, 50),
        ("users.info", {"user": "U0BOB"}, 100),
    ],
)
async def test_each_method_may_be_called_so_often_a_minute(
    method: str, args: dict[str, Any], per_minute: int
) -> None:
    async with sandbox(clock=standing_clock) as box:
        answers = await asyncio.gather(
            *(box.call_raw(method, **args) for _ in range(per_minute + 1))
        )
        over = [a for a in answers if a.status_code == 429]
        assert len(over) == 1
        assert parsed(over[0]) == {"ok": False, "error": "ratelimited"}
        assert 1 <= int(over[0].headers["retry-after"]) <= 60
        assert (await box.call_raw("auth.test")).status_code == 200
        await box.post("advance", seconds=61)
        assert (await box.call_raw(method, **args)).status_code == 200


async def test_posts_to_one_channel_may_come_in_a_burst_and_then_once_a_second() -> None:
    async with sandbox(clock=standing_clock) as box:
        post = {"channel": CHANNEL, "text": "x"}
        burst = await asyncio.gather(*(box.call_raw("chat.postMessage", **post) for _ in range(11)))
        over = [a for a in burst if a.status_code == 429]
        assert [a.headers["retry-after"] for a in over] == ["1"]
        assert (
            await box.call_raw("chat.postMessage", channel="C0PRIVATE", text="x")
        ).status_code == 200
        await box.post("advance", seconds=1)
        assert (await box.call_raw("chat.postMessage", **post)).status_code == 200
        await box.patch("settings", rate_limits=False)
        more = await asyncio.gather(*(box.call_raw("chat.postMessage", **post) for _ in range(11)))
        assert {a.status_code for a in more} == {200}


# posting


async def test_the_real_client_gets_a_posted_message_back() -> None:
    async with sandbox() as box:
        answer = await box.web.chat_postMessage(
            channel=CHANNEL, text="hi", blocks=[section("*hi*")]
        )
        message = answer["message"]
        assert (message["text"], message["bot_id"], message["app_id"]) == (
            "hi",
            "B0RESTORE",
            "A0RESTORE",
        )
        assert message["blocks"][0]["block_id"]
        assert message["blocks"][0]["text"]["verbatim"] is False
        link = await box.web.chat_getPermalink(channel=CHANNEL, message_ts=answer["ts"])
        assert link["permalink"].endswith(f"/archives/{CHANNEL}/p{answer['ts'].replace('.', '')}")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"channel": "C0NOBOT"}, "not_in_channel"),
        ({"channel": "C0HIDDEN"}, "channel_not_found"),
        ({"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"channel": "U0GONE"}, "channel_not_found"),
        ({"channel": "C0ARCHIVED"}, "is_archived"),
        ({"channel": None}, "invalid_arguments"),
        ({"text": ""}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"text": 5}, "invalid_arguments"),
        ({"thread_ts": "1.000001"}, "thread_not_found"),
        ({"blocks": "{"}, "invalid_blocks_format"),
        ({"blocks": {}}, "invalid_blocks_format"),
    ],
)
async def test_a_post_is_refused(args: dict[str, Any], error: str) -> None:
    async with sandbox() as box:
        assert (
            await box.error("chat.postMessage", **{"channel": CHANNEL, "text": "x", **args})
            == error
        )
        assert await box.messages() == []


async def test_a_post_finds_a_person_by_id() -> None:
    async with sandbox() as box:
        for user, channel in (("U0ALICE", "D0ALICE"), ("U0BOB", "D0BOB")):
            answer = await box.call("chat.postMessage", channel=user, text="x")
            assert answer["channel"] == channel


async def test_an_answer_to_an_answer_stays_in_its_thread() -> None:
    async with sandbox() as box:
        first = await box.posted()
        second = await box.posted(thread_ts=first)
        await box.posted(thread_ts=second)
        assert [m["thread_ts"] for m in await box.messages()] == [None, first, first]


async def test_a_very_long_text_is_cut_off_when_posted_and_refused_when_updated() -> None:
    async with sandbox() as box:
        ts = await box.posted(text="x" * 40_001)
        assert len((await box.messages())[0]["text"]) == 40_000
        update = {"channel": CHANNEL, "ts": ts}
        assert await box.error("chat.update", **update, text="x" * 4001) == "msg_too_long"
        assert (await box.call("chat.update", **update, text="x" * 4000))["ok"]


async def test_timestamps_never_repeat_even_when_the_clock_stands_still() -> None:
    async with sandbox(clock=standing_clock) as box:
        stamps = [await box.posted() for _ in range(3)]
        assert stamps == ["1800000000.000000", "1800000000.000001", "1800000000.000002"]


# changing and deleting


async def test_text_without_blocks_takes_the_blocks_away_and_marks_the_message_edited() -> None:
    async with sandbox() as box:
        first = await box.posted()
        ts = await box.posted(blocks=[section("a")], thread_ts=first)
        answer = await box.call("chat.update", channel=CHANNEL, ts=ts, text="b")
        assert answer["ts"] == ts
        assert "edited" in answer["message"]
        message = (await box.messages())[1]
        assert (message["text"], message["blocks"]) == ("b", [])
        assert (message["ts"], message["thread_ts"], message["edited_mark"]) == (ts, first, True)


async def test_blocks_without_text_keep_the_text_and_show_no_mark() -> None:
    async with sandbox() as box:
        ts = await box.posted(text="kept")
        answer = await box.call("chat.update", channel=CHANNEL, ts=ts, blocks=[section("new")])
        assert (answer["text"], "edited" in answer["message"]) == ("kept", False)
        assert (await box.messages())[0]["blocks"][0]["text"]["text"] == "new"


async def test_only_the_bots_own_messages_can_be_changed() -> None:
    async with sandbox() as box:
        other = box.workspace.state.post(CHANNEL, "U0ALICE", "mine", []).ts
        update = {"channel": CHANNEL, "ts": other, "text": "x"}
        assert await box.error("chat.update", **update) == "cant_update_message"


async def test_a_message_that_is_not_there_has_no_thread_and_no_link() -> None:
    async with sandbox() as box:
        answer = {"channel": CHANNEL, "thread_ts": "1.000001", "text": "x"}
        assert await box.error("chat.postMessage", **answer) == "thread_not_found"
        link = {"channel": CHANNEL, "message_ts": "1.000001"}
        assert await box.error("chat.getPermalink", **link) == "message_not_found"


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"text": None}, "no_text"),
        ({"channel": "C0HIDDEN"}, "channel_not_found"),
        ({"channel": "U0ALICE"}, "channel_not_found"),
        ({"ts": "1.000001"}, "message_not_found"),
        ({"blocks": [{"type": "modal"}]}, "invalid_blocks"),
    ],
)
async def test_an_update_is_refused(args: dict[str, Any], error: str) -> None:
    async with sandbox() as box:
        ts = await box.posted()
        assert (
            await box.error("chat.update", **{"channel": CHANNEL, "ts": ts, "text": "x", **args})
            == error
        )
        assert (await box.messages())[0]["text"] == "hi"


async def test_a_message_in_an_archived_channel_stays_as_it_is() -> None:
    async with sandbox() as box:
        ts = await box.posted()
        await box.patch(f"channels/{CHANNEL}", is_archived=True)
        assert await box.error("chat.update", channel=CHANNEL, ts=ts, text="x") == "is_archived"


async def test_an_ephemeral_message_is_for_one_member_and_cannot_be_updated() -> None:
    async with sandbox() as box:
        args = {"channel": CHANNEL, "text": "psst"}
        assert await box.error("chat.postEphemeral", **args, user="U0GONE") == "user_not_in_channel"
        ts = (await box.call("chat.postEphemeral", **args, user="U0BOB"))["message_ts"]
        assert [(m["text"], m["via"]) for m in await box.private("U0BOB")] == [
            ("psst", "ephemeral")
        ]
        assert await box.messages() == []
        assert (
            await box.error("chat.update", channel=CHANNEL, ts=ts, text="x") == "message_not_found"
        )


# looking things up


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        (
            CHANNEL,
            {"name": "restores", "is_member": True, "is_private": False, "is_ext_shared": False},
        ),
        (
            "C0PRIVATE",
            {"name": "ops-private", "is_member": True, "is_private": True, "is_group": True},
        ),
        ("C0NOBOT", {"is_member": False, "is_private": False}),
        ("C0SHARED", {"is_ext_shared": True, "is_member": True}),
        ("C0ARCHIVED", {"is_archived": True}),
    ],
)
async def test_conversations_info_describes_a_channel(
    channel: str, expected: dict[str, Any]
) -> None:
    async with sandbox() as box:
        shown = (await box.web.conversations_info(channel=channel))["channel"]
        assert {k: shown[k] for k in expected} == expected


async def test_a_private_channel_without_the_bot_is_not_there() -> None:
    async with sandbox() as box:
        assert await box.error("conversations.info", channel="C0HIDDEN") == "channel_not_found"
        with pytest.raises(SlackApiError, match="channel_not_found"):
            await box.web.conversations_info(channel="C0HIDDEN")
        await box.patch("channels/C0HIDDEN", is_member=True)
        assert (await box.call("conversations.info", channel="C0HIDDEN"))["channel"][
            "is_member"
        ] is True


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (
            "U0ALICE",
            {"name": "alice", "team_id": "T0SANDBOX", "is_restricted": False, "tz": "Europe/Riga"},
        ),
        ("U0GUEST", {"is_restricted": True, "is_ultra_restricted": False}),
        ("U0ROBOT", {"is_bot": True}),
        ("U0OTHER", {"team_id": "T0OTHER", "is_stranger": True}),
        ("U0GONE", {"deleted": True}),
    ],
)
async def test_users_info_describes_a_person(user: str, expected: dict[str, Any]) -> None:
    async with sandbox() as box:
        shown = (await box.web.users_info(user=user))["user"]
        assert {k: shown[k] for k in expected} == expected
        assert ("is_restricted" in shown) is (user != "U0GONE")
        assert shown["profile"]["display_name"] == shown["name"]


async def test_usergroups_have_members_that_can_change() -> None:
    async with sandbox() as box:
        members = {"usergroup": "S0APPROVERS"}
        assert (await box.call("usergroups.users.list", **members))["users"] == ["U0BOB", "U0ERIN"]
        listed = (await box.call("usergroups.list", include_users=True))["usergroups"]
        assert {g["id"]: g["users"] for g in listed}["S0REQUESTERS"] == ["U0ALICE", "U0CAROL"]
        answer = await box.http.put("/_sandbox/usergroups/S0APPROVERS", json={"users": ["U0CAROL"]})
        assert answer.status_code == 200
        assert (await box.call("usergroups.users.list", **members))["users"] == ["U0CAROL"]
        await box.http.delete("/_sandbox/usergroups/S0APPROVERS")
        assert await box.error("usergroups.users.list", **members) == "no_such_subteam"


# views


async def test_a_trigger_is_good_once_and_for_three_seconds() -> None:
    async with sandbox(clock=standing_clock) as box:
        triggers = box.workspace.triggers
        used, old, young = (triggers.issue("U0ALICE") for _ in range(3))
        assert (await box.call("views.open", trigger_id=used, view=modal()))["ok"]
        assert (
            await box.error("views.open", trigger_id=used, view=modal()) == "exchanged_trigger_id"
        )
        await box.post("advance", seconds=2.5)
        assert (await box.call("views.open", trigger_id=young, view=modal()))["ok"]
        await box.post("advance", seconds=0.6)
        assert await box.error("views.open", trigger_id=old, view=modal()) == "expired_trigger_id"
        assert (
            await box.error("views.open", trigger_id="1.2.x", view=modal()) == "invalid_trigger_id"
        )
        assert await box.error("views.open", view=modal()) == "invalid_trigger_id"


async def test_a_bad_view_does_not_use_the_trigger_up() -> None:
    async with sandbox() as box:
        trigger_id = box.workspace.triggers.issue("U0ALICE")
        assert (
            await box.error("views.open", trigger_id=trigger_id, view={"type": "modal"})
            == "invalid_arguments"
        )
        assert await box.error("views.open", trigger_id=trigger_id, view="{") == "invalid_arguments"
        assert (await box.call("views.open", trigger_id=trigger_id, view=modal()))["ok"]


async def test_a_view_is_updated_by_id_or_external_id_and_guarded_by_its_hash() -> None:
    async with sandbox() as box:
        first = await box.open_modal(modal(external_id="mine"))
        update = {"view_id": first["id"], "view": modal(external_id="mine")}
        second = (await box.call("views.update", **update, hash=first["hash"]))["view"]
        assert await box.error("views.update", **update, hash=first["hash"]) == "hash_conflict"
        named = await box.call(
            "views.update", external_id="mine", view=modal(), hash=second["hash"]
        )
        assert named["view"]["id"] == first["id"]
        assert await box.error("views.update", external_id="mine", view=modal()) == "not_found"
        assert await box.error("views.update", view=modal()) == "invalid_arguments"


async def test_a_closed_view_is_not_found() -> None:
    async with sandbox() as box:
        view = await box.open_modal(modal())
        await box.post("close", user="U0ALICE", view_id=view["id"])
        assert await box.error("views.update", view_id=view["id"], view=modal()) == "not_found"


async def test_an_external_id_stands_for_one_open_view() -> None:
    async with sandbox() as box:
        await box.open_modal(modal(external_id="mine"))
        bob = {
            "trigger_id": box.workspace.triggers.issue("U0BOB"),
            "view": modal(external_id="mine"),
        }
        assert await box.error("views.open", **bob) == "duplicate_external_id"


async def test_a_home_tab_needs_the_manifests_consent(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(
        MANIFEST.read_text().replace("home_tab_enabled: true", "home_tab_enabled: false")
    )
    async with sandbox(manifest=manifest) as box:
        home = {"type": "home", "blocks": [actions(button())]}
        assert await box.error("views.publish", user_id="U0ALICE", view=home) == "not_enabled"
