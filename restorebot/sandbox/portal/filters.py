"""What the portal checks before a controller, in its order (docspace-api §1.2, §3, §5)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from restorebot.sandbox.portal.models import REMOVE_PENDING, SUSPENDED, Key
from restorebot.sandbox.portal.responses import (
    Refusal,
    access_denied,
    error,
    problem_details,
)
from restorebot.sandbox.portal.simulator import Portal

ANONYMOUS = ("getrestoreprogress", "settings")
ANONYMOUS_FILES = ("/files/file/", "/files/folder/")
OPEN_WHILE_RESTORING = (*ANONYMOUS, "@self")
OPEN_WHILE_UNPAID = (*ANONYMOUS, "startbackup", "getbackupprogress")


def check_request(portal: Portal, request: Request) -> None:
    """Check credentials, the portal's state, payment, address and rights. Raises Refusal."""
    portal.state.catch_up()
    path = request.url.path
    bearer = bearer_key(request)
    if portal.state.is_unmapped:
        raise _no_tenant(bearer)
    key = portal.state.key(bearer) if bearer else None
    is_anonymous = path.endswith(ANONYMOUS) or any(part in path for part in ANONYMOUS_FILES)
    if not is_anonymous:
        _authorize(request, key)
    _check_tenant(portal.state.shown_tenant_status, path)
    if portal.state.switches.unpaid and not path.endswith(OPEN_WHILE_UNPAID):
        raise problem_details(402, "Payment Required")
    if portal.state.switches.ip_refused and key is not None and not key.owner:
        raise Refusal(JSONResponse("Access denied from this address", 403))
    if is_anonymous:
        # An unknown key has no scopes, and so is refused where nobody at all would be let in
        # (docspace-api §3).
        has_scope = key is not None and key.may_read
        if bearer and portal.state.profile.version >= "3.7" and not has_scope:
            raise problem_details(403, "Forbidden")
    elif key is not None and not key.admin and not path.endswith("@self"):
        raise access_denied()


def _no_tenant(bearer: str) -> Refusal:
    if bearer:
        return error(500, "Could not resolve current tenant :-(.", "System.Exception")
    return problem_details(404, "Not Found")


def _authorize(request: Request, key: Key | None) -> None:
    if key is None:
        raise Refusal(Response(status_code=401))
    allowed = key.may_read if request.method == "GET" else key.may_write
    if not allowed and not request.url.path.endswith("@self"):
        raise Refusal(Response(status_code=403))


def _check_tenant(status: int, path: str) -> None:
    if status == SUSPENDED and not path.endswith("settings"):
        raise problem_details(404, "Not Found")
    if status == REMOVE_PENDING:
        raise problem_details(404, "Not Found")
    if status > REMOVE_PENDING and not path.endswith(OPEN_WHILE_RESTORING):
        raise problem_details(403, "Forbidden")


def bearer_key(request: Request) -> str:
    """Return the API key that the request carries, or an empty string."""
    value = request.headers.get("authorization", "")
    return value.removeprefix("Bearer ") if value.startswith("Bearer sk-") else ""
