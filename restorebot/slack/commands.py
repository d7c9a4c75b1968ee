"""`/restore`: whether it may be asked here, and what each of its words answers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.docspace.models import BackupRecord
from restorebot.errors import PortalError, Refused, RestorebotError
from restorebot.model import Restore
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.preflight import (
    ArchiveRef,
    BackupRef,
    Preflight,
    SourceRef,
    ref_of,
    result_or_error,
)
from restorebot.restores.queries import RestoreQueries
from restorebot.restores.service import Service
from restorebot.slack import lists, picker, request_modal
from restorebot.slack.archive_form import HISTORY
from restorebot.slack.client import CALL_ERRORS, error_code
from restorebot.slack.mrkdwn import Block, fallback_text
from restorebot.slack.parsing import USAGE, ParsedCommand, Subcommand, parse_command

CHECK_TIMEOUT = 6.0
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


FILL_RETRY_DELAYS = (0.0, 0.2, 0.6, 1.2)
"""Seconds before each try to fill a window that an ack opens: the ack may reach Slack later than
the call.
"""

BACK = "Back"
"""Closes the window on top of the picker, which is underneath as it was left."""

HISTORIES_KEPT = 50
"""Pickers whose history is kept while they are open."""

LAST = 20
"""Restores that `/restore history` shows."""


def _of_use(
    history: list[BackupRecord] | PortalError | None, wanted: SourceRef
) -> list[BackupRecord] | None:
    """What a picker has read, unless it does not answer what was asked for: a backup may be newer
    than the picker.
    """
    if history is None or isinstance(history, PortalError):
        return None
    known = {record.id.lower() for record in history}
    if isinstance(wanted, ArchiveRef) or wanted.backup_id in known:
        return history
    return None


def _again(command: Command) -> str:
    return f"Try again: `{f'/restore {command.text}'.strip()}`"


class RestoreCommand:
    """Answers `/restore`."""

    def __init__(
        self,
        client: AsyncWebClient,
        service: Service,
        viewer: RestoreQueries,
        preflight: Preflight,
        portals: Portals,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._service = service
        self._viewer = viewer
        self._preflight = preflight
        self._portals = portals
        self._clock = clock
        self._read: dict[str, list[BackupRecord] | PortalError] = {}

    async def run(self, command: Command) -> None:
        """Raises RestorebotError, which the caller tells the person privately."""
        wish = parse_command(command.text, [portal.name for portal in self._portals.all])
        if wish.word is Subcommand.HELP:
            raise Refused(USAGE)
        if wish.word in {Subcommand.STATUS, Subcommand.HISTORY}:
            await self._report(command, wish)
            return
        portal = self._portals.resolve(wish.portal, command.channel)
        await self._service.check_may_request(portal, command.user, command.channel)
        if wish.word is Subcommand.LIST:
            records = await portal.docspace.history()
            await self._tell(command, lists.backups(portal, records, self._clock()))
        elif wish.word is Subcommand.PICK:
            await self._pick(command, portal)
        elif wish.dry_run:
            report = await self._preflight.run(
                portal.docspace,
                BackupRef(wish.backup_id),
                self._clock(),
                patience=CHECK_TIMEOUT,
            )
            await self._tell(command, request_modal.dry_run(wish.backup_id, report, portal))
        else:
            await self._ask(
                portal,
                BackupRef(wish.backup_id),
                command.channel,
                command.user,
                command.trigger_id,
                _again(command),
            )

    async def _report(self, command: Command, wish: ParsedCommand) -> None:
        """What is open, or how the last restores ended; of one portal, or of all that belong to
        this channel.
        """
        asked = self._portals.select(wish.portal, command.channel)
        portals = await self._viewer.readable(asked, command.user, command.channel)
        urls, names = (
            {portal.docspace.url for portal in portals},
            [portal.name for portal in portals],
        )
        if wish.word is Subcommand.STATUS:
            restores = await self._viewer.open_restores(urls)
            links = await asyncio.gather(*(self._link(restore) for restore in restores))
            by_id = {restore.id: link for restore, link in zip(restores, links, strict=True)}
            lines = lists.status(restores, by_id, names)
        else:
            lines = lists.history(await self._viewer.ended_restores(urls, LAST), names)
        await self._tell(command, lines)

    async def _link(self, restore: Restore) -> str:
        """The card's address, empty while there is no card or Slack does not tell."""
        if restore.card_ts is None:
            return ""
        try:
            found = await self._client.chat_getPermalink(
                channel=restore.channel, message_ts=restore.card_ts
            )
        except CALL_ERRORS as error:
            log.info("permalink_failed", reason=error_code(error))
            return ""
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
                raise Refused(f"Slack did not take the whole answer. {_again(command)}") from None

    async def _pick(self, command: Command, portal: Portal) -> None:
        """The modal with the newest backups to choose from; the history is read once for it."""
        again = _again(command)
        view = await request_modal.open_modal(
            self._client, command.trigger_id, request_modal.loading_modal(), again
        )
        shown = picker.PickerState(portal_name=portal.name, channel=command.channel)
        await self._fill(
            {"view_id": view["id"]}, await self._drawn(portal, view["id"], shown), again
        )

    async def _drawn(self, portal: Portal, view_id: str, shown: picker.PickerState) -> Block:
        history = await self._history(portal, view_id) if shown.kind == HISTORY else []
        return picker.picker_modal(portal, history, shown, self._clock())

    async def _history(self, portal: Portal, view_id: str) -> list[BackupRecord] | PortalError:
        """The history, read once for each modal and kept while it is open; or why it could not be
        read.
        """
        if view_id not in self._read:
            self._read[view_id] = await result_or_error(
                portal.docspace.history(), CHECK_TIMEOUT, portal.docspace.host
            )
            while len(self._read) > HISTORIES_KEPT:
                del self._read[next(iter(self._read))]
        return self._read[view_id]

    async def rechosen(self, view: Mapping[str, Any]) -> None:
        """After another kind of source was chosen in the picker: the fields that it has."""
        shown = picker.PickerState.from_view(view)
        portal = self._portals.resolve(shown.portal_name, shown.channel)
        modal = await self._drawn(portal, view["id"], shown.chosen(view))
        await self._fill({"view_id": view["id"]}, modal, "Choose again what to restore from.")

    async def picked(self, choice: picker.Choice) -> None:
        """After a backup was chosen: a window on top of the picker, which stays as it is
        underneath.
        """
        stacked = {"external_id": choice.facts_id, "close": BACK}
        try:
            portal = self._portals.resolve(choice.portal_name, choice.channel)
            known = _of_use(self._read.get(choice.view_id), choice.wanted)
            modal = await self._facts(
                portal, choice.wanted, choice.channel, choice.user, known, **stacked
            )
        except RestorebotError as error:
            modal = request_modal.refusal_modal(str(error), **stacked)
        await self._fill({"external_id": choice.facts_id}, modal, "Press Next again.")

    def teller(self, view: Mapping[str, Any], user: str) -> Callable[[str], Awaitable[None]]:
        """How to answer what somebody does in the picker, which has no ``response_url``."""
        return partial(self._whisper, picker.PickerState.from_view(view).channel, user)

    async def _whisper(self, channel: str, user: str, sentence: str) -> None:
        """Tell one person in a channel. Never raises."""
        try:
            await self._client.chat_postEphemeral(channel=channel, user=user, text=sentence)
        except CALL_ERRORS as error:
            log.warning("response_lost", reason=error_code(error))

    async def again(self, restore_id: str, user: str, trigger_id: str) -> None:
        """The modal for the same backup as that of an expired request. Raises RestorebotError."""
        restore = await self._service.read(restore_id)
        portal = self._portals.of(restore)
        await self._service.check_may_request(portal, user, restore.channel)
        await self._ask(
            portal,
            ref_of(restore.source),
            restore.channel,
            user,
            trigger_id,
            "Click the button again.",
        )

    async def _ask(
        self,
        portal: Portal,
        wanted: SourceRef,
        channel: str,
        user: str,
        trigger_id: str,
        retry: str,
    ) -> None:
        """The modal for one backup: opened within the trigger's three seconds, filled when the
        checks are made.
        """
        view = await request_modal.open_modal(
            self._client, trigger_id, request_modal.loading_modal(), retry
        )
        try:
            modal = await self._facts(portal, wanted, channel, user)
        except RestorebotError as error:
            modal = request_modal.refusal_modal(str(error))
        await self._fill({"view_id": view["id"]}, modal, retry)

    async def _facts(
        self,
        portal: Portal,
        wanted: SourceRef,
        channel: str,
        user: str,
        known: list[BackupRecord] | None = None,
        **more: Any,
    ) -> Block:
        report, alone = await asyncio.gather(
            self._preflight.run(
                portal.docspace, wanted, self._clock(), patience=CHECK_TIMEOUT, known=known
            ),
            self._service.may_break_glass(portal, user),
        )
        return request_modal.confirmation_modal(
            wanted, report, portal, channel, self._clock(), may_break_glass=alone, **more
        )

    async def _fill(self, which: Mapping[str, str], modal: Block, again: str) -> None:
        """Put a modal in the place of one that is open, which is named by its ``view_id`` or
        ``external_id``.
        """
        for wait in FILL_RETRY_DELAYS if "external_id" in which else (0.0,):
            await asyncio.sleep(wait)
            try:
                await self._client.views_update(**which, view=modal)
            except CALL_ERRORS as error:
                reason = error_code(error)
                log.info("modal_update_failed", reason=reason)
                if reason != "not_found":
                    raise Refused(
                        f"The window could not be filled, and nothing has been asked. {again}"
                    ) from None
            else:
                return
        raise Refused(f"You closed the window while it loaded, and nothing has been asked. {again}")
