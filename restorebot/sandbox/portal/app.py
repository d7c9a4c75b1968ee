"""The portal as an ASGI app."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from restorebot.sandbox.portal.control import Control
from restorebot.sandbox.portal.faults import (
    abort_connection,
    alter_response,
    apply_switches,
    fail_early,
    gateway_page,
)
from restorebot.sandbox.portal.filters import check_request
from restorebot.sandbox.portal.parsing import json_body
from restorebot.sandbox.portal.responses import Refusal
from restorebot.sandbox.portal.routes import ROUTES, Handler
from restorebot.sandbox.portal.simulator import Portal

API = "/api/2.0"


def create_app(portal: Portal) -> Starlette:
    """Return the ASGI app: API and control interface."""
    routes = [
        Route(API + path, _endpoint(portal, handler), methods=[method])
        for method, path, handler in ROUTES
    ]
    unknown = Route(API + "/{path:path}", _no_such_route)
    return _App(routes=[*routes, unknown, *Control(portal).routes()])


async def _no_such_route(_request: Request) -> Response:
    return Response(status_code=404)


class _App(Starlette):
    """Notes for each request how to cut its connection.

    ASGI has no message for that; uvicorn's transport has.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["sandbox.send"] = send
        await super().__call__(scope, receive, send)


def _endpoint(portal: Portal, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        raw = await request.body()
        noted = _note(portal, request, raw)
        state = portal.state
        if state.switches.slow:
            await asyncio.sleep(state.switches.slow)
        fault = portal.next_route_fault(request.url.path)
        if state.is_away and state.profile.proxied:
            return gateway_page(502)
        if state.is_away or (fault and fault.fault == "drop"):
            return await abort_connection(request)
        try:
            apply_switches(portal)
            if fault:
                fail_early(fault)
            check_request(portal, request)
            response = await handler(portal, request, json_body(request, raw))
        except Refusal as refusal:
            response = refusal.response
        noted["status"] = response.status_code
        return await alter_response(fault, request, response) if fault else response

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
