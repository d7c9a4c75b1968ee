"""Slack's limits on texts, blocks and views, as tables (Slack fact sheet §1, "Limits" and "New in
Slack 2025-26").
"""

from collections.abc import Iterator
from typing import Any

from restorebot.sandbox.workspace.blocks import SELECTS, Json, MethodError, interactive_elements
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
MARKDOWN_CHARACTERS_PER_MESSAGE = 12_000
POST_TEXT = 40_000  # longer texts are cut off
UPDATE_TEXT = 4_000
VIEW_BYTES = 250_000
FEW_A_MESSAGE = {"table": 1, "data_visualization": 2}

ID = Str(255)
URL = Str(3000, 1)
ALT_TEXT = Str(2000, 1)

CONFIRM = Obj(
    {
        "title": Text(100, plain=True),
        "text": Text(300),
        "confirm": Text(30, plain=True),
        "deny": Text(30, plain=True),
    },
    {"style": OneOf(("primary", "danger"))},
)


def _option(*, plain: bool, url: bool = False) -> Obj:
    extra: dict[str, Rule] = {"url": URL} if url else {}
    return Obj(
        {"text": Text(75, plain=plain), "value": Str(150)},
        {"description": Text(75, plain=plain), **extra},
    )


PLAIN_OPTION = _option(plain=True)
RICH_OPTION = _option(plain=False)
OPTION_GROUP = Obj({"label": Text(75, plain=True), "options": List(PLAIN_OPTION, 100)})

COMMON: dict[str, Rule] = {"action_id": ID, "focus_on_load": FLAG}
WITH_CONFIRM: dict[str, Rule] = COMMON | {"confirm": CONFIRM}
PLACEHOLDER: dict[str, Rule] = {"placeholder": Text(150, plain=True)}
DISPATCH: dict[str, Rule] = {
    "dispatch_action_config": Obj(
        {"trigger_actions_on": List(OneOf(("on_enter_pressed", "on_character_entered")), 2)},
    )
}
TYPE: dict[str, Rule] = {"type": ANY}


def _values(options: Any) -> list[Any]:
    return (
        [o.get("value") for o in options if isinstance(o, dict)]
        if isinstance(options, list)
        else []
    )


def _initials_are_offered(element: Json) -> str | None:
    """An initial option must be one of the options."""
    groups = element.get("option_groups") or [{"options": element.get("options")}]
    offered = [
        value
        for group in groups
        if isinstance(group, dict)
        for value in _values(group.get("options"))
    ]
    initial = _values([element.get("initial_option")]) + _values(element.get("initial_options"))
    return (
        None if all(i in offered for i in initial) else "initial option is not one of the options"
    )


def _static_select(element: Json) -> str | None:
    if (element.get("options") is None) == (element.get("option_groups") is None):
        return "must provide either options or option_groups"
    return _initials_are_offered(element)


def _lengths_in_order(element: Json) -> str | None:
    shortest, longest = element.get("min_length"), element.get("max_length")
    wrong = isinstance(shortest, int) and isinstance(longest, int) and shortest > longest
    return "min_length must be less than max_length" if wrong else None


def _picker(initial: str, **more: Rule) -> Obj:
    return Obj(TYPE, {initial: Str(20), **WITH_CONFIRM, **PLACEHOLDER, **more})


def _text_input(**more: Rule) -> Obj:
    return Obj(
        TYPE,
        {"initial_value": Str(3000), **COMMON, **PLACEHOLDER, **DISPATCH, **more},
        _lengths_in_order,
    )


def _select(kind: str, *, many: bool) -> Obj:
    most: dict[str, Rule] = {}
    if many:
        most["max_selected_items"] = Int(1, 100)
    else:
        most["response_url_enabled"] = FLAG
    initial = "s" if many else ""
    if kind == "static":
        option: Rule = List(PLAIN_OPTION, 100) if many else PLAIN_OPTION
        offered: dict[str, Rule] = {
            "options": List(PLAIN_OPTION, 100),
            "option_groups": List(OPTION_GROUP, 100),
            f"initial_option{initial}": option,
        }
        return Obj(TYPE, {**offered, **WITH_CONFIRM, **PLACEHOLDER, **most}, _static_select)
    one = "option" if kind == "external" else kind.removesuffix("s")
    extra: dict[str, Rule] = {f"initial_{one}{initial}": ANY}
    if kind == "external":
        extra["min_query_length"] = Int(0, 3000)
    if kind == "conversations":
        extra["default_to_current_conversation"] = FLAG
        extra["filter"] = ANY
    return Obj(TYPE, {**extra, **WITH_CONFIRM, **PLACEHOLDER, **most})


