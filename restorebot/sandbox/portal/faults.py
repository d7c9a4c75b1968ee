"""Faults of the transport: answers that are lost, late, cut, huge or another server's."""

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)

from restorebot.sandbox.portal.responses import Refusal, envelope, error, problem_details
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
        raise Refusal(PlainTextResponse("", 429, {"Retry-After": "7"}))
    if switches.html_502:
        raise Refusal(_bad_gateway())
    if switches.bad_json:
        raise Refusal(Response('{"response":{"isCompl', media_type="application/json"))
    if switches.redirect_elsewhere:
        raise Refusal(RedirectResponse("http://elsewhere.invalid/login", 302))
    if switches.huge_reply:
        raise Refusal(StreamingResponse(_huge(), media_type="application/json"))
    if portal.state.is_unmapped:
        raise problem_details(404, "Not Found")


def _bad_gateway() -> Response:
    page = (
        "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad "
        "Gateway</h1></center></body></html>"
    )
    return HTMLResponse(page, 502)


async def _huge() -> AsyncIterator[bytes]:
    yield b'{"response":"'
    for _ in range(HUGE // 65536):
        yield b"x" * 65536
    yield b'"}'


def fail_early(fault: RouteFault) -> None:
    """Fail before any effect where a route fault says so. Raises Refusal."""
    if fault.fault == "html_502":
        raise Refusal(_bad_gateway())
    if fault.fault == "busy":
        raise Refusal(PlainTextResponse("", 429, {"Retry-After": f"{fault.seconds:g}"}))
    if fault.fault == "fault_500":
        raise error(500, "Something broke inside the portal.", fault.type)


async def alter_response(fault: RouteFault, request: Request, response: Response) -> Response:
    """Spoil the answer after the effect where a route fault says so."""
    if fault.fault == "answer_lost":
        return await abort_connection(request)
    if fault.fault == "answer_slow":
        await asyncio.sleep(fault.seconds)
    if fault.fault == "bad_json":
        return Response('{"response":{"isCompl', media_type="application/json")
    if fault.fault == "no_response":
        return envelope(request)
    return response
