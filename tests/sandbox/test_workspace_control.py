"""The control interface of the local Slack: people at their clients, faults, the clock, and the
program itself.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from slack_bolt.async_app import AsyncApp

from tests.sandbox.workspace_kit import (
    CHANNEL,
    MANIFEST,
    Box,
    Json,
    actions,
    as_input,
    button,
    modal,
    parsed,
    plain,
    sandbox,
    section,
    socket_bot,
    standing_clock,
    text_input,
)


class Answerer:
    """A bot that answers every submission as it is told to, and keeps the payloads."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer
        self.bodies: list[Json] = []

    def register(self, app: AsyncApp) -> None:
        app.view("restore")(self.handle)
        app.action("go")(self.handle)
        app.action("pick")(self.handle)
        app.command("/restore")(self.handle)

    async def handle(self, ack: Any, body: Json) -> None:
        self.bodies.append(body)
        await ack(**(self.answer if body.get("type") == "view_submission" else {}))


@contextlib.asynccontextmanager
async def answering(**answer: Any) -> AsyncIterator[tuple[Box, Answerer]]:
    bot = Answerer(**answer)
    async with sandbox() as box, socket_bot(box, bot.register):
        yield box, bot


async def refused(box: Box, status: int, path: str, method: str = "POST", **body: Any) -> str:
    """The sentence of a refusal."""
    answer = await box.http.request(method, f"/_sandbox/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    return str(answer.json()["error"])


# modals


async def submit(box: Box, view: Json, **values: Any) -> Json:
    return await box.post("submit", user="U0ALICE", view_id=view["id"], values=values)


async def stacked(box: Box, *views: Json) -> list[Json]:
    """Modals on top of each other before alice, bottom first."""
    await box.open_modal(views[0])
    for view in views[1:]:
        box.workspace.views.push("U0ALICE", view)
    return await box.views()


SENDABLE = {"submit": plain("Send")}


async def test_an_empty_answer_closes_the_view_and_shows_the_one_below() -> None:
    async with answering() as (box, _):
        bottom, top = await stacked(box, modal(), modal(**SENDABLE))
        assert (await submit(box, top))["closed"] is True
        assert [v["id"] for v in await box.views()] == [bottom["id"]]


async def test_clear_closes_the_whole_stack() -> None:
    async with answering(response_action="clear") as (box, _):
        _, top = await stacked(box, modal(), modal(**SENDABLE))
        assert (await submit(box, top))["closed"] is True
        assert await box.views() == []


async def test_push_lays_a_view_on_top_until_there_are_three() -> None:
    async with answering(response_action="push", view=modal(**SENDABLE)) as (box, _):
        view = await box.open_modal(modal(**SENDABLE))
        for height in (2, 3):
            assert (await submit(box, view))["error"] is None
            shown = await box.views()
            assert len(shown) == height
            assert shown[-1]["previous_view_id"] == view["id"]
            assert shown[-1]["root_view_id"] == shown[0]["id"]
            view = shown[-1]
        done = await submit(box, view)
        assert (done["acked"], done["error"], done["closed"]) == (True, "push_limit_reached", False)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"response_action": "errors", "errors": {"nowhere": "x"}}, "invalid_errors"),
        ({"response_action": "errors", "errors": {"info": "x"}}, "invalid_errors"),
        ({"response_action": "errors", "errors": {}}, "invalid_errors"),
        ({"response_action": "update", "view": {"type": "modal"}}, "invalid_arguments"),
        ({"response_action": "explode"}, "invalid_response"),
        ({"text": "thanks"}, "invalid_response"),
    ],
)
async def test_an_answer_that_slack_cannot_obey_leaves_the_person_with_an_error(
    answer: Json, error: str
) -> None:
    async with sandbox() as box:
        view = await box.open_modal(modal(section(block_id="info"), text_input()))
        url = (await box.call("apps.connections.open", box.workspace.app_token))["url"]
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as link:
            await link.receive_json()
            submitting = asyncio.create_task(submit(box, view, why="x"))
            envelope = await link.receive_json()
            await link.send_json({"envelope_id": envelope["envelope_id"], "payload": answer})
            done = await submitting
        assert (done["acked"], done["error"], done["closed"], done["errors"]) == (
            True,
            error,
            False,
            None,
        )
        assert [v["id"] for v in await box.views()] == [view["id"]]
        assert box.workspace.state.journal.events[-2]["detail"] == error