ELEMENTS: dict[str, Rule] = {
    "button": Obj(
        {"type": ANY, "text": Text(75, plain=True)},
        {
            "action_id": ID,
            "url": URL,
            "value": Str(2000),
            "style": OneOf(("primary", "danger")),
            "confirm": CONFIRM,
            "accessibility_label": Str(75),
        },
    ),
    "image": Obj({"type": ANY, "alt_text": ALT_TEXT}, {"image_url": URL, "slack_file": ANY}),
    "overflow": Obj(
        {"type": ANY, "options": List(_option(plain=True, url=True), 5)},
        {"action_id": ID, "confirm": CONFIRM},
    ),
    "radio_buttons": Obj(
        {"type": ANY, "options": List(RICH_OPTION, 10)},
        {"initial_option": RICH_OPTION, **WITH_CONFIRM},
        _initials_are_offered,
    ),
    "checkboxes": Obj(
        {"type": ANY, "options": List(RICH_OPTION, 10)},
        {"initial_options": List(RICH_OPTION, 10), **WITH_CONFIRM},
        _initials_are_offered,
    ),
    "datepicker": _picker("initial_date"),
    "timepicker": _picker("initial_time", timezone=Str(64)),
    "datetimepicker": Obj(TYPE, {"initial_date_time": Int(0, 9_999_999_999), **WITH_CONFIRM}),
    "plain_text_input": _text_input(
        multiline=FLAG, min_length=Int(0, 3000), max_length=Int(1, 3000)
    ),
    "email_text_input": _text_input(),
    "url_text_input": _text_input(),
    "number_input": Obj(
        {"type": ANY, "is_decimal_allowed": FLAG},
        {
            "initial_value": Str(50),
            "min_value": Str(50),
            "max_value": Str(50),
            **COMMON,
            **PLACEHOLDER,
            **DISPATCH,
        },
    ),
    "rich_text_input": Obj(TYPE, {"initial_value": ANY, **COMMON, **PLACEHOLDER, **DISPATCH}),
    "file_input": Obj(
        TYPE, {"action_id": ID, "filetypes": List(Str(20), 100), "max_files": Int(1, 10)}
    ),
    "workflow_button": ANY,
    "icon_button": ANY,
    "feedback_buttons": ANY,
    "plain_text": Text(3000),
    "mrkdwn": Text(3000),
}
ELEMENTS.update(
    {
        kind: _select(kind.removeprefix("multi_").removesuffix("_select"), many="multi_" in kind)
        for kind in SELECTS
    }
)

PICKERS = frozenset({"datepicker", "timepicker"})
CHOICES = frozenset({"checkboxes", "radio_buttons"}) | SELECTS
IN_SECTION = ByType(
    ELEMENTS, CHOICES | PICKERS | {"button", "image", "overflow", "workflow_button"}
)
IN_ACTIONS = ByType(
    ELEMENTS, CHOICES | PICKERS | {"button", "datetimepicker", "overflow", "workflow_button"}
)
IN_CONTEXT = ByType(ELEMENTS, frozenset({"image", "plain_text", "mrkdwn"}))
IN_CONTEXT_ACTIONS = ByType(ELEMENTS, frozenset({"icon_button", "feedback_buttons"}))
IN_INPUT = ByType(
    ELEMENTS,
    CHOICES
    | PICKERS
    | {
        "plain_text_input",
        "email_text_input",
        "url_text_input",
        "number_input",
        "rich_text_input",
        "file_input",
        "datetimepicker",
    },
)


def _text_or_fields(block: Json) -> str | None:
    return None if block.get("text") or block.get("fields") else "must provide text or fields"


def _one_picture(block: Json) -> str | None:
    given = [name for name in ("image_url", "slack_file") if block.get(name)]
    return None if len(given) == 1 else "must provide either image_url or slack_file"


def _block(
    required: dict[str, Rule] | None = None,
    optional: dict[str, Rule] | None = None,
    also: Any = None,
) -> Obj:
    return Obj({"type": ANY, **(required or {})}, {"block_id": ID, **(optional or {})}, also)


TASK_MEMBERS: dict[str, Rule] = {"details": ANY, "output": ANY, "sources": ANY}
TASK = _block(
    {
        "task_id": Str(255, 1),
        "title": Str(3000, 1),
        "status": OneOf(("pending", "in_progress", "complete", "error")),
    },
    TASK_MEMBERS,
)

