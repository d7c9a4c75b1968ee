"""The page's server: the files, one stream of snapshots for each tab, and a way for each thing a
person can do.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import Field
from starlette.applications import Starlette
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

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src "
    "'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

LOOK = 0.4
"""Seconds between looks at the portal, whose number moves by itself."""

SILENCE = 15.0
"""Seconds after which a stream says that it still lives."""

RESTORE_TAKES = 20.0
"""Portal seconds; at speed 1 they are real ones."""

PEOPLE = {"alice": "U0ALICE", "bob": "U0BOB", "carol": "U0CAROL"}

PORTAL_SHOWN = ("alias", "tenantStatus", "history", "tasks", "faults", "speed", "keys", "starts")


class World:
    """The programs behind the page, and a bell that rings when something in them has changed."""

    def __init__(self, programs: Programs, http: httpx.AsyncClient) -> None:
        self.programs = programs
        self._http = http
        self._news = asyncio.Event()
        self._portal: Json = {}

    async def ask(
        self, url: str, method: str = "GET", body: Json | None = None
    ) -> tuple[int, Json]:
        """A request to a control interface.

        Raises HTTPException when the program does not answer.
        """
        try:
            answer = await self._http.request(method, url, json=body)
            return answer.status_code, answer.json()
        except (httpx.HTTPError, ValueError):
            raise HTTPException(
                502, "The sandbox does not answer; stop the demo and start it again."
            ) from None

    async def slack(
        self, path: str, body: Json | None = None, method: str = "POST"
    ) -> tuple[int, Json]:
        return await self.ask(
            f"{self.programs.slack_url}/_sandbox/{path}", "GET" if body is None else method, body
        )

    async def portal(
        self, path: str, body: Json | None = None, method: str = "POST"
    ) -> tuple[int, Json]:
        return await self.ask(
            f"{self.programs.portal_url}/_sandbox/{path}", "GET" if body is None else method, body
        )

    def ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def snapshot(self, user: str) -> Json:
        """All that this person's tab shows."""
        _, screen = await self.slack(f"screen?user={user}")
        _, slack = await self.slack("state")
        _, portal = await self.portal("state")
        shown = {name: portal[name] for name in PORTAL_SHOWN}
        return {
            "you": user,
            "slack": screen | {"faults": slack["faults"]},
            "portal": shown
            | {"away": portal["away"], "takes": RESTORE_TAKES / (portal["speed"] or 1)},
            "bot": {
                "runs": bool(self.programs.bot and self.programs.bot.runs),
                "connected": screen["connected"],
            },
        }

    async def snapshots(self, user: str) -> AsyncIterator[str]:
        """Server-sent events: a snapshot now and after each change."""
        last = ""
        while True:
            news = self._news
            fresh = json.dumps(await self.snapshot(user))
            if fresh != last:
                yield f"data: {fresh}\n\n"
                last = fresh
            try:
                await asyncio.wait_for(news.wait(), SILENCE)
            except TimeoutError:
                yield ": still here\n\n"

    async def watch(self) -> None:
        """Ring at every change, until cancelled."""
        await asyncio.gather(self._watch_slack(), self._watch_rest())

    async def _watch_slack(self) -> None:
        last = 0
        while True:
            try:
                _, answer = await self.slack(f"events?after={last}&wait=20")
            except HTTPException:
                await asyncio.sleep(LOOK)
                continue
            last = answer["last"]
            self.ring()

    async def _watch_rest(self) -> None:
        before: Any = None
        while True:
            with contextlib.suppress(HTTPException):
                _, portal = await self.portal("state")
                bot = self.programs.bot
                seen = [
                    {name: portal[name] for name in PORTAL_SHOWN},
                    portal["away"],
                    bool(bot and bot.runs),
                ]
                if seen != before:
                    before = seen
                    self.ring()
            await asyncio.sleep(LOOK)


class SwitchBody(Body):
    """A switch of the drawer, and whether it is on."""

    name: Literal["archive_broken", "worker_killed", "stall_at_75"]
    on: bool


class SpeedBody(Body):
    """Real seconds that a restore takes."""

    takes: float = Field(ge=1, le=3600)


Act = Callable[[World, bytes], Awaitable[tuple[int, Json]]]


def _to_slack(path: str) -> Act:
    async def act(world: World, raw: bytes) -> tuple[int, Json]:
        return await world.slack(path, parse_object(raw))

    return act


