"""The addresses at which the bot answers an interaction (``response_url``)."""

from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from restorebot.sandbox.control import Body, ControlError, Json, parse
from restorebot.sandbox.workspace.api import Faults, drop_connection
from restorebot.sandbox.workspace.errors import MethodError
from restorebot.sandbox.workspace.limits import check_message_blocks, check_post_text
from restorebot.sandbox.workspace.state import ResponseUrl, State


class Answer(Body):
    """A new message for one person, which is all that the bot answers with.

    Slack would also take answers for the whole channel, and changes of the original message.
    """

    text: str = ""
    blocks: list[Json] = Field(default_factory=list)
    response_type: Literal["ephemeral"] = "ephemeral"
    replace_original: Literal[False] = False


class ResponseUrlEndpoint:
    """Takes what is posted to response_urls."""

    def __init__(self, state: State, faults: Faults) -> None:
        self._state = state
        self._faults = faults

    async def answer(self, request: Request) -> Response:
        """Take one post; a refused one uses nothing up."""
        journal, raw = self._state.journal, await request.body()
        journal.line("answer>", request.url.path, raw.decode(errors="replace"))
        fault = self._faults.next_for("response_url", {})
        if fault is not None and fault.fault == "drop":
            return await drop_connection(request)
        key = f"{request.path_params['number']}/{request.path_params['secret']}"
        status, answer = self._take(key, raw)
        if fault is not None and fault.fault == "lost_answer":
            return await drop_connection(request)
        if fault is not None and fault.fault == "server_error":
            status, answer = fault.status, {"ok": False, "error": "server_error"}
        journal.call("response_url", {}, status, answer.get("error"))
        return JSONResponse(answer, status)

    def _take(self, key: str, raw: bytes) -> tuple[int, Json]:
        try:
            url = self._usable(key)
        except MethodError as refusal:
            return 404, {"ok": False, "error": refusal.code}
        try:
            self._show(url, parse(Answer, raw))
        except ControlError as wrong:
            return 400, {"ok": False, "error": "invalid_payload", "detail": wrong.sentence}
        except MethodError as refusal:
            return 400, {"ok": False, "error": refusal.code, **refusal.more}
        url.used += 1
        return 200, {"ok": True}

    def _usable(self, key: str) -> ResponseUrl:
        url = self._state.response_urls.get(key)
        if url is None:
            raise MethodError("invalid_url")
        if self._state.now() - url.made_at > ResponseUrl.SECONDS:
            raise MethodError("expired_url")
        if url.used >= ResponseUrl.USES:
            raise MethodError("used_url")
        return url

    def _show(self, url: ResponseUrl, answer: Answer) -> None:
        text, blocks = check_post_text(answer.text), check_message_blocks(answer.blocks)
        if not text and not blocks:
            raise MethodError("no_text")
        self._state.post_ephemeral(url.user, url.channel, text, blocks, "response_url")
