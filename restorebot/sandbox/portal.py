"""A local ONLYOFFICE DocSpace portal, as far as backup and restore go: ``python -m restorebot.sandbox.portal``.

Its behaviour is the fact sheet's §1 to §6, §11 and §C to §E. Beside the API there is a control interface:

====== ================================= ====================================================================
method path under ``/_sandbox/``         what it does
====== ================================= ====================================================================
GET    ``state``                         everything there is to know, as JSON
POST   ``advance`` ``{"seconds": n}``    let time pass
POST   ``speed`` ``{"speed": x}``        seconds of the portal per real second
PATCH  ``faults`` ``{name: value}``      set switches of ``portal_state.SWITCHES``; ``on`` puts one on a route
DELETE ``faults``                        all switches and route faults off
GET    ``requests``                      every API request: method, path, query, headers, body, status
POST   ``backups`` ``{...record}``       add or replace a backup of the history
DELETE ``backups/{id}``                  remove one
PATCH  ``keys`` ``{member: value}``      change the first key: permissions, expires_at, is_active, admin
POST   ``someone-else-starts``           another person starts a restore now
POST   ``yesterday`` ``{"dump": b}``     a finished task is still on show
====== ================================= ====================================================================

A route fault is ``{"on": "startrestore", "fault": name, "times": k, "type": text, "seconds": s}``, with a name of
``ROUTE_FAULTS``.
"""

import argparse
import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from restorebot.sandbox.portal_state import RESTORING, Key, PortalState, Task, new_key
from restorebot.sandbox.serve import serve_program

API = "/api/2.0"
STORAGE = {
    "documents": 0,
    "thridpartydocuments": 1,
    "customcloud": 2,
    "local": 3,
    "datastore": 4,
    "thirdpartyconsumer": 5,
}
HUGE = 2**30

ROUTE_FAULTS = {"answer_lost", "drop", "answer_slow", "fault_500", "bad_json", "no_response", "html_502"}
"""answer_lost and answer_slow take effect first; drop, fault_500 and html_502 have none."""

OPEN_WHILE_RESTORING = ("getrestoreprogress", "settings", "portal", "cancelrestore", "@self")
ANONYMOUS = ("getrestoreprogress", "settings")
UNPAID_ALLOWED = ("getrestoreprogress", "startbackup", "getbackupprogress", "cancelbackup", "settings", "@self")


class Refusal(Exception):
    """An answer other than success."""

    def __init__(self, response: Response) -> None:
        super().__init__(str(response.status_code))
        self.response = response


class SandboxClock:
    """Seconds since the start: real ones times ``speed``, plus what was advanced by hand. Speed 0 stands still."""

    def __init__(self, speed: float) -> None:
        self._since = time.monotonic()
        self._base = 0.0
        self.speed = speed

    def __call__(self) -> float:
        return self._base + (time.monotonic() - self._since) * self.speed

    def advance(self, seconds: float) -> None:
        self._base += seconds

    def pace(self, speed: float) -> None:
        self._base, self._since, self.speed = self(), time.monotonic(), speed


@dataclass
class RouteFault:
    """A fault of one route for its next ``times`` requests."""

    on: str
    fault: str
    times: int = 1
    type: str = "System.Exception"
    seconds: float = 0.0


class Portal:
    """The portal with its clock. ``manual`` is a clock that only ``advance`` moves."""

    def __init__(
        self,
        *,
        key: str | None = None,
        alias: str = "acme",
        profile: str = "3.7.2",
        speed: float = 1.0,
        manual: bool = False,
    ) -> None:
        self.clock = SandboxClock(0.0 if manual else speed)
        self.state = PortalState(self.clock, datetime.now(UTC), alias=alias, key=key or new_key(), profile=profile)
        self.requests: list[dict[str, Any]] = []
        self.route_faults: list[RouteFault] = []

    def take_fault(self, path: str) -> RouteFault | None:
        for fault in self.route_faults:
            if fault.times > 0 and path.endswith(fault.on):
                fault.times -= 1
                return fault
        return None


def envelope(request: Request, response: Any = None, *, status: int = 0, code: int = 200) -> Response:
    """The success wrapper (§1.4): ``response`` is left out when null."""
    count = len(response) if isinstance(response, list) else int(response is not None)
    body: dict[str, Any] = {} if response is None else {"response": response}
    href = str(request.url.replace(query=""))
    body |= {"count": count, "links": [{"href": href, "action": request.method}], "status": status, "statusCode": code}
    return JSONResponse(body, code)


