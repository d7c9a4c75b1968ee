"""Calls to Slack: what became of them, modals that are opened, and private answers.

The client's exceptions do not all carry an answer of Slack's.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from restorebot.errors import Refused
from restorebot.slack.blocks import Block
from restorebot.slack.phrases import answers as words

CALL_ERRORS = (SlackClientError, aiohttp.ClientError, OSError)
"""What a call raises that Slack refused, or did not answer in time or at all."""

RESPOND_TIMEOUT = 10
"""Seconds for a private answer."""

DEFAULT_RETRY_AFTER = 30.0
LONGEST_RETRY_AFTER = 300.0
"""Seconds for which Slack's wish is obeyed: no thread is silent for a day."""

MAY_HAVE_SUCCEEDED = frozenset({"internal_error", "fatal_error"})
"""Slack's words for a failure of its own, after which a call may have succeeded (slack §2.2)."""

log = structlog.get_logger()


def http_status(error: SlackApiError) -> int | None:
    """Return the HTTP status.

    It is None where the answer was no answer of Slack's, so that nobody knows what was done.
    """
    status = getattr(error.response, "status_code", None)
    if isinstance(status, int):
        return status
    return None


def error_code(error: Exception) -> str:
    """Return Slack's word for why it refused, or else the kind of the failure."""
    answer = getattr(getattr(error, "response", None), "data", None)
    if isinstance(answer, Mapping):
        return str(answer.get("error"))
    return type(error).__name__


def is_refusal(error: SlackApiError) -> bool:
    """Return whether Slack certainly did not do what it was asked."""
    status = http_status(error)
    if status is None or status >= 500:
        return False
    return error_code(error) not in MAY_HAVE_SUCCEEDED


def retry_after_of(error: SlackApiError) -> float:
    """Return the seconds until Slack is asked again: what it wants, up to 300, or 30."""
    try:
        header = error.response.headers.get("Retry-After", DEFAULT_RETRY_AFTER)
        return min(LONGEST_RETRY_AFTER, max(0.0, float(header)))
    except (TypeError, ValueError):
        return DEFAULT_RETRY_AFTER


async def open_modal(
    client: AsyncWebClient, trigger_id: str, view: Block, retry: str
) -> Mapping[str, Any]:
    """Open a modal; return Slack's view.

    Raise Refused, whose last sentence is ``retry``.
    """
    try:
        opened = await client.views_open(trigger_id=trigger_id, view=view)
    except CALL_ERRORS as error:
        log.info("modal_open_failed", reason=error_code(error))
        raise Refused(words.window_not_opened(retry)) from None
    return dict(opened["view"])


async def post_ephemeral(client: AsyncWebClient, channel: str, user: str, text: str) -> None:
    """Tell one person in a channel. Never raise; what Slack does not take is logged."""
    try:
        await client.chat_postEphemeral(channel=channel, user=user, text=text)
    except CALL_ERRORS as error:
        log.warning("response_lost", reason=error_code(error))


async def respond(response_url: str | None, text: str) -> None:
    """Answer the person who typed or clicked, through the ``response_url`` that Slack gave.

    Never raise; what Slack does not take is logged, and so is that it gave none.
    """
    if response_url is None:
        log.warning("response_url_missing")
        return
    client = AsyncWebhookClient(response_url, timeout=RESPOND_TIMEOUT)
    try:
        response = await client.send(text=text, response_type="ephemeral", replace_original=False)
    except CALL_ERRORS as error:
        log.warning("response_lost", reason=error_code(error))
        return
    # The client does not raise on a refusal.
    if response.status_code != 200:
        log.warning("response_refused", status=response.status_code)
