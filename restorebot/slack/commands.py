"""`/restore`: whether it may be asked here, and what each of its words answers."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.docspace.models import BackupRecord
from restorebot.errors import PortalError, Refused
from restorebot.model import Restore, Source
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.preflight import Preflight
from restorebot.restores.service import Service
from restorebot.slack import listing, picker, views
from restorebot.slack.fields import HISTORY, chosen
from restorebot.slack.grammar import USAGE, Wish, Word, understood
from restorebot.slack.people import check_channel
from restorebot.slack.texts import Block, spoken

PATIENCE = 6.0
"""Seconds for the checks: the modal has its answer within ten seconds of the command."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Command:
    """A slash command's payload, parsed once."""

    text: str
    user: str
    channel: str
    trigger_id: str
    response_url: str

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "Command":
        return cls(
            str(body.get("text", "")).strip(),
            body["user_id"],
            body["channel_id"],
            body["trigger_id"],
            body["response_url"],
        )


OPEN_PICKERS = 50
"""Pickers whose history is kept while they are open."""

LAST = 20
"""Restores that `/restore history` shows."""


def _again(command: Command) -> str:
    return f"Try again: `{f'/restore {command.text}'.strip()}`"


class RestoreCommand:
    """Answers `/restore`."""

    def __init__(
        self,
        client: AsyncWebClient,
        service: Service,
        preflight: Preflight,
        portals: Portals,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._service = service
        self._preflight = preflight
        self._portals = portals
        self._clock = clock
        self._read: dict[str, list[BackupRecord]] = {}

    async def run(self, command: Command) -> None:
        """Raises RestorebotError, which the caller tells the person privately."""
        wish = understood(command.text, [portal.name for portal in self._portals.all])
        if wish.word is Word.HELP:
            raise Refused(USAGE)
        if wish.word in {Word.STATUS, Word.HISTORY}:
            await self._report(command, wish)
            return
        portal = self._portals.choose(wish.portal, command.channel)
        await asyncio.gather(
            check_channel(self._client, command.channel),
            self._service.check_requester(portal, command.user, command.channel),
        )
        if wish.word is Word.LIST:
            records = await portal.docspace.history()
            await self._tell(command, listing.backups(portal, records, self._clock()))
        elif wish.word is Word.PICK:
            await self._pick(command, portal)
        elif wish.dry_run:
            report = await self._preflight.run(portal.docspace, wish.backup_id, self._clock(), patience=PATIENCE)
            await self._tell(command, views.dry_run(wish.backup_id, report, portal))
        else:
            await self._ask(portal, wish.backup_id, command.channel, command.user, command.trigger_id, _again(command))

    async def _report(self, command: Command, wish: Wish) -> None:
        """What is open, or how the last restores ended; of one portal, or of all that belong to this channel."""
        if wish.portal:
            portals: tuple[Portal, ...] = (self._portals.choose(wish.portal, command.channel),)
        else:
            portals = self._portals.asked_in(command.channel)
        await asyncio.gather(
            check_channel(self._client, command.channel),
            *(self._service.check_reader(portal, command.user) for portal in portals),
        )
        urls = {portal.docspace.url for portal in portals}
        if wish.word is Word.STATUS:
            restores = await self._service.open_restores(urls)
            links = await asyncio.gather(*(self._link(restore) for restore in restores))
            lines = listing.status(restores, {restore.id: link for restore, link in zip(restores, links, strict=True)})
        else:
            lines = listing.history(await self._service.ended_restores(urls, LAST))
        await self._tell(command, lines)

    async def _link(self, restore: Restore) -> str:
        """The card's address, empty while there is no card or Slack does not tell."""
        if restore.card_ts is None:
            return ""
        try:
            found = await self._client.chat_getPermalink(channel=restore.channel, message_ts=restore.card_ts)
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.info("no_permalink", error=type(error).__name__)
            return ""
        return str(found["permalink"])

    async def _tell(self, command: Command, lines: list[str]) -> None:
        """Show lines to this person alone, in as many messages as it takes."""
        for blocks in listing.messages(lines):
            try:
                await self._client.chat_postEphemeral(
                    channel=command.channel, user=command.user, blocks=blocks, text=spoken(blocks)
                )
            except (SlackClientError, aiohttp.ClientError, TimeoutError):
                raise Refused(f"Slack did not take the whole answer. {_again(command)}") from None

    async def _pick(self, command: Command, portal: Portal) -> None:
        """The modal with the newest backups to choose from; the history is read once for it."""
        again = _again(command)
        view = await views.open_modal(self._client, command.trigger_id, views.loading(), again)
        await self._fill(view["id"], await self._choice(portal, view["id"], command.channel), again)

    async def _choice(
        self, portal: Portal, view_id: str, channel: str, kind: str = HISTORY, module: str = "s3"
    ) -> Block:
        """The picker as it is to be drawn; the history is read once for each modal, and kept while it is open."""
        try:
            if view_id not in self._read:
                async with asyncio.timeout(PATIENCE):
                    self._read[view_id] = await portal.docspace.history()
                while len(self._read) > OPEN_PICKERS:
                    del self._read[next(iter(self._read))]
        except PortalError as error:
            return picker.unread(str(error))
        except TimeoutError:
            return picker.unread(f"{portal.docspace.host} did not answer within {PATIENCE:g} seconds.")
        return picker.choice(portal, self._read[view_id], channel, self._clock(), kind, module)

    async def rechosen(self, view: Mapping[str, Any]) -> None:
        """After another kind of source was chosen in the picker: the fields that it has."""
        portal_name, channel = json.loads(view["private_metadata"])
        portal = self._portals.choose(portal_name, channel)
        await self._fill(view["id"], await self._choice(portal, view["id"], channel, *chosen(view)), "")

    async def picked(self, choice: picker.Choice) -> None:
        """After a backup was chosen: the same window goes on with its facts and checks."""
        try:
            portal = self._portals.choose(choice.portal_name, choice.channel)
        except Refused as error:
            await self._fill(choice.view_id, picker.unread(str(error)), "")
            return
        modal = await self._facts(portal, choice.wanted, choice.channel, choice.user)
        typed = choice.wanted if isinstance(choice.wanted, str) else ""
        await self._fill(choice.view_id, modal, f"Try again: `{f'/restore {typed}'.strip()}`")

    async def again(self, restore_id: str, user: str, trigger_id: str) -> None:
        """The modal for the same backup as that of an expired request. Raises RestorebotError."""
        restore = await self._service.read(restore_id)
        portal = self._portals.of(restore)
        await self._service.check_requester(portal, user, restore.channel)
        wanted = restore.source.backup_id or restore.source
        await self._ask(portal, wanted, restore.channel, user, trigger_id, "Click the button again.")

    async def _ask(
        self, portal: Portal, wanted: str | Source, channel: str, user: str, trigger_id: str, retry: str
    ) -> None:
        """The modal for one backup: opened within the trigger's three seconds, filled when the checks are made."""
        view = await views.open_modal(self._client, trigger_id, views.loading(), retry)
        await self._fill(view["id"], await self._facts(portal, wanted, channel, user), retry)

    async def _facts(self, portal: Portal, wanted: str | Source, channel: str, user: str) -> Block:
        report, alone = await asyncio.gather(
            self._preflight.run(portal.docspace, wanted, self._clock(), patience=PATIENCE),
            self._service.may_break_glass(portal, user),
        )
        return views.filled(wanted, report, portal, channel, self._clock(), may_break_glass=alone)

    async def _fill(self, view_id: str, modal: Block, again: str) -> None:
        try:
            await self._client.views_update(view_id=view_id, view=modal)
        except SlackApiError as error:
            reason = error.response.get("error")
            log.info("modal_not_filled", reason=reason)
            closed = reason == "not_found"
            what = "You closed the window while it loaded" if closed else "The window could not be filled"
            raise Refused(f"{what}, and nothing has been asked. {again}") from None
