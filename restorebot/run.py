"""The running bot: Slack listened to, jobs stepped, the outbox told, until it is told to stop."""

import asyncio
import errno
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import structlog
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_sdk.errors import SlackApiError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from restorebot import logs, server, setup_hints
from restorebot.app import Bot, build_bot
from restorebot.errors import SettingsError
from restorebot.settings import Settings, line_of_variable, problems
from restorebot.slack.causes import cause_of, refusal_of
from restorebot.slack.client import CALL_ERRORS, error_code
from restorebot.slack.socket import LONGEST_WAIT, Socket

DRAIN_SECONDS = 5.0
"""Seconds for work under way to finish after SIGTERM; the whole stop stays within ten."""

DATABASE_SECONDS = 2.0
TOKEN_SECONDS = 10.0
"""How long a look at the database, and at the bot's token, is good for."""

T = TypeVar("T")

Check = Callable[[], Awaitable[list[str]]]
"""Tells what keeps the bot from working, a sentence each."""

log = structlog.get_logger()


class Remembered:
    """A check that is not made again for a while, however often somebody asks for its answer."""

    def __init__(self, check: Check, seconds: float) -> None:
        self._check = check
        self._seconds = seconds
        self._made_at: float | None = None
        self._found: list[str] = []
        self._lock = asyncio.Lock()

    async def __call__(self) -> list[str]:
        """Return what was found."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._made_at is None or now - self._made_at >= self._seconds:
                self._found = await self._check()
                self._made_at = now
            return self._found


class Connection:
    """The bot's connection to Slack. ``port`` is the one that is served on, if any."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self.port: int | None = None
        self.socket: Socket | None = None
        self._watch: asyncio.Task[None] | None = None
        token = bot.settings.slack_app_token
        if token:
            self.socket = Socket(bot.bolt, token.get_secret_value())

    async def open(self) -> None:
        """Connect, however long it takes. Raise SettingsError where Slack refuses a token."""
        await self._greet()
        if self.socket is None:
            return
        try:
            await self.socket.connect()
        except SlackApiError as error:
            raise _refused("SLACK_APP_TOKEN", error_code(error)) from None
        await self.socket.greeted.wait()
        self._watch = asyncio.create_task(self.socket.watch_count())

    async def _greet(self) -> None:
        """Ask Slack who we are, which also tries the token."""
        wait = 1.0
        while self._bot.directory.team is None:
            try:
                await self._bot.directory.greet()
            except CALL_ERRORS as error:
                code = refusal_of(error)
                if code is not None:
                    raise _refused("SLACK_BOT_TOKEN", code) from None
                log.warning("slack_unreachable", step="auth.test", cause=cause_of(error))
                await asyncio.sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT)

    async def problems(self) -> list[str]:
        """Return what keeps Slack from reaching the bot, a sentence each."""
        if self._bot.directory.team is None:
            return [setup_hints.NOT_GREETED]
        if self.socket is not None and self.socket.is_shared:
            return [setup_hints.FOREIGN_CONNECTIONS]
        if self.socket is None or await self.socket.is_connected():
            return []
        if self.socket.refusal is not None:
            return [setup_hints.app_refused(self.socket.refusal)]
        return [setup_hints.SOCKET_DISCONNECTED]

    async def token_problems(self) -> list[str]:
        """Return that Slack refuses the bot's token, if it does; that it is away is none."""
        if self._bot.directory.team is None:
            return []
        try:
            await self._bot.directory.greet()
        except CALL_ERRORS as error:
            code = refusal_of(error)
            if code is not None:
                log.warning("token_refused", code=code)
                return [setup_hints.bot_refused(code)]
        return []

    async def close(self) -> None:
        """Take nothing more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        if self.socket is not None:
            await self.socket.close()  # type: ignore[no-untyped-call] # the SDK's own gap


def _refused(variable: str, code: str) -> SettingsError:
    return SettingsError([line_of_variable(variable, problems.refused_by_slack(code))])


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raise SettingsError, StorageError."""
    logs.configure(sys.stderr, secrets=settings.secrets())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        bot = await _unless(stop, stack.enter_async_context(build_bot(settings)))
        if bot is not None:
            connection = await stack.enter_async_context(listening(bot))
            await stack.enter_async_context(working(bot))
            await _unless(stop, _connect(bot, connection))
            await stop.wait()
        log.info("stopping")


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Do the work; give it up, and return None, when the program is told to stop."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None


async def _connect(bot: Bot, connection: Connection) -> None:
    await connection.open()
    mode = "http"
    if bot.settings.socket_mode:
        mode = "socket"
    hosts = [portal.docspace.host for portal in bot.portals.all]
    log.info("ready", portals=hosts, mode=mode, port=connection.port)


@asynccontextmanager
async def working(bot: Bot) -> AsyncIterator[None]:
    """Watch and tell; on the way out finish what is under way."""
    notifier = asyncio.create_task(bot.notifier.run())
    bot.jobs.start(bot.runner.step, bot.runner.due)
    for restore_id in await bot.runner.open_ids():
        bot.jobs.wake(restore_id)
    try:
        yield
    finally:
        bot.jobs.stop()
        await bot.tasks.drain(DRAIN_SECONDS)
        notifier.cancel()
        await asyncio.gather(notifier, return_exceptions=True)


@asynccontextmanager
async def listening(bot: Bot) -> AsyncIterator[Connection]:
    """Serve health, and Slack's requests where they come over HTTP; yield the connection to open.

    Raise SettingsError.
    """
    settings = bot.settings
    async with AsyncExitStack() as stack:
        connection = Connection(bot)
        stack.push_async_callback(connection.close)
        routes: list[Route] = []
        checks: list[Check] = [
            Remembered(bot.problems, DATABASE_SECONDS),
            Remembered(connection.token_problems, TOKEN_SECONDS),
            connection.problems,
        ]
        if not settings.socket_mode:
            routes.append(Route("/slack/events", _events(bot), methods=["POST"]))
        if settings.listen_port is not None:
            if settings.health:
                routes += server.health_routes(partial(_all_problems, checks))
            web = Starlette(routes=routes)
            serving = _serve(web, settings.listen_host, settings.listen_port)
            connection.port = await stack.enter_async_context(serving)
        yield connection


@asynccontextmanager
async def _serve(web: Starlette, host: str, port: int) -> AsyncIterator[int]:
    """Serve, and yield the port. Raise SettingsError where it cannot be had."""
    async with AsyncExitStack() as stack:
        try:
            served = await stack.enter_async_context(server.serve(web, host, port))
        except OSError as error:
            sentence = _cannot_listen(f"{host}:{port}", error)
            raise SettingsError([line_of_variable("PORT", sentence)]) from None
        yield served


def _cannot_listen(address: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return problems.port_taken(address)
    return problems.cannot_listen(address, error.strerror)


async def _all_problems(checks: list[Check]) -> list[str]:
    return [sentence for check in checks for sentence in await check()]


def _events(bot: Bot) -> Callable[[Request], Awaitable[Response]]:
    handler = AsyncSlackRequestHandler(bot.bolt)

    async def events(request: Request) -> Response:
        if bot.directory.team is None:
            # Whose workspace a request is from cannot be told yet.
            return PlainTextResponse(setup_hints.NOT_GREETED, status_code=503)
        response = await handler.handle(request)
        if response.status_code == 401:
            log.warning("request_refused", why="signature or timestamp")
        return response

    return events