async def test_a_client_does_not_send_a_form_that_is_not_filled_in() -> None:
    async with answering() as (box, bot):
        view = await box.open_modal(
            modal(text_input(max_length=5), text_input("more", optional=True))
        )
        asked = {"user": "U0ALICE", "view_id": view["id"]}
        assert "required" in await refused(box, 422, "submit", **asked, values={})
        assert "required" in await refused(box, 422, "submit", **asked, values={"why": ""})
        assert "at most 5" in await refused(box, 422, "submit", **asked, values={"why": "abcdef"})
        assert "nowhere" in await refused(box, 422, "submit", **asked, values={"nowhere": "x"})
        assert "a string" in await refused(box, 422, "submit", **asked, values={"why": ["abc"]})
        assert bot.bodies == []
        assert (await submit(box, view, why="abc"))["closed"] is True


async def test_a_client_sends_only_the_view_on_top_and_only_by_its_button() -> None:
    async with answering() as (box, _):
        bottom, top = await stacked(box, modal(**SENDABLE), modal())
        assert "not on top" in await refused(
            box, 422, "submit", user="U0ALICE", view_id=bottom["id"]
        )
        assert "not on top" in await refused(box, 422, "submit", user="U0BOB", view_id=top["id"])
        assert "no submit button" in await refused(
            box, 422, "submit", user="U0ALICE", view_id=top["id"]
        )
        assert "not on top" in await refused(
            box, 422, "close", user="U0ALICE", view_id=bottom["id"]
        )


OPTIONS = [{"text": plain(v), "value": v} for v in ("a", "b")]


async def test_every_stateful_element_is_in_the_state_and_empty_ones_are_null() -> None:
    def offered(kind: str, block_id: str, **more: Any) -> Json:
        element = {"type": kind, "action_id": "x", "options": OPTIONS, **more}
        return {
            "type": "input",
            "block_id": block_id,
            "label": plain("L"),
            "optional": True,
            "element": element,
        }

    async with answering() as (box, bot):
        view = await box.open_modal(
            modal(
                text_input("empty", optional=True),
                offered("static_select", "one"),
                offered("static_select", "chosen", initial_option=OPTIONS[0]),
                offered("checkboxes", "many"),
                offered("checkboxes", "none"),
                as_input({"type": "datetimepicker", "action_id": "x"}, block_id="time"),
                actions(button("go"), block_id="row"),
            )
        )
        assert "No option" in await refused(
            box, 422, "submit", user="U0ALICE", view_id=view["id"], values={"one": "c"}
        )
        assert "seconds since 1970" in await refused(
            box, 422, "submit", user="U0ALICE", view_id=view["id"], values={"time": "noon"}
        )
        await submit(box, view, one="b", many=["a", "b"], time={"x": "1800000000"})
    values = bot.bodies[0]["view"]["state"]["values"]
    text = {"type": "plain_text", "text": "b", "emoji": True}
    assert values["empty"]["text"] == {"type": "plain_text_input", "value": None}
    assert values["one"]["x"] == {
        "type": "static_select",
        "selected_option": {"text": text, "value": "b"},
    }
    assert values["chosen"]["x"]["selected_option"]["value"] == "a"
    assert [o["value"] for o in values["many"]["x"]["selected_options"]] == ["a", "b"]
    assert values["none"]["x"] == {"type": "checkboxes", "selected_options": []}
    assert values["time"]["x"]["selected_date_time"] == 1_800_000_000
    assert "row" not in values


async def test_what_was_typed_survives_an_update_where_the_ids_stay() -> None:
    async with answering() as (box, bot):
        view = await box.open_modal(modal(text_input("a"), text_input("b"), actions(button("go"))))
        await box.post(
            "click", user="U0ALICE", view_id=view["id"], action_id="go", values={"a": "1", "b": "2"}
        )
        assert bot.bodies[0]["view"]["state"]["values"]["a"]["text"]["value"] == "1"
        assert bot.bodies[0]["container"] == {"type": "view", "view_id": view["id"]}
        assert "response_url" not in bot.bodies[0]
        changed = modal(text_input("a"), text_input("c"))
        assert (await box.call("views.update", view_id=view["id"], view=changed))["ok"]
        kept = (await box.views())[0]["state"]["values"]
        assert (kept["a"]["text"]["value"], kept["c"]["text"]["value"]) == ("1", None)
        await box.call("views.update", view_id=view["id"], view=modal(text_input("b")))
        assert (await box.views())[0]["state"]["values"]["b"]["text"]["value"] is None


