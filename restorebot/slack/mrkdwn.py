"""Escaping and formatting for mrkdwn and plain text.

Nothing from outside reaches Slack but through here.
"""

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from restorebot.model import is_group
from restorebot.times import utc_text

_INVISIBLE = {"Cc", "Cf", "Cs", "Co"}
_KEPT = {"\n", "\t", "\N{ZERO WIDTH JOINER}"}


def plain_text(text: str, limit: int) -> str:
    """Return outside text that is harmless in a plain_text object, at most ``limit`` long.

    It has no control or direction characters. Letters of right-to-left scripts stay; the invisible
    marks that could turn our own words around do not.
    """
    kept = [char for char in text if char in _KEPT or unicodedata.category(char) not in _INVISIBLE]
    cleaned = "".join(kept).strip()
    if len(cleaned) <= limit:
        return cleaned
    return cleaned[: limit - 1] + "…"


def escape(text: str, limit: int = 300) -> str:
    """Return outside text for mrkdwn or a fallback text, on one line; it pings nobody."""
    line = " ".join(plain_text(text, limit).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str, limit: int = 100) -> str:
    """Return outside text in a mrkdwn code span."""
    return f"`{escape(text, limit).replace('`', chr(0x2019))}`"


def mention(name: str) -> str:
    """Mention one person."""
    return f"<@{name}>"


def mentions(names: Iterable[str]) -> str:
    """Mention users (``U…``, ``W…``) and usergroups (``S…``), in order and once each."""
    marks = []
    for name in dict.fromkeys(names):
        if is_group(name):
            marks.append(f"<!subteam^{name}>")
        else:
            marks.append(mention(name))
    return ", ".join(marks)


def channel_link(channel: str) -> str:
    """Name a channel, as a link to it."""
    return f"<#{channel}>"


def date(moment: datetime, style: str = "{date_short_pretty} at {time}") -> str:
    """Return a time that each reader sees in their own zone, with UTC for clients that cannot."""
    return f"<!date^{int(moment.timestamp())}^{style}|{utc_text(moment)}>"
