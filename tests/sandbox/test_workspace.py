"""Whole stories between the local Slack and a real Bolt app, over both transports."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient

from tests.sandbox.workspace_kit import (
    CHANNEL,
    Box,
    Json,
    Register,
    actions,
    button,
    http_bot,
    modal,
    sandbox,
    section,
    socket_bot,
    text_input,
    until,
)


@contextlib.asynccontextmanager
async def connected(box: Box, transport: str, register: Register) -> AsyncIterator[None]:
    if transport == "socket":
        async with socket_bot(box, register):
            yield
    else:
        async with http_bot(box, register):
            yield


both_transports = pytest.mark.parametrize("transport", ["socket", "http"])


class Restorer:
    """A tiny bot with the shape of the real one; keeps the payloads it got."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []

    def register(self, app: AsyncApp) -> None:
        app.command("/restore")(self.command)
        app.view("restore")(self.submitted)
        app.action("approve")(self.approved)

    async def command(self, ack: Any, body: Json, client: Any) -> None:
        self.bodies.append(body)
        await ack()
        opened = await client.views_open(
            trigger_id=body["trigger_id"], view=modal(section("loading"))
        )
        view = modal(text_input(), private_metadata=body["channel_id"], external_id="asked")
        await client.views_update(
            view_id=opened["view"]["id"], hash=opened["view"]["hash"], view=view
        )

    async def submitted(self, ack: Any, body: Json, view: Json, client: Any) -> None:
        self.bodies.append(body)
        why = view["state"]["values"]["why"]["text"]["value"]
        if why == "bad":
            await ack(response_action="errors", errors={"why": "Say more."})
            return
        if why == "again":
            await ack(response_action="update", view=modal(text_input("sure")))
            return
        await ack()
        blocks = [
            section(why),
            actions(button("approve", value="r1", style="primary"), block_id="b1"),
        ]
        await client.chat_postMessage(channel=view["private_metadata"], text=why, blocks=blocks)

    async def approved(self, ack: Any, body: Json, client: Any, respond: Any) -> None:
        self.bodies.append(body)
        await ack()
        channel, ts = body["channel"]["id"], body["message"]["ts"]
        await client.chat_update(
            channel=channel, ts=ts, text="approved", blocks=[section("approved")]
        )
        await client.chat_postMessage(channel=channel, thread_ts=ts, text="started")
        await respond("thank you", response_type="ephemeral", replace_original=False)


async def command(box: Box, text: str = "b1", **more: Any) -> Json:
    return await box.post(
        "command", **{"user": "U0ALICE", "channel": CHANNEL, "text": text, **more}
    )


async def opened(box: Box) -> Json:
    """The modal before alice once the bot has updated it."""
    await until(
        lambda: any(e["type"] == "view_updated" for e in box.workspace.state.journal.events)
    )
    return (await box.views())[-1]


@both_transports
async def test_a_restore_goes_from_the_command_to_the_thread(transport: str) -> None:
    bot = Restorer()
    async with sandbox() as box, connected(box, transport, bot.register):
        typed = await command(box)
        assert (typed["acked"], typed["error"]) == (True, None)
        assert typed["http_status"] == (200 if transport == "http" else None)
        view = await opened(box)
        done = await box.post(
            "submit", user="U0ALICE", view_id=view["id"], values={"why": "lost files"}
        )
        assert (done["acked"], done["closed"], done["errors"]) == (True, True, None)
        assert await box.views() == []
        await until(lambda: box.workspace.state.messages)
        card = (await box.messages())[0]
        clicked = await box.post(
            "click", user="U0BOB", channel=CHANNEL, ts=card["ts"], action_id="approve"
        )
        assert clicked["acked"] is True
        await until(lambda: box.workspace.state.private)
        card, started = await box.messages()
        assert (card["text"], card["edited_mark"]) == ("approved", False)
        assert (started["text"], started["thread_ts"]) == ("started", card["ts"])
        thanks = (await box.private("U0BOB"))[0]
        assert (thanks["text"], thanks["via"], thanks["channel"]) == (
            "thank you",
            "response_url",
            CHANNEL,
        )