# clicks


async def test_a_click_needs_a_button_that_is_there_now() -> None:
    async with answering() as (box, bot):
        ts = await box.posted(blocks=[actions(button("go"))])
        bob = {"user": "U0BOB", "channel": CHANNEL, "ts": ts}
        assert "nope" in await refused(box, 404, "click", **bob, action_id="nope")
        await box.call("chat.update", channel=CHANNEL, ts=ts, text="done")
        assert "go" in await refused(box, 404, "click", **bob, action_id="go")
        bob["ts"] = "1.000001"
        assert "no message" in await refused(box, 404, "click", **bob, action_id="go")
        assert bot.bodies == []


async def test_a_dialog_that_is_not_confirmed_sends_nothing() -> None:
    dialog = {
        "title": plain("Sure?"),
        "text": plain("Really?"),
        "confirm": plain("Yes"),
        "deny": plain("No"),
    }
    async with answering() as (box, bot):
        ts = await box.posted(blocks=[actions(button("go", confirm=dialog))])
        click = {"user": "U0BOB", "channel": CHANNEL, "ts": ts, "action_id": "go"}
        assert await box.post("click", **click, confirm=False) == {
            "acked": False,
            "error": None,
            "http_status": None,
        }
        assert bot.bodies == []
        assert (await box.post("click", **click))["acked"] is True
        assert len(bot.bodies) == 1


async def test_one_of_several_buttons_is_picked_by_its_value() -> None:
    async with answering() as (box, bot):
        ts = await box.posted(blocks=[actions(button("go", value=v)) for v in ("1", "2")])
        click = {"user": "U0BOB", "channel": CHANNEL, "ts": ts, "action_id": "go"}
        assert "by its value" in await refused(box, 422, "click", **click)
        await box.post("click", **click, value="2")
    assert bot.bodies[0]["actions"][0]["value"] == "2"


async def test_an_option_of_a_select_is_picked_by_its_value() -> None:
    select = {"type": "static_select", "action_id": "pick", "options": OPTIONS}
    async with answering() as (box, bot):
        view = await box.open_modal(modal(as_input(select, dispatch_action=True)))
        await box.post("click", user="U0ALICE", view_id=view["id"], action_id="pick", value="b")
    assert bot.bodies[0]["actions"][0]["selected_option"]["value"] == "b"


async def test_a_message_in_a_thread_says_so_when_it_is_clicked() -> None:
    async with answering() as (box, bot):
        first = await box.posted()
        ts = await box.posted(thread_ts=first, blocks=[actions(button("go"))])
        await box.post("click", user="U0BOB", channel=CHANNEL, ts=ts, action_id="go")
    assert bot.bodies[0]["container"]["thread_ts"] == first
    assert bot.bodies[0]["message"]["thread_ts"] == first


async def test_a_replayed_trigger_arrives_as_it_was_and_opens_nothing() -> None:
    async with answering() as (box, bot):
        typed = await box.post("command", user="U0ALICE", channel=CHANNEL, text="")
        ts = await box.posted(blocks=[actions(button("go"))])
        await box.post("advance", seconds=4)
        click = {"user": "U0BOB", "channel": CHANNEL, "ts": ts, "action_id": "go"}
        await box.post("click", **click, trigger=typed["trigger_id"])
        replayed = bot.bodies[-1]["trigger_id"]
        assert replayed == typed["trigger_id"]
        assert (
            await box.error("views.open", trigger_id=replayed, view=modal()) == "expired_trigger_id"
        )


