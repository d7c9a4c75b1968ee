"""The Block Kit that the local Slack knows: one table of blocks and one of elements.

Each kind says here, and nowhere else, what Slack takes (slack §3), in which blocks
it may stand, and what its state is. `limits` and `views` work from the tables, and a test holds the
page's drawing to them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from restorebot.sandbox.control import ControlError, Json
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
)

ID = Str(255)

CONFIRM = Obj(
    {
        "title": Text(100, plain=True),
        "text": Text(300),
        "confirm": Text(30, plain=True),
        "deny": Text(30, plain=True),
    },
)
OPTION = Obj({"text": Text(75), "value": Str(150)}, {"description": Text(75)})
PLAIN_OPTION = Obj(
    {"text": Text(75, plain=True), "value": Str(150)}, {"description": Text(75, plain=True)}
)

PLACEHOLDER: dict[str, Rule] = {"placeholder": Text(150, plain=True)}


@dataclass(frozen=True, kw_only=True)
class ElementState:
    """How Slack shows what a person has entered into an element.

    ``member`` of the state holds it, ``initial`` of the element is what it begins with if it may
    begin with something, ``empty`` stands for nothing, and ``read`` makes it of what a client sends
    or raises ControlError.
    """

    member: str
    read: Callable[[Json, Any], Any]
    initial: str | None = None
    empty: Any = None


@dataclass(frozen=True, kw_only=True)
class Element:
    """What Slack takes as an element, the blocks it may stand in, and its state if it has one."""

    rule: Rule
    stands_in: frozenset[str]
    state: ElementState | None = None


def _read_text(element: Json, value: Any) -> str | None:
    if not isinstance(value, str):
        raise ControlError(422, f"A {element['type']} takes a string.")
    return value or None


def _read_moment(element: Json, value: Any) -> int | None:
    seconds = _read_text(element, value)
    if seconds is None:
        return None
    if not seconds.isdigit():
        raise ControlError(422, f"A {element['type']} takes the seconds since 1970.")
    return int(seconds)


def _read_option(element: Json, value: Any) -> Json | None:
    chosen = _read_text(element, value)
    return None if chosen is None else _option_of(element, chosen)


def _read_options(element: Json, value: Any) -> list[Json]:
    if not isinstance(value, list):
        raise ControlError(422, f"A {element['type']} takes a list of strings.")
    return [_option_of(element, chosen) for chosen in value]


def _option_of(element: Json, value: Any) -> Json:
    for option in element["options"]:
        if option["value"] == value:
            found: Json = option
            return found
    raise ControlError(422, f"No option with the value {value!r} is offered.")


def _values(options: Any) -> list[Any]:
    if not isinstance(options, list):
        return []
    return [option.get("value") for option in options if isinstance(option, dict)]


def _initial_is_offered(element: Json) -> str | None:
    offered = _values(element.get("options"))
    if all(value in offered for value in _values([element.get("initial_option")])):
        return None
    return "initial option is not one of the options"


IN_ACTIONS, IN_CONTEXT, IN_INPUT = (frozenset({block}) for block in ("actions", "context", "input"))

ELEMENTS: dict[str, Element] = {
    "button": Element(
        rule=Obj(
            {"type": ANY, "text": Text(75, plain=True)},
            {
                "value": Str(2000),
                "style": OneOf(("primary", "danger")),
                "action_id": ID,
                "confirm": CONFIRM,
            },
        ),
        stands_in=IN_ACTIONS,
    ),
    "checkboxes": Element(
        rule=Obj(
            {"type": ANY, "options": List(OPTION, 10)},
            {"action_id": ID},
        ),
        stands_in=IN_INPUT,
        state=ElementState(member="selected_options", read=_read_options, empty=[]),
    ),
    "static_select": Element(
        rule=Obj(
            {"type": ANY, "options": List(PLAIN_OPTION, 100)},
            {"action_id": ID, "initial_option": PLAIN_OPTION, **PLACEHOLDER},
            _initial_is_offered,
        ),
        stands_in=IN_INPUT,
        state=ElementState(member="selected_option", initial="initial_option", read=_read_option),
    ),
    "datetimepicker": Element(
        rule=Obj({"type": ANY}, {"action_id": ID}),
        stands_in=IN_INPUT,
        state=ElementState(member="selected_date_time", read=_read_moment),
    ),
    "plain_text_input": Element(
        rule=Obj(
            {"type": ANY},
            {
                "action_id": ID,
                "multiline": FLAG,
                "max_length": Int(1, 3000),
                **PLACEHOLDER,
            },
        ),
        stands_in=IN_INPUT,
        state=ElementState(member="value", read=_read_text),
    ),
    "mrkdwn": Element(rule=Text(3000), stands_in=IN_CONTEXT),
}

STATES = {kind: one.state for kind, one in ELEMENTS.items() if one.state}
"""The elements into which a person enters something."""

INTERACTIVE = frozenset(kind for kind, one in ELEMENTS.items() if one.stands_in != IN_CONTEXT)
"""The elements that a person can use, each of which has an action_id."""


def _elements_of(block: str) -> ByType:
    table = {kind: element.rule for kind, element in ELEMENTS.items()}
    allowed = frozenset(kind for kind, one in ELEMENTS.items() if block in one.stands_in)
    return ByType(table, allowed, "element")


def _text_or_fields(block: Json) -> str | None:
    return None if block.get("text") or block.get("fields") else "must provide text or fields"


BLOCKS: dict[str, Rule] = {
    "section": Obj(
        {"type": ANY},
        {"block_id": ID, "text": Text(3000), "fields": List(Text(2000), 10)},
        _text_or_fields,
    ),
    "header": Obj({"type": ANY, "text": Text(150, plain=True)}, {"block_id": ID}),
    "context": Obj({"type": ANY, "elements": List(_elements_of("context"), 10)}, {"block_id": ID}),
    "actions": Obj({"type": ANY, "elements": List(_elements_of("actions"), 25)}, {"block_id": ID}),
    "input": Obj(
        {"type": ANY, "label": Text(2000, plain=True), "element": _elements_of("input")},
        {"block_id": ID, "hint": Text(2000, plain=True), "optional": FLAG, "dispatch_action": FLAG},
    ),
}
ANY_BLOCK = ByType(BLOCKS, frozenset(BLOCKS), "block")
