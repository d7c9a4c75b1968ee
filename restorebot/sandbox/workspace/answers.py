"""The addresses at which the bot answers an interaction (``response_url``)."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from restorebot.sandbox.workspace.api import Faults, drop_connection
from restorebot.sandbox.workspace.blocks import Json, MethodError, blocks_with_ids
from restorebot.sandbox.workspace.limits import check_message_blocks, check_post_text
from restorebot.sandbox.workspace.state import BOT_USER, Message, PrivateMessage, ResponseUrl, State


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
        if body.get("delete_original"):
            self._delete(url.source)
            return
        text = check_post_text(body.get("text") or "")
        blocks = check_message_blocks(body.get("blocks") or [])
        if not text and not blocks:
            raise MethodError("no_text")
        if body.get("replace_original") and url.source is not None:
            self._replace(url.source, text, blocks)
        elif body.get("response_type") == "in_channel":
            self._state.post(url.channel, BOT_USER, text, blocks, self._thread(url, body))
        else:
            self._state.whisper(url.user, url.channel, text, blocks, "response_url")

    def _thread(self, url: ResponseUrl, body: Json) -> str | None:
        wanted = body.get("thread_ts")
        if wanted and self._state.message(url.channel, wanted) is None:
            raise MethodError("thread_not_found")
        return wanted or None

    def _delete(self, source: Message | PrivateMessage | None) -> None:
        if source is None:
            raise MethodError("message_not_found")
        if isinstance(source, Message):
            self._state.delete(source)
        else:
            source.deleted = True
            self._state.journal.event(
                "private_deleted", user=source.user, channel=source.channel, ts=source.ts
            )

    def _replace(self, source: Message | PrivateMessage, text: str, blocks: list[Json]) -> None:
        if isinstance(source, Message):
            self._state.edit(source, text, blocks, mark=not blocks)
            return
        source.text, source.blocks = text, blocks_with_ids(blocks)
        self._state.journal.event(
            "private_edit", user=source.user, channel=source.channel, ts=source.ts, text=text
        )


async def _body(request: Request) -> Any:
    try:
        return json.loads(await request.body())
    except ValueError:
        return None