async def test_the_payloads_have_the_fields_that_slack_sends() -> None:
    bot = Restorer()
    async with sandbox() as box, socket_bot(box, bot.register):
        typed = await command(box, "<b1> & for @bob in #restores")
        view = await opened(box)
        await box.post("submit", user="U0ALICE", view_id=view["id"], values={"why": "lost"})
        await until(lambda: box.workspace.state.messages)
        ts = (await box.messages())[0]["ts"]
        await box.post("click", user="U0BOB", channel=CHANNEL, ts=ts, action_id="approve")
    slash, submission, click = bot.bodies
    assert slash["text"] == "&lt;b1&gt; &amp; for <@U0BOB|bob> in <#C0RESTORES|restores>"
    assert slash["trigger_id"] == typed["trigger_id"]
    assert slash["channel_name"] == "restores"
    assert (slash["team_id"], slash["user_id"], slash["is_enterprise_install"]) == (
        "T0SANDBOX",
        "U0ALICE",
        "false",
    )
    assert slash["response_url"].startswith(f"{box.url}/commands/T0SANDBOX/")
    seen = submission["view"]
    assert seen["state"]["values"] == {
        "why": {"text": {"type": "plain_text_input", "value": "lost"}}
    }
    assert (seen["root_view_id"], seen["previous_view_id"], seen["private_metadata"]) == (
        seen["id"],
        None,
        CHANNEL,
    )
    assert (seen["app_installed_team_id"], seen["bot_id"], seen["external_id"]) == (
        "T0SANDBOX",
        "B0RESTORE",
        "asked",
    )
    assert submission["response_urls"] == []
    assert click["user"] == {
        "id": "U0BOB",
        "username": "bob",
        "name": "bob",
        "team_id": "T0SANDBOX",
    }
    assert click["container"] == {
        "type": "message",
        "message_ts": ts,
        "channel_id": CHANNEL,
        "is_ephemeral": False,
    }
    action = click["actions"][0]
    assert (action["type"], action["block_id"], action["value"], action["style"]) == (
        "button",
        "b1",
        "r1",
        "primary",
    )
    assert click["message"]["blocks"][1]["block_id"] == "b1"
    assert (click["enterprise"], click["is_enterprise_install"]) == (None, False)
    assert len({slash["trigger_id"], submission["trigger_id"], click["trigger_id"]}) == 3


@both_transports
async def test_errors_of_a_submission_stay_beside_the_inputs(transport: str) -> None:
    async with sandbox() as box, connected(box, transport, Restorer().register):
        await command(box)
        view = await opened(box)
        done = await box.post("submit", user="U0ALICE", view_id=view["id"], values={"why": "bad"})
        assert (done["closed"], done["errors"]) == (False, {"why": "Say more."})
        assert (await box.views())[0]["state"]["values"]["why"]["text"]["value"] == "bad"


@both_transports
async def test_a_submission_may_be_answered_with_another_view(transport: str) -> None:
    async with sandbox() as box, connected(box, transport, Restorer().register):
        await command(box)
        view = await opened(box)
        done = await box.post("submit", user="U0ALICE", view_id=view["id"], values={"why": "again"})
        assert done["closed"] is False
        after = (await box.views())[0]
        assert (after["id"], after["blocks"][0]["block_id"]) == (view["id"], "sure")
        assert after["hash"] != view["hash"]


async def test_a_message_in_a_commands_ack_is_refused_for_the_sandbox_shows_none() -> None:
    def register(app: AsyncApp) -> None:
        @app.command("/restore")
        async def answer(ack: Any) -> None:
            await ack("how to use it")

    async with sandbox() as box, socket_bot(box, register):
        typed = {"user": "U0ALICE", "channel": CHANNEL, "text": "help"}
        refused = await box.http.post("/_sandbox/command", json=typed)
        assert refused.status_code == 501
        assert "no message that an acknowledgement carries" in refused.json()["error"]


# what can go wrong between Slack and the bot


async def test_without_a_connection_a_command_is_not_dispatched() -> None:
    async with sandbox() as box:
        typed = await command(box)
    assert (typed["acked"], typed["error"]) == (False, "dispatch_failed")


