"""Slack's limits on whole messages and views (slack §3)."""

from collections.abc import Iterator
from typing import Any

from restorebot.sandbox.control import Json
from restorebot.sandbox.workspace.blocks import interactive_elements
from restorebot.sandbox.workspace.errors import MethodError
from restorebot.sandbox.workspace.rules import (
    ANY,
    ByType,
    List,
    Obj,
    Rule,
    Str,
    Text,
    problem,
    size_of,
)
from restorebot.sandbox.workspace.shapes import ANY_BLOCK, ID

BLOCKS_PER_MESSAGE = 50
BLOCKS_PER_VIEW = 100
BLOCK_CHARACTERS_PER_MESSAGE = 13_200
POST_TEXT = 40_000  # longer texts are cut off
UPDATE_TEXT = 4_000
VIEW_BYTES = 250_000

VIEW_COMMON: dict[str, Rule] = {
    "private_metadata": Str(3000),
    "callback_id": ID,
    "external_id": ID,
}
VIEW_WORD = Text(24, plain=True)
VIEWS: dict[str, Rule] = {
    "modal": Obj(
        {
            "type": ANY,
            "title": VIEW_WORD,
            "blocks": List(ANY_BLOCK, BLOCKS_PER_VIEW),
        },
        {"submit": VIEW_WORD, "close": VIEW_WORD, **VIEW_COMMON},
    ),
    "home": Obj(
        {"type": ANY, "blocks": List(ANY_BLOCK, BLOCKS_PER_VIEW, 0)},
        VIEW_COMMON,
    ),
}
MESSAGE_BLOCKS = List(ANY_BLOCK, BLOCKS_PER_MESSAGE, 0)


def _duplicates(blocks: list[Json], at: str) -> Iterator[str]:
    # A block_id may stand once in a message or view, an action_id once in its block.
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id and block_id in seen:
            yield problem(f"block_id already exists: {block_id}", f"{at}/{index}/block_id")
        seen.add(block_id or "")
        actions = [e["action_id"] for e in interactive_elements(block) if e.get("action_id")]
        if len(actions) != len(set(actions)):
            yield problem("action_id already exists in this block", f"{at}/{index}")


def _characters(value: Any) -> int:
    if isinstance(value, list):
        return sum(_characters(v) for v in value)
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_characters(v) for v in value.values())
    return 0


def _raise_if_any(code: str, problems: list[str]) -> None:
    if problems:
        messages = [f"[ERROR] {one}" for one in problems]
        raise MethodError(code, errors=problems, response_metadata={"messages": messages})


def check_message_blocks(blocks: Any) -> list[Json]:
    """Return the blocks of a message, or raise the MethodError that Slack would answer."""
    if not isinstance(blocks, list):
        raise MethodError("invalid_blocks_format")
    _raise_if_any("invalid_blocks", list(MESSAGE_BLOCKS.problems(blocks, "/blocks")))
    _raise_if_any("invalid_blocks", list(_duplicates(blocks, "/blocks")))
    if _characters(blocks) > BLOCK_CHARACTERS_PER_MESSAGE:
        raise MethodError("msg_blocks_too_long")
    return blocks


def check_view(view: Any, *allowed: str) -> Json:
    """Return a view of an allowed type, or raise the MethodError that Slack would answer."""
    if not isinstance(view, dict):
        raise MethodError(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] must provide an object"]}
        )
    if size_of(view) > VIEW_BYTES:
        raise MethodError("view_too_large")
    any_view = ByType(VIEWS, frozenset(allowed), "view")
    _raise_if_any("invalid_arguments", list(any_view.problems(view, "/view")))
    blocks: list[Json] = view["blocks"]
    problems = list(_duplicates(blocks, "/view/blocks"))
    has_inputs = any(block["type"] == "input" for block in blocks)
    if view["type"] == "modal" and has_inputs and not view.get("submit"):
        what = "missing required field: submit (the view has input blocks)"
        problems.append(problem(what, "/view"))
    _raise_if_any("invalid_arguments", problems)
    return view


def check_post_text(text: str) -> str:
    """Return the text that a new message gets: cut off after 40,000 characters."""
    return text[:POST_TEXT]


def check_update_text(text: str) -> str:
    """Return the text of an edit, or raise MethodError when it is too long."""
    if len(text) > UPDATE_TEXT:
        raise MethodError("msg_too_long")
    return text
