"""Slack's limits on blocks and views: what is just allowed, and what is one too much (slack §3)."""

from typing import Any

import pytest

from restorebot.sandbox.workspace.errors import MethodError
from restorebot.sandbox.workspace.limits import check_message_blocks, check_view
from tests.sandbox.workspace_kit import (
    Json,
    actions,
    as_input,
    button,
    modal,
    plain,
    sandbox,
    section,
    text_input,
)


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def option(value: str = "v", text: str = "Option", **more: Any) -> Json:
    return {"text": plain(text), "value": value, **more}


def options(number: int) -> list[Json]:
    return [option(str(n)) for n in range(number)]


def select(number: int = 1, **more: Any) -> Json:
    return {"type": "static_select", "action_id": "s", "options": options(number), **more}


def confirm(title: int = 1, text: int = 1, yes: int = 1, no: int = 1) -> Json:
    return {
        "title": plain("t" * title),
        "text": mrkdwn("t" * text),
        "confirm": plain("y" * yes),
        "deny": plain("n" * no),
    }


def fields(number: int, length: int = 1) -> Json:
    return {"type": "section", "fields": [mrkdwn("f" * length)] * number}


def context(number: int) -> Json:
    return {"type": "context", "elements": [mrkdwn("c")] * number}


ALLOWED: dict[str, list[Json]] = {
    "50 blocks": [section()] * 50,
    "a section of 3,000 characters": [section("x" * 3000)],
    "10 fields of 1,000": [fields(10, 1000)],
    "a field of 2,000": [fields(1, 2000)],
    "a header of 150": [{"type": "header", "text": plain("h" * 150)}],
    "10 context elements": [context(10)],
    "25 buttons": [actions(*(button(f"b{n}") for n in range(25)))],
    "the longest button": [actions(button("a" * 255, text=plain("t" * 75), value="v" * 2000))],
    "a block_id of 255": [section(block_id="b" * 255)],
    "100 options": [as_input(select(100))],
    "an initial option": [as_input(select(2, initial_option=option("1")))],
    "10 checkboxes": [as_input({"type": "checkboxes", "action_id": "c", "options": options(10)})],
    "a time": [as_input({"type": "datetimepicker"})],
    "the longest option": [
        as_input(select(options=[option("v" * 150, "t" * 75, description=plain("d" * 75))]))
    ],
    "the longest confirm": [actions(button(confirm=confirm(100, 300, 30, 30)))],
    "a message with an input": [text_input()],
    "the same action_id in two blocks": [actions(button()), actions(button())],
}

