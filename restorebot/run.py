"""The running bot: Slack listened to, jobs stepped, the outbox told, until it is told to stop."""

import asyncio
import errno
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from restorebot import logs, server, setup_hints
from restorebot.app import Bot, build_bot
from restorebot.errors import SettingsError, SlackUnavailable
from restorebot.settings import Settings, line_of_variable, problems
from restorebot.slack.client import CALL_ERRORS, error_code, http_status

DRAIN_SECONDS = 6.0
"""Seconds for work under way to finish after SIGTERM; the whole stop stays within ten."""

Check = Callable[[], Awaitable[list[str]]]
"""Tells what keeps the bot from working, a sentence each."""

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raise SettingsError, StorageError, SlackUnavailable."""
    logs.configure(sys.stderr, secrets=settings.secrets())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mode = "http"
    if settings.socket_mode:
        mode = "socket"
    async with build_bot(settings) as bot, run_bot(bot) as port:
        hosts = [portal.docspace.host for portal in bot.portals.all]
        log.info("ready", portals=hosts, mode=mode, port=port)
        await stop.wait()
        log.info("stopping")


@asynccontextmanager
async def run_bot(bot: Bot) -> AsyncIterator[int | None]:
    """Listen, watch and tell; on the way out stop intake first, then finish what is under way."""
    notifier = asyncio.create_task(bot.notifier.run())
    bot.jobs.start(bot.runner.step, bot.runner.due)
    for restore_id in await bot.runner.open_ids():
        bot.jobs.wake(restore_id)
    try:
        async with listening(bot) as port:
            yield port
    finally:
        bot.jobs.stop()
        await bot.tasks.drain(DRAIN_SECONDS)
        notifier.cancel()
        await asyncio.gather(notifier, return_exceptions=True)


@asynccontextmanager
async def listening(bot: Bot) -> AsyncIterator[int | None]:
    """Take commands and clicks, from Socket Mode or over HTTP.

    Yield the port that is served on, if any. Raise SettingsError, SlackUnavailable.
    """
    settings = bot.settings
    port: int | None = None
    async with AsyncExitStack() as stack:
        routes: list[Route] = []
        checks: list[Check] = [bot.problems]
        if settings.slack_app_token:
            handler = AsyncSocketModeHandler(bot.bolt, settings.slack_app_token.get_secret_value())
            stack.push_async_callback(handler.close_async)
            await _connect(handler)
            checks.append(partial(_socket_problems, handler))
        else:
            routes.append(Route("/slack/events", _events(bot.bolt), methods=["POST"]))
        if settings.listen_port is not None:
            routes += server.health_routes(partial(_all_problems, checks))
            web = Starlette(routes=routes)
            port = await stack.enter_async_context(_serve(web, settings.host, settings.listen_port))
        yield port


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


async def _socket_problems(handler: AsyncSocketModeHandler) -> list[str]:
    if await handler.client.is_connected():
        return []
    return [setup_hints.SOCKET_DISCONNECTED]


async def _all_problems(checks: list[Check]) -> list[str]:
    return [sentence for check in checks for sentence in await check()]


def _events(bolt: AsyncApp) -> Callable[[Request], Awaitable[Response]]:
    handler = AsyncSlackRequestHandler(bolt)

    async def events(request: Request) -> Response:
        response = await handler.handle(request)
        if response.status_code == 401:
            log.warning("request_refused", why="signature or timestamp")
        return response

    return events


async def _connect(handler: AsyncSocketModeHandler) -> None:
    try:
        # The SDK's own loop asks for the address again for ever, whatever Slack says.
        handler.client.wss_uri = await handler.client.issue_new_wss_url()
        await handler.connect_async()  # type: ignore[no-untyped-call] # Bolt's own gap
    except SlackApiError as error:
        if http_status(error) is None:
            raise SlackUnavailable(setup_hints.SOCKET_UNREACHABLE) from None
        said = problems.refused_by_slack(error_code(error))
        raise SettingsError([line_of_variable("SLACK_APP_TOKEN", said)]) from None
    except CALL_ERRORS:
        raise SlackUnavailable(setup_hints.SOCKET_UNREACHABLE) from None
