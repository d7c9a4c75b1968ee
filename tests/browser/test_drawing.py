"""Slack's texts and blocks as the page draws them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route

from restorebot.sandbox.page.server import STATIC
from restorebot.sandbox.workspace.shapes import BLOCKS as BLOCK_SHAPES
from restorebot.sandbox.workspace.shapes import ELEMENTS, STATES

Drawn = Callable[[list[dict[str, Any]]], str]

NAMES = {
    "you": "U0BOB",
    "people": {"U0BOB": {"name": "bob"}, "U0ALICE": {"name": "alice"}},
    "channels": {"C0RESTORES": "restores"},
    "usergroups": {"S0OPS": "ops"},
}


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """An empty page that can import the demo's modules."""
    context = chromium.new_context(timezone_id="Europe/Riga", locale="en-GB")
    page = context.new_page()

    def serve(route: Route) -> None:
        name = Path(route.request.url).name
        found = (STATIC / name).suffix == ".js" and (STATIC / name).exists()
        kind = "text/javascript" if found else "text/html"
        route.fulfill(
            body=(STATIC / name).read_text(encoding="utf-8") if found else "<!doctype html>",
            content_type=kind,
        )

    page.route("**/*", serve)
    page.goto("http://demo.invalid/")
    yield page
    context.close()


@pytest.fixture
def drawn(page: Page) -> Drawn:
    """Draws blocks with the page's own modules; returns the HTML."""

    def draw(blocks: list[dict[str, Any]]) -> str:
        script = """async ([blocks, names]) => {
            const { drawBlocks } = await import("/blocks.js");
            const handlers = { prefix: "p", act: () => {}, value: () => undefined };
            document.body.replaceChildren(...drawBlocks(blocks, names, handlers));
            return document.body.innerHTML;
        }"""
        return str(page.evaluate(script, [blocks, NAMES]))

    return draw


TEXTS = {
    "*bold* _italic_ ~strike~ `code *x*`": (
        "<strong>bold</strong> <em>italic</em> <s>strike</s> <code>code *x*</code>"
    ),
    "*bold _and italic_*": "<strong>bold <em>and italic</em></strong>",
    "2*3*4 snake_case_name ~": "2*3*4 snake_case_name ~",
    "```a\n *b*```": '<pre tabindex="0">a\n *b*</pre>',
    "&gt; said\n&gt; twice\nafter": "<blockquote>said\ntwice</blockquote>after",
    "• one\n• two": "• one\n• two",
    "&lt;b&gt; &amp;amp;": "&lt;b&gt; &amp;amp;",
    "<https://example.com/?a=1&amp;b=2|here>": (
        'a=1&amp;b=2" target="_blank" rel="noopener noreferrer">here</a>'
    ),
    "<javascript:alert(1)|click>": "click (javascript:alert(1))",
    "<@U0BOB> and <@U0ALICE>": (
        '<span class="mention you">@bob</span> and <span class="mention">@alice</span>'
    ),
    "<#C0RESTORES> <!subteam^S0OPS> <!here>": '@ops</span> <span class="mention">@here</span>',
    ":white_check_mark: :no_such_name: 10:30:00": "✅ :no_such_name: 10:30:00",
    "<!date^1700000000^{date_num} {time}|then>": "2023-11-14 00:13</time>",
    "<!date^nonsense^{time}|some *day*>": "some *day*",
}


@pytest.mark.parametrize("text", TEXTS)
def test_mrkdwn(drawn: Drawn, text: str) -> None:
    html = drawn([{"type": "section", "text": {"type": "mrkdwn", "text": text}}])
    assert TEXTS[text] in html


def text(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


OPTION = {"text": text("First"), "value": "1", "description": text("more")}


def field(element: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "input",
        "block_id": "b",
        "label": text("Label"),
        "element": {"action_id": "a", **element},
    }


BLOCKS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "header": ({"type": "header", "text": text("Title :x:")}, ["<h3", "Title ❌"]),
    "fields": (
        {"type": "section", "fields": [text("one"), text("two")]},
        ["<div>one</div><div>two</div>"],
    ),
    "button": (
        {
            "type": "actions",
            "elements": [
                {"type": "button", "action_id": "a", "text": text("Go"), "style": "danger"},
            ],
        },
        ['class="button danger"', ">Go</button>"],
    ),
    "context": (
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "*bold*"}] * 2},
        ["<span><strong>bold</strong></span><span><strong>bold</strong></span>"],
    ),
    "line": (
        field({"type": "plain_text_input", "max_length": 9}),
        ['maxlength="9"', "<label", "Label"],
    ),
    "time": (field({"type": "datetimepicker"}), ['type="datetime-local"', "<label"]),
    "lines": (field({"type": "plain_text_input", "multiline": True}), ["<textarea"]),
    "select": (
        field({"type": "static_select", "options": [OPTION]}),
        ['<option value="1">First — more</option>'],
    ),
    "checkboxes": (
        field({"type": "checkboxes", "options": [OPTION]}),
        ['type="checkbox"', "First<small>more</small>", "<legend>Label</legend>"],
    ),
    "unknown block": ({"type": "hologram"}, ["cannot draw hologram"]),
    "unknown element": (field({"type": "timepicker"}), ["cannot draw timepicker"]),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_block(drawn: Drawn, name: str) -> None:
    block, parts = BLOCKS[name]
    html = drawn([block])
    assert all(part in html for part in parts), html
    assert name.startswith("unknown") or "cannot draw" not in html


@pytest.mark.parametrize(
    ("module", "table", "known"),
    [("blocks", "BLOCKS", BLOCK_SHAPES), ("elements", "ELEMENTS", ELEMENTS)],
)
def test_the_page_draws_what_the_workspace_takes(
    page: Page, module: str, table: str, known: dict[str, object]
) -> None:
    script = "async ([module, table]) => Object.keys((await import(`/${module}.js`))[table])"
    assert set(page.evaluate(script, [module, table])) == set(known)


def test_the_page_knows_which_elements_have_a_state(page: Page) -> None:
    script = """async () => {
        const { ELEMENTS } = await import("/elements.js");
        return Object.keys(ELEMENTS).filter((kind) => ELEMENTS[kind].read && ELEMENTS[kind].stored);
    }"""
    assert set(page.evaluate(script)) == set(STATES)
