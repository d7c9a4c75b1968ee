"""Block Kit: each block and element that restorebot sends is made here, within Slack's limits."""

from collections.abc import Iterable, Sequence
from typing import Any

from restorebot.slack.mrkdwn import escape, plain_text

Block = dict[str, Any]

SECTION = 3000
"""Characters in a section's text (slack §3)."""

FIELD = 2000
"""Characters in one of a section's fields (slack §3)."""

HEADER = 150
"""Characters in a header (slack §3)."""

CONFIRM = 300
"""Characters in a confirm dialog's text (slack §3)."""

FALLBACK = 3000
"""Characters of a message's ``text``, well under the 4,000 that chat.update takes."""

VALUE = "value"
"""The ``action_id`` of every input element, so that its state is read in one way."""


def text_object(text: str) -> Block:
    """Make a plain_text object of our own words."""
    return {"type": "plain_text", "text": text}


def section(mrkdwn: str) -> Block:
    """Make a section of our own words.

    Whatever in it comes from outside has been through ``escape`` or ``code``.
    """
    return {"type": "section", "text": {"type": "mrkdwn", "text": mrkdwn[:SECTION]}}


def plain_section(label: str, text: str, limit: int = 2900) -> Block:
    """Make a section that shows outside text as it is, in plain_text: nothing in it is markup."""
    shown = f"{label}: {plain_text(text, limit)}"
    return {"type": "section", "text": text_object(shown) | {"emoji": False}}


def fields(pairs: Iterable[tuple[str, str]]) -> Block:
    """Make a section of labelled mrkdwn values, at most ten."""
    texts = [f"*{label}*\n{value}"[:FIELD] for label, value in pairs]
    return {"type": "section", "fields": [{"type": "mrkdwn", "text": text} for text in texts]}


def context_block(mrkdwn: str) -> Block:
    """Make small print."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": mrkdwn[:SECTION]}]}


def header(text: str) -> Block:
    """Make a header, which may have outside text in it."""
    return {"type": "header", "text": text_object(plain_text(text, HEADER)) | {"emoji": False}}


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    """Make a row of buttons."""
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(
    text: str,
    action_id: str,
    value: str,
    *,
    style: str | None = None,
    confirm: Block | None = None,
) -> Block:
    """Make a button; ``style`` is ``primary``, ``danger`` or None."""
    element: Block = {
        "type": "button",
        "text": text_object(text),
        "action_id": action_id,
        "value": value,
    }
    if style:
        element["style"] = style
    if confirm:
        element["confirm"] = confirm
    return element


def confirm_dialog(*, title: str, text: str, confirm: str, deny: str) -> Block:
    """Make the dialog that asks once more; ``text`` may have outside text in it."""
    return {
        "title": text_object(title),
        "text": text_object(plain_text(text, CONFIRM)),
        "confirm": text_object(confirm),
        "deny": text_object(deny),
    }


def input_block(
    block_id: str,
    label: str,
    element: Block,
    *,
    optional: bool = False,
    hint: str | None = None,
    dispatch: bool = False,
) -> Block:
    """Make an input with its label.

    With ``dispatch`` it tells at once what is chosen, for other fields that depend on it.
    """
    block: Block = {
        "type": "input",
        "block_id": block_id,
        "optional": optional,
        "label": text_object(label),
        "element": element,
    }
    if hint:
        block["hint"] = text_object(hint)
    if dispatch:
        block["dispatch_action"] = True
    return block


def text_input(
    *, max_length: int | None = None, multiline: bool = False, placeholder: str | None = None
) -> Block:
    """Make a text field; ``max_length`` is in characters."""
    element: Block = {"type": "plain_text_input", "action_id": VALUE}
    if max_length is not None:
        element["max_length"] = max_length
    if multiline:
        element["multiline"] = True
    if placeholder:
        element["placeholder"] = text_object(placeholder)
    return element


def checkbox(option: str, value: str) -> Block:
    """Make a single box to tick."""
    options = [{"text": text_object(option), "value": value}]
    return {"type": "checkboxes", "action_id": VALUE, "options": options}


def option(text: str, value: str, description: str | None = None) -> Block:
    """Make an option of a select."""
    made: Block = {"text": text_object(text), "value": value}
    if description:
        made["description"] = text_object(description)
    return made


def select(
    options: Sequence[Block],
    *,
    action_id: str = VALUE,
    initial: str | None = None,
    placeholder: str | None = None,
) -> Block:
    """Make a static select; ``initial`` is the value of the option that is chosen at first."""
    element: Block = {"type": "static_select", "action_id": action_id, "options": list(options)}
    if initial is not None:
        element["initial_option"] = next(one for one in options if one["value"] == initial)
    if placeholder:
        element["placeholder"] = text_object(placeholder)
    return element


def datetime_picker() -> Block:
    """Make a field for a date and a time."""
    return {"type": "datetimepicker", "action_id": VALUE}


def modal(
    blocks: Sequence[Block],
    *,
    callback_id: str,
    title: str,
    close: str,
    submit: str | None = None,
    private_metadata: str | None = None,
    external_id: str | None = None,
) -> Block:
    """Make a modal."""
    view: Block = {
        "type": "modal",
        "callback_id": callback_id,
        "title": text_object(title),
        "close": text_object(close),
        "blocks": list(blocks),
    }
    if submit is not None:
        view["submit"] = text_object(submit)
    if private_metadata is not None:
        view["private_metadata"] = private_metadata
    if external_id is not None:
        view["external_id"] = external_id
    return view


def fallback_text(blocks: Iterable[Block]) -> str:
    """Return all the words of a message's blocks as its ``text``.

    This is what notifications and screen readers say.
    """
    lines = []
    for block in blocks:
        parts = [*block.get("fields", []), *block.get("elements", [])]
        if "text" in block:
            parts = [block["text"]]
        for part in parts:
            if part["type"] == "mrkdwn":
                lines.append(part["text"])
            elif part["type"] == "plain_text":
                lines.append(escape(part["text"], 1000))
    return "\n".join(lines)[:FALLBACK]
