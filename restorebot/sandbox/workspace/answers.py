"""The addresses at which the bot answers an interaction (``response_url``)."""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from restorebot.sandbox.workspace.api import Faults, drop_connection
from restorebot.sandbox.workspace.errors import Json, MethodError
from restorebot.sandbox.workspace.limits import check_message_blocks, check_post_text
from restorebot.sandbox.workspace.state import ResponseUrl, State


class Answer(BaseModel):
    """A new message for one person, which is all that the bot answers with.

    Slack would also take answers for the whole channel, and changes of the original message.
    """

    model_config = ConfigDict(extra="forbid")

    text: str = ""
    blocks: list[Json] = Field(default_factory=list)
    response_type: Literal["ephemeral"] = "ephemeral"
    replace_original: Literal[False] = False


class Answers:
    """Takes what is posted to response_urls."""

    def __init__(self, state: State, faults: Faults) -> None:
        self._state = state
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        """Take one post; a refused one uses nothing up."""
        journal = self._state.journal
        body = await _body(request)
        journal.line("answer>", request.url.path, body)
        fault = self._faults.take("response_url", {})
        if fault is not None and fault.fault == "drop":
            return await drop_connection(request)
        status, error = self._take(
            f"{request.path_params['number']}/{request.path_params['secret']}", body
        )
        if fault is not None and fault.fault == "lost_answer":
            return await drop_connection(request)
        if fault is not None and fault.fault == "server_error":
            status, error = fault.status, "server_error"
        journal.call("response_url", body if isinstance(body, dict) else {}, status, error)
        return JSONResponse(
            {"ok": True} if error is None else {"ok": False, "error": error}, status
        )

    def _take(self, key: str, body: Any) -> tuple[int, str | None]:
        url = self._state.response_urls.get(key)
        if url is None:
            return 404, "invalid_url"
        if self._state.now() - url.made_at > ResponseUrl.SECONDS:
            return 404, "expired_url"
        if url.used >= ResponseUrl.USES:
            return 404, "used_url"
        if not isinstance(body, dict):
            return 400, "invalid_payload"
        try:
            self._obey(url, body)
        except MethodError as refusal:
            return 400, refusal.code
        url.used += 1
        return 200, None

    def _obey(self, url: ResponseUrl, body: Json) -> None:
        try:
            answer = Answer.model_validate(body)
        except ValidationError:
            raise MethodError("invalid_payload") from None
        text, blocks = check_post_text(answer.text), check_message_blocks(answer.blocks)
        if not text and not blocks:
            raise MethodError("no_text")
        self._state.whisper(url.user, url.channel, text, blocks, "response_url")


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        return None
