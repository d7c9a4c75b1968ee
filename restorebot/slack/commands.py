"""`/restore`: what was typed, whether it may be asked here, and the modal."""

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.errors import Refused
from restorebot.restores.preflight import Preflight
from restorebot.restores.service import Service
from restorebot.slack import views
from restorebot.slack.people import check_channel
from restorebot.slack.texts import code

PATIENCE = 6.0
"""Seconds for the checks: the modal has its answer within ten seconds of the command."""

NO_BACKUP = "00000000-0000-0000-0000-000000000000"
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
EXAMPLE = "3c0f8f0a-7a6b-4f2e-9a51-0d7a4a1f6b11"

USAGE = (
    "*`/restore <backupId>`* asks to restore the DocSpace portal from one of its backups.\n"
    f"Example: `/restore {EXAMPLE}`\n"
    "The id stands in DocSpace under Settings, Backup. You say why, an approver says yes, and the thread tells how it "
    "goes. Nothing starts before that."
)

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


def backup_id(text: str) -> str:
    """The id that was typed, in lower case. Raises Refused with the usage, or with what is wrong."""
    if text.lower() in {"", "help"}:
        raise Refused(USAGE)
    if len(text.split()) > 1:
        raise Refused(f"Type one backup id and nothing else.\n{USAGE}")
    if not GUID.fullmatch(text) or text == NO_BACKUP:
        sentence = f"{code(text)} is not a backup id. One looks like `{EXAMPLE}`"
        raise Refused(f"{sentence}; copy it from DocSpace: Settings, Backup.")
    return text.lower()


class RestoreCommand:
    """Answers `/restore`."""

    def __init__(
        self,
        client: AsyncWebClient,
        service: Service,
        preflight: Preflight,
        *,
        portal_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._service = service
        self._preflight = preflight
        self._portal_url = portal_url
        self._clock = clock

    async def run(self, command: Command) -> None:
        """Raises Refused and SlackUnavailable, which the caller tells the person privately."""
        backup = backup_id(command.text)
        await asyncio.gather(
            check_channel(self._client, command.channel), self._service.check_requester(command.user, command.channel)
        )
        retry = f"Try again: `/restore {command.text}`"
        view = await views.open_modal(self._client, command.trigger_id, views.loading(), retry)
        report = await self._preflight.run(backup, self._clock(), patience=PATIENCE)
        modal = views.filled(backup, report, self._portal_url, command.channel, self._clock())
        try:
            await self._client.views_update(view_id=view["id"], view=modal)
        except SlackApiError as error:
            reason = error.response.get("error")
            log.info("modal_not_filled", reason=reason)
            what = (
                "You closed the window while it loaded" if reason == "not_found" else "The window could not be filled"
            )
            raise Refused(f"{what}, and nothing has been asked. Try again: `/restore {backup}`") from None
