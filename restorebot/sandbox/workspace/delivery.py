"""How the local Slack reaches the bot: over Socket Mode connections, or by signed HTTP requests."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
import ssl
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from urllib.parse import urlencode

import httpx
from starlette.websockets import WebSocket, WebSocketDisconnect

from restorebot.sandbox.control import Body, Json
from restorebot.sandbox.workspace.state import APP, State

TICKET_SECONDS = 30.0
EVENT_RETRIES = (0.0, 60.0, 300.0)  # seconds after which an unacknowledged event is sent again
OLD_TIMESTAMP_SECONDS = 600

AckError = Literal["operation_timeout", "dispatch_failed"]
EnvelopeType = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, kw_only=True)
class Ack:
    """What came of one delivery.

    ``body`` is what the bot sent along with its acknowledgement, None for nothing.
    """

    acked: bool
    error: AckError | None = None
    http_status: int | None = None
    body: Any = None


class HttpOptions(Body):
    """Ways to sign an HTTP delivery wrongly."""

    bad_signature: bool = False
    old_timestamp: bool = False


CORRECT = HttpOptions()


class Connection:
    """One Socket Mode connection."""

    def __init__(self, socket: WebSocket, state: State) -> None:
        self._socket = socket
        self._state = state

    async def send(self, frame: Json) -> bool:
        """Send a frame, and return False when the connection is gone."""
        self._state.journal.line("socket>", frame["type"], frame)
        try:
            await self._socket.send_text(json.dumps(frame))
        except (WebSocketDisconnect, RuntimeError):
            return False
        return True

    async def receive(self) -> Json | None:
        """Return the next frame from the bot, or None when the connection is gone."""
        try:
            text = await self._socket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            return None
        with contextlib.suppress(ValueError):
            frame = json.loads(text)
            if isinstance(frame, dict):
                return frame
        return {}


class Connections:
    """The app's Socket Mode connections; each envelope goes to one of them."""

    def __init__(self, state: State, ack_timeout: float) -> None:
        self._state = state
        self._tickets: dict[str, float] = {}
        self._waiting: dict[str, asyncio.Future[Json]] = {}
        self.ack_timeout = ack_timeout
        self.open: list[Connection] = []

    def new_url(self) -> str:
        """Return a URL that is good for one connection."""
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = self._state.now()
        return f"{self._state.base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP}"

    def ticket_is_good(self, ticket: str) -> bool:
        """Say whether the ticket was given, is unused and not too old, and use it up."""
        given_at = self._tickets.pop(ticket, None)
        return given_at is not None and self._state.now() - given_at <= TICKET_SECONDS

    async def serve(self, socket: WebSocket) -> None:
        """Keep one connection until it ends."""
        if not self.ticket_is_good(socket.query_params.get("ticket", "")):
            await socket.close(1008)
            return
        await socket.accept()
        connection = Connection(socket, self._state)
        self.open.append(connection)
        try:
            await connection.send(self._hello())
            self._state.journal.event("connected", connections=len(self.open))
            await self._listen(connection)
        finally:
            self.open.remove(connection)
            self._state.journal.event("disconnected", connections=len(self.open))

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.open),
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
            "connection_info": {"app_id": APP},
        }

    async def _listen(self, connection: Connection) -> None:
        while (frame := await connection.receive()) is not None:
            self._state.journal.line("socket<", "ack", frame)
            waiting = self._waiting.get(str(frame.get("envelope_id")))
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)

    async def deliver(
        self, kind: EnvelopeType, payload: Json, *, with_body: bool, attempt: int = 0
    ) -> Ack:
        """Send an envelope over one of the connections and wait for its acknowledgement."""
        if not self.open:
            return Ack(acked=False, error="dispatch_failed")
        envelope_id = str(uuid.uuid4())
        frame: Json = {"envelope_id": envelope_id, "type": kind, "payload": payload}
        frame["accepts_response_payload"] = with_body
        if kind == "events_api":
            reason = "timeout" if attempt else ""
            frame |= {"retry_attempt": attempt, "retry_reason": reason}
        answer = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            if not await secrets.choice(self.open).send(frame):
                return Ack(acked=False, error="dispatch_failed")
            answered = await asyncio.wait_for(answer, self.ack_timeout)
        except TimeoutError:
            return Ack(acked=False, error="operation_timeout")
        finally:
            del self._waiting[envelope_id]
        if not with_body:
            return Ack(acked=True)
        return Ack(acked=True, body=answered.get("payload"))


