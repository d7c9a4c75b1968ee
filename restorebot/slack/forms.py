"""What was typed into a modal: how it is read, and how it is refused."""

from collections.abc import Mapping
from typing import Any

from restorebot.errors import Refusal
from restorebot.slack.blocks import VALUE


class InvalidSubmission(Refusal):
    """What was typed does not do.

    ``errors`` maps block ids to the sentence under each field, in plain text.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class FieldErrors(InvalidSubmission):
    """Some fields have to be corrected."""


class StaleFields(InvalidSubmission):
    """The modal still shows another kind's fields; it has to be drawn afresh."""


def input_value(view: Mapping[str, Any], block_id: str) -> str:
    """Return what was typed into a text field of a submitted view, without the space around it."""
    state = view["state"]["values"][block_id][VALUE]
    return (state.get("value") or "").strip()


def is_ticked(view: Mapping[str, Any], block_id: str) -> bool:
    """Return whether a box of a submitted view is ticked; False where there is no such box."""
    state = view["state"]["values"].get(block_id, {}).get(VALUE, {})
    return bool(state.get("selected_options"))


def selected_value(view: Mapping[str, Any], block_id: str, action_id: str = VALUE) -> str | None:
    """Return the value that is chosen in a select; None where none is, or there is no select."""
    state = view["state"]["values"].get(block_id, {}).get(action_id, {})
    chosen = state.get("selected_option") or {}
    return chosen.get("value")