def _to_portal(path: str, method: str = "POST", **body: Any) -> Act:
    async def act(world: World, raw: bytes) -> tuple[int, Json]:
        parse(Nothing, raw)
        return await world.portal(path, body, method)

    return act


async def _toggle(world: World, raw: bytes) -> tuple[int, Json]:
    body = parse(SwitchBody, raw)
    return await world.portal("faults", {body.name: body.on}, "PATCH")


async def _speed(world: World, raw: bytes) -> tuple[int, Json]:
    return await world.portal("speed", {"speed": RESTORE_TAKES / parse(SpeedBody, raw).takes})


async def _away(world: World, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    # The portal counts in its own seconds, the person in real ones.
    _, state = await world.portal("state")
    return await world.portal("faults", {"away": 20 * (state["speed"] or 1)}, "PATCH")


async def _limit(world: World, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    fault: Json = {"fault": "rate_limited", "times": 5, "retry_after": 3}
    return await world.slack(
        "faults", {"chat.postMessage": fault, "chat.update": dict(fault)}, "PATCH"
    )


async def _kill(world: World, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    bot = world.programs.bot
    if bot is None or not bot.runs:
        return 409, {"error": "The bot is not running."}
    await bot.kill()
    return 200, {}


async def _start(world: World, raw: bytes) -> tuple[int, Json]:
    parse(Nothing, raw)
    await world.programs.start_bot()
    return 200, {}


async def _new_key(world: World, raw: bytes) -> tuple[int, Json]:
    """Make a key and start the bot with it, as an administrator would; the key stays here."""
    parse(Nothing, raw)
    _, made = await world.portal("keys", {})
    world.programs.environment["DOCSPACE_API_KEY"] = made["key"]
    if world.programs.bot:
        await world.programs.bot.stop()
    await world.programs.start_bot()
    return 200, {}


ACTS: dict[str, Act] = {
    **{
        f"/slack/{name}": _to_slack(name)
        for name in ("command", "click", "submit", "close", "say", "home")
    },
    "/portal/switch": _toggle,
    "/portal/speed": _speed,
    "/portal/away": _away,
    "/portal/someone-else": _to_portal("someone-else-starts"),
    "/portal/repair": _to_portal("repair"),
    "/portal/expire-key": _to_portal("keys", "PATCH", expires_at="2020-01-01T00:00:00"),
    "/slack/limit": _limit,
    "/bot/kill": _kill,
    "/bot/start": _start,
    "/bot/new-key": _new_key,
}


def create_app(world: World) -> Starlette:
    """The page as an app, for 127.0.0.1 alone."""

    async def index(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def stream(request: Request) -> Response:
        user = PEOPLE.get(request.query_params.get("as", ""))
        if user is None:
            raise HTTPException(422, f"The parameter 'as' is one of {', '.join(PEOPLE)}.")
        return StreamingResponse(world.snapshots(user), media_type="text/event-stream")

    def route(path: str, act: Act) -> Route:
        async def endpoint(request: Request) -> Response:
            # A form of another site cannot send this type without asking first, and is never
            # allowed to.
            if request.headers.get("content-type", "").partition(";")[0] != "application/json":
                raise HTTPException(415, "Send JSON, as application/json.")
            try:
                status, answer = await act(world, await request.body())
            except ControlError as error:
                status, answer = error.status, {"error": error.sentence}
            world.ring()
            return JSONResponse(answer, status)

        return Route(path, endpoint, methods=["POST"])

    return Starlette(
        routes=[
            Route("/", index),
            Route("/stream", stream),
            *(route(path, act) for path, act in ACTS.items()),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[
            Middleware(_Headers),
            Middleware(
                TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"], www_redirect=False
            ),
        ],
        exception_handlers={HTTPException: _refused},  # type: ignore[dict-item] # Starlette names the base class
    )


async def _refused(request: Request, error: HTTPException) -> Response:
    sentences = {
        404: f"There is no {request.url.path} here.",
        405: f"{request.url.path} does not take {request.method}.",
    }
    return JSONResponse(
        {"error": sentences.get(error.status_code, error.detail)}, error.status_code, error.headers
    )


class _Headers:
    """Puts the page's security headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.lower().encode(), value.encode()) for name, value in HEADERS.items()),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)