@dataclass(frozen=True)
class RequestUrl:
    """Where HTTP deliveries go, and the secret that signs them."""

    url: str
    signing_secret: str


def signature(secret: str, timestamp: str, body: str) -> str:
    """Return Slack's request signature, version 0 (slack §1.2)."""
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256)
    return f"v0={digest.hexdigest()}"


@dataclass
class _Pending:
    # An event to be sent again, when the workspace's clock says ``due``.
    payload: Json
    attempt: int
    due: float


class Delivery:
    """Sends commands, interactions and events to the bot by whichever transport is set."""

    def __init__(
        self,
        state: State,
        connections: Connections,
        signing_secret: str,
        wall_clock: Callable[[], float],
    ) -> None:
        self._state = state
        self._wall_clock = wall_clock
        self._pending: list[_Pending] = []
        self.connections = connections
        self.signing_secret = signing_secret
        self.target: RequestUrl | None = None

    async def command(self, payload: dict[str, str], how: HttpOptions = CORRECT) -> Ack:
        """Deliver a slash command."""
        if self.target is None:
            return await self.connections.deliver("slash_commands", dict(payload), with_body=True)
        return await self._post(self.target, urlencode(payload), how)

    async def interaction(self, payload: Json, how: HttpOptions = CORRECT) -> Ack:
        """Deliver a click, a submission or the closing of a view."""
        if self.target is None:
            return await self.connections.deliver("interactive", payload, with_body=True)
        return await self._post(self.target, urlencode({"payload": json.dumps(payload)}), how)

    async def event(self, payload: Json, attempt: int = 0) -> Ack:
        """Deliver an event; unlike all else it is sent again when it is not acknowledged."""
        if self.target is None:
            ack = await self.connections.deliver(
                "events_api", payload, with_body=False, attempt=attempt
            )
        else:
            ack = await self._post(
                self.target, json.dumps(payload), CORRECT, "application/json", attempt
            )
        if not ack.acked and attempt < len(EVENT_RETRIES):
            self._pending.append(
                _Pending(payload, attempt + 1, self._state.now() + EVENT_RETRIES[attempt])
            )
        return ack

    async def send_due_events(self) -> None:
        """Send the unacknowledged events again whose time has come."""
        now = self._state.now()
        due = [p for p in self._pending if p.due <= now]
        self._pending = [p for p in self._pending if p.due > now]
        for pending in due:
            await self.event(pending.payload, pending.attempt)

    async def _post(
        self,
        target: RequestUrl,
        body: str,
        how: HttpOptions,
        content_type: str = "application/x-www-form-urlencoded",
        attempt: int = 0,
    ) -> Ack:
        headers = self._headers(target, body, how) | {"Content-Type": content_type}
        if attempt:
            headers |= {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_timeout"}
        self._state.journal.line("http>", "POST", body)
        timeout = self.connections.ack_timeout
        try:
            async with httpx.AsyncClient(verify=_tls(), trust_env=False, timeout=timeout) as client:
                answer = await client.post(target.url, content=body, headers=headers)
        except httpx.ReadTimeout:
            return Ack(acked=False, error="operation_timeout")
        except httpx.HTTPError:
            return Ack(acked=False, error="dispatch_failed")
        self._state.journal.line("http<", str(answer.status_code), answer.text)
        if answer.status_code != httpx.codes.OK:
            return Ack(acked=False, error="dispatch_failed", http_status=answer.status_code)
        return Ack(acked=True, http_status=answer.status_code, body=_ack_body(answer))

    def _headers(self, target: RequestUrl, body: str, how: HttpOptions) -> dict[str, str]:
        # The receiver compares the timestamp with its own clock, so time that a test has skipped
        # does not count.
        seconds = int(self._wall_clock())
        if how.old_timestamp:
            seconds -= OLD_TIMESTAMP_SECONDS
        secret = secrets.token_hex(16) if how.bad_signature else target.signing_secret
        return {
            "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
            "X-Slack-Request-Timestamp": str(seconds),
            "X-Slack-Signature": signature(secret, str(seconds), body),
        }


@cache
def _tls() -> ssl.SSLContext:
    # Made once and only for HTTP delivery: reading the certificates takes longer than a whole
    # command.
    return ssl.create_default_context()


def _ack_body(answer: httpx.Response) -> Any:
    # JSON, or text as a message.
    if not answer.content:
        return None
    if answer.headers.get("content-type", "").startswith("application/json"):
        with contextlib.suppress(ValueError):
            return answer.json()
    return {"text": answer.text}
