"""Faults of the transport: answers that are lost, late, cut, huge or another server's."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from restorebot.sandbox.portal.responses import Refusal, envelope, error
from restorebot.sandbox.portal.simulator import Portal
from restorebot.sandbox.portal.switches import RouteFault

HUGE = 2**30


async def abort_connection(request: Request) -> Response:
    """End the connection without a byte of an answer."""
    request.scope["sandbox.send"].__self__.transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=502)  # reaches nobody


def apply_switches(portal: Portal) -> None:
    """Answer in the API's place where a switch says so. Raises Refusal."""
    switches = portal.state.switches
    if switches.rate_limited:
        switches.rate_limited -= 1
        raise Refusal(_too_many({}))
    if switches.html_502 or (portal.state.is_unmapped and portal.state.profile.proxied):
        raise Refusal(gateway_page(502))
    if switches.bad_json:
        raise Refusal(Response('{"response":{"isCompl', media_type="application/json"))
    if switches.redirect_elsewhere:
        raise Refusal(RedirectResponse("http://elsewhere.invalid/login", 302))
    if switches.huge_reply:
        raise Refusal(StreamingResponse(_huge(), media_type="application/json"))


def gateway_page(code: int) -> Response:
    """Return a proxy's page, as nginx has it."""
    title = f"{code} {HTTPStatus(code).phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return HTMLResponse(page, code)


def _too_many(headers: dict[str, str]) -> Response:
    limits = {"X-RateLimit-Limit": "1500", "X-RateLimit-Remaining": "0"}
    return PlainTextResponse("", 429, limits | headers)


async def _huge() -> AsyncIterator[bytes]:
    yield b'{"response":"'
    for _ in range(HUGE // 65536):
        yield b"x" * 65536
    yield b'"}'


def fail_early(fault: RouteFault) -> None:
    """Fail before any effect where a route fault says so. Raises Refusal."""
    if fault.fault == "html_502":
        raise Refusal(gateway_page(502))
    if fault.fault == "busy":
        # Of the portal's windows only the daily one says how long.
        wait = {"Retry-After": f"{fault.seconds:g}"} if fault.seconds else {}
        raise Refusal(_too_many(wait))
    if fault.fault == "fault_500":
        raise error(500, "Something broke inside the portal.", fault.type)


async def alter_response(fault: RouteFault, request: Request, response: Response) -> Response:
    """Spoil the answer after the effect where a route fault says so."""
    if fault.fault == "answer_lost":
        return await abort_connection(request)
    if fault.fault == "answer_slow":
        await asyncio.sleep(fault.seconds)
    if fault.fault == "html_504":
        return gateway_page(504)
    if fault.fault == "bad_json":
        return Response('{"response":{"isCompl', media_type="application/json")
    if fault.fault == "no_response":
        return envelope(request)
    return response
