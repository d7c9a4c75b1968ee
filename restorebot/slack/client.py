"""What became of a call to Slack, read off the client's exceptions, which do not all carry an
answer of Slack's.
"""

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

CALL_ERRORS = (SlackClientError, aiohttp.ClientError, OSError)
"""What a call raises that Slack refused, or did not answer in time or at all."""


def http_status(error: SlackApiError) -> int | None:
    """The HTTP status; None where the answer was no answer of Slack's, so that nobody knows what
    was done.
    """
    status = getattr(error.response, "status_code", None)
    return status if isinstance(status, int) else None


def error_code(error: Exception) -> str:
    """Slack's word for why it refused, or else the kind of the failure."""
    if isinstance(error, SlackApiError) and http_status(error) is not None:
        return str(error.response.get("error"))
    return type(error).__name__


def retry_after_of(error: SlackApiError) -> float:
    """Seconds until Slack wants to be asked again; 30 where it does not say."""
    try:
        return max(0.0, float(error.response.headers.get("Retry-After", 30)))
    except (TypeError, ValueError):
        return 30.0
