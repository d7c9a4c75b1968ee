"""What the parts of the local Slack share about blocks."""

import secrets
from collections.abc import Iterator
from typing import Any

from restorebot.sandbox.control import Json
from restorebot.sandbox.workspace.shapes import INTERACTIVE


def blocks_with_ids(blocks: list[Json]) -> list[Json]:
    """Return blocks as Slack gives them back.

    Missing ids are made up, and the defaults of text objects filled in.
    """
    return [_filled(block) | {"block_id": block.get("block_id") or _short_id()} for block in blocks]


def _filled(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(v) for v in value]
    if not isinstance(value, dict):
        return value
    full = {k: _filled(v) for k, v in value.items()}
    if full.get("type") == "plain_text":
        full.setdefault("emoji", True)
    elif full.get("type") == "mrkdwn":
        full.setdefault("verbatim", False)
    elif full.get("type") in INTERACTIVE:
        full.setdefault("action_id", _short_id())
    return full


def _short_id() -> str:
    return secrets.token_urlsafe(4)


def interactive_elements(block: Json) -> Iterator[Json]:
    """Yield the elements of a block that a person can use."""
    candidates = [block.get("element"), *block.get("elements", [])]
    for element in candidates:
        if isinstance(element, dict) and element.get("type") in INTERACTIVE:
            yield element
