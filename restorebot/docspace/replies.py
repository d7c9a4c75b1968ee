"""Every refusal of docspace-api §1.2 as one typed error, with a sentence that a person can act
on.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from restorebot.docspace.models import clean_text
from restorebot.errors import (
    AccessDenied,
    BadReply,
    IpAddressRefused,
    KeyLacksScope,
    KeyRejected,
    PaymentRequired,
    PortalError,
    PortalFault,
    PortalLocked,
    PortalNotFound,
    RateLimited,
    RequestRejected,
)

DEFAULT_WAIT = 30.0
LONGEST_WAIT = 3600.0


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, read whole. Header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def is_problem(self) -> bool:
        return "problem+json" in self.headers.get("content-type", "")

    @property
    def json(self) -> Any:
        """The body's object, empty when there is none."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def error(self) -> Mapping[str, Any]:
        """The controller's error object, which comes with the exception's type and a stack that
        nobody may see.
        """
        error = self.json.get("error")
        return error if isinstance(error, dict) else {}

    @property
    def portal_message(self) -> str:
        """The portal's own sentence in brackets, cleaned and short; empty when it said none."""
        message = clean_text(str(self.error.get("message") or ""))
        return f" ({message})" if message else ""


def error_for(reply: Reply, host: str) -> PortalError:
    """The error that a reply without success stands for."""
    if 300 <= reply.status < 400:
        target = clean_text(urlsplit(reply.location).netloc, 100) or "another address"
        return BadReply(
            f"{host} redirects to {target}; set DOCSPACE_URL to the portal's own address.",
            status=reply.status,
        )
    if reply.status >= 500:
        return _fault(reply, host)
    return _BY_STATUS.get(reply.status, _other)(reply, host)


HOW_TO_STORE = (
    "Put it where the old one is: store it with restorebot key set, or write it into the settings "
    "and start "
    "restorebot again."
)


def _bad_request(reply: Reply, host: str) -> PortalError:
    return RequestRejected(
        f"{host} finds the request malformed (400){reply.portal_message}.", status=400
    )


def _key_rejected(_: Reply, host: str) -> PortalError:
    sentence = (
        f"{host} does not accept the API key (401). After a restore every key is dead: make a new "
        "one in DocSpace, "
        f"Developer Tools. {HOW_TO_STORE}"
    )
    return KeyRejected(sentence, status=401)


def _payment(reply: Reply, host: str) -> PortalError:
    sentence = (
        f"{host} asks for payment (402){reply.portal_message}: the plan has no restore, a quota is "
        "used up, "
        "or it is unpaid."
    )
    return PaymentRequired(sentence, status=402)


def _forbidden(reply: Reply, host: str) -> PortalError:
    """403 comes in four bodies, and each means something else (docspace-api §1.2)."""
    if reply.error:
        sentence = (
            f"{host} denies access (403): the key's owner has to be the owner or an administrator "
            "of the portal."
        )
        return AccessDenied(sentence, status=403)
    if reply.is_problem:
        sentence = (
            f"{host} is locked (403): it is being restored, moved or encrypted. Wait until it is "
            "active again."
        )
        return PortalLocked(sentence, status=403)
    if not reply.body.strip():
        sentence = (
            f"{host} denies the key this call (403): make a key with all permissions. "
            f"{HOW_TO_STORE}"
        )
        return KeyLacksScope(sentence, status=403)
    sentence = (
        f"{host} does not admit restorebot's IP address (403): allow it in the portal's security "
        "settings."
    )
    return IpAddressRefused(sentence, status=403)


def _not_found(reply: Reply, host: str) -> PortalError:
    if reply.error:
        return PortalNotFound(
            f"{host} does not have what was asked for (404){reply.portal_message}.", status=404
        )
    return PortalNotFound(
        f"{host} is not the address of a portal (404); check DOCSPACE_URL and the custom domain.",
        status=404,
    )


def _limited(reply: Reply, host: str) -> PortalError:
    wait = _retry_after(reply.headers.get("retry-after", ""))
    return RateLimited(
        f"{host} is asked too often (429); it answers again in {wait:g} seconds.", retry_after=wait
    )


def _fault(reply: Reply, host: str) -> PortalError:
    kind = clean_text(str(reply.error.get("type") or ""), 200).rpartition(".")[2]
    if reply.error:
        return PortalFault(
            f"{host} failed inside ({reply.status}){reply.portal_message}.",
            status=reply.status,
            type=kind,
        )
    sentence = (
        f"{host} has a fault ({reply.status}): its backup service does not answer. Try again in a "
        "few minutes."
    )
    return PortalFault(sentence, status=reply.status)


def _other(reply: Reply, host: str) -> PortalError:
    return BadReply(
        f"{host} answered with status {reply.status}, which no DocSpace portal does.",
        status=reply.status,
    )


_BY_STATUS: Mapping[int, Callable[[Reply, str], PortalError]] = {
    400: _bad_request,
    401: _key_rejected,
    402: _payment,
    403: _forbidden,
    404: _not_found,
    429: _limited,
}


def _retry_after(value: str) -> float:
    """Seconds from a Retry-After header, which holds seconds or a date; 30 when it holds
    neither.
    """
    try:
        wait = float(value)
    except ValueError:
        try:
            wait = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (TypeError, ValueError):
            wait = DEFAULT_WAIT
    return min(LONGEST_WAIT, max(0.0, wait)) if wait == wait else DEFAULT_WAIT  # noqa: PLR0124 - NaN is not itself
