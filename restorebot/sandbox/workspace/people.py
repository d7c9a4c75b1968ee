"""What people do at their Slack clients: type, click, fill in a modal, close it, open the Home tab.

Each action builds the payload that Slack would send, delivers it, and shows the person what the
bot's acknowledgement asks for. A client lets nobody do what is not on the screen: that is a
`ControlError`.
"""

import re
import secrets
from dataclasses import dataclass

from restorebot.sandbox.control import ControlError, Json
from restorebot.sandbox.workspace.blocks import interactive_elements
from restorebot.sandbox.workspace.bodies import (
    ClickBody,
    CloseBody,
    CommandBody,
    Interaction,
    MessageClick,
    SayBody,
    SubmitBody,
    ViewClick,
)
from restorebot.sandbox.workspace.delivery import Ack, Delivery
from restorebot.sandbox.workspace.errors import MethodError
from restorebot.sandbox.workspace.limits import check_view
from restorebot.sandbox.workspace.shapes import STATES
from restorebot.sandbox.workspace.state import (
    APP,
    BOT_USER,
    TEAM,
    TEAM_DOMAIN,
    Channel,
    Message,
    Person,
    PrivateMessage,
    State,
)
from restorebot.sandbox.workspace.views import (
    Triggers,
    View,
    Views,
    check_complete,
    check_errors,
    entered,
    fill_in,
    state_values,
)

# A field that every payload has; it protects nothing.
VERIFICATION_TOKEN = "deprecated-verification-token"  # noqa: S105
DISMISSED = Ack(acked=False)
LONGEST_MESSAGE = 4000


@dataclass(frozen=True, kw_only=True)
class SubmitResult:
    """What came of a submission: whether its view closed, and the errors beside its inputs."""

    ack: Ack
    closed: bool = False
    errors: dict[str, str] | None = None
    trouble: str | None = None


