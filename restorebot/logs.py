"""Logs: an event name and fields, as JSON or for a terminal, with everything secret masked."""

import logging
import re
from collections.abc import Iterable
from typing import IO, Any

import structlog
from structlog.typing import EventDict, Processor

MASK = "[secret]"

SHAPES = re.compile(
    r"xox[a-z]-[\w-]+|xapp-[\w-]+|sk-[0-9a-f]{16,}|asc_auth_key=[^\s;\"']+|Bearer\s+[^\s\"']+"
    r"|https?://hooks\.slack\.com/[^\s\"']+|wss?://[^\s\"']+"
)
"""What looks like a token, a key, a response_url or a Socket Mode ticket."""


class MaskingFormatter(logging.Formatter):
    """Formats as its inner formatter does, then masks.

    This is the last step, so that exception texts are covered too.
    """

    def __init__(self, inner: logging.Formatter, secrets: Iterable[str]) -> None:
        super().__init__()
        self._inner = inner
        known = sorted((re.escape(secret) for secret in secrets if secret), key=len, reverse=True)
        self._known: re.Pattern[str] | None = None
        if known:
            self._known = re.compile("|".join(known))

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without what is secret."""
        text = SHAPES.sub(MASK, self._inner.format(record))
        if self._known is None:
            return text
        return self._known.sub(MASK, text)


def configure(stream: IO[str], secrets: Iterable[str] = ()) -> None:
    """Send structlog's and the standard library's logs to the stream.

    They are JSON lines, or coloured on a terminal. Libraries are heard from WARNING on. ``secrets``
    are masked wherever they appear.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _short_name,
    ]
    last: list[Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    if stream.isatty():
        plain = structlog.dev.plain_traceback
        last = [structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    inner = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(MaskingFormatter(inner, secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("restorebot").setLevel(logging.INFO)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _short_name(_: Any, __: str, event: EventDict) -> EventDict:
    event["logger"] = str(event.get("logger", "")).removeprefix("restorebot.")
    return event
