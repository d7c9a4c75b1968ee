"""`/restore`: whether it may be asked here, and what each of its words answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import Refused
from restorebot.model import Restore
from restorebot.restores.named import NamedBackup, backup_named
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.preflight import BackupRef, Preflight
from restorebot.restores.queries import RestoreQueries
from restorebot.restores.service import Service
from restorebot.slack import lists
from restorebot.slack.blocks import fallback_text
from restorebot.slack.client import CALL_ERRORS, error_code
from restorebot.slack.dry_run import dry_run
from restorebot.slack.parsing import ParsedCommand, parse_command
from restorebot.slack.phrases import answers as words
from restorebot.slack.request_flow import CHECKS_TIMEOUT, Asker, RequestFlow, read_history
from restorebot.subcommands import Subcommand

HISTORY_SHOWN = 20
"""Restores that `/restore history` shows."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Command:
    """A slash command's payload, parsed once."""

    text: str
    user: str
    channel: str
    trigger_id: str
    response_url: str

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "Command":
        """Read Slack's payload."""
        return cls(
            text=str(body.get("text", "")).strip(),
            user=body["user_id"],
            channel=body["channel_id"],
            trigger_id=body["trigger_id"],
            response_url=body["response_url"],
        )

    @property
    def retry(self) -> str:
        """Say what to type again."""
        return words.try_again(self.text)


class RestoreCommand:
    """Answers `/restore`."""

    def __init__(
        self,
        client: AsyncWebClient,
        service: Service,
        queries: RestoreQueries,
        preflight: Preflight,
        portals: Portals,
        flow: RequestFlow,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._service = service
        self._queries = queries
        self._preflight = preflight
        self._portals = portals
        self._flow = flow
        self._clock = clock
        self._handlers: Mapping[Subcommand, Callable[[Command, ParsedCommand], Awaitable[None]]] = {
            Subcommand.LIST: self._list,
            Subcommand.STATUS: self._status,
            Subcommand.HISTORY: self._history,
            Subcommand.HELP: self._help,
        }

    async def run(self, command: Command) -> None:
        """Answer a command.

        Raise RestorebotError, which the caller tells the person privately.
        """
        parsed = parse_command(command.text, [portal.name for portal in self._portals.all])
        if parsed.subcommand is None:
            await self._request(command, parsed)
        else:
            await self._handlers[parsed.subcommand](command, parsed)

    async def _request(self, command: Command, parsed: ParsedCommand) -> None:
        portal = await self._portal(command, parsed)
        asker = Asker(
            user=command.user,
            channel=command.channel,
            trigger_id=command.trigger_id,
            retry=command.retry,
        )
        if parsed.backup is None:
            await self._flow.open_picker(portal, asker)
        elif parsed.dry_run:
            await self._dry_run(command, portal, parsed.backup)
        else:
            await self._flow.ask(portal, parsed.backup, asker)

    async def _portal(self, command: Command, parsed: ParsedCommand) -> Portal:
        """Return the portal that is meant, if this person may ask for its restore here."""
        portal = self._portals.resolve(parsed.portal, command.channel)
        await self._service.check_may_request(portal, command.user, command.channel)
        return portal

    async def _dry_run(
        self, command: Command, portal: Portal, wanted: BackupRef | NamedBackup
    ) -> None:
        known = None
        if isinstance(wanted, NamedBackup):
            known = await read_history(portal)
            wanted = backup_named(wanted, known, self._clock())
        report = await self._preflight.run(
            portal.docspace, wanted, self._clock(), patience=CHECKS_TIMEOUT, known=known
        )
        await self._tell(command, dry_run(wanted.backup_id, report, portal))

    async def _help(self, _: Command, __: ParsedCommand) -> None:
        raise Refused(words.USAGE)

    async def _list(self, command: Command, parsed: ParsedCommand) -> None:
        portal = await self._portal(command, parsed)
        records = await portal.docspace.history()
        await self._tell(command, lists.backups(portal, records, self._clock()))

    async def _status(self, command: Command, parsed: ParsedCommand) -> None:
        portals = await self._readable(command, parsed)
        restores = await self._queries.open_restores(_urls(portals))
        found = await asyncio.gather(*(self._permalink(restore) for restore in restores))
        links = {restore.id: link for restore, link in zip(restores, found, strict=True)}
        await self._tell(command, lists.status(restores, links, _names(portals)))

    async def _history(self, command: Command, parsed: ParsedCommand) -> None:
        portals = await self._readable(command, parsed)
        restores = await self._queries.ended_restores(_urls(portals), HISTORY_SHOWN)
        await self._tell(command, lists.history(restores, _names(portals)))

    async def _readable(self, command: Command, parsed: ParsedCommand) -> list[Portal]:
        """Return the portal that is named, or all that belong to this channel."""
        asked = self._portals.select(parsed.portal, command.channel)
        return await self._queries.readable(asked, command.user, command.channel)

    async def _permalink(self, restore: Restore) -> str | None:
        """Return the card's address, None while there is no card or Slack does not tell."""
        if restore.card_ts is None:
            return None
        try:
            found = await self._client.chat_getPermalink(
                channel=restore.channel, message_ts=restore.card_ts
            )
        except CALL_ERRORS as error:
            log.info("permalink_failed", reason=error_code(error))
            return None
        return str(found["permalink"])

    async def _tell(self, command: Command, lines: list[str]) -> None:
        """Show lines to this person alone, in as many messages as it takes."""
        for blocks in lists.messages(lines):
            try:
                await self._client.chat_postEphemeral(
                    channel=command.channel,
                    user=command.user,
                    blocks=blocks,
                    text=fallback_text(blocks),
                )
            except CALL_ERRORS:
                raise Refused(words.answer_incomplete(command.retry)) from None


def _urls(portals: Sequence[Portal]) -> set[str]:
    return {portal.docspace.url for portal in portals}


def _names(portals: Sequence[Portal]) -> list[str]:
    return [portal.name for portal in portals]
