"""The composition root: settings in, all parts out. Nothing is built anywhere else."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog
from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from restorebot import setup_hints
from restorebot.docspace.client import DEFAULT_LIMITS, ApiKeyInUse, DocSpace, Limits, ssl_context
from restorebot.errors import KeyUnreadable, StorageError
from restorebot.model import PortalName
from restorebot.restores.policy import Policy
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.preflight import Preflight
from restorebot.restores.progress import PollSettings
from restorebot.restores.queries import RestoreQueries
from restorebot.restores.runner import Jobs, Runner
from restorebot.restores.safety_backup import SafetyBackup
from restorebot.restores.service import Service
from restorebot.restores.start import Starter
from restorebot.restores.watch import Watcher
from restorebot.settings import PortalSettings, Settings
from restorebot.slack import app as slack_app
from restorebot.slack.commands import RestoreCommand
from restorebot.slack.directory import SlackDirectory
from restorebot.slack.home import Home
from restorebot.slack.listeners import Listeners
from restorebot.slack.notifier import Notifier
from restorebot.slack.request_flow import RequestFlow
from restorebot.storage.store import Store, open_store
from restorebot.tasks import Tasks
from restorebot.times import Clocks

SLACK_PATIENCE = 10
"""Seconds for one call to Slack."""

log = structlog.get_logger()


def utcnow() -> datetime:
    """Tell the time, as production does."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
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
    directory: SlackDirectory
    bolt: AsyncApp
    clock: Callable[[], datetime]

    async def problems(self) -> list[str]:
        """Return what keeps the bot from working right now, a sentence each, for ``/readyz``."""
        try:
            await self.store.try_writing()
        except StorageError as error:
            return [str(error)]
        return []


@asynccontextmanager
async def build_bot(
    settings: Settings,
    clock: Callable[[], datetime] = utcnow,
    limits: Limits = DEFAULT_LIMITS,
    monotonic: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Bot]:
    """Build the bot, without a word to Slack or a portal yet.

    ``clock`` tells the time of day, ``monotonic`` seconds that nobody can set; ``limits`` are those
    of the calls to a portal. Raise StorageError.
    """
    async with AsyncExitStack() as stack:
        client = AsyncWebClient(
            token=settings.slack_bot_token.get_secret_value(),
            base_url=settings.slack_api_url,
            timeout=SLACK_PATIENCE,
            # The default handlers send a message again when its answer is lost, unmarked.
            retry_handlers=[],
        )
        store = await open_store(settings.database_url)
        stack.push_async_callback(store.close)
        tls = ssl_context()
        portals = []
        for one in settings.portals:
            # A client each: one shared pool is measurably slower with many portals, above all with
            # hung ones.
            docspace = DocSpace(
                one.url,
                one.key,
                ssl_context=tls,
                auth=one.auth,
                stored_key_source=partial(_stored_key, store, settings.encryption_key, one.url),
                limits=limits,
                hints=setup_hints.SETUP_HINTS,
            )
            stack.push_async_callback(docspace.aclose)
            portals.append(_portal(settings, one, docspace))
        yield _wire(settings, store, Portals(portals), client, Clocks(clock, monotonic))


def _portal(settings: Settings, one: PortalSettings, docspace: DocSpace) -> Portal:
    if one.safety_backup:
        why = one.safety_backup.storage_type.facts.way_back_warning
        if why is not None:
            log.warning("safety_backup_warning", portal=one.name, why=why)
    policy = Policy(
        approvers=one.approvers,
        requesters=one.requesters,
        channels=one.channels,
        approvals_needed=one.approvals_needed,
        allow_self_approval=settings.allow_self_approval,
        break_glass=settings.break_glass,
    )
    return Portal(
        name=PortalName(one.name),
        docspace=docspace,
        policy=policy,
        approval_ttl=one.approval_ttl,
        announce=one.announce,
        safety_backup=one.safety_backup,
    )


async def _stored_key(
    store: Store, encryption_key: SecretStr | None, url: str
) -> ApiKeyInUse | None:
    try:
        async with store.reading() as tx:
            found = await tx.stored_key(url)
    except StorageError as error:
        raise KeyUnreadable(str(error)) from None
    if found is None:
        return None
    return ApiKeyInUse(found.decrypt(encryption_key), found.stored_at)


def _wire(
    settings: Settings,
    store: Store,
    portals: Portals,
    client: AsyncWebClient,
    clocks: Clocks,
) -> Bot:
    clock = clocks.wall
    tasks = Tasks()
    directory = SlackDirectory(client)
    poll = PollSettings(interval=settings.poll_interval, stall_after=settings.stall_after)
    preflight = Preflight(store)
    jobs = Jobs(tasks, clock, steady=clocks.steady)
    runner = _runner(store, portals, preflight, directory, poll=poll, wake=jobs.wake, clocks=clocks)
    service = Service(store, portals, directory, clock=clock, wake=jobs.wake)
    notifier = Notifier(client, store, portals, clocks)
    store.changed = notifier.wake
    queries = RestoreQueries(store, portals, directory)
    flow = RequestFlow(client, service, preflight, portals, clock=clock)
    command = RestoreCommand(client, service, queries, preflight, portals, flow, clock=clock)
    home = Home(client, queries, clock)
    listeners = Listeners(client, service, command, flow, home, tasks, clock=clock)
    bolt = slack_app.build(client, listeners, tasks, directory, settings.slack_signing_secret)
    return Bot(
        settings=settings,
        store=store,
        portals=portals,
        tasks=tasks,
        service=service,
        runner=runner,
        jobs=jobs,
        notifier=notifier,
        directory=directory,
        bolt=bolt,
        clock=clock,
    )


def _runner(
    store: Store,
    portals: Portals,
    preflight: Preflight,
    directory: SlackDirectory,
    *,
    poll: PollSettings,
    wake: Callable[[str], None],
    clocks: Clocks,
) -> Runner:
    safety = SafetyBackup(store, portals, poll=poll, clock=clocks.wall)
    starter = Starter(store, portals, preflight, directory, safety, poll=poll, clocks=clocks)
    watcher = Watcher(
        store,
        portals,
        poll=poll,
        wake=wake,
        steady=clocks.steady,
        posted_ago=starter.posted_ago,
    )
    return Runner(store, starter, watcher)
