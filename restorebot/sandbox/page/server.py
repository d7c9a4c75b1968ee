"""The page's server: its files, a stream of snapshots for each tab, and what a person can do."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import Field
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from restorebot.sandbox.control import Body, ControlError, Json, Nothing, parse, parse_object
from restorebot.sandbox.programs import Programs

STATIC = Path(__file__).parent / "static"

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

POLL_SECONDS = 0.4
"""Seconds between looks at the portal, whose number moves by itself."""

KEEPALIVE_SECONDS = 15.0
"""Seconds after which a stream says that it still lives."""

RESTORE_SECONDS = 20.0
"""Portal seconds; at speed 1 they are real ones."""

PEOPLE = {"alice": "U0ALICE", "bob": "U0BOB", "carol": "U0CAROL"}

SHOWN_OF_PORTAL = (
    "alias",
    "profile",
    "tenantStatus",
    "history",
    "tasks",
    "faults",
    "speed",
    "keys",
    "starts",
    "away",
)


class DemoPrograms:
    """The programs behind the page, watched for changes."""

    def __init__(self, programs: Programs, http: httpx.AsyncClient) -> None:
        self.programs = programs
        self._http = http
        self._changed = asyncio.Event()

    async def slack(
        self, path: str, body: Json | None = None, method: str = "POST"
    ) -> tuple[int, Json]:
        """Ask the workspace's control interface; without a body, by GET. Raises HTTPException."""
        return await self._ask(self.programs.slack_url, path, body, method)

    async def portal(
        self, path: str, body: Json | None = None, method: str = "POST"
    ) -> tuple[int, Json]:
        """Ask the portal's control interface; without a body, by GET. Raises HTTPException."""
        return await self._ask(self.programs.portal_url, path, body, method)

    async def _ask(self, base: str, path: str, body: Json | None, method: str) -> tuple[int, Json]:
        if body is None:
            method = "GET"
        try:
            answer = await self._http.request(method, f"{base}/_sandbox/{path}", json=body)
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError):
            raise HTTPException(
                502, "The sandbox does not answer; stop the demo and start it again."
            ) from None

    @property
    def bot_runs(self) -> bool:
        """Whether the bot's process is alive."""
        return self.programs.bot is not None and self.programs.bot.is_running

    def notify_streams(self) -> None:
        """Let every stream look whether it has something new to send."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def snapshot(self, user: str) -> Json:
        """Return all that this person's tab shows."""
        _, screen = await self.slack(f"screen?user={user}")
        _, slack = await self.slack("state")
        _, portal = await self.portal("state")
        shown = {name: portal[name] for name in SHOWN_OF_PORTAL}
        shown["takes"] = RESTORE_SECONDS / (portal["speed"] or 1)
        return {
            "you": user,
            "slack": screen | {"faults": slack["faults"]},
            "portal": shown,
            "bot": {"runs": self.bot_runs, "connected": screen["connected"]},
        }

    async def snapshots(self, user: str) -> AsyncIterator[str]:
        """Yield server-sent events: a snapshot now and after each change."""
        last = ""
        while True:
            changed = self._changed
            current = json.dumps(await self.snapshot(user))
            if current != last:
                yield f"data: {current}\n\n"
                last = current
            try:
                await asyncio.wait_for(changed.wait(), KEEPALIVE_SECONDS)
            except TimeoutError:
                yield ": still here\n\n"

    async def watch(self) -> None:
        """Notify the streams at every change, until cancelled."""
        await asyncio.gather(self._watch_slack(), self._watch_portal_and_bot())

    async def _watch_slack(self) -> None:
        last = 0
        while True:
            try:
                _, answer = await self.slack(f"events?after={last}&wait=20")
            except HTTPException:
                await asyncio.sleep(POLL_SECONDS)
                continue
            last = answer["last"]
            self.notify_streams()

    async def _watch_portal_and_bot(self) -> None:
        before: Any = None
        while True:
            with contextlib.suppress(HTTPException):
                _, portal = await self.portal("state")
                seen = [self.bot_runs, *(portal[name] for name in SHOWN_OF_PORTAL)]
                if seen != before:
                    before = seen
                    self.notify_streams()
            await asyncio.sleep(POLL_SECONDS)


class SwitchBody(Body):
    """A switch of the drawer, and whether it is on."""

    name: Literal[
        "archive_broken", "worker_killed", "stall_at_75", "cloud_keys_missing", "ip_refused"
    ]
    on: bool


class ProfileBody(Body):
    """The deployment that the portal behaves as from now on."""

    name: str