@pytest.mark.parametrize(
    ("channel", "name"),
    [("C0PRIVATE", "privategroup"), ("D0ALICE", "directmessage"), ("C0NOBOT", "random")],
)
async def test_a_command_names_private_places_by_their_kind_only(channel: str, name: str) -> None:
    async with answering() as (box, bot):
        await box.post("command", user="U0ALICE", channel=channel)
    assert (bot.bodies[0]["channel_id"], bot.bodies[0]["channel_name"]) == (channel, name)


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"channel": CHANNEL}, 400, "The member 'user' is missing."),
        (
            {"user": 1, "channel": CHANNEL},
            400,
            "The member 'user' is wrong: Input should be a valid string.",
        ),
        (
            {"user": "U0ALICE", "channel": CHANNEL, "colour": "red"},
            400,
            "There is no member 'colour' here.",
        ),
        ({"user": "U0NO", "channel": CHANNEL}, 404, "There is nobody with the id U0NO."),
        ({"user": "U0ALICE", "channel": "C0NO"}, 404, "U0ALICE sees no channel C0NO."),
        ({"user": "U0GUEST", "channel": "C0PRIVATE"}, 404, "U0GUEST sees no channel C0PRIVATE."),
        (
            {"user": "U0ALICE", "channel": "C0ARCHIVED"},
            422,
            "Nothing can be typed into an archived channel.",
        ),
        (
            {"user": "U0ALICE", "channel": CHANNEL, "command": "/other"},
            404,
            "/other is not a command that the manifest declares.",
        ),
        (
            {"user": "U0ALICE", "channel": CHANNEL, "http": {"x": True}},
            400,
            "There is no member 'http.x' here.",
        ),
    ],
)
async def test_a_command_that_nobody_could_type_is_refused(
    body: Json, status: int, sentence: str
) -> None:
    async with sandbox() as box:
        assert (await refused(box, status, "command", **body)).startswith(sentence)


# faults

POST = {"channel": CHANNEL, "text": "x"}


async def test_a_ratelimited_fault_passes_after_so_many_times() -> None:
    async with sandbox() as box:
        await box.patch(
            "faults", **{"chat.postMessage": {"fault": "ratelimited", "times": 2, "retry_after": 7}}
        )
        for _ in range(2):
            answer = await box.call_raw("chat.postMessage", **POST)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
        assert await box.posted()
        calls = (await box.get("calls"))["calls"]
        assert [(c["status"], c["error"]) for c in calls] == [(429, "ratelimited")] * 2 + [
            (200, None)
        ]


@pytest.mark.parametrize(("fault", "arrived"), [("lost_answer", 1), ("drop", 0)])
async def test_a_dropped_connection_gives_no_answer_and_may_have_had_its_effect(
    fault: str, arrived: int
) -> None:
    async with sandbox() as box:
        await box.patch("faults", **{"chat.postMessage": {"fault": fault}})
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await box.call_raw("chat.postMessage", **POST)
        assert len(await box.messages()) == arrived
        call = (await box.get("calls"))["calls"][0]
        assert (call["status"], call["error"]) == (None, fault)


async def test_the_sdk_by_itself_posts_a_second_time_when_the_answer_was_lost() -> None:
    async with sandbox() as box:
        await box.patch("faults", **{"chat.postMessage": {"fault": "lost_answer"}})
        assert (await box.web.chat_postMessage(channel=CHANNEL, text="x"))["ok"]
        assert len(await box.messages()) == 2
        await box.patch("faults", **{"chat.postMessage": {"fault": "lost_answer", "times": 2}})
        with pytest.raises(aiohttp.ClientError):
            await box.web.chat_postMessage(channel=CHANNEL, text="x")


async def test_a_server_error_is_not_json_and_has_no_effect() -> None:
    async with sandbox() as box:
        await box.patch("faults", **{"chat.postMessage": {"fault": "server_error", "status": 503}})
        answer = await box.call_raw("chat.postMessage", **POST)
        assert (answer.status_code, answer.headers["content-type"][:9]) == (503, "text/html")
        assert await box.messages() == []


async def test_faults_strike_one_after_the_other_and_may_have_had_their_effect() -> None:
    async with sandbox() as box:
        applied = {"apply": True}
        first = {"fault": "error", "error": "fatal_error"} | applied
        second = {"fault": "server_error", "status": 503} | applied
        await box.patch("faults", **{"chat.postMessage": [first, second]})
        assert await box.error("chat.postMessage", **POST) == "fatal_error"
        assert (await box.call_raw("chat.postMessage", **POST)).status_code == 503
        assert len(await box.messages()) == 2
        slow = {"fault": "slow_answer", "seconds": 0.05}
        await box.patch("faults", **{"chat.postMessage": slow})
        late = asyncio.create_task(box.call("chat.postMessage", **POST))
        while len(await box.messages()) == 2:
            assert not late.done()
        assert (await late)["ok"]


