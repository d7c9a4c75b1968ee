"""What happened in the local Slack: events, Web API calls, and all traffic with the bot."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from restorebot.sandbox.control import Json


def without_tokens(value: Any) -> Any:
    """Return the value with every field named ``token`` left out, at any depth."""
    if isinstance(value, dict):
        return {k: without_tokens(v) for k, v in value.items() if k != "token"}
    if isinstance(value, list):
        return [without_tokens(v) for v in value]
    return value


class Journal:
    """What happened, for tests and for the page: events to wait for, calls, lines of traffic."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._fresh = asyncio.Event()
        self.events: list[Json] = []
        self.calls: list[Json] = []
        self.traffic: list[str] = []

    def event(self, kind: str, **fields: Any) -> None:
        """Add an event and wake everybody who waits for one."""
        self.events.append({"seq": len(self.events) + 1, "type": kind, "at": self._now(), **fields})
        self._fresh.set()
        self._fresh = asyncio.Event()

    def call(self, method: str, args: Json, status: int | None, error: str | None) -> None:
        """Add a Web API call; ``status`` is None when the connection was cut without an answer."""
        seq = len(self.calls) + 1
        shown = without_tokens(args)
        self.calls.append(
            {
                "seq": seq,
                "method": method,
                "args": shown,
                "status": status,
                "error": error,
                "at": self._now(),
            }
        )

    def line(self, direction: str, what: str, content: Any) -> None:
        """Add a line of traffic; headers never get here, and token fields are left out."""
        if not isinstance(content, str):
            content = json.dumps(without_tokens(content), ensure_ascii=False)
        self.traffic.append(f"{direction} {what} {content}")

    async def events_after(self, seq: int, seconds: float) -> list[Json]:
        """Return the events after ``seq``.

        When there are none yet, wait up to so many real seconds for one.
        """
        fresh = self._fresh
        if len(self.events) <= seq and seconds > 0:
            try:
                await asyncio.wait_for(fresh.wait(), seconds)
            except TimeoutError:
                return []
        return self.events[seq:]
