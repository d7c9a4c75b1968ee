"""The composition root: settings in, running service out. Nothing is built anywhere else."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from pydantic import SecretStr
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from restorebot import logs, server
from restorebot.docspace.client import DEFAULT_LIMITS, ApiKeyInUse, DocSpace, Limits, ssl_context
from restorebot.errors import KeyUnreadable, SettingsError, SlackUnavailable, StorageError
from restorebot.model import PortalName
from restorebot.restores.policy import Approvers, Policy, Requesters
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.preflight import Preflight
from restorebot.restores.progress import PollSettings
from restorebot.restores.queries import RestoreQueries
from restorebot.restores.runner import Jobs, Runner
from restorebot.restores.safety_backup import SafetyBackup
from restorebot.restores.service import Service
from restorebot.restores.start import Starter
from restorebot.restores.watch import Watcher
from restorebot.settings import Settings
from restorebot.slack import app as slack_app
from restorebot.slack.client import CALL_ERRORS, error_code, http_status
from restorebot.slack.commands import RestoreCommand
from restorebot.slack.directory import SlackDirectory
from restorebot.slack.home import Home
from restorebot.slack.listeners import Listeners
from restorebot.slack.notifier import Notifier
from restorebot.slack.phrases.setup import SETUP_HINTS
from restorebot.slack.request_flow import RequestFlow
from restorebot.storage.store import Store, open_store
from restorebot.tasks import Tasks

SLACK_PATIENCE = 10
"""Seconds for one call to Slack."""

GREETING_TRIES = 6
"""How often Slack is asked who we are before the bot gives up starting."""

DRAIN_SECONDS = 6.0
"""Seconds for work under way to finish after SIGTERM; the whole stop stays within ten."""

log = structlog.get_logger()


def utcnow() -> datetime:
    """The clock of production."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Bot:
    """All the parts, built and connected to each other, none of them running."""

    settings: Settings
    store: Store
    portals: Portals
    tasks: Tasks
    service: Service
    runner: Runner
    jobs: Jobs
    notifier: Notifier
    bolt: AsyncApp
    clock: Callable[[], datetime]

    async def problems(self) -> list[str]:
        """What keeps the bot from working right now, for ``/readyz``."""
        try:
            async with self.store.reading() as tx:
                await tx.open_restores()
        except StorageError as error:
            return [str(error)]
        return []


@asynccontextmanager
async def build_bot(
    settings: Settings,
    clock: Callable[[], datetime] = utcnow,
    limits: Limits = DEFAULT_LIMITS,
) -> AsyncIterator[Bot]:
    """Build the bot; ``limits`` are those of the calls to a portal.

    Raise SettingsError, StorageError, SlackUnavailable.
    """
    async with AsyncExitStack() as stack:
        client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            timeout=SLACK_PATIENCE,
            # The default handlers send a message again when its answer is lost, unmarked.
            retry_handlers=[],
        )
        team = await _authenticate(client)
        store = await open_store(settings.database_url)
        stack.push_async_callback(store.close)
        tls = ssl_context()
        portals = []
        for one in settings.portals:
            # A client each: one shared pool is measurably slower with many portals, above all with
            # hung ones.
            newer = partial(_stored_key, store, settings.encryption_key, one.url)
            if one.safety_backup:
                why = one.safety_backup.storage_type.facts.way_back_warning
                if why is not None:
                    log.warning("safety_backup_warning", portal=one.name, why=why)
            docspace = DocSpace(
                one.url,
                one.key,
                ssl_context=tls,
                auth=one.auth,
                stored_key_source=newer,
                limits=limits,
                hints=SETUP_HINTS,
            )
            stack.push_async_callback(docspace.aclose)
            policy = Policy(
                approvers=Approvers(one.approvers),
                requesters=Requesters(one.requesters),
                channels=one.channels,
                approvals_needed=one.approvals_needed,
                allow_self_approval=settings.allow_self_approval,
                break_glass=settings.break_glass,
            )
            portal = Portal(
                name=PortalName(one.name),
                docspace=docspace,
                policy=policy,
                approval_ttl=one.approval_ttl,
                announce=one.announce,
                safety_backup=one.safety_backup,
            )
            portals.append(portal)
        yield _wire(settings, store, Portals(portals), client, team, clock)


async def _stored_key(
    store: Store, encryption_key: SecretStr | None, url: str
) -> ApiKeyInUse | None:
    try:
        async with store.reading() as tx:
            found = await tx.stored_key(url)
    except StorageError as error:
        raise KeyUnreadable(str(error)) from None
    return ApiKeyInUse(found.decrypt(encryption_key), found.stored_at) if found else None