async def test_a_method_can_be_made_to_fail_or_to_be_slow_until_the_faults_are_cleared() -> None:
    async with sandbox() as box:
        fault = {"fault": "error", "error": "channel_not_found", "times": 9}
        await box.patch(
            "faults",
            **{"chat.postMessage": fault, "users.info": {"fault": "slow", "seconds": 0.05}},
        )
        assert await box.error("chat.postMessage", **POST) == "channel_not_found"
        slow = asyncio.create_task(box.call("users.info", user="U0BOB"))
        assert (await box.call("auth.test"))["ok"]
        assert (await slow)["ok"]
        await box.http.delete("/_sandbox/faults")
        assert await box.posted()


async def test_an_answer_by_response_url_can_fail_too() -> None:
    async with sandbox() as box:
        url = box.workspace.state.new_response_url("commands", "U0ALICE", CHANNEL)
        url = url if url.startswith("http") else box.url + url
        for fault in ("drop", "lost_answer"):
            await box.patch("faults", response_url={"fault": fault})
            with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
                await box.http.post(url, json={"text": fault})
        assert [m["text"] for m in await box.private()] == ["lost_answer"]


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        ({"no.such.method": {"fault": "drop"}}, 422, "There is no method no.such.method."),
        ({"chat.update": {"fault": "explode"}}, 400, "'chat.update.0.fault' is wrong"),
        ({"chat.update": {"fault": "drop", "times": "2"}}, 400, "'chat.update.0.times' is wrong"),
        ({"chat.update": {"fault": "drop", "colour": 1}}, 400, "no member 'chat.update.0.colour'"),
        ({"chat.update": "drop"}, 400, "'chat.update.0' is wrong"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(
    body: Json, status: int, sentence: str
) -> None:
    async with sandbox() as box:
        assert sentence in await refused(box, status, "faults", "PATCH", **body)


# looking and changing


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "nowhere", "", 404),
        ("GET", "command", "", 405),
        ("POST", "command", "{", 400),
        ("POST", "command", "[]", 400),
        ("GET", "views", "", 400),
        ("GET", "messages?channel=C0NO", "", 404),
        ("GET", "events?after=x", "", 400),
        ("POST", "advance", '{"seconds": -1}', 400),
        ("POST", "advance", '{"seconds": true}', 400),
        ("PATCH", "settings", '{"rate_limits": "off"}', 400),
        ("PATCH", "people/U0NO", "{}", 404),
        ("PATCH", "channels/C0NO", "{}", 404),
        ("PATCH", "people/U0BOB", '{"deleted": "yes"}', 400),
        ("PATCH", "people/U0BOB", '{"id": "U1"}', 400),
        ("PUT", "usergroups/S1", '{"users": [1]}', 400),
        ("DELETE", "usergroups/S1", "", 404),
    ],
)
async def test_a_wrong_request_is_answered_with_one_sentence(
    method: str, path: str, content: str, status: int
) -> None:
    async with sandbox() as box:
        answer = await box.http.request(method, f"/_sandbox/{path}", content=content)
        assert answer.status_code == status, answer.text
        assert list(parsed(answer)) == ["error"]
        assert answer.json()["error"].endswith(".")


async def test_people_and_channels_can_be_changed_and_added() -> None:
    async with sandbox() as box:
        assert (await box.patch("people/U0BOB", deleted=True, is_restricted=True))[
            "deleted"
        ] is True
        assert (await box.call("users.info", user="U0BOB"))["user"]["deleted"] is True
        answer = await box.http.put(
            "/_sandbox/people/U0NEW", json={"name": "nina", "team_id": "T0OTHER"}
        )
        assert (parsed(answer)["team_id"], parsed(answer)["real_name"]) == ("T0OTHER", "nina")
        await box.http.put(
            "/_sandbox/channels/C0NEW", json={"name": "new", "members": ["U0NEW", "U0RESTORE"]}
        )
        assert (await box.call("chat.postMessage", channel="C0NEW", text="x"))["ok"]
        assert (await box.patch("channels/C0NEW", is_member=False, is_archived=True))[
            "members"
        ] == ["U0NEW"]
        assert await box.error("chat.postMessage", channel="C0NEW", text="x") == "not_in_channel"
        state = await box.get("state")
        assert (state["people"]["U0BOB"]["deleted"], state["channels"]["C0NEW"]["is_archived"]) == (
            True,
            True,
        )
        assert (state["connected"], state["connections"]) == (False, 0)


