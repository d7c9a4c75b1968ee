"""How a Web API call comes in: arguments, token, faults, rate limits, then the method itself."""

import asyncio
import json
import math
from collections import deque
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from restorebot.sandbox.control import Body, ControlError, Json
from restorebot.sandbox.workspace.errors import MethodError
from restorebot.sandbox.workspace.methods import METHODS, Method, MethodContext, check_scopes
from restorebot.sandbox.workspace.state import State

POST_BURST = 10  # posts to one channel at once; after that about one a second (slack §2.1)

FaultKind = Literal[
    "ratelimited",
    "lost_answer",
    "garbled_answer",
    "server_error",
    "slow",
    "slow_answer",
    "error",
    "drop",
]


class RateLimitedError(Exception):
    """HTTP 429; ``retry_after`` in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"retry after {retry_after} s")
        self.retry_after = retry_after


class RateLimits:
    """Calls a minute per method, and posts per channel, on the workspace's clock."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._calls: dict[str, deque[float]] = {}
        self._posts: dict[str, tuple[float, float]] = {}
        self.on = True

    def count(self, name: str, method: Method, channel: Any) -> None:
        """Count a call, or raise `RateLimitedError`; a refused call is not counted."""
        if not self.on:
            return
        now = self._state.now()
        calls = self._calls.setdefault(name, deque())
        while calls and calls[0] <= now - 60:
            calls.popleft()
        if len(calls) >= method.per_minute:
            raise RateLimitedError(max(1, math.ceil(calls[0] + 60 - now)))
        if name == "chat.postMessage":
            self._count_post(str(channel), now)
        calls.append(now)

    def _count_post(self, channel: str, now: float) -> None:
        left, since = self._posts.get(channel, (float(POST_BURST), now))
        left = min(POST_BURST, left + now - since)
        if left < 1:
            raise RateLimitedError(max(1, math.ceil(1 - left)))
        self._posts[channel] = (left - 1, now)


class Fault(Body):
    """What goes wrong with the next calls of a method.

    ``only`` are those with it among their arguments, else all; ``seconds`` are real ones: ``slow``
    takes effect after them, ``slow_answer`` before. With ``apply`` an ``error`` or
    ``server_error`` is the answer to a call that took effect.
    """

    fault: FaultKind
    times: int = 1
    retry_after: int | str = 1
    seconds: float = 1.0
    error: str = "internal_error"
    status: int = 500
    media_type: str = "text/html"
    only: str | None = None
    apply: bool = False


class Faults:
    """The faults that are set, by method; ``response_url`` stands for answers to interactions."""

    def __init__(self) -> None:
        self._by_method: dict[str, list[Fault]] = {}

    def set(self, method: str, faults: list[Fault]) -> None:
        """Set a method's faults, one after the other, in the place of those before.

        Raises ControlError.
        """
        if method != "response_url" and method not in METHODS:
            raise ControlError(422, f"There is no method {method}.")
        self._by_method[method] = faults

    def clear(self) -> None:
        """Take all faults away."""
        self._by_method.clear()

    def next_for(self, method: str, args: Json) -> Fault | None:
        """Return the fault that this call meets, counted down."""
        waiting = self._by_method.get(method)
        if not waiting:
            return None
        fault = waiting[0]
        if fault.only is not None and fault.only not in args.values():
            return None
        fault.times -= 1
        if fault.times <= 0:
            del waiting[0]
        return fault

    def json(self) -> Json:
        """Return them as the control interface shows them."""
        return {
            method: [fault.model_dump() for fault in faults]
            for method, faults in self._by_method.items()
            if faults
        }


async def drop_connection(request: Request) -> Response:
    """End the request's TCP connection without a byte of an answer."""
    request.scope["sandbox.abort"]()
    while (await request.receive())["type"] != "http.disconnect":
        pass
    return Response(status_code=502)  # reaches nobody


@dataclass(frozen=True)
class Tokens:
    """What the workspace gave to the app."""

    bot: str
    app: str


