"""Private answers: through the ``response_url`` of the command or click, and never silently
lost.
"""

import structlog
from slack_sdk.webhook.async_client import AsyncWebhookClient

from restorebot.slack.client import UNANSWERED, reason_of

log = structlog.get_logger()


async def answer(response_url: str, text: str) -> None:
    """Tell the person who typed or clicked. Never raises; what Slack does not take is logged."""
    if not response_url:
        log.warning("answer_without_address")
        return
    client = AsyncWebhookClient(response_url, timeout=10)
    try:
        response = await client.send(text=text, response_type="ephemeral", replace_original=False)
    except UNANSWERED as error:
        log.warning("answer_lost", reason=reason_of(error))
        return
    # The client does not raise on a refusal.
    if response.status_code != 200:
        log.warning("answer_refused", status=response.status_code)
