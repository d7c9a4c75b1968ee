"""The workspace as an ASGI app."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from restorebot.sandbox.workspace.api import Faults, RateLimits, Tokens, WebApi
from restorebot.sandbox.workspace.control import Control
from restorebot.sandbox.workspace.delivery import Connections, Delivery
from restorebot.sandbox.workspace.manifest import Manifest
from restorebot.sandbox.workspace.methods import MethodContext
from restorebot.sandbox.workspace.people import People
from restorebot.sandbox.workspace.response_urls import ResponseUrlEndpoint
from restorebot.sandbox.workspace.state import State
from restorebot.sandbox.workspace.views import Triggers, Views

ACK_SECONDS = 3.0  # slack §1.1


class Workspace:
    """One workspace with one app in it.

    ``ack_timeout`` is in real seconds, so that tests can shorten the wait; everything else runs on
    the workspace's clock, which is ``clock`` plus what the control interface has advanced it by.
    """

    def __init__(
        self,
        manifest_path: str | Path,
        *,
        bot_token: str | None = None,
        app_token: str | None = None,
        signing_secret: str | None = None,
        ack_timeout: float = ACK_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bot_token = bot_token or f"xoxb-{secrets.token_hex(16)}"
        self.app_token = app_token or f"xapp-1-A0RESTORE-{secrets.token_hex(16)}"
        self.signing_secret = signing_secret or secrets.token_hex(16)
        self.state = State(Manifest.load(Path(manifest_path)), clock)
        self.triggers = Triggers(self.state)
        self.views = Views(self.state)
        self.connections = Connections(self.state, ack_timeout)
        self.delivery = Delivery(self.state, self.connections, self.signing_secret, clock)
        self.people = People(self.state, self.triggers, self.views, self.delivery)
        self.faults = Faults()
        self.limits = RateLimits(self.state)


class _App(Starlette):
    """Learns the workspace's address from requests, and lets handlers cut a connection."""

    workspace: Workspace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            scope["sandbox.abort"] = _abort_function(send)
            self._learn_address(scope)
        await super().__call__(scope, receive, send)

    def _learn_address(self, scope: Scope) -> None:
        host = Headers(scope=scope).get("host", "")
        state = self.workspace.state
        from_bot = scope["path"].startswith("/api/")
        if host and (from_bot or not state.base_url):
            state.base_url = f"http://{host}"


def _abort_function(send: Any) -> Callable[[], None]:
    # ASGI has no message that cuts a connection; the transport behind uvicorn's ``send`` can.
    def abort() -> None:
        send.__self__.transport.abort()

    return abort


def create_app(workspace: Workspace) -> Starlette:
    """Return the workspace as an ASGI app, to be served by uvicorn."""
    state = workspace.state
    context = MethodContext(
        state=state,
        triggers=workspace.triggers,
        views=workspace.views,
        new_connection_url=workspace.connections.new_url,
    )
    api = WebApi(
        context,
        Tokens(workspace.bot_token, workspace.app_token),
        workspace.faults,
        workspace.limits,
    )
    answers = ResponseUrlEndpoint(state, workspace.faults)
    control = Control(
        state=state,
        views=workspace.views,
        people=workspace.people,
        delivery=workspace.delivery,
        faults=workspace.faults,
        limits=workspace.limits,
    )
    app = _App(
        routes=[
            Route("/api/{method}", api.answer, methods=["GET", "POST"]),
            WebSocketRoute("/link/", workspace.connections.serve),
            Route("/commands/{team}/{number}/{secret}", answers.answer, methods=["POST"]),
            Route("/actions/{team}/{number}/{secret}", answers.answer, methods=["POST"]),
            *control.routes(),
        ]
    )
    app.workspace = workspace
    return app
