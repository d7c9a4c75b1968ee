"""Every listener there is, registered in one place."""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from pydantic import SecretStr
from slack_bolt import BoltResponse
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.logger.messages import warning_client_prioritized_and_token_skipped
from slack_sdk.web.async_client import AsyncWebClient

from restorebot.slack.client import respond
from restorebot.slack.denial_modal import DENIAL
from restorebot.slack.directory import SlackDirectory
from restorebot.slack.listeners import Listeners
from restorebot.slack.phrases import answers as words
from restorebot.slack.picker import PICK
from restorebot.slack.request_modal import REQUEST
from restorebot.subcommands import COMMAND
from restorebot.tasks import Tasks

log = structlog.get_logger()


def build(
    client: AsyncWebClient,
    listeners: Listeners,
    tasks: Tasks,
    directory: SlackDirectory,
    signing_secret: SecretStr | None,
) -> AsyncApp:
    """Return the Bolt app with all its listeners.

    ``directory`` knows the bot's own workspace, ``signing_secret`` is what Slack signs requests
    over HTTP with.
    """
    secret: str | None = None
    if signing_secret is not None:
        secret = signing_secret.get_secret_value()
    # Acks leave when the listener returns, at once; Bolt's own dispatcher polls for them and loses
    # some.
    logging.getLogger("slack_bolt.AsyncApp").addFilter(_is_news)
    app = AsyncApp(client=client, signing_secret=secret, process_before_response=True)
    app.middleware(_only_workspace(directory, tasks))
    app.command(COMMAND)(listeners.command)
    app.view(REQUEST)(listeners.request_submitted)
    app.view(PICK)(listeners.picker_submitted)
    app.view(DENIAL)(listeners.denial_submitted)
    app.action(re.compile(".*"))(listeners.clicked)
    app.event("app_home_opened")(listeners.home_opened)
    return app


def _is_news(record: logging.LogRecord) -> bool:
    # Bolt reads SLACK_BOT_TOKEN from the environment itself, and then warns of it.
    return record.getMessage() != warning_client_prioritized_and_token_skipped()


def _only_workspace(
    directory: SlackDirectory, tasks: Tasks
) -> Callable[..., Awaitable[BoltResponse | None]]:
    async def only_our_workspace(
        body: dict[str, Any],
        ack: AsyncAck,
        next: Callable[[], Awaitable[None]],  # noqa: A002 - Bolt's name
    ) -> BoltResponse | None:
        others = _teams(body) - {directory.team}
        if not others:
            await next()
            return None
        log.warning("other_workspace_refused", teams=sorted(others))
        tasks.spawn(respond(body.get("response_url"), words.OTHER_WORKSPACE), name="refusal")
        # Returned, or Bolt answers that nobody was there to listen.
        return await ack()

    return only_our_workspace


def _teams(body: Mapping[str, Any]) -> set[str]:
    """Return every workspace that a payload speaks for: where it happened, and the person's own."""
    place = body.get("team_id") or (body.get("team") or {}).get("id")
    user = body.get("user")
    own = None
    if isinstance(user, dict):
        own = user.get("team_id")
    return {team for team in (place, own) if team}
