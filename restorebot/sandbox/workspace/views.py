"""Modals and Home tabs of the local Slack: triggers, each person's views, what they entered."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from restorebot.sandbox.control import ControlError, Json
from restorebot.sandbox.workspace.blocks import blocks_with_ids, interactive_elements
from restorebot.sandbox.workspace.errors import MethodError
from restorebot.sandbox.workspace.shapes import STATES
from restorebot.sandbox.workspace.state import APP, BOT, TEAM, State

TRIGGER_SECONDS = 3.0  # slack §1.4
STACK_LIMIT = 3  # slack §1.5: push_limit_reached


@dataclass
class Trigger:
    """The right to open a modal before a person, given with each interaction."""

    user: str
    made_at: float
    used: bool = False


class Triggers:
    """Every trigger ever given; each lives for 3 seconds of the workspace, and for one call."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._all: dict[str, Trigger] = {}

    def issue(self, user: str) -> str:
        """Return a new trigger id, of the form that Slack's have."""
        trigger_id = f"{len(self._all) + 1000}.{int(self._state.now())}.{secrets.token_hex(16)}"
        self._all[trigger_id] = Trigger(user, self._state.now())
        return trigger_id

    def exchange(self, trigger_id: Any) -> str:
        """Use a trigger up and return the person it belongs to. Raises MethodError."""
        trigger = self._all.get(trigger_id) if isinstance(trigger_id, str) else None
        if trigger is None:
            raise MethodError("invalid_trigger_id")
        if trigger.used:
            raise MethodError("exchanged_trigger_id")
        if self._state.now() - trigger.made_at > TRIGGER_SECONDS:
            raise MethodError("expired_trigger_id")
        trigger.used = True
        return trigger.user


Inputs = dict[tuple[str, str], Json]


@dataclass(kw_only=True)
class View:
    """One modal, or the Home tab, before one person."""

    id: str
    user: str
    definition: Json
    previous: str | None
    root: str
    hash: str = ""
    inputs: Inputs = field(default_factory=dict)

    @property
    def external_id(self) -> str:
        """Return the bot's own name for the view, or an empty string."""
        return str(self.definition.get("external_id") or "")

    @property
    def blocks(self) -> list[Json]:
        """Return the view's blocks, with all ids."""
        blocks: list[Json] = self.definition["blocks"]
        return blocks

    def json(self, inputs: Inputs | None = None) -> Json:
        """Return the whole view as Slack shows it to the app.

        With ``inputs``, its state holds what the person entered.
        """
        given = self.definition
        values = {} if inputs is None else state_values(self.blocks, inputs)
        return {
            "id": self.id,
            "team_id": TEAM,
            "type": given["type"],
            "blocks": self.blocks,
            "private_metadata": given.get("private_metadata") or "",
            "callback_id": given.get("callback_id") or "",
            "state": {"values": values},
            "hash": self.hash,
            "title": given.get("title")
            or {"type": "plain_text", "text": "View Title", "emoji": True},
            "clear_on_close": False,
            "notify_on_close": False,
            "close": given.get("close"),
            "submit": given.get("submit"),
            "previous_view_id": self.previous,
            "root_view_id": self.root,
            "app_id": APP,
            "external_id": self.external_id,
            "app_installed_team_id": TEAM,
            "bot_id": BOT,
        }


class Views:
    """The modals before each person, bottom to top, and the Home tabs."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}

    def stack(self, user: str) -> list[View]:
        """Return the person's modals, bottom to top."""
        return self.stacks.setdefault(user, [])

    def _all(self) -> Iterator[View]:
        for stack in self.stacks.values():
            yield from stack
        yield from self.homes.values()

    def find(self, view_id: Any = None, external_id: Any = None) -> View:
        """Return an open view by either of its names. Raises MethodError."""
        for view in self._all():
            if view.id == view_id or (external_id and view.external_id == external_id):
                return view
        raise MethodError("not_found")

    def open(self, user: str, definition: Json) -> View:
        """Show a first modal, in the place of any that the person has open."""
        self._check_external_id(definition, None)
        for view in reversed(self.stack(user)):
            self._closed(view)
        self.stacks[user] = []
        return self._show(user, definition, None)

    def check_push(self, user: str) -> None:
        """Raise what Slack would answer if a view cannot be pushed for this person now."""
        if not self.stack(user):
            raise MethodError("not_found")
        if len(self.stack(user)) >= STACK_LIMIT:
            raise MethodError("push_limit_reached")

    def push(self, user: str, definition: Json) -> View:
        """Show a modal on top of the one that is there."""
        self.check_push(user)
        self._check_external_id(definition, None)
        return self._show(user, definition, self.stack(user)[-1])

    def update(self, view: View, definition: Json, known_hash: Any = None) -> View:
        """Replace a view's content. Raises MethodError.

        What the person entered stays where block_id and action_id stay.
        """
        if known_hash is not None and known_hash != view.hash:
            raise MethodError("hash_conflict")
        self._check_external_id(definition, view)
        view.definition = _with_ids(definition)
        view.hash = self._new_hash()
        left = {
            (b["block_id"], e["action_id"]) for b in view.blocks for e in interactive_elements(b)
        }
        view.inputs = {place: value for place, value in view.inputs.items() if place in left}
        self._record("view_updated", view)
        return view

    def publish(self, user: str, definition: Json, known_hash: Any = None) -> View:
        """Set a person's Home tab."""
        home = self.homes.get(user)
        if home is not None:
            return self.update(home, definition, known_hash)
        self._check_external_id(definition, None)
        view_id = _view_id()
        self.homes[user] = View(
            id=view_id,
            user=user,
            definition=_with_ids(definition),
            previous=None,
            root=view_id,
            hash=self._new_hash(),
        )
        self._record("home_published", self.homes[user])
        return self.homes[user]

    def pop(self, user: str) -> None:
        """Close the top view."""
        self._closed(self.stack(user).pop())

    def clear(self, user: str) -> None:
        """Close all of a person's modals."""
        while self.stack(user):
            self.pop(user)

    def _show(self, user: str, definition: Json, below: View | None) -> View:
        view_id = _view_id()
        previous, root = (None, view_id) if below is None else (below.id, below.root)
        view = View(
            id=view_id,
            user=user,
            definition=_with_ids(definition),
            previous=previous,
            root=root,
            hash=self._new_hash(),
        )
        self.stack(user).append(view)
        self._record("view_opened", view)
        return view

    def _closed(self, view: View) -> None:
        self._record("view_closed", view)

    def _record(self, kind: str, view: View) -> None:
        callback_id = view.definition.get("callback_id") or ""
        self._state.journal.event(
            kind, user=view.user, view_id=view.id, callback_id=callback_id, hash=view.hash
        )

    def _new_hash(self) -> str:
        return f"{int(self._state.now())}.{secrets.token_urlsafe(6)}"

    def _check_external_id(self, definition: Json, but: View | None) -> None:
        wanted = definition.get("external_id")
        if wanted and any(v.external_id == wanted and v is not but for v in self._all()):
            raise MethodError("duplicate_external_id")


