"""Private answers: through the ``response_url`` of the command or click, and never silently
lost.
"""

import structlog
from slack_sdk.webhook.async_client import AsyncWebhookClient

from restorebot.slack.client import CALL_ERRORS, error_code

log = structlog.get_logger()


async def respond(response_url: str, text: str) -> None:
    """Tell the person who typed or clicked. Never raises; what Slack does not take is logged."""
    if not response_url:
        log.warning("response_url_missing")
        return
    client = AsyncWebhookClient(response_url, timeout=10)
    try:
        response = await client.send(text=text, response_type="ephemeral", replace_original=False)
    except CALL_ERRORS as error:
        log.warning("response_lost", reason=error_code(error))
        return
    # The client does not raise on a refusal.
    if response.status_code != 200:
        log.warning("response_refused", status=response.status_code)
