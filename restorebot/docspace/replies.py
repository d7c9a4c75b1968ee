"""Every refusal of docspace-api §1.2 as one typed error."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from restorebot.docspace.models import clean_text
from restorebot.docspace.sentences import Sentences
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

NO_TENANT = "Could not resolve current tenant"
"""What a portal says to a key where the host maps to no portal (docspace-api §1.2)."""

DEFAULT_WAIT = 30.0
"""Seconds to wait after a 429 that does not say how long."""

LONGEST_WAIT = 300.0
"""Seconds to wait after a 429, whatever it says."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, read whole. Header names are case-insensitive."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_success(self) -> bool:
        """Return whether the status is one of 2xx."""
        return 200 <= self.status < 300

    @property
    def location(self) -> str | None:
        """Return where a redirect leads; None where it does not say, or names no address."""
        location = self.headers.get("location")
        try:
            urlsplit(location or "")
        except ValueError:
            return None
        return location or None

    @property
    def is_problem(self) -> bool:
        """Return whether the body is problem+json."""
        return "problem+json" in self.headers.get("content-type", "")

    @property
    def json(self) -> Mapping[str, Any]:
        """Return the body's object; an empty one where there is none."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(parsed, dict):
            return {}
        return parsed

    @property
    def error(self) -> Mapping[str, Any]:
        """Return the controller's error object; an empty one where there is none.

        It comes with the exception's type and a stack that nobody may see.
        """
        error = self.json.get("error")
        if not isinstance(error, dict):
            return {}
        return error

    @property
    def portal_message(self) -> str | None:
        """Return the portal's own sentence, cleaned and short; None when it said none."""
        return clean_text(str(self.error.get("message") or "")) or None

    @property
    def exception_type(self) -> str | None:
        """Return the short class name of the portal's exception; None when it named none."""
        name = clean_text(str(self.error.get("type") or ""), 200)
        return name.rpartition(".")[2] or None


def error_for(reply: Reply, say: Sentences) -> PortalError:
    """Return the error that a reply without success stands for."""
    if 300 <= reply.status < 400:
        return BadReply(say.redirects(_host_of(reply.location)), status=reply.status)
    if reply.status >= 500:
        return _fault(reply, say)
    return _BY_STATUS.get(reply.status, _other)(reply, say)


def _host_of(url: str | None) -> str | None:
    return clean_text(urlsplit(url or "").netloc, 100) or None


def _bad_request(reply: Reply, say: Sentences) -> PortalError:
    return RequestRejected(say.malformed(reply.portal_message), status=400)


def _key_rejected(_: Reply, say: Sentences) -> PortalError:
    return KeyRejected(say.key_rejected(), status=401)


def _payment(reply: Reply, say: Sentences) -> PortalError:
    return PaymentRequired(say.asks_for_payment(reply.portal_message), status=402)


def _forbidden(reply: Reply, say: Sentences) -> PortalError:
    """Return one of four: 403 comes in four bodies that mean different things."""
    if reply.error:
        return AccessDenied(say.access_denied(), status=403)
    if reply.is_problem:
        return PortalLocked(say.locked(), status=403)
    if not reply.body.strip():
        return KeyLacksScope(say.key_lacks_scope(), status=403)
    return IpAddressRefused(say.ip_address_refused(), status=403)


def _not_found(reply: Reply, say: Sentences) -> PortalError:
    if reply.error:
        return PortalNotFound(say.not_found(reply.portal_message), status=404)
    return PortalNotFound(say.not_a_portal(), status=404)


def _limited(reply: Reply, say: Sentences) -> PortalError:
    wait = _retry_after(reply.headers.get("retry-after"))
    return RateLimited(say.rate_limited(wait), retry_after=wait)


def _fault(reply: Reply, say: Sentences) -> PortalError:
    if not reply.error:
        return PortalFault(say.service_away(reply.status), status=reply.status)
    said = reply.portal_message
    sentence = say.failed_inside(reply.status, said)
    if said and said.startswith(NO_TENANT):
        sentence = say.not_a_portal(reply.status)
    return PortalFault(sentence, status=reply.status, type=reply.exception_type)


def _other(reply: Reply, say: Sentences) -> PortalError:
    return BadReply(say.unknown_status(reply.status), status=reply.status)


_BY_STATUS: Mapping[int, Callable[[Reply, Sentences], PortalError]] = {
    400: _bad_request,
    401: _key_rejected,
    402: _payment,
    403: _forbidden,
    404: _not_found,
    429: _limited,
}


def _retry_after(header: str | None) -> float:
    """Return the seconds that a Retry-After header asks for, at most LONGEST_WAIT."""
    wait = _seconds(header or "")
    if wait is None or math.isnan(wait):
        return DEFAULT_WAIT
    return min(LONGEST_WAIT, max(0.0, wait))


def _seconds(header: str) -> float | None:
    """Return the seconds that a header holds, or that are left until its date; None for neither."""
    try:
        return float(header)
    except ValueError:
        pass
    try:
        return (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return None