REFUSED: dict[str, tuple[list[Any], str]] = {
    "51 blocks": ([section()] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "not an object": (["x"], "must provide a type [json-pointer:/blocks/0]"),
    "a section of 3,001": (
        [section("x" * 3001)],
        "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
    ),
    "an empty text": ([section("")], "must be more than 0 characters"),
    "an empty section": ([{"type": "section"}], "must provide text or fields"),
    "an unknown member": ([section(colour="red")], "invalid additional property: colour"),
    "emoji in mrkdwn": (
        [{"type": "section", "text": mrkdwn("x") | {"emoji": True}}],
        "invalid additional property: emoji",
    ),
    "text that is no text object": ([{"type": "section", "text": "x"}], "must provide an object"),
    "11 fields": ([fields(11)], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
    "no fields": ([fields(0)], "must provide text or fields"),
    "a field of 2,001": ([fields(1, 2001)], "must be less than 2001 characters"),
    "a header of 151": (
        [{"type": "header", "text": plain("h" * 151)}],
        "must be less than 151 characters",
    ),
    "a mrkdwn header": (
        [{"type": "header", "text": mrkdwn("h")}],
        "must be one of: plain_text [json-pointer:/blocks/0/text/type]",
    ),
    "11 context elements": ([context(11)], "no more than 10 items allowed"),
    "a button in a context": (
        [{"type": "context", "elements": [button()]}],
        "unsupported type: button",
    ),
    "26 buttons": (
        [actions(*(button(f"b{n}") for n in range(26)))],
        "no more than 25 items allowed",
    ),
    "no buttons": ([actions()], "no fewer than 1 items allowed"),
    "11 checkboxes": (
        [as_input({"type": "checkboxes", "action_id": "c", "options": options(11)})],
        "no more than 10 items allowed",
    ),
    "a select without options": (
        [as_input({"type": "static_select", "action_id": "s"})],
        "missing required field: options",
    ),
    "an unknown block": (
        [{"type": "video"}],
        "the sandbox does not know the block 'video' [json-pointer:/blocks/0]",
    ),
    "an unknown element": (
        [as_input({"type": "users_select", "action_id": "u"})],
        "the sandbox does not know the element 'users_select' [json-pointer:/blocks/0/element]",
    ),
    "an unknown member of an element": (
        [text_input(min_length=3)],
        "invalid additional property: min_length [json-pointer:/blocks/0/element]",
    ),
    "a text input among actions": (
        [actions({"type": "plain_text_input", "action_id": "a"})],
        "unsupported type: plain_text_input",
    ),
    "a button text of 76": (
        [actions(button(text=plain("t" * 76)))],
        "must be less than 76 characters",
    ),
    "a mrkdwn button": ([actions(button(text=mrkdwn("t")))], "must be one of: plain_text"),
    "a button value of 2,001": (
        [actions(button(value="v" * 2001))],
        "must be less than 2001 characters",
    ),
    "a button value that is an object": (
        [actions(button(value={"id": 1}))],
        "must provide a string",
    ),
    "a button of another style": (
        [actions(button(style="green"))],
        "must be a valid enum value: primary, danger",
    ),
    "an action_id of 256": ([actions(button("a" * 256))], "must be less than 256 characters"),
    "a block_id of 256": ([section(block_id="b" * 256)], "must be less than 256 characters"),
    "a block_id twice": (
        [section(block_id="b"), section(block_id="b")],
        "block_id already exists: b [json-pointer:/blocks/1/block_id]",
    ),
    "an action_id twice in a block": (
        [actions(button(), button())],
        "action_id already exists in this block",
    ),
    "101 options": ([as_input(select(101))], "no more than 100 items allowed"),
    "an initial option that is not offered": (
        [as_input(select(1, initial_option=option("9")))],
        "initial option is not one of the options",
    ),
    "an option text of 76": (
        [as_input(select(options=[option(text="t" * 76)]))],
        "must be less than 76 characters",
    ),
    "an option value of 151": (
        [as_input(select(options=[option("v" * 151)]))],
        "must be less than 151 characters",
    ),
    "a placeholder of 151": (
        [as_input(select(placeholder=plain("p" * 151)))],
        "must be less than 151 characters",
    ),
    "a confirm title of 101": (
        [actions(button(confirm=confirm(title=101)))],
        "must be less than 101 characters",
    ),
    "a confirm text of 301": (
        [actions(button(confirm=confirm(text=301)))],
        "must be less than 301 characters",
    ),
    "a confirm yes of 31": (
        [actions(button(confirm=confirm(yes=31)))],
        "must be less than 31 characters",
    ),
    "a confirm no of 31": (
        [actions(button(confirm=confirm(no=31)))],
        "must be less than 31 characters",
    ),
    "a confirm without deny": (
        [
            actions(
                button(confirm={"title": plain("t"), "text": mrkdwn("t"), "confirm": plain("y")})
            )
        ],
        "missing required field: deny",
    ),
    "an input without a label": (
        [{"type": "input", "element": {"type": "plain_text_input"}}],
        "missing required field: label",
    ),
    "a flag that is no boolean": ([as_input(select(), optional="yes")], "must provide a boolean"),
    "a length that is no number": ([text_input(max_length="5")], "must provide an integer"),
    "a max_length of 3,001": ([text_input(max_length=3001)], "must be between 1 and 3000"),
    "elements that are no array": ([{"type": "actions", "elements": {}}], "must provide an array"),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_a_message_may_hold(what: str) -> None:
    assert check_message_blocks(ALLOWED[what]) == ALLOWED[what]


@pytest.mark.parametrize("what", REFUSED)
def test_a_message_may_not_hold(what: str) -> None:
    blocks, complaint = REFUSED[what]
    with pytest.raises(MethodError) as refused:
        check_message_blocks(blocks)
    assert refused.value.code == "invalid_blocks"
    assert any(complaint in problem for problem in refused.value.more["errors"]), (
        refused.value.more["errors"]
    )


def test_blocks_with_too_much_text_in_all_are_refused() -> None:
    assert check_message_blocks([section("x" * 2640)] * 5)
    with pytest.raises(MethodError, match="msg_blocks_too_long"):
        check_message_blocks([section("x" * 2641)] * 5)


async def test_the_answer_lists_what_is_wrong_and_where() -> None:
    async with sandbox() as box:
        answer = await box.call(
            "chat.postMessage", channel="C0RESTORES", text="x", blocks=[section("x" * 3001)]
        )
        problem = "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"
        assert answer == {
            "ok": False,
            "error": "invalid_blocks",
            "errors": [problem],
            "response_metadata": {"messages": [f"[ERROR] {problem}"]},
        }


async def test_a_block_that_the_sandbox_does_not_know_is_named() -> None:
    async with sandbox() as box:
        answer = await box.call(
            "chat.postMessage", channel="C0RESTORES", text="x", blocks=[{"type": "video"}]
        )
        assert answer["error"] == "invalid_blocks"
        (message,) = answer["response_metadata"]["messages"]
        assert message.startswith("[ERROR] the sandbox does not know the block 'video'")


GOOD_VIEWS: dict[str, Json] = {
    "100 blocks": modal(*[section()] * 100),
    "the longest words": modal(
        title=plain("t" * 24), submit=plain("s" * 24), close=plain("c" * 24)
    ),
    "private_metadata of 3,000": modal(private_metadata="p" * 3000),
    "a null close": modal(close=None),
    "a label of 2,000": modal(as_input(select(), label=plain("l" * 2000), hint=plain("h" * 2000))),
}

BAD_VIEWS: dict[str, tuple[Any, str, str]] = {
    "no object": ("x", "invalid_arguments", ""),
    "101 blocks": (
        modal(*[section()] * 101),
        "invalid_arguments",
        "no more than 100 items allowed",
    ),
    "no blocks": (modal() | {"blocks": []}, "invalid_arguments", "no fewer than 1 items allowed"),
    "no title": (
        {"type": "modal", "blocks": [section()]},
        "invalid_arguments",
        "missing required field: title",
    ),
    "a title of 25": (
        modal(title=plain("t" * 25)),
        "invalid_arguments",
        "must be less than 25 characters",
    ),
    "a submit of 25": (
        modal(submit=plain("t" * 25)),
        "invalid_arguments",
        "must be less than 25 characters",
    ),
    "a mrkdwn title": (modal(title=mrkdwn("t")), "invalid_arguments", "must be one of: plain_text"),
    "private_metadata of 3,001": (
        modal(private_metadata="p" * 3001),
        "invalid_arguments",
        "[json-pointer:/view/private_metadata]",
    ),
    "private_metadata that is an object": (
        modal(private_metadata={}),
        "invalid_arguments",
        "must provide a string",
    ),
    "an input without submit": (
        modal(text_input()) | {"submit": None},
        "invalid_arguments",
        "submit",
    ),
    "an unknown member": (
        modal(submit_disabled=True),
        "invalid_arguments",
        "invalid additional property",
    ),
    "a home tab as a modal": (
        {"type": "home", "blocks": []},
        "invalid_arguments",
        "unsupported type: home",
    ),
    "a block_id twice": (
        modal(section(block_id="b"), section(block_id="b")),
        "invalid_arguments",
        "block_id already exists: b [json-pointer:/view/blocks/1/block_id]",
    ),
    "a label of 2,001": (
        modal(as_input(select(), label=plain("l" * 2001))),
        "invalid_arguments",
        "must be less than 2001 characters",
    ),
    "more than 250 kB": (modal(*[section("ж" * 3000)] * 42), "view_too_large", ""),
}


@pytest.mark.parametrize("what", GOOD_VIEWS)
def test_a_modal_may_have(what: str) -> None:
    assert check_view(GOOD_VIEWS[what], "modal") == GOOD_VIEWS[what]


@pytest.mark.parametrize("what", BAD_VIEWS)
def test_a_modal_may_not_have(what: str) -> None:
    view, code, complaint = BAD_VIEWS[what]
    with pytest.raises(MethodError) as refused:
        check_view(view, "modal")
    assert refused.value.code == code
    if complaint:
        assert any(complaint in problem for problem in refused.value.more["errors"]), (
            refused.value.more["errors"]
        )


def test_a_home_tab_has_no_title_and_no_submit() -> None:
    assert check_view({"type": "home", "blocks": [text_input()]}, "home")
    with pytest.raises(MethodError, match="invalid_arguments"):
        check_view({"type": "home", "blocks": [], "title": plain("t")}, "home")
