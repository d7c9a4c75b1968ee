"""Why Slack was not reached, in words for the log; and whether it refused a token for good."""

import aiohttp
from slack_sdk.errors import SlackApiError

from restorebot import setup_hints as words
from restorebot.slack.client import error_code, http_status

REFUSED_TOKENS = {
    "account_inactive",
    "ekm_access_denied",
    "invalid_auth",
    "missing_scope",
    "no_permission",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
    "token_expired",
    "token_revoked",
}
"""Slack's words for a token that no waiting mends.

Whatever else Slack answers may pass: internal_error, fatal_error, a rate limit.
"""


def refusal_of(error: Exception) -> str | None:
    """Return Slack's word where it refuses the token; None where the failure may pass."""
    if not isinstance(error, SlackApiError) or http_status(error) != 200:
        return None
    code = error_code(error)
    if code in REFUSED_TOKENS:
        return code
    return None


def cause_of(error: Exception) -> str:
    """Say why Slack was not reached, without a token or an address."""
    match error:
        case SlackApiError():
            return _of_answer(error)
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return words.BAD_CERTIFICATE
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return words.PROXY_FAILED
        case aiohttp.WSServerHandshakeError():
            return words.websocket_refused(error.status)
        case aiohttp.ClientConnectorDNSError():
            return words.NAME_UNKNOWN
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return words.CONNECTION_REFUSED
        case TimeoutError():
            return words.NO_ANSWER_IN_TIME
    return type(error).__name__


def _of_answer(error: SlackApiError) -> str:
    status = http_status(error)
    if status is None or status == 200:
        return words.answered_with(error_code(error))
    return words.answered_with(status)
