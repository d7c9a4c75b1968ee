"""The way from a command to a request's modal: open, choose, read the facts, fill."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.docspace.models import BackupRecord
from restorebot.errors import PortalError, Refused, RestorebotError
from restorebot.restores.named import NamedBackup, Wanted, backup_named
from restorebot.restores.portals import Portal, Portals
from restorebot.restores.preflight import (
    ArchiveRef,
    Preflight,
    ref_of,
    result_or_error,
)
from restorebot.restores.service import Service
from restorebot.slack import picker
from restorebot.slack.archive_form import HISTORY
from restorebot.slack.blocks import Block
from restorebot.slack.client import CALL_ERRORS, error_code, open_modal
from restorebot.slack.mrkdwn import escape
from restorebot.slack.phrases import answers as words
from restorebot.slack.phrases import request
from restorebot.slack.request_modal import (
    FIRST_WINDOW,
    SENTENCE_SHOWN,
    Window,
    confirmation_modal,
    loading_modal,
    refusal_modal,
)

CHECKS_TIMEOUT = 6.0
"""Seconds for the checks: the modal has its answer within ten seconds of the command."""

FILL_RETRY_DELAYS = (0.0, 0.2, 0.6, 1.2)
"""Seconds before each try to fill a modal that an ack opens.

The ack may reach Slack later than the call.
"""

HISTORIES_KEPT = 50
"""Pickers whose history is kept while they are open."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Asker:
    """The person asking, their channel, and the trigger that opens a modal.

    ``retry`` is the sentence that says how to try again.
    """

    user: str
    channel: str
    trigger_id: str
    retry: str