@both_transports
async def test_a_bot_that_does_not_ack_in_time_fails_the_command(transport: str) -> None:
    released = asyncio.Event()

    def register(app: AsyncApp) -> None:
        @app.command("/restore")
        async def late(ack: Any) -> None:
            await released.wait()
            await ack()

    async with sandbox(ack_timeout=0.1) as box, connected(box, transport, register):
        typed = await command(box)
        released.set()
        assert (typed["acked"], typed["error"]) == (False, "operation_timeout")


@pytest.mark.parametrize(
    ("how", "status"), [({}, 200), ({"bad_signature": True}, 401), ({"old_timestamp": True}, 401)]
)
async def test_a_wrongly_signed_request_does_not_get_past_bolt(how: Json, status: int) -> None:
    bot = Restorer()
    async with sandbox() as box, http_bot(box, bot.register):
        typed = await command(box, http=how)
        assert typed["http_status"] == status
        assert typed["error"] == (None if status == 200 else "dispatch_failed")
        if status == 200:
            await opened(box)
    assert len(bot.bodies) == (1 if status == 200 else 0)


async def test_a_url_where_nobody_listens_fails_the_command() -> None:
    async with sandbox() as box:
        await box.post("deliver", url="http://127.0.0.1:9/slack/events")
        assert (await command(box))["error"] == "dispatch_failed"
        await box.post("deliver", url=None)
        assert (await box.get("state"))["delivery"] == {"transport": "socket", "url": None}


async def test_a_payload_can_claim_another_team() -> None:
    bot = Restorer()
    async with sandbox() as box, socket_bot(box, bot.register):
        await command(box, team_id="T0EVIL")
        await until(lambda: bot.bodies)
        await opened(box)
        ts = await box.posted(blocks=[actions(button("approve"))])
        await box.post(
            "click", user="U0BOB", channel=CHANNEL, ts=ts, action_id="approve", team_id="T0EVIL"
        )
        await until(lambda: len(bot.bodies) == 2)
        await until(lambda: box.workspace.state.private)
    assert bot.bodies[0]["team_id"] == "T0EVIL"
    assert bot.bodies[1]["user"]["team_id"] == "T0EVIL"


# Socket Mode


async def test_a_link_url_is_good_once_and_not_for_long() -> None:
    async with sandbox() as box, aiohttp.ClientSession() as session:
        url = (await box.call("apps.connections.open", box.workspace.app_token))["url"]
        async with session.ws_connect(url) as link:
            hello = await link.receive_json()
        assert hello["num_connections"] == 1
        assert hello["connection_info"] == {"app_id": "A0RESTORE"}
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
        late = (await box.call("apps.connections.open", box.workspace.app_token))["url"]
        await box.post("advance", seconds=31)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(late)


async def test_connections_share_the_work() -> None:
    got: list[int] = []
    async with (
        sandbox() as box,
        aiohttp.ClientSession() as session,
        contextlib.AsyncExitStack() as stack,
    ):

        async def join() -> aiohttp.ClientWebSocketResponse:
            url = (await box.call("apps.connections.open", box.workspace.app_token))["url"]
            return await stack.enter_async_context(session.ws_connect(url))

        links = [await join() for _ in range(3)]
        for number, link in enumerate(links):
            assert (await link.receive_json())["num_connections"] == number + 1

        async def work(number: int, link: aiohttp.ClientWebSocketResponse) -> None:
            async for frame in link:
                envelope = frame.json()
                got.append(number)
                await link.send_json({"envelope_id": envelope["envelope_id"]})

        workers = [asyncio.create_task(work(n, link)) for n, link in enumerate(links)]
        for _ in range(40):
            assert (await command(box))["acked"] is True
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    assert len(got) == 40
    assert len(set(got)) > 1


async def test_the_real_socket_client_sees_its_pings_answered() -> None:
    async with sandbox() as box:
        client = SocketModeClient(
            app_token=box.workspace.app_token, web_client=box.web, ping_interval=0.05
        )
        await client.connect()  # type: ignore[no-untyped-call]  # the SDK leaves it unannotated
        await until(lambda: client.last_ping_pong_time is not None)
        first = client.last_ping_pong_time
        await until(lambda: client.last_ping_pong_time != first)
        assert await client.is_connected()
        await client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it unannotated