def error(code: int, message: str, kind: str, hresult: int = -2146233088) -> Refusal:
    """A controller's exception, stack and all (§1.4)."""
    stack = f"   at ASC.Data.Backup.BackupController.Sandbox() in /src/secret/path/{kind}.cs:line 42"
    body = {
        "error": {"message": message, "type": kind, "stack": stack, "hresult": hresult},
        "status": 1,
        "statusCode": code,
    }
    return Refusal(JSONResponse(body, code))


def problem(code: int, title: str) -> Refusal:
    """A filter's refusal, before any wrapper (§1.4)."""
    body = {
        "type": f"https://tools.ietf.org/html/rfc9110#section-15.5.{code - 399}",
        "title": title,
        "status": code,
        "traceId": "00-0",
    }
    return Refusal(JSONResponse(body, code, media_type="application/problem+json"))


def invalid(request: Request, where: str, message: str) -> Refusal:
    """Validation's 400, inside the success wrapper and without an ``error`` key."""
    detail = {"title": "One or more validation errors occurred.", "status": 400, "errors": {where: [message]}}
    return Refusal(envelope(request, detail, status=1, code=400))


async def start_restore(portal: Portal, request: Request, body: Mapping[str, Any]) -> Response:
    state = portal.state
    if "backupid" not in body and state.profile >= "3.5":
        raise invalid(request, "$", "missing required properties including: 'backupId'.")
    backup_id, storage_type, params = str(body.get("backupid") or ""), _storage(request, body), _params(body)
    if body.get("dump"):
        raise error(403, "Access denied", "System.Security.SecurityException", -2146233078)
    if state.switches["tariff_without_restore"]:
        raise error(402, "Your pricing plan does not include this option.", "ASC.Core.Billing.BillingException")
    if _is_guid(backup_id):
        if backup_id != str(uuid.UUID(int=0)) and state.record(backup_id) is None:
            raise error(404, "Unable to find the specified file.", "System.IO.FileNotFoundException", -2147024894)
    elif "filePath" not in params:
        message = "The given key 'filePath' was not present in the dictionary."
        raise error(500, message, "System.Collections.Generic.KeyNotFoundException", -2146232969)
    started = {
        "backupId": backup_id,
        "storageType": storage_type,
        "storageParams": params,
        "notify": body.get("notify"),
    }
    state.starts.append(started)
    task = state.start_restore(backup_id)
    return envelope(request, task.as_json(state.profile) if state.profile >= "3.1" else None)


