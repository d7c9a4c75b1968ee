"""What the tests of the local Slack share: the workspace over real HTTP, and a small real Bolt app
in it.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from restorebot.sandbox.serve import serving
from restorebot.sandbox.workspace import Workspace, create_app

MANIFEST = Path(__file__).parents[2] / "manifest.yml"
CHANNEL = "C0RESTORES"
TLS = httpx.create_ssl_context()
Json = dict[str, Any]
Register = Callable[[AsyncApp], None]


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def section(text: str = "hello", **more: Any) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def button(action_id: str = "go", **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain("Go"), **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def text_input(block_id: str = "why", optional: bool = False, **element: Any) -> Json:
    field = {"type": "plain_text_input", "action_id": "text", **element}
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain("Why"),
        "element": field,
        "optional": optional,
    }


def as_input(element: Json, **more: Any) -> Json:
    return {"type": "input", "label": plain("L"), "element": element, **more}


def modal(*blocks: Json, **more: Any) -> Json:
    given = list(blocks) or [section()]
    submit = {"submit": plain("Send")} if any(b["type"] == "input" for b in given) else {}
    return {
        "type": "modal",
        "title": plain("Restore"),
        "callback_id": "restore",
        "blocks": given,
        **submit,
        **more,
    }


@dataclass
class Box:
    """A running workspace and the ways to reach it."""

    workspace: Workspace
    url: str
    http: httpx.AsyncClient

    @property
    def web(self) -> AsyncWebClient:
        return AsyncWebClient(token=self.workspace.bot_token, base_url=f"{self.url}/api/")

    async def call(self, method: str, token: str | None = None, **args: Any) -> Json:
        """A Web API call with a JSON body; returns the answer's JSON."""
        answer = await self.call_raw(method, token, **args)
        assert answer.status_code == 200, answer.text
        return parsed(answer)

    async def call_raw(self, method: str, token: str | None = None, **args: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token or self.workspace.bot_token}"}
        return await self.http.post(f"/api/{method}", json=args, headers=headers)

    async def error(self, method: str, **args: Any) -> str:
        answer = await self.call(method, **args)
        assert answer["ok"] is False, answer
        return str(answer["error"])

    async def post(self, what: str, **body: Any) -> Json:
        answer = await self.http.post(f"/_sandbox/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return parsed(answer)

    async def patch(self, what: str, **body: Any) -> Json:
        answer = await self.http.patch(f"/_sandbox/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return parsed(answer)

    async def get(self, what: str, **params: Any) -> Json:
        answer = await self.http.get(f"/_sandbox/{what}", params=params)
        assert answer.status_code == 200, answer.text
        return parsed(answer)

    async def messages(self, channel: str = CHANNEL) -> list[Json]:
        found: list[Json] = (await self.get("messages", channel=channel))["messages"]
        return found

    async def private(self, user: str = "U0ALICE") -> list[Json]:
        found: list[Json] = (await self.get("private", user=user))["messages"]
        return found

    async def views(self, user: str = "U0ALICE") -> list[Json]:
        found: list[Json] = (await self.get("views", user=user))["views"]
        return found

    async def open_modal(self, view: Json, user: str = "U0ALICE") -> Json:
        """Open a modal with a trigger straight from the workspace."""
        answer = await self.call(
            "views.open", trigger_id=self.workspace.triggers.issue(user), view=view
        )
        assert answer["ok"], answer
        opened: Json = answer["view"]
        return opened

    async def posted(self, **args: Any) -> str:
        answer = await self.call("chat.postMessage", **{"channel": CHANNEL, "text": "hi", **args})
        assert answer["ok"], answer
        return str(answer["ts"])


def parsed(answer: httpx.Response) -> Json:
    content: Json = answer.json()
    return content


def standing_clock() -> float:
    """A clock that only /_sandbox/advance moves, where a test counts seconds that its own work must
    not add to.
    """
    return 1_800_000_000.0


async def until(true: Callable[[], Any], seconds: float = 5.0) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def sandbox(**options: Any) -> AsyncIterator[Box]:
    """A workspace over real HTTP."""
    workspace = Workspace(options.pop("manifest", MANIFEST), **options)
    async with (
        serving(create_app(workspace)) as url,
        httpx.AsyncClient(base_url=url, timeout=10, verify=TLS) as http,
    ):
        yield Box(workspace, url, http)


@contextlib.asynccontextmanager
async def socket_bot(box: Box, register: Register) -> AsyncIterator[AsyncSocketModeHandler]:
    """A Bolt app connected by Socket Mode."""
    app = AsyncApp(client=box.web, process_before_response=True)
    register(app)
    handler = AsyncSocketModeHandler(app, box.workspace.app_token, ping_interval=1)
    await handler.connect_async()  # type: ignore[no-untyped-call]  # the SDK leaves it unannotated
    try:
        await until(lambda: box.workspace.connections.open)
        yield handler
    finally:
        # The SDK leaves it unannotated.
        await handler.close_async()  # type: ignore[no-untyped-call]


@contextlib.asynccontextmanager
async def http_bot(box: Box, register: Register) -> AsyncIterator[str]:
    """A Bolt app that takes signed HTTP requests; the workspace delivers to it."""
    app = AsyncApp(
        client=box.web, signing_secret=box.workspace.signing_secret, process_before_response=True
    )
    register(app)
    handler = AsyncSlackRequestHandler(app)

    async def events(request: Request) -> Response:
        return await handler.handle(request)

    async with serving(Starlette(routes=[Route("/slack/events", events, methods=["POST"])])) as url:
        await box.post("deliver", url=f"{url}/slack/events")
        yield url