def _view_id() -> str:
    return f"V{secrets.token_hex(5).upper()}"


def _with_ids(definition: Json) -> Json:
    return definition | {"blocks": blocks_with_ids(definition["blocks"])}


def state_values(blocks: list[Json], inputs: Inputs) -> Json:
    """Return the ``state.values`` of a payload: what was entered into each element with a state."""
    values: Json = {}
    for block in blocks:
        for element in elements_with_state(block):
            place = (block["block_id"], element["action_id"])
            values.setdefault(place[0], {})[place[1]] = inputs.get(place) or initial_state(element)
    return values


def elements_with_state(block: Json) -> list[Json]:
    """Return the elements of a block into which a person enters something."""
    return [element for element in interactive_elements(block) if element["type"] in STATES]


def initial_state(element: Json) -> Json:
    """Return the state of an element that nobody has touched: its initial value, or empty."""
    state = STATES[element["type"]]
    value = state.empty
    if state.initial is not None:
        value = element.get(state.initial)
    return {"type": element["type"], state.member: value}


def entered(element: Json, value: Any) -> Json:
    """Return the state of an element after the person entered a value. Raises ControlError.

    A text input takes a string, a datetimepicker seconds since 1970 as a string, a select the value
    of an option, and checkboxes a list of them.
    """
    state = STATES[element["type"]]
    return {"type": element["type"], state.member: state.read(element, value)}


def is_empty(entry: Json) -> bool:
    """Say whether a state entry holds nothing."""
    return not any(value for name, value in entry.items() if name != "type")


def fill_in(view: View, values: Json) -> None:
    """Enter values into a view. Raises ControlError.

    They come by block_id, or by block_id and action_id.
    """
    for block_id, value in values.items():
        elements = _elements_to_fill(view, block_id)
        by_action = value if isinstance(value, dict) else {next(iter(elements)): value}
        for action_id, one in by_action.items():
            if action_id not in elements:
                raise ControlError(422, f"The block {block_id} has no element {action_id}.")
            view.inputs[block_id, action_id] = entered(elements[action_id], one)


def _elements_to_fill(view: View, block_id: str) -> dict[str, Json]:
    for block in view.blocks:
        if block["block_id"] == block_id and elements_with_state(block):
            return {element["action_id"]: element for element in elements_with_state(block)}
    raise ControlError(422, f"The view has nothing to fill in with the block_id {block_id}.")


def check_complete(view: View) -> None:
    """Check what a client checks before it sends a submission. Raises ControlError."""
    for block in view.blocks:
        if block["type"] == "input":
            _check_input(view, block)


def _check_input(view: View, block: Json) -> None:
    element, block_id = block["element"], block["block_id"]
    entry = view.inputs.get((block_id, element["action_id"])) or initial_state(element)
    if is_empty(entry):
        if not block.get("optional"):
            raise ControlError(422, f"The input {block_id} is required.")
        return
    longest = element.get("max_length") or 3000
    if element["type"] == "plain_text_input" and len(entry["value"]) > longest:
        raise ControlError(422, f"The input {block_id} takes at most {longest} characters.")


def check_errors(view: View, errors: Any) -> dict[str, str]:
    """Return the errors of an answer. Raises MethodError unless each is an input's of the view."""
    if not isinstance(errors, dict) or not errors:
        raise MethodError("invalid_errors")
    inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
    sentences_only = all(isinstance(sentence, str) for sentence in errors.values())
    if not sentences_only or not inputs.issuperset(errors):
        raise MethodError("invalid_errors")
    return errors