async def restore_progress(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    dump = _flag(request, "dump")
    task = portal.state.visible_restore(dump if portal.state.profile >= "3.1" else None)
    return envelope(request, _shown(portal, task))


async def history(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    if _flag(request, "dump"):
        return envelope(request, [])
    return envelope(request, [record.as_json() for record in portal.state.history])


async def start_backup(portal: Portal, request: Request, body: Mapping[str, Any]) -> Response:
    storage_type, params = _storage(request, body), _params(body)
    if storage_type == 0 and not params.get("folderId", "").isdigit():
        raise error(400, "wrong folder type", "System.ArgumentException")
    return envelope(request, portal.state.start_backup().as_json(portal.state.profile))


async def backup_progress(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    portal.state.settle()
    return envelope(request, _shown(portal, portal.state.backup))


async def cancel_backup(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    if portal.state.profile < "3.7":
        raise problem(404, "Not Found")
    had, portal.state.backup = portal.state.backup is not None, None
    return envelope(request, had)


async def settings(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    state = portal.state
    state.settle()
    elsewhere = state.switches["alias_elsewhere"] if state.tenant_id > 1 else ""
    status = 0 if elsewhere else state.tenant_status
    body = {
        "tenantStatus": status,
        "tenantAlias": elsewhere or state.alias,
        "version": state.profile,
        "standalone": True,
        "culture": "en-US",
    }
    return envelope(request, body)


async def key_self(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    if portal.state.profile < "3.1":
        raise problem(404, "Not Found")
    bearer = _bearer(request)
    key = portal.state.key(bearer) if bearer else None
    if key is None:
        message = "Index and length must refer to a location within the string."
        raise error(500, message, "System.ArgumentOutOfRangeException")
    return envelope(
        request,
        {
            "id": str(uuid.uuid5(uuid.NAMESPACE_OID, key.value)),
            "name": "restorebot",
            "keyPostfix": key.value[-4:],
            "permissions": key.permissions,
            "expiresAt": key.expires_at.isoformat() if key.expires_at else None,
            "isActive": key.is_active,
            "createBy": {"displayName": "Administrator"},
        },
    )


async def portal_info(portal: Portal, request: Request, _: Mapping[str, Any]) -> Response:
    return envelope(request, {"tenantId": portal.state.tenant_id, "tenantDomain": portal.state.alias})


Handler = Callable[[Portal, Request, Mapping[str, Any]], Awaitable[Response]]

ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", "/backup/startrestore", start_restore),
    ("GET", "/backup/getrestoreprogress", restore_progress),
    ("GET", "/backup/getbackuphistory", history),
    ("POST", "/backup/startbackup", start_backup),
    ("GET", "/backup/getbackupprogress", backup_progress),
    ("POST", "/backup/cancelbackup", cancel_backup),
    ("GET", "/settings", settings),
    ("GET", "/keys/@self", key_self),
    ("GET", "/portal", portal_info),
]


def create_app(portal: Portal) -> Starlette:
    """The ASGI app: API, its alias under ``/portal/`` (§1.1), and the control interface."""
    from restorebot.sandbox.portal_control import control_routes  # noqa: PLC0415 - it needs this module's names

    routes = []
    for method, path, handler in ROUTES:
        endpoint = _endpoint(portal, handler)
        routes.append(Route(API + path, endpoint, methods=[method]))
        if path.startswith("/backup/"):
            routes.append(Route(API + path.replace("/backup/", "/portal/"), endpoint, methods=[method]))
    return _App(routes=[*routes, *control_routes(portal)])


class _App(Starlette):
    """Notes for each request how to cut its connection: ASGI has no message for that, uvicorn's transport has."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["sandbox.send"] = send
        await super().__call__(scope, receive, send)


async def _hang_up(request: Request) -> Response:
    """End the connection without a byte of an answer."""
    request.scope["sandbox.send"].__self__.transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=502)  # reaches nobody


def _endpoint(portal: Portal, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        noted = _note(portal, request, raw)
        state = portal.state
        if state.switches["slow"]:
            await asyncio.sleep(float(state.switches["slow"]))
        fault = portal.take_fault(request.url.path)
        if state.is_away or (fault and fault.fault == "drop"):
            return await _hang_up(request)
        try:
            _whole_faults(portal)
            if fault:
                _before(fault)
            _filters(portal, request)
            response = await handler(portal, request, _body(request, raw))
        except Refusal as refusal:
            response = refusal.response
        noted["status"] = response.status_code
        return await _after(fault, request, response) if fault else response

    return answer


def _note(portal: Portal, request: Request, raw: bytes) -> dict[str, Any]:
    noted: dict[str, Any] = {
        "seq": len(portal.requests) + 1,
        "method": request.method,
        "path": request.url.path,
        "query": request.url.query,
        "headers": dict(request.headers),
        "body": raw.decode(errors="replace"),
        "status": None,
        "at": portal.state.now(),
    }
    portal.requests.append(noted)
    return noted


def _whole_faults(portal: Portal) -> None:
    """Switches that answer in the API's place."""
    switches = portal.state.switches
    if switches["rate_limited"]:
        switches["rate_limited"] -= 1
        raise Refusal(PlainTextResponse("", 429, {"Retry-After": "7"}))
    if switches["html_502"]:
        raise Refusal(_bad_gateway())
    if switches["bad_json"]:
        raise Refusal(Response('{"response":{"isCompl', media_type="application/json"))
    if switches["redirect_elsewhere"]:
        raise Refusal(RedirectResponse("http://elsewhere.invalid/login", 302))
    if switches["huge_reply"]:
        raise Refusal(StreamingResponse(_huge(), media_type="application/json"))
    if portal.state.is_lost:
        raise problem(404, "Not Found")


def _bad_gateway() -> Response:
    page = (
        "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
    )
    return HTMLResponse(page, 502)


async def _huge() -> AsyncIterator[bytes]:
    yield b'{"response":"'
    for _ in range(HUGE // 65536):
        yield b"x" * 65536
    yield b'"}'


def _before(fault: RouteFault) -> None:
    """Route faults that come before any effect."""
    if fault.fault == "html_502":
        raise Refusal(_bad_gateway())
    if fault.fault == "fault_500":
        raise error(500, "Something broke inside the portal.", fault.type)


async def _after(fault: RouteFault, request: Request, response: Response) -> Response:
    """Route faults that spoil the answer after the effect."""
    if fault.fault == "answer_lost":
        return await _hang_up(request)
    if fault.fault == "answer_slow":
        await asyncio.sleep(fault.seconds)
    if fault.fault == "bad_json":
        return Response('{"response":{"isCompl', media_type="application/json")
    if fault.fault == "no_response":
        return envelope(request)
    return response


def _filters(portal: Portal, request: Request) -> None:
    """What the portal checks before a controller: IP, state, payment, credentials and scopes (§1.2, §3, §5)."""
    state, path = portal.state, request.url.path
    anonymous = path.endswith(ANONYMOUS)
    state.settle()
    if state.switches["ip_refused"]:
        raise Refusal(PlainTextResponse("Access denied from this address", 403))
    if state.tenant_status == RESTORING and not path.endswith(OPEN_WHILE_RESTORING):
        raise problem(403, "Forbidden")
    if state.switches["unpaid"] and not path.endswith(UNPAID_ALLOWED):
        raise problem(402, "Payment Required")
    bearer = _bearer(request)
    key = state.key(bearer) if bearer else _cookie_key(portal, request)
    if anonymous:
        # An unknown key has no scopes, and so is refused where nobody at all would be let in (§3).
        if bearer and state.profile >= "3.7" and (key is None or not key.may_read):
            raise problem(403, "Forbidden")
        return
    if key is None:
        raise Refusal(Response(status_code=401))
    if not path.endswith("@self"):
        _rights(request, key)


def _rights(request: Request, key: Key) -> None:
    if not (key.may_read if request.method == "GET" else key.may_write):
        raise Refusal(Response(status_code=403))
    if not key.admin:
        raise error(403, "Access denied", "System.Security.SecurityException", -2146233078)


def _bearer(request: Request) -> str:
    value = request.headers.get("authorization", "")
    return value.removeprefix("Bearer ") if value.startswith("Bearer sk-") else ""


def _cookie_key(portal: Portal, request: Request) -> Key | None:
    header = request.headers.get("authorization", "").removeprefix("Bearer ")
    token = request.cookies.get("asc_auth_key") or header
    found = portal.state.key(token) if token else None
    return found if found and found.cookie else None


def _shown(portal: Portal, task: Task | None) -> dict[str, Any] | None:
    return task.as_json(portal.state.profile) if task else None


def _body(request: Request, raw: bytes) -> dict[str, Any]:
    """The JSON object with its names in lower case. Raises Refusal: validation's 400."""
    if request.method != "POST" or not raw:
        return {}
    try:
        parsed = json.loads(raw)
    except ValueError:
        raise invalid(request, "$", "The JSON value could not be converted.") from None
    if not isinstance(parsed, dict):
        raise invalid(request, "$", "The JSON value could not be converted.")
    return {str(name).lower(): value for name, value in parsed.items()}


def _storage(request: Request, body: Mapping[str, Any]) -> int:
    """storageType as a number, a numeric string or a name in any case; nothing means 0 (§2.1)."""
    value = body.get("storagetype")
    if value is None:
        return 0
    text = str(value).strip().lower()
    number = STORAGE.get(text, int(text) if text.isdigit() else -1)
    if number not in range(6):
        raise invalid(request, "storageType", "The value is not valid.")
    return number


def _params(body: Mapping[str, Any]) -> dict[str, str]:
    """storageParams as the server reads them (§2.2)."""
    found: dict[str, str] = {}
    for item in body.get("storageparams") or []:
        if not isinstance(item, dict) or item.get("key") is None or item.get("value") is None:
            raise error(500, "Value cannot be null.", "System.NullReferenceException")
        if item["key"] in found:
            raise error(
                400, f"An item with the same key has already been added. Key: {item['key']}", "System.ArgumentException"
            )
        found[str(item["key"])] = str(item["value"])
    return found


def _flag(request: Request, name: str) -> bool | None:
    """An optional boolean of the query, whose names are in any case."""
    values = {key.lower(): value for key, value in parse_qs(request.url.query).items()}.get(name)
    if values is None:
        return None
    if values[0].lower() not in {"true", "false"}:
        raise invalid(request, name, f"The value '{values[0]}' is not valid.")
    return values[0].lower() == "true"


def _is_guid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def main(argv: Sequence[str] | None = None) -> None:
    """Run the portal as a program; it prints ``{"url": ...}`` once it listens."""
    parser = argparse.ArgumentParser(prog="restorebot.sandbox.portal", description="A local DocSpace portal.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--key", help="the API key, sk-…; made up when left out")
    parser.add_argument("--alias", default="acme")
    parser.add_argument("--profile", default="3.7.2", help="the version to behave as (default: %(default)s)")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="portal seconds per real second (default: %(default)s)"
    )
    parser.add_argument("--manual", action="store_true", help="time moves only by the control interface")
    given = parser.parse_args(argv)
    portal = Portal(key=given.key, alias=given.alias, profile=given.profile, speed=given.speed, manual=given.manual)
    serve_program(create_app(portal), given.port)


if __name__ == "__main__":
    main()