class RequestFlow:
    """Opens the modals, and fills them when the portal has answered. All raise RestorebotError."""

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
        self._histories: dict[str, list[BackupRecord] | PortalError] = {}

    async def ask(self, portal: Portal, wanted: Wanted, asker: Asker) -> None:
        """Open the modal for one backup, and fill it when the checks are made.

        It is opened within the trigger's three seconds.
        """
        view = await open_modal(self._client, asker.trigger_id, loading_modal(), asker.retry)
        try:
            modal = await self._facts(portal, wanted, channel=asker.channel, user=asker.user)
        except RestorebotError as error:
            modal = refusal_modal(_why(error))
        await self._fill({"view_id": view["id"]}, modal, asker.retry)

    async def ask_again(self, restore_id: str, user: str, trigger_id: str) -> None:
        """Open the modal for the same backup as that of an expired request."""
        restore = await self._service.read(restore_id)
        portal = self._portals.of(restore)
        await self._service.check_may_request(portal, user, restore.channel)
        asker = Asker(
            user=user, channel=restore.channel, trigger_id=trigger_id, retry=words.CLICK_AGAIN
        )
        await self.ask(portal, ref_of(restore.source), asker)

    async def open_picker(self, portal: Portal, asker: Asker) -> None:
        """Open the modal with the newest backups to choose from.

        The history is read once for it.
        """
        view = await open_modal(self._client, asker.trigger_id, loading_modal(), asker.retry)
        state = picker.PickerState(portal_name=portal.name, channel=asker.channel)
        modal = await self._picker(portal, view["id"], state)
        await self._fill({"view_id": view["id"]}, modal, asker.retry)

    async def change_kind(self, view: Mapping[str, Any]) -> None:
        """Show the fields of another kind of source that was chosen in the picker."""
        state = picker.PickerState.from_view(view)
        portal = self._portals.resolve(state.portal_name, state.channel)
        modal = await self._picker(portal, view["id"], state.chosen(view))
        await self._fill({"view_id": view["id"]}, modal, words.CHOOSE_AGAIN)

    async def answer_choice(self, choice: picker.Choice) -> None:
        """Fill the modal on top of the picker, which stays as it is underneath."""
        window = facts_window(choice)
        try:
            portal = self._portals.resolve(choice.portal_name, choice.channel)
            known = _history_with(choice.wanted, self._histories.get(choice.view_id))
            modal = await self._facts(
                portal,
                choice.wanted,
                channel=choice.channel,
                user=choice.user,
                known=known,
                window=window,
            )
        except RestorebotError as error:
            modal = refusal_modal(_why(error), window)
        await self._fill({"external_id": choice.facts_id}, modal, words.PRESS_NEXT_AGAIN)

    async def _picker(self, portal: Portal, view_id: str, state: picker.PickerState) -> Block:
        history: list[BackupRecord] | PortalError = []
        if state.kind == HISTORY:
            history = await self._history(portal, view_id)
        return picker.picker_modal(portal, history, state, self._clock())

    async def _history(self, portal: Portal, view_id: str) -> list[BackupRecord] | PortalError:
        """Return the history, read once for each modal and kept while it is open.

        Or return why it could not be read.
        """
        docspace = portal.docspace
        if view_id not in self._histories:
            found = await result_or_error(docspace.history(), CHECKS_TIMEOUT, docspace.host)
            self._histories[view_id] = found
            while len(self._histories) > HISTORIES_KEPT:
                del self._histories[next(iter(self._histories))]
        return self._histories[view_id]

    async def _facts(
        self,
        portal: Portal,
        wanted: Wanted,
        *,
        channel: str,
        user: str,
        known: list[BackupRecord] | None = None,
        window: Window = FIRST_WINDOW,
    ) -> Block:
        now = self._clock()
        if isinstance(wanted, NamedBackup):
            known = await read_history(portal)
            wanted = backup_named(wanted, known, now)
        report, may_break_glass = await asyncio.gather(
            self._preflight.run(portal.docspace, wanted, now, patience=CHECKS_TIMEOUT, known=known),
            self._service.may_break_glass(portal, user),
        )
        return confirmation_modal(
            wanted,
            report,
            portal=portal,
            channel=channel,
            now=self._clock(),
            may_break_glass=may_break_glass,
            window=window,
        )

    async def _fill(self, which: Mapping[str, str], modal: Block, retry: str) -> None:
        """Put a modal in the place of one that is open.

        ``which`` names it by its ``view_id`` or ``external_id``.
        """
        delays: tuple[float, ...] = (0.0,)
        if "external_id" in which:
            delays = FILL_RETRY_DELAYS
        for delay in delays:
            await asyncio.sleep(delay)
            try:
                await self._client.views_update(**which, view=modal)
            except CALL_ERRORS as error:
                reason = error_code(error)
                log.info("modal_update_failed", reason=reason)
                if reason != "not_found":
                    raise Refused(words.window_not_filled(retry)) from None
            else:
                return
        raise Refused(words.window_closed(retry))


def _why(error: RestorebotError) -> str:
    """Say in mrkdwn why nothing can be asked; only a portal's words come from outside."""
    if isinstance(error, PortalError):
        return escape(str(error), SENTENCE_SHOWN)
    return words.explain(error)


async def read_history(portal: Portal) -> list[BackupRecord]:
    """Return the history afresh, to find a backup by its name. Raise PortalError."""
    docspace = portal.docspace
    found = await result_or_error(docspace.history(), CHECKS_TIMEOUT, docspace.host)
    if isinstance(found, PortalError):
        raise found
    return found


def facts_window(choice: picker.Choice) -> Window:
    """Return the modal on top of the picker; closing it leads back."""
    return Window(external_id=choice.facts_id, close=request.BACK)


def _history_with(
    wanted: Wanted, history: list[BackupRecord] | PortalError | None
) -> list[BackupRecord] | None:
    """Return the history that a picker has read, if it can answer what was asked for.

    None where it was not read, or where a backup may be newer than the picker.
    """
    if history is None or isinstance(history, PortalError):
        return None
    if isinstance(wanted, NamedBackup):
        return None
    known = {record.id.lower() for record in history}
    if isinstance(wanted, ArchiveRef) or wanted.backup_id in known:
        return history
    return None