class WebApi:
    """What answers at ``/api/<method>``."""

    def __init__(
        self, context: MethodContext, tokens: Tokens, faults: Faults, limits: RateLimits
    ) -> None:
        self._context = context
        self._tokens = tokens
        self._faults = faults
        self._limits = limits

    async def answer(self, request: Request) -> Response:
        """Answer one call."""
        name: str = request.path_params["method"]
        journal = self._context.state.journal
        try:
            args, token = await _read(request)
        except MethodError as refusal:
            journal.call(name, {}, 200, refusal.code)
            return JSONResponse({"ok": False, "error": refusal.code})
        journal.line("bot>", name, args)
        fault = self._faults.next_for(name, args)
        if fault is not None and fault.fault == "slow":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.fault == "drop":
            journal.call(name, args, None, "drop")
            return await drop_connection(request)
        response, error = self._respond(name, args, token, fault)
        if fault is not None and fault.fault == "lost_answer":
            journal.call(name, args, None, "lost_answer")
            return await drop_connection(request)
        if fault is not None and fault.fault == "garbled_answer":
            journal.call(name, args, response.status_code, "garbled_answer")
            return Response(response.body[: len(response.body) // 2], media_type="application/json")
        journal.call(name, args, response.status_code, error)
        if fault is not None and fault.fault == "slow_answer":
            await asyncio.sleep(fault.seconds)
        journal.line("bot<", name, bytes(response.body).decode())
        return response

    def _respond(
        self, name: str, args: Json, token: str | None, fault: Fault | None
    ) -> tuple[Response, str | None]:
        if fault is not None and fault.fault == "ratelimited":
            return _ratelimited(fault.retry_after)
        if fault is not None and fault.fault in {"server_error", "error"}:
            if fault.apply:
                self._carry_out(name, args, token)
            return _failed(fault)
        return self._carry_out(name, args, token)

    def _carry_out(self, name: str, args: Json, token: str | None) -> tuple[Response, str | None]:
        try:
            return self._ok(name, self._run(name, args, token)), None
        except RateLimitedError as limited:
            return _ratelimited(limited.retry_after)
        except MethodError as refusal:
            return JSONResponse({"ok": False, "error": refusal.code, **refusal.more}), refusal.code

    def _run(self, name: str, args: Json, token: str | None) -> Json:
        method = METHODS.get(name)
        if method is None:
            raise MethodError("unknown_method", req_method=name)
        self._check_token(method, token)
        self._limits.count(name, method, args.get("channel"))
        check_scopes(self._context.state, method.scopes)
        return method.run(self._context, args)

    def _ok(self, name: str, fields: Json) -> Response:
        answer = {"ok": True, **fields}
        if METHODS[name].app_level:
            return JSONResponse(answer)
        scopes = {
            "x-oauth-scopes": ",".join(sorted(self._context.state.manifest.scopes)),
            "x-accepted-oauth-scopes": ",".join(METHODS[name].scopes),
        }
        return JSONResponse(answer, headers=scopes)

    def _check_token(self, method: Method, token: str | None) -> None:
        if not token:
            raise MethodError("not_authed")
        if token not in {self._tokens.bot, self._tokens.app}:
            raise MethodError("invalid_auth")
        needed = self._tokens.app if method.app_level else self._tokens.bot
        if token != needed:
            raise MethodError("not_allowed_token_type")


def _failed(fault: Fault) -> tuple[Response, str]:
    if fault.fault == "error":
        return JSONResponse({"ok": False, "error": fault.error}), fault.error
    page = PlainTextResponse("Server Error", fault.status, media_type=fault.media_type)
    return page, "server_error"


def _ratelimited(retry_after: int | str) -> tuple[Response, str]:
    headers = {"Retry-After": str(retry_after)}
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers=headers), "ratelimited"


async def _read(request: Request) -> tuple[Json, str | None]:
    # By query string, form or JSON; the token also by the header, but not by JSON.
    args: Json = dict(request.query_params)
    token = args.pop("token", None)
    body = await request.body()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if body and content_type == "application/json":
        args |= _json_object(body)
    elif body and content_type == "application/x-www-form-urlencoded":
        args |= dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        token = args.pop("token", token)
    elif body and content_type:
        raise MethodError("invalid_post_type")
    elif body:
        raise MethodError("missing_post_type")
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        token = bearer.strip()
    return args, token


def _json_object(body: bytes) -> Json:
    try:
        parsed = json.loads(body)
    except ValueError:
        raise MethodError("invalid_json") from None
    if not isinstance(parsed, dict):
        raise MethodError("json_not_object")
    return parsed