async def test_an_event_that_is_not_acked_is_sent_again(tmp_path: Any) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text(
        '{"display_information": {"name": "x"},'
        ' "features": {"app_home": {"home_tab_enabled": true}},'
        ' "settings": {"event_subscriptions": {"bot_events": ["app_home_opened"]}}}',
        encoding="utf-8",
    )
    async with (
        sandbox(manifest=manifest, ack_timeout=0.05) as box,
        aiohttp.ClientSession() as session,
    ):
        url = (await box.call("apps.connections.open", box.workspace.app_token))["url"]
        async with session.ws_connect(url) as link:
            await link.receive_json()
            opening = asyncio.create_task(box.post("home", user="U0ALICE"))
            first = await link.receive_json()
            assert (first["type"], first["retry_attempt"], first["accepts_response_payload"]) == (
                "events_api",
                0,
                False,
            )
            assert first["payload"]["event"]["type"] == "app_home_opened"
            assert (await opening)["error"] == "operation_timeout"
            advancing = asyncio.create_task(box.post("advance", seconds=1))
            second = await link.receive_json()
            assert (second["retry_attempt"], second["retry_reason"]) == (1, "timeout")
            assert second["payload"]["event_id"] == first["payload"]["event_id"]
            await link.send_json({"envelope_id": second["envelope_id"]})
            await advancing
            await box.post("advance", seconds=600)
        assert (
            await box.call(
                "views.publish", user_id="U0ALICE", view={"type": "home", "blocks": [section()]}
            )
        )["ok"]
        assert (await box.get("views", user="U0ALICE"))["home"]["type"] == "home"


# response_url


async def response_url(box: Box, channel: str = CHANNEL) -> str:
    urls: list[str] = []

    def register(app: AsyncApp) -> None:
        @app.command("/restore")
        async def keep(ack: Any, body: Json) -> None:
            urls.append(body["response_url"])
            await ack()

    async with socket_bot(box, register):
        await command(box, channel=channel)
    return urls[0]


async def test_a_response_url_works_five_times() -> None:
    async with sandbox() as box:
        url = await response_url(box)
        for _ in range(5):
            assert (await box.http.post(url, json={"text": "x"})).status_code == 200
        last = await box.http.post(url, json={"text": "x"})
        assert (last.status_code, last.json()) == (404, {"ok": False, "error": "used_url"})
        assert len(await box.private()) == 5


async def test_a_response_url_works_for_half_an_hour() -> None:
    async with sandbox() as box:
        url = await response_url(box)
        await box.post("advance", seconds=29 * 60)
        assert (await box.http.post(url, json={"text": "x"})).status_code == 200
        await box.post("advance", seconds=61)
        last = await box.http.post(url, json={"text": "x"})
        assert (last.status_code, last.json()["error"]) == (404, "expired_url")


@pytest.mark.parametrize("channel", ["C0NOBOT", "C0HIDDEN"])
async def test_a_response_url_works_where_the_bot_is_no_member(channel: str) -> None:
    async with sandbox() as box:
        url = await response_url(box, channel)
        assert await box.error("chat.postMessage", channel=channel, text="x") in {
            "not_in_channel",
            "channel_not_found",
        }
        await box.http.post(url, json={"text": "for you"})
        assert [m["text"] for m in await box.private()] == ["for you"]


async def test_a_response_url_refuses_what_slack_cannot_show_and_is_not_used_up_by_it() -> None:
    async with sandbox() as box:
        url = await response_url(box)
        for body, error in [
            ({}, "no_text"),
            ({"blocks": [{"type": "nonsense"}]}, "invalid_blocks"),
            ({"text": "x", "response_type": "in_channel"}, "invalid_payload"),
            ({"text": "x", "replace_original": True}, "invalid_payload"),
            ({"delete_original": True}, "invalid_payload"),
        ]:
            answer = await box.http.post(url, json=body)
            assert (answer.status_code, answer.json()["error"]) == (400, error)
        assert answer.json()["detail"] == "There is no member 'delete_original' here."
        answer = await box.http.post(f"{url}x", json={"text": "x"})
        assert (answer.status_code, answer.json()["error"]) == (404, "invalid_url")
        for _ in range(5):
            assert (await box.http.post(url, json={"text": "x"})).status_code == 200
