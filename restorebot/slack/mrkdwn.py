"""The words' raw material: escaping, shortening, times, mentions.

Nothing from outside reaches Slack but through here.
"""

import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

Block = dict[str, Any]

SECTION = 3000
"""Characters in a section's text (slack §3)."""

FALLBACK = 3000
"""Characters of a message's ``text``, well under the 4,000 that chat.update takes."""

_INVISIBLE = {"Cc", "Cf", "Cs", "Co"}
_KEPT = {"\n", "\t", "\N{ZERO WIDTH JOINER}"}


def plain_text(text: str, limit: int) -> str:
    """Outside text made harmless for a plain_text object: no control or direction characters, at
    most ``limit`` long.

    Letters of right-to-left scripts stay; the invisible marks that could turn our own words around
    do not.
    """
    kept = "".join(
        char for char in text if char in _KEPT or unicodedata.category(char) not in _INVISIBLE
    ).strip()
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def escape(text: str, limit: int = 300) -> str:
    """Outside text for mrkdwn or a fallback text: as ``plain``, on one line, with & < > escaped: it
    pings nobody.
    """
    line = " ".join(plain_text(text, limit).split())
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(text: str, limit: int = 100) -> str:
    """Outside text in a mrkdwn code span."""
    return f"`{escape(text, limit).replace('`', chr(0x2019))}`"


def mention(name: str) -> str:
    """A mention of one person."""
    return f"<@{name}>"


def mentions(names: Iterable[str]) -> str:
    """Mentions of users (``U…``, ``W…``) and usergroups (``S…``), in order and once each."""
    return ", ".join(
        f"<!subteam^{name}>" if name.startswith("S") else mention(name)
        for name in dict.fromkeys(names)
    )


def date(moment: datetime, style: str = "{date_short_pretty} at {time}") -> str:
    """A time that each reader sees in their own zone, with UTC for clients that cannot."""
    return f"<!date^{int(moment.timestamp())}^{style}|{utc_text(moment)}>"


def utc_text(moment: datetime) -> str:
    """A time for plain text."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(span: timedelta) -> str:
    """A duration in the two largest units that matter: ``3 h 05 min``, ``4 min 10 s``, ``12 s``."""
    seconds = max(0, round(span.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    if hours >= 48:
        return f"{hours // 24} days"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {seconds % 60:02} s" if minutes else f"{seconds} s"


def section(mrkdwn: str) -> Block:
    """A section of our own words; whatever in it comes from outside has been through ``escape`` or
    ``code``.
    """
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn[:SECTION]}}


def plain_section(label: str, text: str, limit: int = 2900) -> Block:
    """A section that shows outside text as it is: plain_text, in which nothing is markup."""
    return {
        "type": "section",
        "text": {
            "type": "plain_text",
            "text": f"{label}: {plain_text(text, limit)}",
            "emoji": False,
        },
    }


def fields(pairs: Iterable[tuple[str, str]]) -> Block:
    """A section of labelled mrkdwn values, at most ten."""
    return {
        "type": "section",
        "fields": [
            {"type": "mrkdwn", "text": f"*{label}*\n{value}"[:2000]} for label, value in pairs
        ],
    }


def context(mrkdwn: str) -> Block:
    """Small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn[:SECTION]}]}


def fallback_text(blocks: Iterable[Block]) -> str:
    """All the words of a message's blocks as its ``text``: what notifications and screen readers
    say.
    """
    lines = []
    for block in blocks:
        parts = (
            [block["text"]]
            if "text" in block
            else [*block.get("fields", []), *block.get("elements", [])]
        )
        texts = [part for part in parts if part.get("type") in {"mrkdwn", "plain_text"}]
        lines += [
            part["text"] if part["type"] == "mrkdwn" else escape(part["text"], 1000)
            for part in texts
        ]
    return "\n".join(lines)[:FALLBACK]


def header(text: str) -> Block:
    return {
        "type": "header",
        "text": {"type": "plain_text", "text": plain_text(text, 150), "emoji": False},
    }