class People:
    """The people of the workspace, at their clients."""

    def __init__(self, state: State, triggers: Triggers, views: Views, delivery: Delivery) -> None:
        self._state = state
        self._triggers = triggers
        self._views = views
        self._delivery = delivery

    # commands

    async def command(self, typed: CommandBody) -> tuple[Ack, str]:
        """Type a slash command.

        Returns what came of it and the trigger that the payload carried.
        """
        person, place = self._person(typed.user), self._visible_channel(typed.user, typed.channel)
        if typed.command not in self._state.manifest.commands:
            raise ControlError(404, f"{typed.command} is not a command that the manifest declares.")
        if place.is_archived:
            raise ControlError(422, "Nothing can be typed into an archived channel.")
        text = typed.text
        if self._state.manifest.commands[typed.command]:
            text = self._escaped(text)
        trigger_id = typed.trigger or self._triggers.issue(person.id)
        payload = {
            "token": VERIFICATION_TOKEN,
            "team_id": typed.team_id or person.team_id,
            "team_domain": TEAM_DOMAIN,
            "channel_id": place.id,
            "channel_name": _shown_name(place),
            "user_id": person.id,
            "user_name": person.name,
            "command": typed.command,
            "text": text,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._state.new_response_url("commands", person.id, place.id),
            "trigger_id": trigger_id,
        }
        ack = await self._delivery.command(payload, typed.http)
        if ack.body:
            raise ControlError(501, "The sandbox shows no message that an acknowledgement carries.")
        return ack, trigger_id

    def _escaped(self, text: str) -> str:
        # Names of people and channels as Slack writes them where a command has should_escape.
        people = {p.name: p.id for p in self._state.people.values()}
        channels = {c.name: c.id for c in self._state.channels.values() if c.name}

        def person(found: re.Match[str]) -> str:
            name = found[1]
            return f"<@{people[name]}|{name}>" if name in people else found[0]

        def channel(found: re.Match[str]) -> str:
            name = found[1]
            return f"<#{channels[name]}|{name}>" if name in channels else found[0]

        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return re.sub(r"(?<!\S)#([\w-]+)", channel, re.sub(r"(?<!\S)@([\w-]+)", person, safe))

    def say(self, said: SayBody) -> Message:
        """Write a message into a channel or a thread of it."""
        person, place = self._person(said.user), self._visible_channel(said.user, said.channel)
        if place.is_archived or person.id not in place.members:
            raise ControlError(422, f"{person.name} cannot write there.")
        if said.thread_ts is not None and self._state.message(place.id, said.thread_ts) is None:
            raise ControlError(404, f"There is no message {said.thread_ts} in {place.id}.")
        if not said.text.strip():
            raise ControlError(422, "There is nothing in this message.")
        text = self._escaped(said.text[:LONGEST_MESSAGE])
        return self._state.post(place.id, person.id, text, [], said.thread_ts)

    # clicks

    async def click(self, click: MessageClick) -> Ack:
        """Use a button or menu of a message, a private one included."""
        person, place = self._person(click.user), self._visible_channel(click.user, click.channel)
        message = self._message(click)
        block, element = _find_element(message.blocks, click)
        if not _confirmed(element, click):
            return DISMISSED
        payload = self._interaction("block_actions", person, click) | {
            "container": _container(message),
            "channel": {"id": place.id, "name": _shown_name(place)},
            "response_url": self._state.new_response_url("actions", person.id, place.id),
            "state": {"values": state_values(message.blocks, {})},
            "actions": [self._action(block, element, click)],
        }
        if isinstance(message, Message):
            payload["message"] = message.json()
        return await self._delivery.interaction(payload, click.http)

    async def click_in_view(self, click: ViewClick) -> Ack:
        """Use a button or menu of the modal on top, or of the Home tab."""
        person, view = self._person(click.user), self._shown_view(click.user, click.view_id)
        block, element = _find_element(view.blocks, click)
        if not _confirmed(element, click):
            return DISMISSED
        fill_in(view, click.values)
        if element["type"] in STATES:
            view.inputs[block["block_id"], click.action_id] = entered(element, click.value)
        payload = self._interaction("block_actions", person, click) | {
            "container": {"type": "view", "view_id": view.id},
            "view": view.json(view.inputs),
            "actions": [self._action(block, element, click)],
        }
        return await self._delivery.interaction(payload, click.http)

    def _message(self, click: MessageClick) -> Message | PrivateMessage:
        private = self._state.private_message(click.user, click.channel, click.ts)
        message = private or self._state.message(click.channel, click.ts)
        if message is None:
            raise ControlError(404, f"There is no message {click.ts} in {click.channel}.")
        return message

    def _action(self, block: Json, element: Json, click: ClickBody) -> Json:
        kind = element["type"]
        action: Json = {
            "type": kind,
            "action_id": element["action_id"],
            "block_id": block["block_id"],
        }
        if element["type"] in STATES:
            action |= entered(element, click.value)
        else:
            action |= {
                name: element[name] for name in ("text", "value", "style") if name in element
            }
        return action | {"action_ts": self._state.new_ts()}

    # modals and the Home tab

    async def submit(self, submission: SubmitBody) -> SubmitResult:
        """Fill in the modal on top and press its submit button."""
        person = self._person(submission.user)
        view = self._top(submission.user, submission.view_id)
        if not view.definition.get("submit"):
            raise ControlError(422, "This view has no submit button.")
        fill_in(view, submission.values)
        check_complete(view)
        payload = self._interaction("view_submission", person, submission)
        payload |= {"view": view.json(view.inputs), "response_urls": []}
        ack = await self._delivery.interaction(payload, submission.http)
        if not ack.acked:
            self._trouble(view, ack.error or "")
            return SubmitResult(ack=ack)
        try:
            return self._apply_response(view, ack)
        except MethodError as refusal:
            self._trouble(view, refusal.code)
            return SubmitResult(ack=ack, trouble=refusal.code)

    def _apply_response(self, view: View, ack: Ack) -> SubmitResult:
        # What an answer to a submission may ask for: slack §1.5.
        body = ack.body or {}
        if not isinstance(body, dict):
            raise MethodError("invalid_response")
        action = body.get("response_action")
        if action == "errors":
            return SubmitResult(ack=ack, errors=check_errors(view, body.get("errors")))
        if action in {"update", "push"}:
            self._show_next(view, check_view(body.get("view"), "modal"), action)
            return SubmitResult(ack=ack)
        if action == "clear":
            self._views.clear(view.user)
        elif body:
            raise MethodError("invalid_response")
        elif view in self._views.stack(view.user):
            self._close_from(view)
        return SubmitResult(ack=ack, closed=True)

    def _show_next(self, view: View, definition: Json, action: str) -> None:
        if view not in self._views.stack(view.user):
            raise MethodError("not_found")
        if action == "update":
            self._views.update(view, definition)
        else:
            self._views.push(view.user, definition)

    def _close_from(self, view: View) -> None:
        while self._views.stack(view.user)[-1] is not view:
            self._views.pop(view.user)
        self._views.pop(view.user)

    def _trouble(self, view: View, detail: str) -> None:
        # The person reads "We had some trouble connecting. Try again?" and the modal stays.
        self._state.journal.event("trouble", user=view.user, view_id=view.id, detail=detail)

    def close(self, closed: CloseBody) -> None:
        """Close the modal on top; the app does not hear of it."""
        self._person(closed.user)
        self._top(closed.user, closed.view_id)
        self._views.pop(closed.user)

    async def open_home(self, user: str) -> Ack:
        """Look at the app's Home tab.

        The app hears of it when its manifest subscribes to app_home_opened.
        """
        person = self._person(user)
        if "app_home_opened" not in self._state.manifest.events:
            return DISMISSED
        event: Json = {
            "type": "app_home_opened",
            "user": user,
            "tab": "home",
            "event_ts": self._state.new_ts(),
        }
        event["channel"] = self._state.direct_channel(user).id
        if user in self._views.homes:
            event["view"] = self._views.homes[user].json({})
        envelope = {
            "token": VERIFICATION_TOKEN,
            "team_id": TEAM,
            "api_app_id": APP,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(self._state.now()),
            "is_ext_shared_channel": person.is_stranger,
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": TEAM,
                    "user_id": BOT_USER,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
        }
        return await self._delivery.event(envelope)

    # what the screen shows

    def _interaction(self, kind: str, person: Person, done: Interaction) -> Json:
        if not self._state.manifest.interactive:
            raise ControlError(422, "The manifest does not switch interactivity on.")
        team_id = done.team_id or person.team_id
        user = {"id": person.id, "username": person.name, "name": person.name, "team_id": team_id}
        return {
            "type": kind,
            "team": {"id": TEAM, "domain": TEAM_DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
            "user": user,
            "api_app_id": APP,
            "token": VERIFICATION_TOKEN,
            "trigger_id": done.trigger or self._triggers.issue(person.id),
        }

    def _person(self, user: str) -> Person:
        if user not in self._state.people:
            raise ControlError(404, f"There is nobody with the id {user}.")
        return self._state.people[user]

    def _visible_channel(self, user: str, channel: str) -> Channel:
        place = self._state.channels.get(channel)
        if place is None or ((place.is_private or place.is_im) and user not in place.members):
            raise ControlError(404, f"{user} sees no channel {channel}.")
        return place

    def _top(self, user: str, view_id: str) -> View:
        stack = self._views.stack(user)
        if not stack or stack[-1].id != view_id:
            raise ControlError(422, f"The view {view_id} is not on top of what {user} sees.")
        return stack[-1]

    def _shown_view(self, user: str, view_id: str) -> View:
        home = self._views.homes.get(user)
        return home if home is not None and home.id == view_id else self._top(user, view_id)


def _shown_name(channel: Channel) -> str:
    # Private channels and direct messages are named by their kind only (slack §1.3).
    if channel.is_im:
        return "directmessage"
    return "privategroup" if channel.is_private else channel.name


def _container(message: Message | PrivateMessage) -> Json:
    container: Json = {"type": "message", "message_ts": message.ts, "channel_id": message.channel}
    if isinstance(message, Message) and message.thread_ts:
        container["thread_ts"] = message.thread_ts
    return container | {"is_ephemeral": isinstance(message, PrivateMessage)}


def _find_element(blocks: list[Json], click: ClickBody) -> tuple[Json, Json]:
    # Where several have the action_id, the one with this value.
    found = [
        (block, element)
        for block in blocks
        for element in interactive_elements(block)
        if element.get("action_id") == click.action_id
    ]
    same_value = [one for one in found if one[1].get("value") == click.value]
    if len(found) > 1 and len(same_value) == 1:
        return same_value[0]
    if not found:
        raise ControlError(404, f"Nothing with the action_id {click.action_id} is there now.")
    if len(found) > 1:
        raise ControlError(
            422, f"Several elements have the action_id {click.action_id}; say which by its value."
        )
    return found[0]


def _confirmed(element: Json, click: ClickBody) -> bool:
    return click.confirm or "confirm" not in element