async def test_time_can_be_advanced_on_top_of_the_clock() -> None:
    async with sandbox(clock=standing_clock) as box:
        assert (await box.get("state"))["now"] == 1_800_000_000.0
        assert (await box.post("advance", seconds=90.5))["now"] == 1_800_000_090.5
        assert await box.posted() == "1800000090.500000"


async def test_a_long_poll_returns_as_soon_as_something_happens() -> None:
    async with sandbox() as box:
        assert await box.get("events", after=0, wait=0.01) == {"events": [], "last": 0}
        waiting = asyncio.create_task(box.get("events", after=0, wait=30))
        ts = await box.posted(text="news")
        heard = await asyncio.wait_for(waiting, 5)
        event = heard["events"][0]
        assert (event["seq"], event["type"], event["ts"], event["text"]) == (
            1,
            "message",
            ts,
            "news",
        )
        assert heard["last"] == 1
        await box.call("chat.update", channel=CHANNEL, ts=ts, text="more news")
        assert [e["type"] for e in (await box.get("events", after=1))["events"]] == ["edit"]


async def test_the_traffic_shows_all_content_and_no_token() -> None:
    async with answering() as (box, _):
        await box.http.post("/api/auth.test", data={"token": box.workspace.bot_token})
        await box.http.post("/api/auth.test", json={"token": box.workspace.bot_token})
        await box.post("command", user="U0ALICE", channel=CHANNEL, text="canary-command")
        await box.posted(text="canary-post")
        await box.http.post(
            box.workspace.state.new_response_url("commands", "U0BOB", CHANNEL),
            json={"text": "canary-answer"},
        )
        traffic = "\n".join((await box.get("traffic"))["traffic"])
        calls = json.dumps((await box.get("calls"))["calls"])
        workspace = box.workspace
        for secret in (workspace.bot_token, workspace.app_token, workspace.signing_secret):
            assert secret not in traffic + calls
        assert all(
            canary in traffic for canary in ("canary-command", "canary-post", "canary-answer")
        )
        leaked = f"oops {workspace.bot_token}"
        await box.posted(text=leaked)
        assert leaked in "\n".join((await box.get("traffic"))["traffic"])


async def test_links_and_response_urls_lead_to_where_the_bot_found_the_workspace() -> None:
    async with sandbox() as box:
        opened = await box.call("apps.connections.open", box.workspace.app_token)
        assert opened["url"].startswith(f"{box.url.replace('http', 'ws')}/link/?ticket=")
        assert box.workspace.state.new_response_url("commands", "U0BOB", CHANNEL).startswith(
            f"{box.url}/commands/"
        )


async def test_the_program_says_where_it_listens_and_ends_by_sigterm() -> None:
    options = [
        "--bot-token=xoxb-given",
        "--app-token=xapp-given",
        "--port=0",
    ]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "restorebot.sandbox.workspace", *options, "--manifest", str(MANIFEST),
        stdout=asyncio.subprocess.PIPE, cwd=MANIFEST.parent, env=dict(os.environ),
    )  # fmt: skip
    assert program.stdout is not None
    url = json.loads(await asyncio.wait_for(program.stdout.readline(), 20))["url"]
    async with httpx.AsyncClient(base_url=url) as http:
        told = await http.post("/api/auth.test", headers={"Authorization": "Bearer xoxb-given"})
        assert parsed(told)["ok"] is True
        opened = await http.post(
            "/api/apps.connections.open", headers={"Authorization": "Bearer xapp-given"}
        )
        assert parsed(opened)["url"].startswith(f"{url.replace('http', 'ws')}/link/?ticket=")
        state = parsed(await http.get("/_sandbox/state"))
        assert state["bot"]["name"] == "restorebot"
    program.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(program.wait(), 20) in {0, -signal.SIGTERM}
