"""What the portal checks before a controller: address, state, payment, credentials, scopes (§1.2,
§3, §5).
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from restorebot.sandbox.portal.models import RESTORING, Key
from restorebot.sandbox.portal.responses import Refusal, error, problem_details
from restorebot.sandbox.portal.simulator import Portal

OPEN_WHILE_RESTORING = ("getrestoreprogress", "settings", "@self")


ANONYMOUS = ("getrestoreprogress", "settings")


UNPAID_ALLOWED = (
    "getrestoreprogress",
    "startbackup",
    "getbackupprogress",
    "settings",
    "@self",
)


def check_request(portal: Portal, request: Request) -> None:
    """What the portal checks before a controller: IP, state, payment, credentials and scopes (§1.2,
    §3, §5).
    """
    state, path = portal.state, request.url.path
    anonymous = path.endswith(ANONYMOUS)
    state.catch_up()
    if state.switches.ip_refused:
        raise Refusal(PlainTextResponse("Access denied from this address", 403))
    if state.tenant_status == RESTORING and not path.endswith(OPEN_WHILE_RESTORING):
        raise problem_details(403, "Forbidden")
    if state.switches.unpaid and not path.endswith(UNPAID_ALLOWED):
        raise problem_details(402, "Payment Required")
    bearer = bearer_key(request)
    key = state.key(bearer) if bearer else None
    if anonymous:
        # An unknown key has no scopes, and so is refused where nobody at all would be let in (§3).
        if bearer and state.profile >= "3.7" and (key is None or not key.may_read):
            raise problem_details(403, "Forbidden")
        return
    if key is None:
        raise Refusal(Response(status_code=401))
    if not path.endswith("@self"):
        _check_rights(request, key)


def _check_rights(request: Request, key: Key) -> None:
    if not (key.may_read if request.method == "GET" else key.may_write):
        raise Refusal(Response(status_code=403))
    if not key.admin:
        raise error(403, "Access denied", "System.Security.SecurityException", -2146233078)


def bearer_key(request: Request) -> str:
    value = request.headers.get("authorization", "")
    return value.removeprefix("Bearer ") if value.startswith("Bearer sk-") else ""
