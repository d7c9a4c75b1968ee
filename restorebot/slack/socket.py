"""The Socket Mode connection.

The SDK's own client asks for one address and tries it for ever with a traceback each time, though
an address is good for 30 s; and it reckons its pongs by a clock that somebody may set.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import (
    run_async_bolt_app,
    send_async_response,
)
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from restorebot import setup_hints
from restorebot.slack.causes import cause_of, refusal_of
from restorebot.slack.client import CALL_ERRORS

CONNECT_PATIENCE = 10.0
"""Seconds for one try to open the WebSocket."""

LONGEST_WAIT = 30.0
"""Seconds between two tries, when many have failed."""

CLOSE_PATIENCE = 1.0
"""Seconds for Slack to say goodbye too."""

SHORT_LIFE = 10.0
"""Seconds: a connection that lives for less is not opened again at once, the first time apart."""

COUNT_SECONDS = 60.0
HELLO_SECONDS = 1.0
"""Until other connections are believed in, and for the hello that counts them again."""

PONG_PATIENCE = 30.0
"""Seconds without a pong until the connection counts as lost."""

log = structlog.get_logger()


class Socket(SocketModeClient):
    """One connection, which is opened again whenever it is lost.

    ``greeted`` is set when Slack has said hello for the first time.
    ``refusal`` is Slack's word when it refused the app-level token at the last try.
    ``is_shared`` tells that Slack counts other connections beside this one, and did a minute ago.
    """

    def __init__(self, bolt: AsyncApp, app_token: str) -> None:
        self._pong: float | None = None
        self._pong_at = 0.0
        self._opened_at: float | None = None
        self._pause = 0.0
        self.greeted = asyncio.Event()
        self.refusal: str | None = None
        self.is_shared = False
        self._count_seen = 1
        super().__init__(app_token=app_token, web_client=bolt.client, ping_interval=10)
        self._bolt = bolt
        self.message_listeners.append(self._count)
        self.socket_mode_request_listeners.append(self._answer)

    @property
    def last_ping_pong_time(self) -> float | None:
        """Return the SDK's own mark of the last pong."""
        return self._pong

    @last_ping_pong_time.setter
    def last_ping_pong_time(self, value: float | None) -> None:
        self._pong = value
        self._pong_at = time.monotonic()

    async def is_ping_pong_failing(self) -> bool:
        """Tell whether no pong has come for too long."""
        return self._pong is not None and time.monotonic() - self._pong_at >= PONG_PATIENCE

    async def issue_new_wss_url(self) -> str:
        """Return no address: ``connect`` asks for one at each try."""
        return ""

    async def connect(self) -> None:
        """Connect, however many tries it takes; each that fails is logged with its cause.

        Raise SlackApiError where Slack refuses the token of a bot that was never connected.
        """
        await self._calm_down()
        wait = 1.0
        while not self.closed:
            try:
                await self._open()
            except CALL_ERRORS as error:
                self.refusal = refusal_of(error)
                if self.refusal is not None and self._opened_at is None:
                    raise
                log.warning("slack_unreachable", step="socket", cause=cause_of(error))
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)
            else:
                return

    async def _calm_down(self) -> None:
        """Wait, and longer each time, where Slack ends each connection soon after it is opened."""
        if self._opened_at is None or time.monotonic() - self._opened_at >= SHORT_LIFE:
            self._pause = 0.0
            return
        log.warning("slack_unreachable", step="socket", cause=setup_hints.ENDED_AT_ONCE)
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause + 1, LONGEST_WAIT)

    async def _open(self) -> None:
        # Until it is open the SDK's monitor must not begin another.
        self.auto_reconnect_enabled = False
        if self.current_session is not None:
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await self.current_session.close()
        reply = await self.web_client.apps_connections_open(app_token=self.app_token)
        async with asyncio.timeout(CONNECT_PATIENCE):
            self.current_session = await self.aiohttp_client_session.ws_connect(
                reply["url"],
                autoping=False,
                heartbeat=self.ping_interval,
                proxy=self.proxy,
                ssl=self.web_client.ssl or True,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_PATIENCE),
            )
        self.refusal = None
        self._opened_at = time.monotonic()
        self.last_ping_pong_time = None
        self.auto_reconnect_enabled = True
        self.stale = False
        self._listen()

    def _listen(self) -> None:
        for task in (self.current_session_monitor, self.message_receiver):
            if task is not None:
                task.cancel()
        self.current_session_monitor = asyncio.ensure_future(self.monitor_current_session())
        self.message_receiver = asyncio.ensure_future(self.receive_messages())

    async def _count(self, _: object, message: Mapping[str, Any], __: str | None) -> None:
        count = message.get("num_connections")
        if message.get("type") != "hello":
            return
        self.greeted.set()
        if isinstance(count, int):
            self._count_seen = count

    async def watch_count(self) -> None:
        """Look for other programs on this app's tokens; never return.

        Slack tells how many connections there are only when one is opened, so another is opened.
        """
        while True:
            await asyncio.sleep(COUNT_SECONDS)
            if self._count_seen > 1:
                await self.connect_to_new_endpoint(force=True)
                await asyncio.sleep(HELLO_SECONDS)
            self.is_shared = self._count_seen > 1
            if self.is_shared:
                log.error("foreign_connections", why=setup_hints.FOREIGN_CONNECTIONS)

    async def _answer(self, _: object, request: SocketModeRequest) -> None:
        begun = time.time()
        response = await run_async_bolt_app(self._bolt, request)
        await send_async_response(self, request, response, begun)
