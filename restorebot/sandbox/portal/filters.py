"""What the portal checks before a controller (docspace-api §1.2, §3, §5)."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from restorebot.sandbox.portal.models import RESTORING, Key
from restorebot.sandbox.portal.responses import Refusal, error, problem_details
from restorebot.sandbox.portal.simulator import Portal

ANONYMOUS = ("getrestoreprogress", "settings")
OPEN_WHILE_RESTORING = (*ANONYMOUS, "@self")
OPEN_WHILE_UNPAID = (*OPEN_WHILE_RESTORING, "startbackup", "getbackupprogress")


def check_request(portal: Portal, request: Request) -> None:
    """Check address, state, payment, credentials and scopes. Raises Refusal."""
    portal.state.catch_up()
    _check_portal(portal, request.url.path)
    bearer = bearer_key(request)
    key = portal.state.key(bearer) if bearer else None
    if request.url.path.endswith(ANONYMOUS):
        # An unknown key has no scopes, and so is refused where nobody at all would be let in
        # (docspace-api §3).
        if bearer and portal.state.profile >= "3.7" and (key is None or not key.may_read):
            raise problem_details(403, "Forbidden")
    elif key is None:
        raise Refusal(Response(status_code=401))
    elif not request.url.path.endswith("@self"):
        _check_rights(request, key)


def _check_portal(portal: Portal, path: str) -> None:
    state = portal.state
    if state.switches.ip_refused:
        raise Refusal(PlainTextResponse("Access denied from this address", 403))
    if state.tenant_status == RESTORING and not path.endswith(OPEN_WHILE_RESTORING):
        raise problem_details(403, "Forbidden")
    if state.switches.unpaid and not path.endswith(OPEN_WHILE_UNPAID):
        raise problem_details(402, "Payment Required")


def _check_rights(request: Request, key: Key) -> None:
    allowed = key.may_read if request.method == "GET" else key.may_write
    if not allowed:
        raise Refusal(Response(status_code=403))
    if not key.admin:
        raise error(403, "Access denied", "System.Security.SecurityException", -2146233078)


def bearer_key(request: Request) -> str:
    """Return the API key that the request carries, or an empty string."""
    value = request.headers.get("authorization", "")
    return value.removeprefix("Bearer ") if value.startswith("Bearer sk-") else ""