class SpeedBody(Body):
    """Real seconds that a restore takes."""

    takes: float = Field(ge=1, le=3600)


Action = Callable[[DemoPrograms, bytes], Awaitable[tuple[int, Json]]]


def _forward_to_slack(path: str) -> Action:
    async def action(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
        return await demo.slack(path, parse_object(raw))

    return action


def _send_to_portal(path: str, method: str = "POST", **body: Any) -> Action:
    async def action(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
        parse(Nothing, raw)
        return await demo.portal(path, body, method)

    return action


async def _set_switch(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    body = parse(SwitchBody, raw)
    return await demo.portal("faults", {body.name: body.on}, "PATCH")


async def _set_profile(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    return await demo.portal("profile", {"name": parse(ProfileBody, raw).name})


async def _set_speed(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    return await demo.portal("speed", {"speed": RESTORE_SECONDS / parse(SpeedBody, raw).takes})


async def _go_away(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    # The portal counts in its own seconds, the person in real ones.
    _, state = await demo.portal("state")
    return await demo.portal("faults", {"away": 20 * (state["speed"] or 1)}, "PATCH")


async def _rate_limit(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    fault: Json = {"fault": "ratelimited", "times": 5, "retry_after": 3}
    return await demo.slack(
        "faults", {"chat.postMessage": fault, "chat.update": dict(fault)}, "PATCH"
    )


async def _kill_bot(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    if demo.programs.bot is None or not demo.bot_runs:
        return 409, {"error": "The bot is not running."}
    await demo.programs.bot.kill()
    return 200, {}


async def _start_bot(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    await demo.programs.start_bot()
    return 200, {}


async def _replace_key(demo: DemoPrograms, raw: bytes) -> tuple[int, Json]:
    """Make a key and start the bot with it, as an administrator would; the key stays here."""
    parse(Nothing, raw)
    _, made = await demo.portal("keys", {})
    demo.programs.environment["DOCSPACE_API_KEY"] = made["key"]
    if demo.programs.bot:
        await demo.programs.bot.stop()
    await demo.programs.start_bot()
    return 200, {}


ACTIONS: dict[str, Action] = {
    **{
        f"/slack/{name}": _forward_to_slack(name)
        for name in ("command", "click", "submit", "close", "say", "home")
    },
    "/portal/switch": _set_switch,
    "/portal/profile": _set_profile,
    "/portal/speed": _set_speed,
    "/portal/away": _go_away,
    "/portal/someone-else": _send_to_portal("someone-else-starts"),
    "/portal/restart": _send_to_portal("restart"),
    "/portal/repair": _send_to_portal("repair"),
    "/portal/expire-key": _send_to_portal("keys", "PATCH", expires_at="2020-01-01T00:00:00"),
    "/slack/limit": _rate_limit,
    "/bot/kill": _kill_bot,
    "/bot/start": _start_bot,
    "/bot/new-key": _replace_key,
}


def create_app(demo: DemoPrograms) -> Starlette:
    """Return the page as an app, for 127.0.0.1 alone."""

    async def index(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def stream(request: Request) -> Response:
        user = PEOPLE.get(request.query_params.get("as", ""))
        if user is None:
            raise HTTPException(422, f"The parameter 'as' is one of {', '.join(PEOPLE)}.")
        return StreamingResponse(demo.snapshots(user), media_type="text/event-stream")

    trusted = Middleware(
        TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False
    )
    return Starlette(
        routes=[
            Route("/", index),
            Route("/stream", stream),
            *(_action_route(demo, path, action) for path, action in ACTIONS.items()),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(_SecurityHeaders), trusted],
        # Starlette names the base class.
        exception_handlers={HTTPException: _error_response},  # type: ignore[dict-item]
    )


def _action_route(demo: DemoPrograms, path: str, action: Action) -> Route:
    async def endpoint(request: Request) -> Response:
        # A form of another site cannot send this type without asking first, and is never allowed
        # to.
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            raise HTTPException(415, "Send JSON, as application/json.")
        try:
            status, answer = await action(demo, await request.body())
        except ControlError as error:
            status, answer = error.status, {"error": error.sentence}
        demo.notify_streams()
        return JSONResponse(answer, status)

    return Route(path, endpoint, methods=["POST"])


async def _error_response(request: Request, error: HTTPException) -> Response:
    sentences = {
        404: f"There is no {request.url.path} here.",
        405: f"{request.url.path} does not take {request.method}.",
    }
    sentence = sentences.get(error.status_code, error.detail)
    return JSONResponse({"error": sentence}, error.status_code, error.headers)


class _SecurityHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)