BLOCKS: dict[str, Rule] = {
    "section": _block(
        None,
        {"text": Text(3000), "fields": List(Text(2000), 10), "accessory": IN_SECTION,
         "expand": FLAG},
        _text_or_fields,
    ),
    "divider": _block(),
    "header": _block({"text": Text(150, plain=True)}),
    "context": _block({"elements": List(IN_CONTEXT, 10)}),
    "actions": _block({"elements": List(IN_ACTIONS, 25)}),
    "context_actions": _block({"elements": List(IN_CONTEXT_ACTIONS, 5)}),
    "input": _block(
        {"label": Text(2000, plain=True), "element": IN_INPUT},
        {"hint": Text(2000, plain=True), "optional": FLAG, "dispatch_action": FLAG},
    ),
    "image": _block(
        {"alt_text": ALT_TEXT},
        {"image_url": URL, "slack_file": ANY, "title": Text(2000, plain=True)},
        _one_picture,
    ),
    "rich_text": _block({"elements": List(ANY, 1000)}),
    "video": _block(
        {"alt_text": ALT_TEXT, "title": Text(200, plain=True), "thumbnail_url": URL,
         "video_url": URL},
        {"author_name": Str(50), "description": Text(200, plain=True), "provider_icon_url": URL,
         "provider_name": Str(50), "title_url": URL},
    ),
    "markdown": _block({"text": Str(12_000, 1)}),
    "table": _block({"rows": List(List(ANY, 20), 100)}, {"column_settings": List(ANY, 20)}),
    "task_card": TASK,
    "plan": _block({"title": Str(3000, 1)}, {"tasks": List(TASK, 50, 0)}),
    "file": _block({"external_id": ID, "source": OneOf(("remote",))}),
    "alert": ANY,
    "card": ANY,
    "carousel": ANY,
    "container": ANY,
    "data_table": ANY,
    "data_visualization": ANY,
}  # fmt: skip

EVERYWHERE = frozenset(
    {"section", "divider", "header", "context", "actions", "input", "image", "rich_text", "video"}
)
SURFACES: dict[str, frozenset[str]] = {
    "message": frozenset(BLOCKS) - {"alert"},
    "modal": EVERYWHERE | {"alert"},
    "home": EVERYWHERE,
}

VIEW_COMMON: dict[str, Rule] = {
    "private_metadata": Str(3000),
    "callback_id": ID,
    "external_id": ID,
    "clear_on_close": FLAG,
    "notify_on_close": FLAG,
}
VIEW_WORD = Text(24, plain=True)
VIEWS: dict[str, Rule] = {
    "modal": Obj(
        {
            "type": ANY,
            "title": VIEW_WORD,
            "blocks": List(ByType(BLOCKS, SURFACES["modal"]), BLOCKS_PER_VIEW),
        },
        {"submit": VIEW_WORD, "close": VIEW_WORD, **VIEW_COMMON},
    ),
    "home": Obj(
        {"type": ANY, "blocks": List(ByType(BLOCKS, SURFACES["home"]), BLOCKS_PER_VIEW, 0)},
        VIEW_COMMON,
    ),
}
MESSAGE_BLOCKS = List(ByType(BLOCKS, SURFACES["message"]), BLOCKS_PER_MESSAGE, 0)


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


def _focus_problems(blocks: list[Json], at: str) -> Iterator[str]:
    focused = [e for block in blocks for e in interactive_elements(block) if e.get("focus_on_load")]
    if len(focused) > 1:
        yield problem("focus_on_load may be set on one element only", at)


def _company_problems(blocks: list[Json], at: str) -> Iterator[str]:
    """What a message may hold only a few of, or not together."""
    kinds = [block["type"] for block in blocks]
    for kind, most in FEW_A_MESSAGE.items():
        if kinds.count(kind) > most:
            yield problem(f"no more than {most} {kind} allowed", at)
    if "plan" in kinds and "task_card" in kinds:
        yield problem("plan and task_card may not stand in one message", at)
    if (
        sum(len(b["text"]) for b in blocks if b["type"] == "markdown")
        > MARKDOWN_CHARACTERS_PER_MESSAGE
    ):
        yield problem(
            f"no more than {MARKDOWN_CHARACTERS_PER_MESSAGE} characters of markdown allowed", at
        )


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
    _refuse(
        "invalid_blocks", [*_duplicates(blocks, "/blocks"), *_company_problems(blocks, "/blocks")]
    )
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
    _refuse("invalid_arguments", list(ByType(VIEWS, frozenset(allowed)).problems(view, "/view")))
    blocks: list[Json] = view["blocks"]
    problems = [*_duplicates(blocks, "/view/blocks"), *_focus_problems(blocks, "/view/blocks")]
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