def _wire(
    settings: Settings,
    store: Store,
    portals: Portals,
    client: AsyncWebClient,
    team: str,
    clock: Callable[[], datetime],
) -> Bot:
    tasks = Tasks()
    directory = SlackDirectory(client, team)
    poll = PollSettings(interval=settings.poll_interval, stall_after=settings.stall_after)
    preflight = Preflight(store)
    safety = SafetyBackup(store, portals, poll=poll, clock=clock)
    starter = Starter(store, portals, preflight, directory, safety, poll=poll, clock=clock)
    jobs = Jobs(tasks, clock)
    watcher = Watcher(store, portals, poll=poll, wake=jobs.wake)
    runner = Runner(store, starter, watcher)
    service = Service(store, portals, directory, clock=clock, wake=jobs.wake)
    notifier = Notifier(client, store, portals, clock)
    store.changed = notifier.wake
    queries = RestoreQueries(store, portals, directory)
    flow = RequestFlow(client, service, preflight, portals, clock=clock)
    command = RestoreCommand(client, service, queries, preflight, portals, flow, clock=clock)
    home = Home(client, queries, clock)
    listeners = Listeners(client, service, command, flow, home, tasks, clock=clock)
    secret: str | None = None
    if settings.slack_signing_secret:
        secret = settings.slack_signing_secret.get_secret_value()
    bolt = slack_app.build(client, listeners, tasks, team=team, signing_secret=secret)
    return Bot(
        settings=settings,
        store=store,
        portals=portals,
        tasks=tasks,
        service=service,
        runner=runner,
        jobs=jobs,
        notifier=notifier,
        bolt=bolt,
        clock=clock,
    )


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises SettingsError, StorageError, SlackUnavailable."""
    logs.configure(sys.stderr, secrets=settings.secrets())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with build_bot(settings) as bot, run_bot(bot) as port:
        log.info(
            "ready",
            portals=[portal.docspace.host for portal in bot.portals.all],
            mode="socket" if settings.socket_mode else "http",
            port=port,
        )
        await stop.wait()
        log.info("stopping")


@asynccontextmanager
async def run_bot(bot: Bot) -> AsyncIterator[int | None]:
    """Listen, watch and tell; on the way out stop intake first, then finish what is under way."""
    notifier = asyncio.create_task(bot.notifier.run())
    bot.jobs.start(bot.runner.step)
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
    """Take commands and clicks, from Socket Mode or over HTTP; yields the port that is served on,
    if any.
    """
    settings = bot.settings
    port: int | None = None
    async with AsyncExitStack() as stack:
        routes: list[Route] = []
        problems = [bot.problems]
        if settings.slack_app_token:
            handler = AsyncSocketModeHandler(bot.bolt, settings.slack_app_token.get_secret_value())
            stack.push_async_callback(handler.close_async)
            await _connect(handler)

            async def connected() -> list[str]:
                return (
                    [] if await handler.client.is_connected() else ["Socket Mode is not connected."]
                )

            problems.append(connected)
        else:
            routes.append(Route("/slack/events", _events(bot.bolt), methods=["POST"]))
        if settings.listen_port is not None:

            async def all_problems() -> list[str]:
                return [sentence for check in problems for sentence in await check()]

            app = Starlette(routes=[*routes, *server.health_routes(all_problems)])
            port = await stack.enter_async_context(
                server.serve(app, settings.host, settings.listen_port)
            )
        yield port


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
        await handler.connect_async()  # type: ignore[no-untyped-call] # Bolt's own gap
    except SlackApiError as error:
        if http_status(error) is None:
            raise SlackUnavailable("Slack's Socket Mode could not be reached.") from None
        reason = f"Slack refuses it ({error_code(error)})"
        problem = (
            f"SLACK_APP_TOKEN: {reason}; make one with connections:write under Basic Information"
        )
        raise SettingsError([problem]) from None
    except CALL_ERRORS:
        raise SlackUnavailable("Slack's Socket Mode could not be reached.") from None


async def _authenticate(client: AsyncWebClient) -> str:
    """Ask Slack who we are, which also tries the token; returns the id of our workspace."""
    for attempt in range(GREETING_TRIES):
        try:
            return str((await client.auth_test())["team_id"])
        except SlackApiError as error:
            if (http_status(error) or 500) < 429:
                reason = f"Slack refuses it ({error_code(error)})"
                problem = (
                    f"SLACK_BOT_TOKEN: {reason}; copy the Bot User OAuth Token of the installed app"
                )
                raise SettingsError([problem]) from None
        except CALL_ERRORS as error:
            log.warning("slack_unreachable", error=type(error).__name__)
        await asyncio.sleep(timedelta(seconds=2**attempt).total_seconds())
    raise SlackUnavailable("Slack could not be reached at SLACK_API_URL; is the network there?")
