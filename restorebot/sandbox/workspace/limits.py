"""Slack's limits on texts, blocks and views, as tables (Slack fact sheet §1, "Limits" and "New in
Slack 2025-26").
"""

from collections.abc import Iterator
from typing import Any

from restorebot.sandbox.workspace.blocks import interactive_elements
from restorebot.sandbox.workspace.errors import Json, MethodError
from restorebot.sandbox.workspace.rules import (
    ANY,
    FLAG,
    ByType,
    Int,
    List,
    Obj,
    OneOf,
    Rule,
    Str,
    Text,
    problem,
    size_of,
)

BLOCKS_PER_MESSAGE = 50
BLOCKS_PER_VIEW = 100
BLOCK_CHARACTERS_PER_MESSAGE = 13_200
POST_TEXT = 40_000  # longer texts are cut off
UPDATE_TEXT = 4_000
VIEW_BYTES = 250_000

ID = Str(255)

CONFIRM = Obj(
    {
        "title": Text(100, plain=True),
        "text": Text(300),
        "confirm": Text(30, plain=True),
        "deny": Text(30, plain=True),
    },
)


def _option(*, plain: bool) -> Obj:
    return Obj(
        {"text": Text(75, plain=plain), "value": Str(150)}, {"description": Text(75, plain=plain)}
    )


PLAIN_OPTION = _option(plain=True)
RICH_OPTION = _option(plain=False)

COMMON: dict[str, Rule] = {"action_id": ID, "confirm": CONFIRM}
PLACEHOLDER: dict[str, Rule] = {"placeholder": Text(150, plain=True)}


def _values(options: Any) -> list[Any]:
    return (
        [o.get("value") for o in options if isinstance(o, dict)]
        if isinstance(options, list)
        else []
    )


def _initials_are_offered(element: Json) -> str | None:
    """An initial option must be one of the options."""
    offered = _values(element.get("options"))
    initial = _values([element.get("initial_option")]) + _values(element.get("initial_options"))
    return (
        None if all(i in offered for i in initial) else "initial option is not one of the options"
    )


ELEMENTS: dict[str, Rule] = {
    "button": Obj(
        {"type": ANY, "text": Text(75, plain=True)},
        {"value": Str(2000), "style": OneOf(("primary", "danger")), **COMMON},
    ),
    "checkboxes": Obj(
        {"type": ANY, "options": List(RICH_OPTION, 10)},
        {"initial_options": List(RICH_OPTION, 10), **COMMON},
        _initials_are_offered,
    ),
    "static_select": Obj(
        {"type": ANY, "options": List(PLAIN_OPTION, 100)},
        {"initial_option": PLAIN_OPTION, **PLACEHOLDER, **COMMON},
        _initials_are_offered,
    ),
    "datetimepicker": Obj({"type": ANY}, {"initial_date_time": Int(0, 9_999_999_999), **COMMON}),
    "plain_text_input": Obj(
        {"type": ANY},
        {
            "action_id": ID,
            "initial_value": Str(3000),
            "multiline": FLAG,
            "max_length": Int(1, 3000),
            **PLACEHOLDER,
        },
    ),
    "plain_text": Text(3000),
    "mrkdwn": Text(3000),
}

IN_ACTIONS = ByType(ELEMENTS, frozenset({"button"}), "element")
IN_CONTEXT = ByType(ELEMENTS, frozenset({"plain_text", "mrkdwn"}), "element")
IN_INPUT = ByType(
    ELEMENTS,
    frozenset({"checkboxes", "static_select", "datetimepicker", "plain_text_input"}),
    "element",
)


def _text_or_fields(block: Json) -> str | None:
    return None if block.get("text") or block.get("fields") else "must provide text or fields"


BLOCKS: dict[str, Rule] = {
    "section": Obj(
        {"type": ANY},
        {"block_id": ID, "text": Text(3000), "fields": List(Text(2000), 10)},
        _text_or_fields,
    ),
    "header": Obj({"type": ANY, "text": Text(150, plain=True)}, {"block_id": ID}),
    "context": Obj({"type": ANY, "elements": List(IN_CONTEXT, 10)}, {"block_id": ID}),
    "actions": Obj({"type": ANY, "elements": List(IN_ACTIONS, 25)}, {"block_id": ID}),
    "input": Obj(
        {"type": ANY, "label": Text(2000, plain=True), "element": IN_INPUT},
        {
            "block_id": ID,
            "hint": Text(2000, plain=True),
            "optional": FLAG,
            "dispatch_action": FLAG,
        },
    ),
}
ANY_BLOCK = ByType(BLOCKS, frozenset(BLOCKS), "block")

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
    """A block_id may stand once in a message or view, an action_id once in its block."""
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
    """Characters of all texts in some blocks."""
    if isinstance(value, list):
        return sum(_characters(v) for v in value)
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_characters(v) for v in value.values())
    return 0


def _refuse(code: str, problems: list[str]) -> None:
    if problems:
        raise MethodError(
            code,
            errors=problems,
            response_metadata={"messages": [f"[ERROR] {p}" for p in problems]},
        )


def check_message_blocks(blocks: Any) -> list[Json]:
    """The blocks of a message, or the error that Slack would answer."""
    if not isinstance(blocks, list):
        raise MethodError("invalid_blocks_format")
    _refuse("invalid_blocks", list(MESSAGE_BLOCKS.problems(blocks, "/blocks")))
    _refuse("invalid_blocks", list(_duplicates(blocks, "/blocks")))
    if _characters(blocks) > BLOCK_CHARACTERS_PER_MESSAGE:
        raise MethodError("msg_blocks_too_long")
    return blocks


def check_view(view: Any, *allowed: str) -> Json:
    """A view of one of the allowed types, or the error that Slack would answer."""
    if not isinstance(view, dict):
        raise MethodError(
            "invalid_arguments", response_metadata={"messages": ["[ERROR] must provide an object"]}
        )
    if size_of(view) > VIEW_BYTES:
        raise MethodError("view_too_large")
    any_view = ByType(VIEWS, frozenset(allowed), "view")
    _refuse("invalid_arguments", list(any_view.problems(view, "/view")))
    blocks: list[Json] = view["blocks"]
    problems = list(_duplicates(blocks, "/view/blocks"))
    if (
        view["type"] == "modal"
        and not view.get("submit")
        and any(b["type"] == "input" for b in blocks)
    ):
        problems.append(
            problem("missing required field: submit (the view has input blocks)", "/view")
        )
    _refuse("invalid_arguments", problems)
    return view


def check_post_text(text: str) -> str:
    """The text that a new message gets: what is beyond 40,000 characters is cut off."""
    return text[:POST_TEXT]


def check_update_text(text: str) -> str:
    """The text of an edit, which unlike a post's is refused when it is too long."""
    if len(text) > UPDATE_TEXT:
        raise MethodError("msg_too_long")
    return text
